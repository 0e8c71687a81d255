"""Closeness within a batch, against the paper's sum written out."""

from math import exp

import pytest
import torch

from sfumato.nn.apart import each
from sfumato.nn.minibatch import DIMS, MOMENTUM, MinibatchDiscrimination


def layer(features=7, kernels=3):
    torch.manual_seed(1)
    return MinibatchDiscrimination(features, kernels).double()


def rows(count=5, features=7):
    return torch.randn(count, features, generator=torch.Generator().manual_seed(2)).double()


def test_each_sum_is_the_papers():
    net, given = layer(), rows()
    measured = (given @ net.weight).view(5, 3, DIMS).tolist()
    wanted = [
        [
            sum(
                exp(-sum(abs(a - b) for a, b in zip(measured[i][k], measured[j][k], strict=True)))
                for j in range(5)
                if j != i
            )
            for k in range(3)
        ]
        for i in range(5)
    ]
    found = net(given)
    assert torch.equal(found[:, :7], given)
    torch.testing.assert_close(found[:, 7:], torch.tensor(wanted).double())


def test_twins_are_as_close_as_can_be_and_strangers_apart():
    found = layer()(torch.cat([rows(1).expand(4, -1), 1e3 * rows(1)]))
    torch.testing.assert_close(found[:4, 7:], torch.full((4, 3), 3.0).double())
    assert not found[4, 7:].any()


def test_batches_in_one_pass_are_each_compared_within_themselves():
    together, alone = layer(), layer()
    one, other = rows(4), rows(4) + 1
    found = each(together, one, other)
    for answers, batch in zip(found, (one, other), strict=True):
        torch.testing.assert_close(answers, alone(batch))
    torch.testing.assert_close(together.usual, alone.usual)
    assert together.parts == 1


def test_after_training_a_row_is_judged_without_its_neighbours_by_what_was_usual():
    net, given = layer(), rows()
    seen = net(given)[:, 7:].mean(0)
    net.eval()
    torch.testing.assert_close(net(given)[:, 7:], (MOMENTUM * seen).expand(5, -1))
    assert torch.equal(net(given)[:2], net(given[:2]))


def test_a_penalty_can_go_through_it():
    net, given = layer(), rows().requires_grad_()
    assert torch.autograd.gradgradcheck(net, given)
    slope = torch.autograd.grad(net(given)[:, 7:].sum(), given, create_graph=True)[0]
    slope.square().sum().backward()
    assert net.weight.grad.any()


@pytest.mark.parametrize("count", [1, 2])
def test_the_least_batches(count):
    assert layer()(rows(count)).shape == (count, 10)
