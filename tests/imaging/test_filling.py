"""Surfaces over holes: what they reproduce, what they leave alone, and holes of any shape."""

import pytest
import torch

from sfumato.imaging import filling
from sfumato.imaging.filling import biharmonic, membrane, pyramid
from sfumato.imaging.holes import holes
from sfumato.randomness import generator

BOTH = {f.__name__: f for f in (membrane, biharmonic)}


def plane(height=30, width=40, channels=3):
    """A ramp, another in each channel: harmonic, so both surfaces must give it back."""
    y, x = torch.meshgrid(
        torch.linspace(-0.4, 0.4, height), torch.linspace(-0.5, 0.5, width), indexing="ij"
    )
    return torch.stack([x * (c + 1) / channels + y for c in range(channels)])[None]


def middle(height=30, width=40):
    mask = torch.zeros(1, 1, height, width)
    mask[..., 8:20, 10:31] = 1
    mask[..., 12:15, 20:24] = 0
    return mask


@pytest.mark.parametrize("fill", BOTH.values(), ids=BOTH)
def test_a_plane_is_continued_and_what_the_hole_hides_does_not_matter(fill):
    want, mask = plane(), middle()
    spoilt = torch.where(mask > 0, torch.full_like(want, torch.nan), want)
    torch.testing.assert_close(fill(spoilt, mask), want, atol=2e-3, rtol=0)
    assert torch.equal(fill(spoilt, mask) * (1 - mask), want * (1 - mask))


def test_the_membrane_is_the_mean_of_its_neighbours():
    images = torch.rand(1, 1, 30, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found, mask = membrane(images, middle()), middle()
    around = (
        found[..., 1:-1, :-2] + found[..., 1:-1, 2:] + found[..., :-2, 1:-1] + found[..., 2:, 1:-1]
    ) / 4
    inside = mask[..., 1:-1, 1:-1] > 0
    torch.testing.assert_close(found[..., 1:-1, 1:-1][inside], around[inside], atol=1e-4, rtol=0)


def test_slopes_go_on_into_the_biharmonic_surface():
    """A parabola is beyond the membrane and within a surface that bends evenly."""
    x = torch.linspace(-1, 1, 41)
    want = (0.8 * x.square() - 0.4).expand(1, 1, 31, 41)
    mask = torch.zeros(1, 1, 31, 41)
    mask[..., 10:21, 3:15] = 1
    smooth, level = ((f(want, mask) - want).abs().max() for f in (biharmonic, membrane))
    assert float(smooth) < 0.01 < 0.04 < float(level)


@pytest.mark.parametrize("fill", BOTH.values(), ids=BOTH)
@pytest.mark.parametrize("kind", ["blocks", "free"])
def test_holes_of_any_shape_stay_within_what_surrounds_them(fill, kind):
    for row in range(5):
        images = torch.rand(1, 1, 24, 32, generator=generator(row, "picture")) - 0.5
        mask = holes(kind, 24, 32)(1, generator(row, "hole"))
        found = fill(images, mask)
        assert float(found.abs().max()) <= 0.5 + 1e-4
        assert torch.equal(found * (1 - mask), images * (1 - mask))


@pytest.mark.parametrize("fill", BOTH.values(), ids=BOTH)
def test_one_pixel_is_enough_to_go_by(fill):
    mask = torch.ones(1, 1, 9, 7)
    mask[..., 4, 3] = 0
    images = torch.full((1, 3, 9, 7), 0.25)
    torch.testing.assert_close(fill(images, mask), images, atol=1e-4, rtol=0)


def test_a_large_hole_is_solved_for_at_a_smaller_size(monkeypatch):
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(80.0), indexing="ij")
    images = (0.6 * torch.sin(x / 17) * torch.cos(y / 13))[None, None]
    mask = holes("centre", 60, 80)(1)
    direct = biharmonic(images, mask)
    monkeypatch.setattr(filling, "AREA", 200)
    small = biharmonic(images, mask)
    assert torch.equal(small * (1 - mask), images * (1 - mask))
    assert float((small - direct).abs().max()) < 0.12


def test_the_pyramid_fills_many_at_once_from_what_is_known():
    images = torch.rand(4, 3, 21, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mask = holes("any", 21, 32)(4, generator(0, "holes"))
    found = pyramid(images, mask)
    spoilt = torch.where(mask > 0, -images, images)
    torch.testing.assert_close(pyramid(spoilt, mask), found)
    assert torch.equal(found * (1 - mask), images * (1 - mask))
    assert float(found.abs().max()) <= 1
    flat = torch.full((4, 3, 21, 32), 0.3)
    torch.testing.assert_close(pyramid(flat, mask), flat)


def test_a_large_hole_stays_within_what_surrounds_it_too(monkeypatch):
    """Waves that are cut off at their steepest overshoot."""
    x = torch.linspace(0, 9, 90)
    images = (0.9 * torch.sin(x)).expand(1, 2, 70, 90).clone()
    images[:, 1] *= 0.5
    mask = torch.zeros(1, 1, 70, 90)
    mask[..., 5:65, 8:80] = 1
    monkeypatch.setattr(filling, "AREA", 400)
    found = biharmonic(images, mask)
    for channel in (0, 1):
        known = images[0, channel][mask[0, 0] == 0]
        inside = found[0, channel][mask[0, 0] > 0]
        assert known.min() <= inside.min()
        assert inside.max() <= known.max()
