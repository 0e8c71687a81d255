"""Ladders: sides and maps of each rung, what is normalised, and what has a bias."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from sfumato.nn.ladder import falling, rising


def kinds(layers):
    return [type(layer).__name__ for layer in layers]


def test_each_rung_halves_or_doubles():
    images = torch.rand(2, 3, 24, 24)
    maps = nn.Sequential(*falling(3, [4, 8, 16]))(images)
    assert maps.shape == (2, 16, 3, 3)
    assert nn.Sequential(*rising([16, 8, 4], 3))(maps).shape == (2, 3, 24, 24)


def test_next_to_the_picture_nothing_is_normalised():
    rung = ["Conv2d", "Norm2d", "LeakyReLU"]
    assert kinds(falling(1, [2, 4, 8])) == ["Conv2d", "LeakyReLU", *rung, *rung]
    assert kinds(falling(1, [2], dropout=0.0)) == ["Conv2d", "LeakyReLU", "Dropout2d"]
    assert kinds(rising([4, 2], 1)) == ["BatchNorm2d", "ReLU", "ConvTranspose2d"] * 2
    assert [x.negative_slope for x in falling(1, [2, 4], slope=0.1)[1::3]] == [0.1, 0.1]
    assert kinds(rising([2], 1, rectifier=nn.ELU))[1] == "ELU"


@pytest.mark.parametrize("bias", [False, True])
def test_only_what_no_norm_follows_has_a_bias(bias):
    down = [layer for layer in falling(3, [4, 8, 16]) if isinstance(layer, nn.Conv2d)]
    assert [layer.bias is not None for layer in down] == [True, False, False]
    up = [layer for layer in rising([16, 8, 4], 3, bias=bias) if hasattr(layer, "stride")]
    assert [layer.bias is not None for layer in up] == [bias, bias, True]
    ends = [(layer.in_channels, layer.out_channels) for layer in up]
    assert ends == list(pairwise([16, 8, 4, 3]))
