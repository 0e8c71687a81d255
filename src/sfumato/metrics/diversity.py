"""Fidelity and diversity told apart: precision and recall, density and coverage.

A ball around each real (or fake) feature reaches to its k-th nearest neighbour of the same set.
    precision  share of fakes inside a real ball       recall    share of reals inside a fake ball
    density    mean real balls around a fake, over k   coverage  share of real balls with a fake

Papers: Kynkäänniemi et al. (2019), https://arxiv.org/abs/1904.06991 (k = 3);
Naeem et al. (2020), https://arxiv.org/abs/2002.09797 (k = 5).
Departure: a ball includes its surface in all four (Naeem et al. leave it out), so that copies of
the data score 1 everywhere.
"""

from sfumato.metrics.neighbours import Balls, Points
from sfumato.shapes import Features


def precision_recall(real: Features, fake: Points, *, k: int = 3) -> tuple[float, float]:
    """Improved precision and recall, each in [0, 1]. One outlier's wide ball can raise either."""
    return _reached(Balls(real, k), fake), _reached(Balls(fake, k), real)


def density_coverage(real: Features, fake: Points, *, k: int = 5) -> tuple[float, float]:
    """Density (1 is as dense as the data; it can be more) and coverage in [0, 1]."""
    around, within = Balls(real, k).count(fake)
    return float(around.double().mean() / k), float((within > 0).double().mean())


def _reached(balls: Balls, points: Points) -> float:
    """Share of `points` that lie in any ball."""
    return float((balls.count(points)[0] > 0).double().mean())
