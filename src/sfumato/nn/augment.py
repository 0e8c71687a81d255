"""Differentiable augmentation: a judge sees every picture, real or painted, a little changed.

    L_D = game's judge of D(T(x)), D(T(y')),   L_G = game's painter of D(T(y'))

Every change T has a slope, so the painter learns through it, and as the real ones are changed like
the painted, nothing of it has to be painted. A judge that never sees a picture twice in the same
way cannot learn a small set by heart.

    colour        brightness + U[-1/2, 1/2], saturation * U[0, 2], contrast * U[1/2, 3/2]
    translation   by up to an eighth of the side; what comes in is grey
    cutout        a square of half the side, anywhere, becomes grey

Zhao, Liu, Lin, Zhu & Han (2020), https://arxiv.org/abs/2006.10738, section 3.2 and appendix A
"""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from sfumato.shapes import Images

AugmentName = Literal["none", "translation", "translation+cutout", "colour+translation+cutout"]
CHANGES = 7
"""Uniform numbers in [0, 1) that one picture is changed by."""
Draws = Float[Tensor, "B 7"]
Maps = Float[Tensor, "B _ H W"]
"""Images, or what lies beside them, or both one behind the other."""


def augmented(
    images: Images, draws: Draws, name: AugmentName, *, shown: Maps | None = None
) -> Maps:
    """Each picture changed as its row of `draws` says, in the ways that `name` lists.

    `shown` is what is judged together with them: its maps come first, and only their place
    changes.
    """
    # where a picture is moved to must not depend on the precision that it was painted in
    kinds, numbers = name.split("+"), draws.to(images.device)
    if "colour" in kinds:
        images = _coloured(images, numbers[:, :3, None, None, None].unbind(1))
    maps = images if shown is None else torch.cat([shown, images], 1)
    if "translation" in kinds:
        maps = _translated(maps, numbers[:, 3:5])
    return _cut(maps, numbers[:, 5:]) if "cutout" in kinds else maps


def augmenting(
    images: Images,
    draw: Callable[..., Tensor],
    name: AugmentName,
    *,
    shown: Maps | None = None,
) -> Maps:
    """As `augmented` by what a model's `draw` gives; for "none" nothing is drawn."""
    draws = (
        draw(changes, len(images)) if name != "none" else images.new_zeros(len(images), CHANGES)
    )
    return augmented(images, draws, name, shown=shown)


def changes(count: int, rng: Generator | None = None) -> Draws:
    """A maker for `Model.draw` of what `count` pictures are changed by."""
    return torch.rand(count, CHANGES, device=rng.device if rng else None, generator=rng)


def _coloured(images: Images, draws: tuple[Tensor, ...]) -> Images:
    brightness, saturation, contrast = draws
    bright = images + (brightness - 0.5)
    grey = bright.mean(1, keepdim=True)
    vivid = grey + 2 * saturation * (bright - grey)
    middle = vivid.mean((1, 2, 3), keepdim=True)
    return middle + (0.5 + contrast) * (vivid - middle)


def _translated(images: Images, draws: Float[Tensor, "B 2"]) -> Images:
    for axis, draw in zip((2, 3), draws.unbind(1), strict=True):
        side = images.shape[axis]
        most = int(side / 8 + 0.5)
        step = (draw * (2 * most + 1)).long() - most
        source = torch.arange(side, device=images.device) + step[:, None]
        inside = (source >= 0) & (source < side)
        shape = (len(images), 1, side, 1) if axis == 2 else (len(images), 1, 1, side)
        index = source.clamp(0, side - 1).view(shape).expand_as(images)
        images = images.gather(axis, index) * inside.view(shape)
    return images


def _cut(images: Images, draws: Float[Tensor, "B 2"]) -> Images:
    outside = []
    for side, draw in zip(images.shape[2:], draws.unbind(1), strict=True):
        middle = (draw * (side + 1)).long()
        place = torch.arange(side, device=images.device) - middle[:, None] + side // 4
        outside.append((place < 0) | (place >= side // 2))
    return images * (outside[0][:, None, :, None] | outside[1][:, None, None, :])
