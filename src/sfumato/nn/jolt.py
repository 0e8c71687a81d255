"""Pictures seen a little askew: turned, slanted, scaled and shifted, each in its own way."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample

from sfumato.shapes import Images

FACTORS = 5
"""Numbers in [-1, 1] that say how one picture is moved."""


def jolted(images: Images, draws: Float[Tensor, "B 5"], reach: float) -> Images:
    """Each picture moved as its row of `draws` says; what comes in is as the border is.

    At 1 it is turned by `reach` radians, slanted by `reach` of its height, scaled by half of
    `reach`, and shifted by 0.7 of it towards an edge, where 1 would bring the middle there.
    """
    turn, slant, size, *shift = (reach * draws.to(images)).unbind(1)
    scale, cos, sin = 1 + size / 2, turn.cos(), turn.sin()
    tall = images.shape[2] / images.shape[3]  # places are told in halves of a side
    across = torch.stack([cos * scale, tall * (slant - sin * scale), 0.7 * shift[0]], 1)
    down = torch.stack([sin * scale / tall, cos * scale, 0.7 * shift[1]], 1)
    way = torch.stack([across, down], 1)
    # in bfloat16 places would be off by hundredths of a pixel
    with torch.autocast(images.device.type, enabled=False):
        grid = affine_grid(way, list(images.shape), align_corners=False)
        return grid_sample(images, grid, padding_mode="border", align_corners=False)


def jolting(images: Images, draw: Callable[..., Tensor], reach: float) -> Images:
    """Images `jolted` by what a model's `draw` gives; at 0 left alone, and nothing is drawn."""
    return jolted(images, draw(moves, len(images)), reach) if reach else images


def moves(count: int, rng: Generator | None = None) -> Float[Tensor, "B 5"]:
    """Uniform numbers in [-1, 1) for `count` pictures: a maker for `Model.draw`."""
    device = rng.device if rng else None
    return 2 * torch.rand(count, FACTORS, device=device, generator=rng) - 1
