"""Several batches in one pass: nothing but the pace tells."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from sfumato.nn.apart import Norm1d, Norm2d, each
from sfumato.nn.ladder import falling


def judge():
    torch.manual_seed(3)
    rows = [nn.Flatten(), nn.Linear(8 * 4 * 4, 5), Norm1d(5), nn.LeakyReLU(0.2), nn.Linear(5, 1)]
    return nn.Sequential(*falling(1, [4, 8]), *rows).double()


def batches(count=6):
    torch.manual_seed(4)
    return [scale * torch.randn(count, 1, 16, 16).double() + scale for scale in (1, 3)]


def test_answers_gradients_and_statistics_are_those_of_one_after_another():
    together, one_by_one = judge(), judge()
    real, fake = batches()
    found = each(together, real, fake)
    wanted = one_by_one(real), one_by_one(fake)
    for verdicts, right in zip(found, wanted, strict=True):
        assert torch.allclose(verdicts, right)
    for verdicts in (found, wanted):
        (verdicts[0].square().mean() - verdicts[1].sigmoid().mean()).backward()
    pairs = zip(together.parameters(), one_by_one.parameters(), strict=True)
    assert all(torch.allclose(a.grad, b.grad) for a, b in pairs)
    pairs = zip(together.buffers(), one_by_one.buffers(), strict=True)
    assert all(torch.allclose(a, b) for a, b in pairs)


def test_afterwards_also_of_a_mistake_a_batch_is_one_again():
    network = judge()
    each(network, *batches())
    assert all(norm.parts == 1 for norm in network if isinstance(norm, Norm1d | Norm2d))
    with pytest.raises(RuntimeError):
        each(network, *(torch.zeros(2, 3, 16, 16).double() for _ in range(2)))
    assert all(norm.parts == 1 for norm in network if isinstance(norm, Norm1d | Norm2d))


def test_another_batch_norm_is_asked_for_one_after_another():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double()
    twin = deepcopy(network)
    torch.manual_seed(5)
    one, other = (scale * torch.randn(6, 3).double() for scale in (1, 4))
    for found, wanted in zip(each(network, one, other), (twin(one), twin(other)), strict=True):
        assert torch.equal(found, wanted)


def test_a_saved_network_with_torchs_norm_fits():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    twin = nn.Sequential(nn.Conv2d(1, 2, 3), Norm2d(2))
    assert twin.load_state_dict(network.state_dict())
