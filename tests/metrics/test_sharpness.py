import pytest
import torch
from scipy.ndimage import laplace
from torch.nn.functional import avg_pool2d

from sfumato.metrics.sharpness import largest_step, sharpness


def test_against_an_independent_laplacian():
    images = torch.rand(3, 2, 7, 9) * 2 - 1
    want = [
        sum((laplace(plane)[1:-1, 1:-1] ** 2).mean() for plane in (image.numpy() + 1) / 2) / 2
        for image in images
    ]
    assert sharpness(images).tolist() == pytest.approx(want, rel=1e-5)


def test_blur_lowers_it_and_flat_has_none():
    images = torch.rand(4, 1, 16, 16) * 2 - 1
    assert (sharpness(avg_pool2d(images, 3, 1)) < sharpness(images) / 4).all()
    assert sharpness(torch.full((1, 3, 5, 5), 0.3)).item() == pytest.approx(0, abs=1e-12)


def test_an_even_way_a_jump_and_standing_still():
    start, end = torch.rand(2, 1, 4, 4)
    shares = torch.linspace(0, 1, 6)[:, None, None, None]
    even = start + shares * (end - start)
    jump = torch.where(shares < 0.5, start, end)
    still = start.expand(6, 1, 4, 4)
    found = largest_step(torch.stack([even, jump, still]))
    assert found.tolist() == pytest.approx([1 / 5, 1, 1], rel=1e-5)
