"""DCGAN's ladders: the side of maps halved by strided convolutions, or doubled back.

    falling    (conv, norm, leaky) n times        C S S to maps[-1] of S / 2^n; no norm at first
    rising     (norm, rectifier, conv) n times    maps[0] of S to C of 2^n S

Every kernel is 4 x 4 with stride 2, which divides it, so no checkerboard follows from uneven
overlap.

Radford, Metz & Chintala (2016), https://arxiv.org/abs/1511.06434, section 3
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from sfumato.nn.apart import Norm2d


def falling(
    channels: int, maps: Sequence[int], *, slope: float = 0.2, dropout: float | None = None
) -> list[nn.Module]:
    """A halving to each of `maps`; with `dropout` each ends in a layer that silences maps."""
    layers: list[nn.Module] = []
    for step, (narrow, wide) in enumerate(pairwise([channels, *maps])):
        layers += [nn.Conv2d(narrow, wide, 4, stride=2, padding=1, bias=step == 0)]
        layers += [Norm2d(wide)] if step else []
        layers += [nn.LeakyReLU(slope)]
        layers += [nn.Dropout2d(dropout)] if dropout is not None else []
    return layers


def rising(
    maps: Sequence[int],
    channels: int,
    *,
    rectifier: Callable[[], nn.Module] = nn.ReLU,
    bias: bool = False,
) -> list[nn.Module]:
    """A doubling of each of `maps`, the last to `channels`, without a last activation.

    `bias` is that of convolutions before a norm, which takes it away again; the last has one.
    """
    layers: list[nn.Module] = []
    for step, (wide, narrow) in enumerate(pairwise([*maps, channels]), start=1):
        biased = bias or step == len(maps)
        layers += [nn.BatchNorm2d(wide), rectifier()]
        layers += [nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1, bias=biased)]
    return layers
