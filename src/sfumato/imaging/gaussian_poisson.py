"""Gaussian-Poisson blending: differences of the pictures, colours of a small picture of them.

    x = argmin sum over links (x_p - x_q - v_pq)^2 + b |G x - y|^2
    v = the source's differences inside the mask, the destination's outside, 0 across the seam
    y = the small picture, enlarged; G a Gaussian blur

Solved in the cosine basis at each level of a pyramid: what one level finds is the small picture of
the next, twice as large, up to full size.

Paper: Wu, Zheng, Zhang & Huang (2019), GP-GAN, https://arxiv.org/abs/1703.07195, equations 4 to 8
and algorithm 1. There the small picture is a network's; any picture will do here.
Departures: pictures are mirrored at their edge, where the published results show a dark rim; no
difference is asked for across the seam.
"""

from math import ceil, exp, log2

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from sfumato.imaging.laplace import filtered, gathered, screened
from sfumato.imaging.poisson import unseamed
from sfumato.shapes import Images, Masks

Small = Float[Tensor, "B C h w"]
SIDE = 64
"""Longer side at which the pyramid begins."""
COLOUR = 1.0
"""Weight b of the small picture's colours."""
SIGMA = 0.5
"""Of the blur, in pixels."""


def gaussian_poisson(
    source: Images, destination: Images, mask: Masks, small: Small | None = None
) -> Images:
    """The blend, 1 C H W, not clipped; `small` is the composite shrunk unless given."""
    height, width = destination.shape[2:]
    found = small
    for rows, columns in sizes(height, width):
        ours, theirs = resized(source, rows, columns), resized(destination, rows, columns)
        inside = (resized(mask, rows, columns) > 0.5).to(mask)
        composite = torch.where(inside > 0, ours, theirs)
        found = composite if found is None else resized(found, rows, columns)
        found = _level(composite, inside, found)
    assert found is not None
    return found


def sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Levels of the pyramid, each about twice the last, the longer side from `SIDE` or less on."""
    halvings = max(0, ceil(log2(max(height, width) / SIDE)))
    return [
        (max(1, round(height / 2**k)), max(1, round(width / 2**k)))
        for k in reversed(range(halvings + 1))
    ]


def resized(images: Images, rows: int, columns: int) -> Small:
    """Bilinear; a picture that shrinks is averaged over what falls between the samples."""
    return interpolate(images, (rows, columns), mode="bilinear", antialias=True)


def _level(composite: Images, mask: Masks, small: Images) -> Images:
    """Equation 8 at one size."""
    height, width = mask.shape[2:]
    blur = np.outer(_blur(height), _blur(width))
    wanted = gathered(*unseamed(composite, mask)) + COLOUR * filtered(small, blur)
    return screened(wanted, COLOUR * blur**2)


def _blur(size: int) -> np.ndarray:
    """What a Gaussian of three taps leaves of each cosine along an axis."""
    side = exp(-1 / (2 * SIGMA**2))
    return (1 + 2 * side * np.cos(np.pi * np.arange(size) / size)) / (1 + 2 * side)
