"""Maps without mean and spread, and statistics held for tiles."""

import pytest
import torch
from torch import nn

from sfumato.nn.statistics import InstanceNorm, held, moments


def test_maps_come_out_at_mean_0_and_spread_1():
    maps = torch.randn(2, 3, 8, 9) * 5 + 2
    mean, spread = moments(InstanceNorm()(maps))
    assert mean.abs().max() < 1e-5
    assert (spread - 1).abs().max() < 1e-4


def test_one_colour_is_0_up_to_rounding_and_not_nan():
    for sides in ((4, 4), (1, 1), (300, 200)):
        assert InstanceNorm()(torch.full((1, 3, *sides), 7.0)).abs().max() < 1e-4


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gain_and_shift_are_of_every_map_and_picture(layout, dtype):
    maps = torch.randn(2, 3, 33, 17).mul(4).add(3).to(dtype).contiguous(memory_format=layout)
    gain, shift = torch.randn(2, 3), torch.randn(2, 3)
    even = maps.double() - maps.double().mean((2, 3), keepdim=True)
    even /= (maps.double().var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    found = InstanceNorm()(maps, gain, shift)
    expected = gain[..., None, None] * even + shift[..., None, None]
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)
    one = InstanceNorm()(maps, gain[0], shift[0])
    torch.testing.assert_close(one[0], found[0])


def test_slopes_are_those_of_the_formula():
    maps = torch.randn(2, 3, 5, 4, dtype=torch.double, requires_grad=True)
    ends = [torch.randn(2, 3, dtype=torch.double, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(InstanceNorm(), (maps, *ends))


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


def test_one_picture_takes_the_statistics_of_several():
    maps, gain, shift = torch.randn(1, 3, 9, 8), torch.randn(4, 3), torch.randn(4, 3)
    found = InstanceNorm()(maps, gain, shift)
    torch.testing.assert_close(found, InstanceNorm()(maps.repeat(4, 1, 1, 1), gain, shift))
