"""Where a loss rises most: lengths, directions, and what is left alone."""

import torch
from torch import nn

from sfumato.losses.steepest import steepest


def test_of_a_linear_loss_each_image_moves_along_its_own_slope():
    images, slopes = torch.randn(4, 1, 3, 3), torch.randn(4, 1, 3, 3)
    moved = steepest(lambda x: (slopes * x).sum(), images, 2.0)
    lengths = slopes.flatten(1).norm(dim=1)[:, None, None, None]
    torch.testing.assert_close(moved, images + 2 * slopes / lengths)


def test_no_other_way_of_that_length_is_worse_where_the_loss_is_nearly_flat():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 1))
    images = torch.randn(1, 1, 4, 4)

    def loss(x):
        return network(x).sum()

    found = steepest(loss, images, 1e-3)
    torch.testing.assert_close((found - images).norm(), torch.tensor(1e-3), rtol=1e-3, atol=0)
    for _ in range(50):
        other = torch.randn(1, 1, 4, 4)
        assert loss(images + 1e-3 * other / other.norm()) <= loss(found) + 1e-7


def test_without_a_slope_or_a_radius_nothing_moves_and_weights_get_no_gradient():
    network, images = nn.Conv2d(1, 1, 3), torch.randn(2, 1, 4, 4)
    assert steepest(lambda x: network(x).sum(), images, 0.0) is images
    still = steepest(lambda x: 0 * x.sum(), images, 2.0)
    torch.testing.assert_close(still, images)
    with torch.no_grad():
        moved = steepest(lambda x: network(x).square().sum(), images, 2.0)
    assert not torch.equal(moved, images)
    assert not moved.requires_grad
    assert network.weight.grad is None
