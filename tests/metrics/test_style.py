"""How much of the way to a style: by hand."""

import pytest
import torch

from sfumato.metrics.style import style_loss


def test_losses_add_up_before_they_are_divided():
    parts = [(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 4.0])), (torch.ones(1), torch.ones(1))]
    found = style_loss(iter(parts))["style_loss"]
    assert found.value == pytest.approx(4 / 9)
    assert (found.floor, found.n, found.better) == (1.0, 3, "lower")
