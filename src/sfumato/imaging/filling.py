"""Holes filled from what surrounds them alone, by equations that nothing was learned for.

    membrane     Laplace:     f_p is the mean of its neighbours; level, without a fold
    biharmonic   bi-Laplace:  slopes go on into the hole too; it may overshoot, and is then clipped
                 to what surrounds it
    pyramid      means of what is known at each size, enlarged into what is not: nearly level, and
                 quick enough to be made for every batch

A large hole's biharmonic surface is solved on a smaller picture, enlarged, and fitted to the rim
by Poisson's equation: so smooth a thing has nothing finer.

Images are 1 C H W in [-1, 1], masks 1 where nothing is known; outside them nothing changes.
Damelin & Hoang (2018), https://doi.org/10.1155/2018/3950312, by scikit-image.
"""

from math import ceil, sqrt

import torch
from jaxtyping import Float
from skimage.restoration import inpaint_biharmonic
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from sfumato.imaging.poisson import poisson
from sfumato.shapes import Images, Masks

AREA = 30_000
"""Pixels of a hole that are solved for at once."""


def membrane(images: Images, mask: Masks) -> Images:
    """The level surface; see `imaging.laplace` for how."""
    if not bool(mask.any()):
        return images
    return poisson(torch.zeros_like(images), _emptied(images, mask), mask)


def biharmonic(images: Images, mask: Masks) -> Images:
    """The smooth surface."""
    known = _emptied(images, mask)
    share = sqrt(AREA / max(1.0, float(mask.sum())))
    if share >= 1:
        return _smooth(known, mask)
    size = tuple(max(1, ceil(side * share)) for side in mask.shape[2:])
    # of a smaller pixel that lies half outside, only the outer half counts
    left = interpolate(1 - mask, size, mode="bilinear", antialias=True)
    few = interpolate(known * (1 - mask), size, mode="bilinear", antialias=True)
    few = few / left.clamp_min(1e-3)
    hidden = (left < 0.5).to(mask)
    if bool(hidden.all()):  # what is left is too thin to be seen at that size
        return membrane(images, mask)
    large = interpolate(_smooth(few, hidden), mask.shape[2:], mode="bicubic")
    outside = images.flatten(2)[..., mask.flatten() == 0]
    low, high = (end[..., None, None] for end in outside.aminmax(dim=2))
    return torch.where(mask > 0, poisson(large, known, mask).clamp(low, high), images)


def pyramid(images: Images, mask: Masks) -> Images:
    """Many pictures at once, B C H W, on any device."""
    known = 1 - mask
    return _pulled(images * known, known)


def _pulled(colours: Float[Tensor, "b c h w"], known: Float[Tensor, "b 1 h w"]) -> Tensor:
    """Colours, weighed by how much of each place is known, with the rest from half the size."""
    size = known.shape[2:]
    if max(size) == 1:
        return colours / known.clamp_min(1e-6)
    halves = (
        avg_pool2d(part, 2, ceil_mode=True, count_include_pad=False) for part in (colours, known)
    )
    return colours + (1 - known) * interpolate(_pulled(*halves), size, mode="bilinear")


def _smooth(images: Images, mask: Masks) -> Images:
    if not bool(mask.any()):
        return images
    found = inpaint_biharmonic(
        images[0].permute(1, 2, 0).double().numpy(),
        mask[0, 0].numpy() > 0,
        split_into_regions=True,
        channel_axis=-1,
    )
    return torch.where(mask > 0, torch.from_numpy(found).permute(2, 0, 1)[None].to(images), images)


def _emptied(images: Images, mask: Masks) -> Images:
    """Without what the hole hides, so that it cannot matter."""
    return torch.where(mask > 0, torch.zeros_like(images), images)
