"""What files cost and keep, of files and pictures that are known."""

from math import log10

import pytest
import torch

from sfumato.metrics.distortion import EQUAL
from sfumato.metrics.rates import rates


def test_bits_likeness_and_their_floors_by_hand():
    """Files of as many bytes as their quality; the picture read is all black."""
    images = torch.stack([torch.full((3, 4, 8), value) for value in (-0.8, 0.6)])
    black = -torch.ones(3, 4, 8)
    found = rates(lambda image, quality: bytes(quality), lambda file: black, 2, images)
    assert [found[f"bpp_{quality}"].value for quality in (1, 2)] == [8 / 32, 16 / 32]
    assert found["bpp_1"].floor == 24
    assert found["psnr_1"].value == pytest.approx((20 * log10(2 / 0.2) + 20 * log10(2 / 1.6)) / 2)
    assert found["psnr_1"].floor == EQUAL, "each picture is its own mean"
    assert set(found) == {"bpp_1", "psnr_1", "bpp_2", "psnr_2"}, "too small for a window of SSIM"
