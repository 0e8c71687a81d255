"""What the blends promise: laws of each, and published results where the data are."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from sfumato.imaging import gaussian_poisson as gp
from sfumato.imaging.gaussian_poisson import gaussian_poisson
from sfumato.imaging.laplace import differences
from sfumato.imaging.placing import softened
from sfumato.imaging.poisson import fitted, mixed, modified, poisson, unseamed
from sfumato.imaging.splines import SPACING, _nodes, splines
from sfumato.io.images import from_bytes, read

ALL = {f.__name__: f for f in (poisson, mixed, modified, splines, gaussian_poisson)}
PUBLISHED = Path(os.environ.get("SFUMATO_DATA", "nowhere")) / "blending_gp_gan"


def scene(height=40, width=56, channels=3, seed=0):
    """Two smooth pictures and a round mask."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(2, channels, 5, 6, generator=rng) * 2 - 1
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    mask = ((x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2).float()
    return fine[:1], fine[1:], mask[None, None]


@pytest.mark.parametrize("method", ALL.values(), ids=ALL)
def test_a_picture_blended_into_itself_is_itself(method):
    """`splines` and `modified` find no offset to make; Gaussian-Poisson no colour to change."""
    source, _, mask = scene()
    if method is gaussian_poisson:  # whose small picture is blurred already
        source = source.mean((2, 3), keepdim=True).expand_as(source).contiguous()
    if method in (modified, splines):  # which want no step across the seam
        source = torch.where(mask > 0, 0.25, 0.25).expand_as(source).contiguous()
    torch.testing.assert_close(method(source, source, mask), source, atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", [poisson, mixed])
def test_cloning_leaves_what_is_outside_the_mask(method):
    source, destination, mask = scene()
    found = method(source, destination, mask)
    assert torch.equal(found * (1 - mask), destination * (1 - mask))
    assert not torch.allclose(found, destination, atol=0.1)


def test_a_constant_added_to_the_source_is_not_seen():
    source, destination, mask = scene()
    torch.testing.assert_close(
        poisson(source + 0.3, destination, mask),
        poisson(source, destination, mask),
        atol=1e-5,
        rtol=0,
    )


def test_a_source_without_differences_gives_a_harmonic_hole():
    """The mean value law: each pixel inside is the mean of its four neighbours."""
    _, destination, mask = scene()
    found = poisson(torch.zeros_like(destination), destination, mask)
    mean = (
        found[..., 1:-1, :-2] + found[..., 1:-1, 2:] + found[..., :-2, 1:-1] + found[..., 2:, 1:-1]
    ) / 4
    inside = mask[..., 1:-1, 1:-1].expand_as(mean) > 0
    torch.testing.assert_close(found[..., 1:-1, 1:-1][inside], mean[inside], atol=1e-5, rtol=0)


def test_mixed_keeps_the_stronger_line():
    """A line of the destination survives under a flat source, and poisson wipes it."""
    destination = torch.zeros(1, 1, 24, 24)
    destination[..., 12] = 1
    mask = torch.zeros(1, 1, 24, 24)
    mask[..., 6:18, 6:18] = 1
    flat = torch.zeros_like(destination)
    torch.testing.assert_close(mixed(flat, destination, mask), destination, atol=1e-5, rtol=0)
    assert float(poisson(flat, destination, mask)[0, 0, 12, 12]) < 0.5


def test_a_patch_that_is_too_bright_is_fitted():
    """A constant added inside the mask goes away; what it stood on had no step at the seam."""
    flat = torch.full((1, 3, 24, 30), 0.2)
    mask = scene(24, 30)[2]
    torch.testing.assert_close(fitted(flat + 0.5 * mask, mask), flat, atol=1e-5, rtol=0)


def test_links_across_the_seam_are_cut_and_no_others():
    source, destination, mask = scene(6, 7, 1)
    composite = torch.where(mask > 0, source, destination)
    for cut, link, step in zip(
        unseamed(composite, mask), differences(composite), differences(mask), strict=True
    ):
        assert torch.equal(cut != 0, (step == 0) & (link != 0))
        assert torch.equal(cut[step == 0], link[step == 0])


def test_modified_and_splines_close_the_seam():
    source, destination, mask = scene()
    composite = torch.where(mask > 0, source + 0.5, destination)

    def step(images):
        pairs = zip(differences(images), differences(mask), strict=True)
        return float(torch.cat([link[:, :, (edge != 0)[0, 0]] for link, edge in pairs], 2).std())

    for method in (modified, splines):
        assert step(method(source + 0.5, destination, mask)) < 0.6 * step(composite)


def test_gaussian_poisson_takes_its_colours_from_the_small_picture():
    source, destination, mask = scene()
    small = torch.full((1, 3, 8, 8), 0.7)
    found = gaussian_poisson(source, destination, mask, small)
    torch.testing.assert_close(found.mean((2, 3)), small.mean((2, 3)), atol=1e-4, rtol=0)


def test_the_pyramid_doubles_from_at_most_the_side():
    assert gp.sizes(64, 48) == [(64, 48)]
    assert gp.sizes(400, 730) == [(25, 46), (50, 91), (100, 182), (200, 365), (400, 730)]


@pytest.mark.parametrize("longer", [65, 90, 128, 181])
def test_the_pyramid_begins_at_the_side_or_below(longer):
    assert 32 <= max(gp.sizes(longer // 2, longer)[0]) <= gp.SIDE


def test_splines_are_linear_between_nodes():
    """Nodes that hold their own place, 0 at the edge, give each pixel that of its centre."""
    found = _nodes(150) @ (SPACING * np.arange(4))
    np.testing.assert_allclose(found, np.arange(150) + 0.5)


# ------------------------------------------------------------------ published results


def published(name):
    return from_bytes(np.asarray(read(PUBLISHED / name, channels=3))[None])


def likeness(found, want):
    """Correlation of what would be written."""
    return float(np.corrcoef(found.clamp(-1, 1).flatten(), want.flatten())[0, 1])


def steps_likeness(found, want):
    """The same of the differences of neighbours."""
    flat = (torch.cat([x.flatten() for x in differences(y.clamp(-1, 1))]) for y in (found, want))
    return float(np.corrcoef(*flat)[0, 1])


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published pictures are not here")
@pytest.mark.parametrize("number", ["740", "1153"])
@pytest.mark.parametrize(
    ("method", "name", "least"),
    [(modified, "modified-poisson", 0.998), (splines, "multi-splines", 0.948)],
)
def test_published_results_are_reproduced(number, method, name, least):
    """From the published composite: the pictures beneath it are not there, nor needed."""
    composite = published(f"result_comparison/{number}_copy-paste.png")
    mask = (published(f"result_comparison/{number}_mask.png")[:, :1] > 0).float()
    want = published(f"result_comparison/{number}_{name}.png")
    assert likeness(method(composite, composite, mask), want) > least
    assert likeness(composite, want) < least


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published pictures are not here")
@pytest.mark.parametrize("network", ["encoder", "wgan"])
@pytest.mark.parametrize("number", ["740", "1153"])
def test_gaussian_poisson_reproduces_published_results(number, network):
    """Given the published result shrunk to 64 pixels for what its network painted."""
    composite = published(f"result_comparison/{number}_copy-paste.png")
    mask = (published(f"result_comparison/{number}_mask.png")[:, :1] > 0).float()
    want = published(f"result_comparison/{number}_poisson-gan-{network}.png")
    small = gp.resized(want, 64, 64)
    found = gaussian_poisson(composite, composite, mask, small)
    assert likeness(found, want) > 0.99
    # the small picture brings the colours by itself, so the differences must be right too
    enlarged = gp.resized(small, *want.shape[2:])
    ours, copied, plain = (steps_likeness(x, want) for x in (found, composite, enlarged))
    assert ours > 0.95 > 0.85 > max(copied, plain)


def test_edges_softer_than_fit_are_as_soft_as_fit():
    mask = torch.zeros(1, 1, 19, 19)
    mask[..., 3:16, 3:16] = 1
    assert torch.equal(softened(mask, 1e30), softened(mask, 9))
    assert softened(mask, 9).unique().numel() > 2
    assert torch.equal(softened(mask, 0.5), mask)
