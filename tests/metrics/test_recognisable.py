"""Recognisable needs both: a sure answer, and a real member of that class nearby."""

import pytest
import torch

from sfumato.errors import ConfigError
from sfumato.metrics.recognisable import Classes, neighbour

# class 0 around 0 on a line (radii 1), class 1 around 10 (radii 2), k = 1
REAL = torch.tensor([[0.0], [1.0], [10.0], [12.0]])
LABELS = torch.tensor([0, 0, 1, 1])


def logits(*pairs):
    """Rows whose softmax gives these probabilities of class 0."""
    p = torch.tensor(pairs)
    return torch.stack([p.log(), (1 - p).log()], 1)


def test_the_two_conditions_by_hand():
    classes = Classes(REAL, LABELS, 2, k=1, widest=1.0)
    features = torch.tensor([[0.5], [2.0], [2.1], [0.5], [11.0], [11.0]])
    answers = logits(0.95, 0.91, 0.99, 0.89, 0.05, 0.95)
    found = classes.recognise(answers, features)
    # sure and near; on the surface; too far; unsure; class 1 and near; sure of the wrong class
    assert found.verdict.tolist() == [True, True, False, False, True, False]
    assert found.fraction == pytest.approx(0.5)
    assert found.shares == pytest.approx((2 / 6, 1 / 6))
    assert found.sure.tolist() == [True, True, True, False, True, True]


def test_an_outlier_has_no_wider_ball_than_three_quarters_of_its_class():
    reals = torch.tensor([[0.0], [1.0], [2.0], [3.0], [100.0]])
    labels = torch.zeros(5, dtype=torch.long)
    # radii 1 1 1 1 97, of which the third quartile is 1
    free = Classes(reals, labels, 1, k=1, widest=1.0)
    held = Classes(reals, labels, 1, k=1)
    sure, points = torch.zeros(3, 1), torch.tensor([[50.0], [99.5], [0.5]])
    assert free.recognise(sure, points).verdict.tolist() == [True, True, True]
    assert held.recognise(sure, points).verdict.tolist() == [False, True, True]


def test_the_neighbour_grows_with_the_class():
    assert [neighbour(members) for members in (10, 1500, 3000, 6000, 60_000)] == [5, 5, 10, 20, 20]


def test_shares_sum_to_the_fraction():
    rng = torch.Generator().manual_seed(0)
    real = torch.randn(200, 3, generator=rng)
    found = Classes(real, torch.arange(200) % 4, 4, k=3).recognise(
        6 * torch.randn(50, 4, generator=rng), torch.randn(50, 3, generator=rng)
    )
    assert 0 < found.fraction < 1
    assert sum(found.shares) == pytest.approx(found.fraction)


def test_a_class_without_reals_recognises_nothing():
    classes = Classes(REAL, LABELS, 3, k=1)
    sure = torch.tensor([[0.0, 0.0, 50.0], [50.0, 0.0, 0.0]])
    found = classes.recognise(sure, torch.tensor([[0.0], [0.0]]))
    assert found.verdict.tolist() == [False, True]


def test_radii_stored_and_given_back_judge_alike():
    classes = Classes(REAL, LABELS, 3, k=1)
    assert classes.squared_radii.tolist() == pytest.approx([1, 1, 4, 4])
    again = Classes(REAL, LABELS, 3, k=1, squared_radii=classes.squared_radii)
    points, answers = torch.tensor([[1.9], [2.1]]), logits(0.99, 0.99)
    answers = torch.cat([answers, torch.full((2, 1), -50.0)], 1)
    assert again.recognise(answers, points).verdict.tolist() == [True, False]


def test_too_few_reals_for_any_ball():
    with pytest.raises(ConfigError, match="no class has more than 5 real images"):
        Classes(REAL, LABELS, 2, k=5)
