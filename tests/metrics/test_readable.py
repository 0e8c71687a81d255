from collections import Counter

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from sfumato.errors import ConfigError
from sfumato.metrics.readable import linear_accuracy, nearest_accuracy


def blobs(apart, count=400, classes=4):
    labels = torch.arange(count) % classes
    codes = torch.randn(count, 6)
    codes[torch.arange(count), labels] += apart
    return codes, labels


def test_far_apart_everything_is_readable_and_together_nothing():
    for accuracy in (nearest_accuracy, linear_accuracy):
        assert accuracy(*blobs(12.0)) == 1
        assert accuracy(*blobs(0.0)) == pytest.approx(0.25, abs=0.09)
        assert accuracy(*blobs(0.0)) < accuracy(*blobs(2.0)) < 1


def test_the_nearest_vote_as_leave_one_out_does():
    codes, labels = blobs(1.5, count=60)
    right = 0
    for row in range(60):
        others = torch.arange(60) != row
        judge = KNeighborsClassifier(1).fit(codes[others], labels[others])
        right += int(judge.predict(codes[[row]])[0] == labels[row])
    assert nearest_accuracy(codes, labels, k=1) == pytest.approx(right / 60)


def test_most_votes_win_and_the_nearer_decides_a_tie():
    """By hand: who are the nearest of each, and what do they say?"""
    line = torch.tensor([[0.0], [1.0], [3.0]])
    assert nearest_accuracy(line, torch.tensor([0, 0, 1]), k=2) == pytest.approx(2 / 3)
    assert nearest_accuracy(line, torch.tensor([1, 0, 1]), k=2) == 0
    line = torch.tensor([[0.0], [1.0], [2.1], [3.3]])
    assert nearest_accuracy(line, torch.tensor([1, 0, 1, 1]), k=3) == pytest.approx(3 / 4)


def test_ties_of_any_ranks_are_decided_by_the_nearest():
    """The first and fourth against the second and third: the first decides."""
    codes, said = torch.randn(300, 2), torch.randint(3, (300,))
    right = 0
    for row, apart in enumerate(torch.cdist(codes, codes)):
        near = [int(said[one]) for one in apart.argsort().tolist() if one != row][:5]
        votes = Counter(near)
        tied = [kind for kind in near if votes[kind] == max(votes.values())]
        right += tied[0] == int(said[row])
    assert nearest_accuracy(codes, said, k=5) == pytest.approx(right / 300)


def test_a_code_that_turns_in_a_circle_is_near_but_not_linear():
    angle = torch.rand(1000) * 2 * torch.pi
    labels = torch.arange(1000) % 2
    codes = torch.stack([angle.cos(), angle.sin()], 1) * (1 + labels[:, None])
    assert nearest_accuracy(codes, labels) > 0.95
    assert linear_accuracy(codes, labels) < 0.65


def test_the_linear_classifier_is_asked_about_what_it_did_not_learn_from():
    codes, labels = blobs(12.0, classes=2)
    labels[200:] = 1 - labels[200:]
    assert linear_accuracy(codes, labels) == 0


def test_too_little_is_answered_in_one_line():
    with pytest.raises(ConfigError, match=r"5 codes have no 5 neighbours each; give more."):
        nearest_accuracy(torch.randn(5, 2), torch.zeros(5, dtype=torch.long))
    with pytest.raises(ConfigError, match="needs two classes or more to learn from"):
        linear_accuracy(torch.randn(9, 2), torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 1]))
