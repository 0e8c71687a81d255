"""Residual blocks at the small side, then maps that become pixels.

    seen = head(folded(x));   G(x) = enlarged(x) * base + tail(blocks(seen) + seen)

Shi et al. (2016), https://arxiv.org/abs/1609.05158, equation 4 (maps become pixels); Zhang et al.
(2018), https://arxiv.org/abs/1710.04026, section III.A (and pixels maps); Ledig et al. (2017),
https://arxiv.org/abs/1609.04802, figure 4 (the rest).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import pad, pixel_unshuffle

from sfumato.errors import DataError
from sfumato.nn.residual import Residual
from sfumato.nn.resize import enlarge
from sfumato.schema import Schema
from sfumato.shapes import Images, Others, Resized

Normed = Literal["batch", "none"]
Shuffles = Literal["doublings", "once"]
Base = Literal["nothing", "bicubic"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the network is built; what each part means is said where a model's Config asks it."""

    channels: int
    scale: int
    width: int
    blocks: int
    norm: Normed
    kernel: int
    shuffles: Shuffles
    base: Base
    fold: int = 1


class Subpixel(nn.Module):
    """B C h w to B C `scale` h `scale` w, any size; without a last activation."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        tail, last = _tail(plan)
        if plan.base == "bicubic":  # begin as the bicubic picture
            nn.init.zeros_(last.weight)
            last.bias = nn.Parameter(torch.zeros(last.out_channels))
        first = conv(plan.channels * plan.fold**2, plan.width, plan.kernel)
        self.head = nn.Sequential(first, nn.PReLU())
        self.blocks = nn.Sequential(
            *(_block(plan) for _ in range(plan.blocks)),
            *_normed(plan, conv(plan.width, plan.width)),
        )
        self.tail = tail

    @property
    def reach(self) -> int:
        """How many pixels around a place what is drawn there depends on, in whole folds.

        Half of each kernel, those behind an enlargement counted whole, and the cubic's own two.
        """
        return self.plan.fold * (2 * (self.plan.kernel // 2) + 2 * self.plan.blocks + 4)

    def forward(self, small: Images) -> Resized:
        """The large picture, not yet held to [-1, 1]."""
        height, width = (self.plan.scale * side for side in small.shape[2:])
        seen = self.head(folded(small, self.plan.fold))
        drawn = self.tail(self.blocks(seen) + seen)[..., :height, :width]
        if self.plan.base == "nothing":
            return drawn
        return drawn + enlarge(small, self.plan.scale)


def folded(images: Images, side: int) -> Others:
    """Squares of `side` pixels as places of so many more channels, the last ones filled up."""
    if side == 1:
        return images
    down, across = (-length % side for length in images.shape[2:])
    return pixel_unshuffle(pad(images, (0, across, 0, down), mode="replicate"), side)


def divides(schema: Schema, scale: int, who: str) -> None:
    """Raise DataError unless pictures of this schema can be made `scale` times smaller."""
    _, height, width = schema.shape
    if height % scale or width % scale:
        raise DataError(
            f"{who} at scale {scale} learns from sides that are multiples of {scale}, not "
            f"from {width}x{height}; try --data.side {max(1, height // scale) * scale}."
        )


def conv(narrow: int, wide: int, side: int = 3) -> nn.Conv2d:
    """A convolution that keeps the size."""
    return nn.Conv2d(narrow, wide, side, padding=side // 2)


def _tail(plan: Plan) -> tuple[nn.Sequential, nn.Conv2d]:
    """What enlarges, and its last convolution: one step, or as many doublings as that takes."""
    times = plan.scale * plan.fold
    if plan.shuffles == "once":
        last = conv(plan.width, plan.channels * times**2, plan.kernel)
        return nn.Sequential(last, nn.PixelShuffle(times)), last
    steps: list[nn.Module] = []
    for _ in range(times.bit_length() - 1):
        steps += [conv(plan.width, 4 * plan.width), nn.PixelShuffle(2), nn.PReLU()]
    last = conv(plan.width, plan.channels, plan.kernel)
    return nn.Sequential(*steps, last), last


def _block(plan: Plan) -> Residual:
    first, second = (_normed(plan, conv(plan.width, plan.width)) for _ in range(2))
    return Residual(*first, nn.PReLU(), *second)


def _normed(plan: Plan, layer: nn.Module) -> list[nn.Module]:
    return [layer, nn.BatchNorm2d(plan.width)] if plan.norm == "batch" else [layer]


def planned(config: object, channels: int) -> Plan:
    """The plan that a model's Config asks for by fields of the same names."""
    asked = {
        name: getattr(config, name) for name in Plan.__dataclass_fields__ if hasattr(config, name)
    }
    return Plan(channels=channels, **asked)
