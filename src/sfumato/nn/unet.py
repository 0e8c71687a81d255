"""A ladder of halvings and doublings whose rungs reach across.

Ronneberger, Fischer & Brox (2015), https://arxiv.org/abs/1505.04597; with the blocks of Isola et
al. (2017), https://arxiv.org/abs/1611.07004, appendix 6.1.1.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]
"""A layer that normalises so many maps."""


class UNet(nn.Module):
    """B C H W to B `out` H W, without a last activation; sides must halve `depth` times.

    `width` maps after the first halving, twice as many after each of the next three. The first
    halving and the bottom are not normalised. Dropout acts on the three innermost doublings.
    """

    def __init__(
        self, channels: int, out: int, width: int, depth: int, norm: Norm, dropout: float
    ) -> None:
        super().__init__()
        maps = [width << min(step, 3) for step in range(depth)]
        entering = [channels, *maps]
        self.down = nn.ModuleList(
            _halving(entering[step], maps[step], norm, 0 < step < depth - 1, first=step == 0)
            for step in range(depth)
        )
        # each doubling but the first also sees what its own size looked like on the way down
        seen = [maps[step] * (1 if step == depth - 1 else 2) for step in range(depth)]
        self.up = nn.ModuleList(
            _doubling(seen[step], maps[step - 1], norm, dropout if step >= depth - 3 else 0.0)
            for step in range(depth - 1, 0, -1)
        )
        last = nn.ConvTranspose2d(seen[0], out, 4, stride=2, padding=1)
        self.last = nn.Sequential(nn.ReLU(), last)

    def forward(self, images: Tensor) -> Tensor:
        """Down, and up again beside what was seen on the way."""
        passed = []
        for halve in self.down:
            images = halve(images)
            passed.append(images)
        maps = passed.pop()
        for double in self.up:
            maps = torch.cat([double(maps), passed.pop()], 1)
        return self.last(maps)


def _halving(narrow: int, wide: int, norm: Norm, normed: bool, *, first: bool) -> nn.Sequential:
    layers: list[nn.Module] = [] if first else [nn.LeakyReLU(0.2)]
    layers += [nn.Conv2d(narrow, wide, 4, stride=2, padding=1, bias=not normed)]
    return nn.Sequential(*layers, *([norm(wide)] if normed else []))


def _doubling(wide: int, narrow: int, norm: Norm, dropout: float) -> nn.Sequential:
    layers = [nn.ReLU(), nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1, bias=False)]
    return nn.Sequential(*layers, norm(narrow), *([nn.Dropout(dropout)] if dropout else []))
