"""A residual block adds what its layers make."""

import torch
from torch import nn

from sfumato.nn.residual import Residual


def test_what_enters_is_added_to_what_the_layers_make():
    layer = nn.Linear(3, 3)
    x = torch.randn(5, 3)
    torch.testing.assert_close(Residual(layer, nn.ReLU())(x), x + layer(x).clamp_min(0))


def test_layers_that_make_nothing_change_nothing():
    layer = nn.Conv2d(2, 2, 3, padding=1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    x = torch.randn(1, 2, 4, 4)
    assert torch.equal(Residual(layer)(x), x)
