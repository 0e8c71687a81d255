"""Resizing against the published small pictures, and laws of the kernel."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from sfumato.io.images import from_bytes, read, rounded
from sfumato.metrics.distortion import psnr_y
from sfumato.nn.resize import enlarge, resize, shrink

SETS = Path(os.environ.get("SFUMATO_DATA", "nowhere")) / "super_resolution"


def test_a_constant_stays_and_a_ramp_stays_a_ramp():
    flat = torch.full((1, 3, 12, 8), 0.4)
    for changed in (shrink(flat, 4), enlarge(flat, 2)):
        torch.testing.assert_close(changed, torch.full_like(changed, 0.4))
    ramp = torch.linspace(0, 1, 32)[None, None, None].expand(1, 1, 32, 32)
    inner = enlarge(ramp, 2)[0, 0, 20, 8:-8].diff()
    torch.testing.assert_close(inner, inner[:1].expand_as(inner), atol=1e-5, rtol=1e-4)


def test_sides_are_rounded_up_and_the_same_size_costs_nothing():
    images = torch.rand(2, 1, 9, 6)
    assert shrink(images, 4).shape == (2, 1, 3, 2)
    assert resize(images, 9, 6) is images


def test_one_row_by_keys_kernel():
    """Enlarging twice: a pixel a quarter beyond a source pixel weighs four by a = -1/2."""

    def key(x):
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    row = torch.tensor([0.1, -0.4, 0.9, 0.3, -0.2, 0.6])
    found = enlarge(row[None, None, None].expand(1, 1, 6, 6), 2)[0, 0, 5, 5]
    weights = [key(2.25 - at) for at in range(6)]  # the sixth pixel lies at (5 + 1/2) / 2 - 1/2
    want = sum(w * float(v) for w, v in zip(weights, row, strict=True)) / sum(weights)
    assert float(found) == pytest.approx(want, abs=1e-5)


@pytest.mark.skipif(not SETS.exists(), reason="the published sets are not here")
@pytest.mark.parametrize(("name", "mean"), [("Set5", 28.42), ("Set14", 25.99)])
def test_published_scores_of_bicubic(name, mean):
    """Four times, on luma without four pixels of border, from small pictures of our making."""
    found = []
    for path in sorted((SETS / name / "HR_mod4").iterdir()):
        sharp = from_bytes(np.asarray(read(path, channels=3))[None])
        found.append(float(psnr_y(enlarge(rounded(shrink(sharp, 4)), 4), sharp, border=4)))
    assert np.mean(found) == pytest.approx(mean, abs=0.11)
