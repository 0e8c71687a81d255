"""A convolution of maps at twice their side equals enlarging first."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, interpolate

from sfumato.nn.doubled import Doubled, doubled


@pytest.mark.parametrize("side", [1, 3, 5, 7])
@pytest.mark.parametrize("size", [(5, 8), (1, 1), (2, 3)])
@pytest.mark.parametrize("last", [False, True])
def test_it_is_the_convolution_of_enlarged_maps(side, size, last) -> None:
    maps = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 3, side, side, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)
    asked = maps.contiguous(memory_format=torch.channels_last) if last else maps
    ours = doubled(asked, weight, bias)
    plain = conv2d(interpolate(maps, scale_factor=2.0), weight, bias, padding=side // 2)
    assert torch.allclose(ours, plain, atol=1e-12)
    pull = torch.randn_like(plain)
    given = maps, weight, bias
    for a, b in zip(
        torch.autograd.grad(ours, given, pull),
        torch.autograd.grad(plain, given, pull),
        strict=True,
    ):
        assert torch.allclose(a, b, atol=1e-11)


def test_by_hand_a_row_of_three() -> None:
    """1 2 becomes 1 1 2 2; with weights 1 10 100 a place sees left, itself and right."""
    weight = torch.tensor([1.0, 10.0, 100.0]).view(1, 1, 1, 3) * torch.tensor([0.0, 1, 0]).view(
        1, 1, 3, 1
    )
    found = doubled(torch.tensor([[[[1.0, 2.0]]]]), weight)
    assert found[0, 0].tolist() == [[110.0, 211.0, 221.0, 22.0]] * 2


def test_the_module_has_the_parameters_of_the_convolution_it_stands_for() -> None:
    ours = Doubled(6, 4, 5, padding="same")
    plain = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(6, 4, 5, padding=2))
    plain[1].load_state_dict(ours.state_dict())
    maps = torch.randn(2, 6, 7, 7)
    assert torch.allclose(ours(maps), plain(maps), atol=1e-5)


def test_its_slope_has_a_slope() -> None:
    maps = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(doubled, (maps, weight))


def test_it_goes_into_a_graph_and_is_as_before_after_that() -> None:
    """Nothing is kept of a pass over shapes alone."""
    layer, maps = Doubled(2, 3, 5, padding="same"), torch.randn(2, 2, 4, 4)
    with torch.device("meta"):
        assert deepcopy(layer).to("meta")(torch.empty(2, 2, 4, 4)).shape == (2, 3, 8, 8)
    rows = {0: torch.export.Dim("batch")}
    graph = torch.export.export(layer, (maps,), dynamic_shapes=(rows,)).module()
    other = torch.randn(5, 2, 4, 4)
    torch.testing.assert_close(graph(other), layer(other))
