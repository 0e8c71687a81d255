"""What harms pictures does so by the book."""

from io import BytesIO
from math import e

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from sfumato.imaging.degradation import LIGHTS, blurred, compressed, relit
from sfumato.io.images import from_bytes, to_bytes


@pytest.mark.parametrize("channels", [1, 3])
def test_compressed_is_pillows_jpeg_of_each_quality(channels):
    rng = torch.Generator().manual_seed(1)
    images = from_bytes(torch.randint(0, 256, (2, 16, 24, channels), generator=rng).byte())
    found = compressed(images, torch.tensor([10, 90]))
    for image, back, quality in zip(images, found, (10, 90), strict=True):
        file = BytesIO()
        Image.fromarray(to_bytes(image[None])[0].squeeze()).save(file, "JPEG", quality=quality)
        want = np.asarray(Image.open(file)).reshape(16, 24, channels)
        assert np.array_equal(to_bytes(back[None])[0], want)
    assert (found[0] - images[0]).abs().mean() > (found[1] - images[1]).abs().mean()


def test_blurred_is_scipys_gaussian_of_each_deviation():
    images = torch.randn(3, 2, 20, 17, generator=torch.Generator().manual_seed(2)).double()
    sigmas = [0.7, 2.0, 1e-9]
    found = blurred(images, torch.tensor(sigmas).double())
    for image, back, sigma in zip(images, found, sigmas, strict=True):
        want = gaussian_filter(image.numpy(), (0, sigma, sigma), mode="mirror", radius=(0, 6, 6))
        torch.testing.assert_close(back, torch.tensor(want), atol=1e-6, rtol=0)


def test_another_light_is_the_same_at_strength_0_and_keeps_dark_below_bright():
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    draws = torch.rand(3, LIGHTS, generator=torch.Generator().manual_seed(1)) * 2 - 1
    torch.testing.assert_close(relit(images, draws, 0.0), images, atol=1e-5, rtol=0)
    found = relit(images, draws, 1.0)
    assert float(found.abs().max()) <= 1
    assert not torch.allclose(found, images, atol=0.1)
    order = images[0, 0].flatten().argsort()
    assert (found[0, 0].flatten()[order].diff() >= 0).all()
    assert relit(images[:, :1], draws, 1.0).shape == (3, 1, 8, 8)


def test_each_number_of_a_light_does_its_own():
    """By hand: a middle grey of 0.5 under gamma e^0.7, a gain of e^0.5, a haze of 0.15."""
    bent, gained, hazy = 0.5 ** (e**0.7), 0.5 * e**0.5, 0.65
    own = [[gained if k == n else 0.5 for k in range(3)] for n in range(3)]
    own += [[hazy if k == n else 0.5 for k in range(3)] for n in range(3)]
    found = relit(torch.zeros(LIGHTS, 3, 1, 1), torch.eye(LIGHTS), 1.0)
    want = torch.tensor([[bent] * 3, *own])
    torch.testing.assert_close((found[..., 0, 0] + 1) / 2, want, atol=1e-5, rtol=0)
