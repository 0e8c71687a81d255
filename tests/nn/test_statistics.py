"""Maps without mean and spread, and statistics held for tiles."""

import torch
from torch import nn

from sfumato.nn.statistics import InstanceNorm, held, moments


def test_maps_come_out_at_mean_0_and_spread_1():
    maps = torch.randn(2, 3, 8, 9) * 5 + 2
    mean, spread = moments(InstanceNorm()(maps))
    assert mean.abs().max() < 1e-5
    assert (spread - 1).abs().max() < 1e-4


def test_one_colour_is_0_and_not_nan():
    assert InstanceNorm()(torch.full((1, 3, 4, 4), 7.0)).abs().max() == 0


def test_held_statistics_are_those_of_the_look_until_the_end():
    network, look, tile = (
        nn.Sequential(InstanceNorm()),
        torch.randn(1, 2, 8, 8),
        torch.randn(1, 2, 4, 4),
    )
    mean, spread = moments(look)
    with held(network, lambda: network(look)):
        assert torch.allclose(network(tile), (tile - mean) / spread)
    assert torch.allclose(network(tile), InstanceNorm()(tile))


def test_nothing_stays_held_after_an_error():
    network = nn.Sequential(InstanceNorm())
    try:
        with held(network, lambda: network(torch.ones(1, 1, 2, 2))):
            raise ValueError
    except ValueError:
        assert network[0].kept is None
