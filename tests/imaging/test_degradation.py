"""What harms pictures does so by the book."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from sfumato.imaging.degradation import blurred, compressed
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
