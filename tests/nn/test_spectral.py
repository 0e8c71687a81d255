from copy import deepcopy

import pytest
import torch
from torch import nn

from sfumato.nn.spectral import spectral


def largest(weight):
    return torch.linalg.matrix_norm(weight.detach().flatten(1), 2).item()


@pytest.mark.parametrize("layer", [nn.Linear(7, 5), nn.Conv2d(3, 6, 4), nn.Conv3d(1, 4, 2)])
def test_the_largest_singular_value_becomes_one(layer):
    before = layer.weight.detach().clone()
    made = spectral(layer)
    assert made is layer
    for _ in range(300):
        made.weight  # noqa: B018 - each look in training mode is a power iteration
    assert largest(made.weight) == pytest.approx(1, rel=1e-3)
    torch.testing.assert_close(
        made.weight.detach(), before / largest(before), rtol=2e-3, atol=1e-4
    )


def test_a_transposed_convolution_is_measured_across_its_output_maps():
    layer = spectral(nn.ConvTranspose2d(6, 3, 4))
    for _ in range(300):
        layer.weight  # noqa: B018
    assert largest(layer.weight.transpose(0, 1)) == pytest.approx(1, rel=1e-3)


def test_a_whole_network_is_normalised_and_stays_one_lipschitz():
    net = nn.Sequential(
        nn.Linear(8, 32), nn.LeakyReLU(0.2), nn.Sequential(nn.Linear(32, 32)), nn.Linear(32, 1)
    )
    for weight in net.parameters():
        weight.data.mul_(20)
    spectral(net)
    for _ in range(300):
        net(torch.zeros(1, 8))
    net.eval()
    a, b = torch.randn(2, 500, 8)
    stretched = (net(a) - net(b)).norm(dim=1) / (a - b).norm(dim=1)
    assert stretched.max() <= 1.001


def test_eval_mode_leaves_the_estimate_alone():
    layer = spectral(nn.Linear(9, 9)).eval()
    state = deepcopy(layer.state_dict())
    x = torch.randn(4, 9)
    assert torch.equal(layer(x), layer(x))
    assert all(torch.equal(state[key], value) for key, value in layer.state_dict().items())


def test_a_copy_of_the_network_takes_its_weights_by_name():
    one, other = (spectral(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten())) for _ in range(2))
    other.load_state_dict(one.state_dict())
    x = torch.randn(2, 1, 6, 6)
    assert torch.equal(one.eval()(x), other.eval()(x))


@pytest.fixture
def precision():
    before = torch.get_float32_matmul_precision()
    yield torch.set_float32_matmul_precision
    torch.set_float32_matmul_precision(before)


def test_it_begins_the_same_under_any_precision_and_leaves_that_alone(precision):
    """A run chooses its precision after it has built its network, for all that follow."""
    found = []
    for level in ("highest", "medium"):
        precision(level)
        torch.manual_seed(4)
        found.append(spectral(nn.Linear(300, 200)).state_dict())
        assert torch.get_float32_matmul_precision() == level
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])
