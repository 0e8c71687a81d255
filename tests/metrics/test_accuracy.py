"""Accuracy, reports by class, calibration: by hand, and against scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_fscore_support

from sfumato.metrics.accuracy import accuracy, by_class, error, reliability
from sfumato.metrics.clusters import confusion


def test_accuracy_and_its_floor_by_hand():
    scores = torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, 0.0], [1.0, 0.0]])
    score = accuracy(scores, torch.tensor([0, 1, 1, 0]))
    assert (score.value, score.floor, score.ceiling, score.n) == (0.75, 0.5, 1.0, 4)
    score = error(scores, torch.tensor([0, 1, 1, 0]))
    assert (score.value, score.floor, score.ceiling, score.n) == (0.25, 0.5, 0.0, 4)
    assert score.better == "lower"
    assert score.error == accuracy(scores, torch.tensor([0, 1, 1, 0])).error == math.sqrt(3) / 8


def test_reports_agree_with_scikit_learn():
    true, said = torch.randint(4, (200,)), torch.randint(4, (200,))
    found = by_class(confusion(true, said, (4, 4)), tuple("abcd"))
    want = precision_recall_fscore_support(true.numpy(), said.numpy())
    got = np.array([[r.precision, r.recall, r.f1, r.count] for r in found]).T
    assert np.allclose(got, np.stack(want))
    assert [report.name for report in found] == list("abcd")


def test_a_class_nobody_named_has_no_precision():
    found = by_class(torch.tensor([[2, 0], [1, 0]]), ("a", "b"))
    assert math.isnan(found[1].precision)
    assert (found[1].recall, found[1].f1) == (0.0, 0.0)


def of(confidence):
    """Two classes; the first is named with this confidence."""
    return [math.log(confidence), math.log(1 - confidence)]


def test_calibration_error_by_hand():
    """0.87 said and half right, 0.58 said and all right."""
    scores = torch.tensor([of(0.87)] * 4 + [of(0.58)] * 2)
    found = reliability(scores, torch.tensor([0, 0, 1, 1, 0, 0]), bins=10)
    assert found.error == pytest.approx(4 / 6 * 0.37 + 2 / 6 * 0.42, abs=1e-6)
    assert found.count.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 4, 0]


def test_a_step_holds_its_upper_end_and_full_confidence_the_last():
    found = reliability(torch.tensor([[0.0, 0.0], [80.0, 0.0]]), torch.tensor([0, 0]), bins=2)
    assert found.count.tolist() == [1, 1]


def test_who_says_what_is_so_makes_no_error():
    scores = torch.tensor([of(0.75)] * 4)
    assert reliability(scores, torch.tensor([0, 0, 0, 1])).error == pytest.approx(0, abs=1e-6)
