"""Residuals: they come back, and a slope has none."""

import pytest
import torch

from sfumato.nn.neighbours import residuals, restored


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (4, 4), (8, 8), (13, 30), (64, 64)])
def test_they_come_back(size):
    rng = torch.Generator().manual_seed(0)
    numbers = torch.randint(-1024, 1025, (2, 3, *size), generator=rng).float()
    for channels in (1, 3, 5):
        found = residuals(numbers, channels)
        assert torch.equal(found[:, channels:], numbers[:, channels:])
        assert torch.equal(restored(found, channels), numbers)
        assert torch.equal(residuals(restored(numbers, channels), channels), numbers)


def test_by_hand():
    """The corner stands for itself; of its neighbours the far one comes first."""
    numbers = torch.tensor([[[8.0, 7, 4], [5, 7, 1], [0, 3, 6]]])
    # (0, 2), (2, 0) from (0, 0), which is two places off, and (2, 2) likewise, at the corner;
    # (1, 1) from the four corners, mean 4.5, to even; the sides from those and the middle
    wanted = torch.tensor([[8.0, 7 - 6, 4 - 7], [5 - 5, 7 - 4, 1 - 6], [0 - 7, 3 - 4, 6 - 8]])
    assert residuals(numbers, 1).tolist() == [wanted.tolist()]


def test_within_a_slope_nothing_is_left():
    """But at every eighth place, and where one side has no neighbour."""
    down, across = torch.arange(17.0)[:, None], torch.arange(17.0)
    found = residuals((16 * down - 32 * across)[None], 1)[0]
    rest = found.clone()
    rest[::8, ::8] = 0
    assert rest.abs()[1:-1, 1:-1].max() == 0
    assert torch.equal(found[::8, ::8], (16 * down - 32 * across)[::8, ::8])


def test_what_is_known_first_does_not_depend_on_what_comes_later():
    numbers = torch.zeros(1, 9, 9)
    numbers[0, 3, 3] = 100
    found = residuals(numbers, 1)[0]
    assert found[::2, ::2].abs().max() == 0
    assert found[3, 3] == 100
    assert found[3, 2] == -25  # one of four known neighbours is not 0
