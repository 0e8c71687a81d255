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
    value, floor, ceiling = torch.tensor([[0.5, 0.75], [0.1, 0.3], [0.9, 1.0]]).double()
    scores = accuracies(value, floor, ceiling, SCHEMA, 40)
    assert list(scores) == ["attribute_accuracy", "slant_accuracy", "hair_accuracy"]
    mean = scores["attribute_accuracy"]
    found = (mean.value, mean.floor, mean.ceiling)
    assert found == pytest.approx((0.625, 0.2, 0.95))
    assert (scores["hair_accuracy"].value, scores["hair_accuracy"].n) == (0.75, 40)
