from math import pi

import pytest
import torch
from torch.nn.functional import pad

from sfumato.nn.jolt import FACTORS, jolted

TURN, SLANT, SIZE, RIGHT, DOWN = torch.eye(FACTORS)


def blob(x=0.4, y=0.0, side=65):
    """A smooth spot; x to the right and y downwards, 1 at the edge."""
    line = (2 * torch.arange(side) + 1) / side - 1
    down, right = torch.meshgrid(line, line, indexing="ij")
    return torch.exp(-((right - x) ** 2 + (down - y) ** 2) / 0.01)[None, None]


def place(images):
    """Centre of mass: x, y."""
    mass = images[0, 0] / images.sum()
    line = (2 * torch.arange(mass.shape[0]) + 1) / mass.shape[0] - 1
    return [float((mass.sum(0) * line).sum()), float((mass.sum(1) * line).sum())]


def test_no_reach_changes_nothing():
    images = torch.rand(3, 2, 9, 9) * 2 - 1
    torch.testing.assert_close(jolted(images, torch.rand(3, 5) * 2 - 1, 0.0), images)


def test_each_number_does_what_it_says():
    def moved(draws, reach, **spot):
        return torch.tensor(place(jolted(blob(**spot), draws[None], reach)))

    near = {"atol": 5e-3, "rtol": 0.0}
    torch.testing.assert_close(moved(TURN, pi / 2), torch.tensor([0.0, -0.4]), **near)
    torch.testing.assert_close(moved(SLANT, 0.5, x=0.0, y=0.4), torch.tensor([-0.2, 0.4]), **near)
    torch.testing.assert_close(moved(SIZE, 0.5), torch.tensor([0.4 / 1.25, 0]), **near)
    torch.testing.assert_close(moved(RIGHT, 0.2), torch.tensor([0.4 - 0.14, 0]), **near)
    torch.testing.assert_close(moved(DOWN, -0.2), torch.tensor([0.4, 0.14]), **near)


@pytest.mark.parametrize("draws", [TURN, SLANT])
def test_angles_are_angles_in_pictures_that_are_not_square(draws):
    """The middle of a taller picture moves as that of a square."""
    square = torch.zeros(1, 1, 64, 64)
    square[..., 12:20, 36:44] = 1
    tall = pad(square, (0, 0, 40, 40))
    moved = jolted(tall, draws[None], 0.3)[..., 40:104, :]
    torch.testing.assert_close(moved, jolted(square, draws[None], 0.3), atol=1e-4, rtol=0)


def test_every_picture_moves_in_its_own_way_and_the_border_comes_in():
    images = torch.full((2, 1, 8, 8), -1.0)
    assert (jolted(images, torch.ones(2, 5), 0.5) == -1).all()
    both = jolted(blob().repeat(2, 1, 1, 1), torch.stack([RIGHT, -RIGHT]), 0.2)
    assert place(both[:1])[0] < 0.4 < place(both[1:])[0]
