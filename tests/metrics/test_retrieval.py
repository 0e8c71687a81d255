import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from sfumato.metrics.retrieval import average_precision, chance, mean_average_precision


def test_hand_worked():
    found = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0], [0, 0, 0, 0]]).bool()
    want = [(1 + 2 / 3) / 2, 1 / 4, 1.0, 0.0]
    torch.testing.assert_close(average_precision(found), torch.tensor(want))


def test_against_an_independent_program():
    queries, gallery = torch.randn(20, 3), torch.randn(300, 3)
    wanted, classes = torch.randint(4, (20,)), torch.randint(4, (300,))
    distances = np.linalg.norm(queries[:, None] - gallery[None], axis=2)
    want = np.mean(
        [
            average_precision_score(classes.numpy() == int(label), -row)
            for row, label in zip(distances, wanted, strict=True)
        ]
    )
    found = mean_average_precision(queries, wanted, gallery, classes)
    assert found == pytest.approx(want, abs=1e-5)


def test_a_ranking_by_chance_scores_about_the_share_of_the_class():
    wanted, classes = torch.randint(5, (200,)), torch.randint(5, (2000,))
    found = mean_average_precision(torch.randn(200, 8), wanted, torch.randn(2000, 8), classes)
    assert found == pytest.approx(chance(wanted, classes), abs=0.01)


def test_where_the_codes_lie_does_not_matter():
    classes = torch.arange(300) % 2
    gallery = 0.05 * torch.randn(300, 3) + 0.1 * classes[:, None]
    near = mean_average_precision(gallery, classes, gallery, classes)
    far = mean_average_precision(gallery + 1000, classes, gallery + 1000, classes)
    assert far == pytest.approx(near, abs=0.01)
    assert near > 0.6
