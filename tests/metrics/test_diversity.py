"""Precision, recall, density, coverage, against loops and lines one can draw."""

import math

import pytest
import torch

from sfumato.errors import ConfigError
from sfumato.metrics import neighbours
from sfumato.metrics.diversity import density_coverage, precision_recall
from sfumato.metrics.neighbours import Balls


def line(*points):
    return torch.tensor(points, dtype=torch.float32)[:, None]


def plain_radius(points, i, k):
    return sorted(math.dist(points[i], p) for j, p in enumerate(points) if j != i)[k - 1]


def plain(real, fake, k):
    """All four numbers as the papers write them, point by point."""
    real, fake = real.tolist(), fake.tolist()
    radius = [plain_radius(real, i, k) for i in range(len(real))]
    fake_radius = [plain_radius(fake, j, k) for j in range(len(fake))]
    inside = [[math.dist(f, r) <= radius[i] for i, r in enumerate(real)] for f in fake]
    reached = [any(math.dist(r, f) <= fake_radius[j] for j, f in enumerate(fake)) for r in real]
    precision = sum(any(row) for row in inside) / len(fake)
    density = sum(map(sum, inside)) / (k * len(fake))
    covered = [any(row[i] for row in inside) for i in range(len(real))]
    return precision, sum(reached) / len(real), density, sum(covered) / len(real)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("block", [1, 37, 1 << 22])
def test_all_four_are_the_papers_formulas_whatever_the_block(k, block, monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    rng = torch.Generator().manual_seed(k)
    real = torch.randn(41, 3, generator=rng) + 5
    fake = 0.6 * torch.randn(29, 3, generator=rng) + 5.4
    found = (*precision_recall(real, fake, k=k), *density_coverage(real, fake, k=k))
    assert found == pytest.approx(plain(real, fake, k), abs=1e-12)
    assert 0 < found[0] < 1 or 0 < found[1] < 1


def test_four_numbers_on_a_line_by_hand():
    """Reals 0 1 3 with k = 1: radii 1 1 2, so balls [-1, 1], [0, 2] and [1, 5]."""
    real, fake = line(0.0, 1.0, 3.0), line(0.5, 5.0, 9.0)
    assert Balls(real, 1).radii.tolist() == pytest.approx([1, 1, 2])
    around, within = Balls(real, 1).count(fake)
    assert around.tolist() == [2, 1, 0]  # 5.0 lies on the surface of the last ball
    assert within.tolist() == [1, 1, 1]
    # fakes 0.5 5 9: radii 4.5 4 4, balls [-4, 5], [1, 9], [5, 13]: every real is reached
    assert precision_recall(real, fake, k=1) == pytest.approx((2 / 3, 1))
    assert density_coverage(real, fake, k=1) == pytest.approx((1, 1))


def test_one_repeated_image_is_precise_and_not_diverse():
    real = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    same = real[:1].repeat(50, 1)
    precision, recall = precision_recall(real, same)
    assert precision == 1
    assert recall <= 0.01
    assert density_coverage(real, same)[1] < 0.2


def test_copies_of_the_data_score_one():
    real = torch.randn(60, 4, generator=torch.Generator().manual_seed(0)) + 100
    assert precision_recall(real, real) == (1, 1)
    assert density_coverage(real, real)[1] == 1


def test_far_samples_score_nothing():
    real = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    assert precision_recall(real, real + 1000) == (0, 0)
    assert density_coverage(real, real + 1000) == (0, 0)


def test_known_radii_are_used_as_they_are():
    real, fake = line(0.0, 1.0, 3.0), line(0.5, 5.0)
    radii = Balls(real, 1).squared_radii
    assert Balls(real, 1, radii).count(fake)[0].tolist() == Balls(real, 1).count(fake)[0].tolist()
    none = torch.full((3,), -1.0, dtype=torch.float64)
    assert Balls(real, 1, none).count(real)[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("k", [0, 3, 7])
def test_k_must_leave_a_neighbour(k):
    with pytest.raises(ConfigError, match=f"k is {k}, and 3 images have 2 neighbours each"):
        Balls(line(0.0, 1.0, 2.0), k)
