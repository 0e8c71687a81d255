"""Whole-number layers: right by an independent reckoning, and the same however they are summed."""

import numpy as np
import pytest
import torch
from torch import nn

from sfumato.errors import ConfigError
from sfumato.nn.exact import HEAVIEST, MOST, ONE, TERMS, UNIT, exactly, settled
from sfumato.nn.residual import Residual
from sfumato.nn.together import Together


def convolution(inside, outside):
    return nn.Conv2d(inside, outside, 3, padding=1)


def network():
    torch.manual_seed(3)
    return nn.Sequential(
        convolution(5, 6),
        nn.LeakyReLU(0.125),
        Residual(convolution(6, 6), nn.LeakyReLU(0.25), convolution(6, 6)),
        Together([convolution(6, 8), nn.Conv2d(6, 8, 1)]),
        nn.PixelShuffle(2),
        convolution(2, 3),
    )


def maps(channels=5, height=7, width=9):
    return (torch.randn(channels, height, width, dtype=torch.float64) * ONE).round()


def half_even(numerator, denominator):
    """Whole numbers divided, the nearest one, of two as near the even one."""
    below, rest = np.divmod(numerator, denominator)
    up = (2 * rest > denominator) | ((2 * rest == denominator) & (below % 2 == 1))
    return below + up


def by_integers(layer, x):
    """The same in int64, element by element, without a float anywhere but in the weights."""
    if isinstance(layer, nn.Sequential):
        for inner in layer:
            x = by_integers(inner, x)
        return x
    if isinstance(layer, Together):
        total = sum(by_integers(path, x) for path in layer)
        return np.clip(total, -int(MOST), int(MOST))
    if isinstance(layer, Residual):
        return np.clip(x + by_integers(layer.layers, x), -int(MOST), int(MOST))
    if isinstance(layer, nn.LeakyReLU):
        return np.where(x < 0, half_even(x, round(1 / layer.negative_slope)), x)
    if isinstance(layer, nn.PixelShuffle):
        c, h, w = x.shape[0] // 4, *x.shape[1:]
        return x.reshape(c, 2, 2, h, w).transpose(0, 3, 1, 4, 2).reshape(c, 2 * h, 2 * w)
    weight = np.rint(layer.weight.detach().double().numpy() * UNIT).astype(np.int64)
    bias = np.rint(layer.bias.detach().double().numpy() * ONE).astype(np.int64)
    side = weight.shape[-1]
    wide = np.pad(x, ((0, 0), *[(side // 2, side // 2)] * 2))
    seen = np.lib.stride_tricks.sliding_window_view(wide, (side, side), (1, 2))
    total = np.einsum("oiyx,ihwyx->ohw", weight, seen)
    whole = half_even(total + bias[:, None, None] * int(UNIT), int(UNIT))
    return np.clip(whole, -int(MOST), int(MOST))


def test_it_is_what_integers_give():
    layers, x = network(), maps()
    found = exactly(layers, x)
    assert found.dtype == torch.float64
    assert np.array_equal(
        found.detach().numpy().astype(np.int64), by_integers(layers, x.long().numpy())
    )


def test_it_is_what_floats_give_nearly():
    layers, x = network(), maps()
    with torch.no_grad():
        wanted = layers((x / ONE).float()[None])[0]
    assert (exactly(layers, x) / ONE - wanted).abs().max() < 4 / ONE


def test_order_and_threads_change_nothing():
    """Channels in another order are summed in another order; floats would show it."""
    layer, x = convolution(64, 8), maps(64, 16, 16)
    shuffled, other = torch.randperm(64), convolution(64, 8)
    with torch.no_grad():
        other.weight.copy_(layer.weight[:, shuffled])
        other.bias.copy_(layer.bias)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = exactly(layer, x)
        torch.set_num_threads(3)
        assert torch.equal(exactly(layer, x), one)
        assert torch.equal(exactly(other, x[shuffled]), one)
    finally:
        torch.set_num_threads(threads)
    with torch.no_grad():
        sums = layer((x / ONE).float()[None]), other((x[shuffled] / ONE).float()[None])
    assert not torch.equal(*sums), "this input does not tell orders apart"


def test_the_largest_sum_is_still_exact():
    """Every number at its limit, and as many of them as are allowed."""
    layer = convolution(TERMS // 9, 1)
    with torch.no_grad():
        layer.weight.fill_(2 * HEAVIEST)
        layer.bias.zero_()
    x = torch.full((TERMS // 9, 3, 3), MOST, dtype=torch.float64)
    whole = int(MOST) * int(HEAVIEST * UNIT) * 9 * (TERMS // 9)
    assert whole < 2**53
    assert float(exactly(layer, x)[0, 1, 1]) == MOST
    with torch.no_grad():
        layer.weight[:, 0, 1, 1] = -HEAVIEST
        layer.weight[:, 1:] *= torch.where(torch.arange(TERMS // 9 - 1) % 2 == 0, 1.0, -1.0)[
            :, None, None
        ]
    wanted = by_integers(clamped(layer), x.long().numpy())
    assert np.array_equal(exactly(layer, x).detach().numpy().astype(np.int64), wanted)


def clamped(layer):
    with torch.no_grad():
        layer.weight.clamp_(-HEAVIEST, HEAVIEST)
    return layer


def test_a_piece_with_its_surroundings_is_the_piece_of_the_whole():
    layers, x = network(), maps(5, 20, 20)
    whole = exactly(layers, x)
    piece = exactly(layers, x[:, 3:17, 3:17])  # four layers reach four places and a half
    assert torch.equal(piece[:, 10:18, 10:18], whole[:, 16:24, 16:24])


def test_what_is_not_finite_counts_as_something():
    layer = convolution(2, 2)
    with torch.no_grad():
        layer.weight[0] = torch.nan
        layer.weight[1] = torch.inf
    assert torch.isfinite(exactly(layer, maps(2))).all()


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 2, 3),
        nn.Conv2d(2, 2, 2, padding=1),
        nn.Conv2d(2, 2, (3, 1), padding=(1, 0)),
        nn.Conv2d(2, 2, 3, padding=1, stride=2),
        nn.Conv2d(2, 2, 3, padding=2, dilation=2),
        nn.Conv2d(2, 2, 3, padding=1, groups=2),
        nn.Conv2d(TERMS // 9 + 1, 1, 3, padding=1),
        nn.LeakyReLU(0.1),
        nn.Tanh(),
        nn.BatchNorm2d(2),
    ],
    ids=str,
)
def test_other_layers_are_refused(layer):
    with pytest.raises(ConfigError, match="has no form in whole numbers"):
        exactly(layer, maps(2))


def test_settled_rounds_and_keeps_within():
    values = torch.tensor([0.5, 1.5, -2.6, 1e9, -1e9], dtype=torch.float64)
    assert settled(values).tolist() == [0, 2, -3, MOST, -MOST]
