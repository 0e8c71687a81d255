"""Which attributes count as named right."""

import pytest
import torch

from sfumato.metrics.attributes import accuracies, commonest, hits
from sfumato.schema import Attribute, Schema

SCHEMA = Schema(
    shape=(1, 8, 8),
    attributes=(
        Attribute(name="slant", low=-20.0, high=20.0),
        Attribute(name="hair", low=-1.0, high=1.0, values=("red", "green", "blue")),
    ),
)


def test_a_choice_must_agree_and_a_number_be_near():
    true = torch.tensor([[0.0, 0.0], [10.0, 1.0], [-20.0, -1.0]])
    said = torch.tensor([[3.9, 0.0], [14.1, 1.0], [-20.0, 0.0]])
    assert hits(said, true, SCHEMA).tolist() == [[True, True], [False, True], [True, False]]


def test_the_commonest_answer_is_mode_and_median():
    true = torch.tensor([[1.0, 0.0], [2.0, 1.0], [9.0, 1.0]])
    assert commonest(true, SCHEMA).tolist() == [[2.0, 1.0]] * 3


def test_scores_are_the_mean_and_each_by_name():
    value = torch.tensor([[True, True], [False, True], [False, False], [True, True]])
    ends = torch.tensor([[False, False], [False, True]]), torch.ones(3, 2, dtype=torch.bool)
    scores = accuracies(value, *ends, SCHEMA)
    assert list(scores) == ["attribute_accuracy", "slant_accuracy", "hair_accuracy"]
    mean, hair = scores["attribute_accuracy"], scores["hair_accuracy"]
    assert (mean.value, mean.floor, mean.ceiling, mean.n) == (0.625, 0.25, 1.0, 4)
    assert mean.error == pytest.approx(torch.tensor([1, 0.5, 0, 1]).std(correction=0).item() / 2)
    assert (hair.value, hair.floor, hair.ceiling, hair.n) == (0.75, 0.5, 1.0, 4)
    assert hair.error == pytest.approx((0.75 * 0.25 / 4) ** 0.5)
