from itertools import permutations

import pytest
import torch

from sfumato.metrics.clusters import confusion, matched_error


def test_a_confusion_counts_pairs():
    groups, labels = torch.tensor([0, 0, 1, 2, 2]), torch.tensor([3, 3, 0, 1, 3])
    table = confusion(groups, labels, (3, 4))
    assert table.tolist() == [[0, 0, 0, 2], [1, 0, 0, 0], [0, 1, 0, 1]]


def test_names_do_not_matter():
    labels = torch.arange(100) % 5
    renamed = torch.tensor([3, 0, 4, 1, 2])[labels]
    assert matched_error(confusion(renamed, labels, (5, 5))) == 0


def test_the_matching_is_the_best_of_all():
    rng = torch.Generator().manual_seed(2)
    for _ in range(20):
        table = torch.randint(0, 9, (4, 4), generator=rng)
        best = max(sum(int(table[i, p[i]]) for i in range(4)) for p in permutations(range(4)))
        assert matched_error(table) == pytest.approx(1 - best / int(table.sum()))


@pytest.mark.parametrize("table", [[[5, 0], [5, 0]], [[5, 5]], [[5], [5]]])
def test_what_is_left_over_is_wrong(table):
    """Two groups of one class, one group of two, and two groups for one class in all."""
    assert matched_error(torch.tensor(table)) == pytest.approx(0.5)
