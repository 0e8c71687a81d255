"""Layers computed in whole numbers: the same bits on every machine, with any number of threads.

A sum of floats depends on its order, and libraries choose the order by the machine, its threads
and the sizes at hand. Here nothing is ever rounded inside a sum:

    map      n / 2**12, n whole, |n| < 2**20
    weight   w / 2**16, w whole, |w| <= 2**18
    layer    n' = round(sum of n w / 2**16)

A sum has at most 2**14 terms, so it and all its parts are whole numbers below 2**52. A float64
holds each of those exactly; then so does every partial sum, in whatever order and with or without
fused multiplication, and only the order was ever left open. What follows the sum - scaling by a
power of two, rounding to nearest, clamping - is one operation of IEEE 754 on one number, whose
result the standard fixes. float64 it is because no switch of torch lowers its precision.

The layers are those of a trained float network: 2**-13 is the most that a map is off, a
sixty-fourth of a step between two of 256 greys.
"""

from collections.abc import Callable
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sfumato.errors import ConfigError
from sfumato.nn.residual import Residual
from sfumato.nn.together import Together
from sfumato.shapes import Picture

Maps = Float[Tensor, "C H W"]
"""Whole numbers as float64: what they stand for, times `ONE`."""
Made = Float[Tensor, "c h w"]
"""The same with axes of their own."""
ONE = 2.0**12
"""What 1 in a map is."""
MOST = 2.0**20 - 1
"""Largest size of a number in a map: about 256."""
UNIT = 2.0**16
"""What 1 among the weights is."""
HEAVIEST = 4.0
"""Largest size of a weight."""
TERMS = 2**14
"""Most terms of a sum."""
SLOPES = (0.5, 0.25, 0.125)
"""Of leaky layers: a power of two, which a float64 multiplies by exactly."""


def exactly(layer: nn.Module, maps: Maps) -> Made:
    """What `layer` makes of `maps`, in whole numbers.

    Takes convolutions of odd kernels that keep the size, leaky ReLUs, pixel shuffles, residuals,
    sums and sequences of them; raises ConfigError for anything else.
    """
    for kind, compute in _LAYERS.items():
        if type(layer) is kind:
            return compute(layer, maps)
    raise ConfigError(f"{type(layer).__name__} has no form in whole numbers.")


def shown(maps: Made, channels: int) -> Picture:
    """The picture in [-1, 1] of maps that are its channels, or of their mean where it has one."""
    maps = maps.clamp(-ONE, ONE)
    if channels < len(maps):
        maps = maps.sum(0, keepdim=True).div_(len(maps)).round_()
    return (maps / ONE).float()


def settled(values: Tensor) -> Tensor:
    """`values`, rounded to whole numbers and kept within `MOST`; works in place."""
    return values.round_().clamp_(-MOST, MOST)


def _sequence(layers: nn.Sequential, maps: Maps) -> Made:
    for layer in layers:
        maps = exactly(layer, maps)
    return maps


def _residual(layer: Residual, maps: Maps) -> Made:
    return (maps + exactly(layer.layers, maps)).clamp_(-MOST, MOST)


def _together(layer: Together, maps: Maps) -> Made:
    return torch.stack([exactly(path, maps) for path in layer]).sum(0).clamp_(-MOST, MOST)


def _leaky(layer: nn.LeakyReLU, maps: Maps) -> Made:
    if layer.negative_slope not in SLOPES:
        raise ConfigError(f"a slope of {layer.negative_slope} has no form in whole numbers.")
    return torch.where(maps < 0, maps * layer.negative_slope, maps).round_()


def _shuffle(layer: nn.PixelShuffle, maps: Maps) -> Made:
    return layer(maps)


def _convolve(layer: nn.Conv2d, maps: Maps) -> Made:
    """A matrix product for each tap."""
    side = layer.kernel_size[0]
    plain = (layer.kernel_size, layer.stride, layer.dilation, layer.groups, layer.padding)
    fits = plain == ((side, side), (1, 1), (1, 1), 1, (side // 2, side // 2)) and side % 2
    if not fits or side**2 * layer.in_channels > TERMS:
        raise ConfigError(f"{layer} has no form in whole numbers.")
    out, (height, width) = layer.out_channels, maps.shape[1:]
    taps = _whole(layer.weight, UNIT).permute(2, 3, 0, 1).contiguous()
    bordered = nn.functional.pad(maps, (side // 2,) * 4)
    total = maps.new_zeros(out, height * width)
    for y, x in product(range(side), repeat=2):
        seen = bordered[:, y : y + height, x : x + width].reshape(len(maps), -1)
        total.addmm_(taps[y, x], seen)
    total.mul_(1 / UNIT)
    if layer.bias is not None:
        total.add_(_whole(layer.bias, ONE)[:, None])
    return settled(total).reshape(out, height, width)


def _whole(weight: Tensor, one: float) -> Tensor:
    """Weights as whole numbers of `1 / one`; NaN counts as 0, and infinity as the heaviest."""
    wide = weight.detach().to("cpu", torch.float64).nan_to_num(0.0, HEAVIEST, -HEAVIEST)
    return wide.clamp_(-HEAVIEST, HEAVIEST).mul_(one).round_()


_LAYERS: dict[type[nn.Module], Callable[..., Made]] = {
    nn.Sequential: _sequence,
    nn.Conv2d: _convolve,
    nn.LeakyReLU: _leaky,
    nn.PixelShuffle: _shuffle,
    Residual: _residual,
    Together: _together,
}
