"""A judge that says of each patch of a picture whether it looks real.

Isola, Zhu, Zhou & Efros (2017), https://arxiv.org/abs/1611.07004, appendix 6.1.2
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from sfumato.errors import ConfigError
from sfumato.nn.unet import Norm

Verdicts = Float[Tensor, " N"]
"""A logit for each patch of each picture, all in a row."""
Patch = Literal[1, 16, 70, 286]
PATCHES: dict[int, int] = {1: 0, 16: 1, 70: 3, 286: 5}
"""Side of what one logit sees, to halvings of the maps."""


def room_for(patch: Patch, side: int) -> None:
    """Raise ConfigError where images of that side have no room for the layers of such a judge."""
    if side < _least(patch):
        fits = max((one for one in PATCHES if side >= _least(one)), default=1)
        raise ConfigError(
            f"--model.patch {patch} needs images of {_least(patch)} pixels or more, and these "
            f"have {side}; take --model.patch {fits}."
        )


def _least(patch: int) -> int:
    """Side that leaves 2 x 2 places to the last norm and one to the verdict."""
    return 3 << PATCHES[patch] if PATCHES[patch] else 2


def patches(channels: int, width: int, patch: Patch, norm: Norm) -> nn.Sequential:
    """B C H W to B 1 h w, a logit for each patch of that side; of side 1, for each pixel.

    `width` maps in the first layer, up to eight times as many further in; the first is not
    normalised.
    """
    halvings = PATCHES[patch]
    side, around = (4, 1) if halvings else (1, 0)
    strides = [2] * halvings + [1] if halvings else [1, 1]
    maps = [channels, *(width << min(step, 3) for step in range(len(strides)))]
    layers: list[nn.Module] = []
    for step, stride in enumerate(strides):
        normed = step > 0
        layers.append(nn.Conv2d(maps[step], maps[step + 1], side, stride, around, bias=not normed))
        layers += [norm(maps[step + 1]), nn.LeakyReLU(0.2)] if normed else [nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(maps[-1], 1, side, 1, around))
