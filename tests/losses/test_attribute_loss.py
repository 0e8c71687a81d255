"""The loss of tags against formulas written another way."""

from math import exp, log

import pytest
import torch

from sfumato.losses.attributes import attribute_loss
from sfumato.schema import Attribute, Schema

SLANT = Attribute(name="slant", low=-20.0, high=20.0)
HAIR = Attribute(name="hair", low=0.0, high=2.0, values=("red", "green", "blue"))
SCHEMA = Schema(shape=(1, 8, 8), attributes=(SLANT, HAIR))
TRUE = torch.tensor([[-20.0, 1.0], [10.0, 0.0]])


def test_the_loss_by_hand():
    tags = torch.tensor([[-0.5, 0.3, 1.2, -2.0], [1.0, 0.0, 0.0, 0.0]])
    slant = (0.5**2 + 0.5**2) / 2
    hair = (-log(exp(1.2) / (exp(0.3) + exp(1.2) + exp(-2.0))) + log(3)) / 2
    assert float(attribute_loss(tags, TRUE, SCHEMA)) == pytest.approx(slant + hair, rel=1e-6)


def test_it_is_nothing_where_the_tags_are_right_and_sure():
    tags = torch.tensor([[-1.0, 0.0, 50.0, 0.0], [0.5, 50.0, 0.0, 0.0]])
    assert float(attribute_loss(tags, TRUE, SCHEMA)) == pytest.approx(0, abs=1e-6)


def test_a_step_downhill_brings_every_attribute_nearer():
    tags = torch.zeros(2, 4, requires_grad=True)
    attribute_loss(tags, TRUE, SCHEMA).backward()
    moved = tags.detach() - 0.1 * tags.grad
    before, after = (
        [
            float(
                attribute_loss(t[:, :1], TRUE[:, :1], Schema(shape=(1, 8, 8), attributes=(SLANT,)))
            ),
            float(
                attribute_loss(t[:, 1:], TRUE[:, 1:], Schema(shape=(1, 8, 8), attributes=(HAIR,)))
            ),
        ]
        for t in (torch.zeros(2, 4), moved)
    )
    assert all(new < old for new, old in zip(after, before, strict=True))
