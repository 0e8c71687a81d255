"""Judges of patches: how much room they need."""

import pytest
import torch
from torch import nn

from sfumato.errors import ConfigError
from sfumato.nn.patches import PATCHES, patches, room_for


@pytest.mark.parametrize("patch", sorted(PATCHES))
def test_the_least_side_is_the_least_that_works(patch):
    """One pixel less leaves the last norm a single place, or the verdict none."""
    judge = patches(1, 2, patch, nn.InstanceNorm2d)
    least = next(side for side in range(1, 200) if _roomy(side, patch))
    assert judge(torch.rand(1, 1, least, least)).numel()
    with pytest.raises((ValueError, RuntimeError)):
        judge(torch.rand(1, 1, least - 1, least - 1))


def test_too_small_images_are_refused_with_a_patch_that_fits():
    with pytest.raises(ConfigError) as caught:
        room_for(286, 32)
    assert str(caught.value) == (
        "--model.patch 286 needs images of 96 pixels or more, and these have 32; take "
        "--model.patch 70."
    )


def _roomy(side, patch):
    try:
        room_for(patch, side)
    except ConfigError:
        return False
    return True
