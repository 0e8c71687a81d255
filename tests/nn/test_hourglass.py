"""Hourglasses: the rungs of the published programs, and the sides they fit."""

import pytest
import torch

from sfumato.errors import ConfigError
from sfumato.nn.hourglass import judge, painter, rungs


def test_rungs_are_those_of_the_published_programs():
    assert rungs(64, 128) == ([64, 64, 128, 256, 512], 4)
    assert rungs(64, 64) == ([64, 128, 256, 512], 4)
    assert rungs(8, 28) == ([8, 16], 7)


@pytest.mark.parametrize("latent", [6, 0])
@pytest.mark.parametrize("side", [16, 28, 40])
def test_what_enters_leaves_at_its_side(side, latent):
    images = torch.rand(2, 4, side, side)
    assert painter(4, 3, 4, latent, side)(images).shape == (2, 3, side, side)
    assert judge(4, 4, side)(images).shape == (2,)


def test_a_side_that_cannot_be_halved_is_refused():
    with pytest.raises(ConfigError, match="cannot be halved"):
        painter(3, 3, 4, 0, 18)
