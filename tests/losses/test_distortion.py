"""What pictures lose: the pixels' error and the structure's, by their own formulas."""

import pytest
import torch

from sfumato.losses.distortion import distortion
from sfumato.metrics.distortion import ssim

REAL = torch.rand(2, 3, 20, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_equal_pictures_lose_nothing():
    found = distortion(REAL, REAL, pixel=0.7, structure=0.3, scales=3)
    assert found.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("side", [20, 6])
def test_both_errors_are_weighed_where_there_is_room_for_structure(side):
    real = REAL[..., :side, :side]
    made = real + 0.2 * real.flip(-1)
    wanted = 0.7 * (made - real).abs().mean()
    if side == 20:
        wanted = wanted + 0.3 * (1 - ssim(made, real).mean())
    found = distortion(made, real, pixel=0.7, structure=0.3, scales=3)
    torch.testing.assert_close(found, wanted)
