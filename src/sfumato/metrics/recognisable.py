"""Recognisable: is a sample surely of one class, and near real members of it.

A sample f with the classifier's answer c counts if both hold:
    p(c | f) >= 0.9
    |f - r| <= min(d_k(r), q_c)   for some real r of class c
d_k(r) is the distance from r to its k-th nearest neighbour among the reals of class c, and q_c the
third quartile of those distances: improved precision (Kynkäänniemi et al., 2019) class by class,
without the wide balls of outliers, into which noise falls. k is 1 in 300 of a class, 5 to 20.

Features are what the classifier's first dense layer sees. k and q were chosen by what tells
held-out images from Gaussian noise (each pixel's mean and deviation), before any model was
measured. Shares that count:
                                             MNIST      Fashion-MNIST   digits (8 pixels)
    reals; k                              60,000; 20     22,325; 7        1,500; 5
    images of each row (last two: 1,000 up) 10,000         10,000           297
    held-out images, the classifier alone    0.979          0.818          0.933
    noise, the classifier alone              0.979          0.384          0.489
    held-out images                          0.930          0.686          0.721
    noise                                    0.000          0.000          0.030
    noise, q the widest                      0.012          0.376          0.124
    the same in the last 84 tanh units, with 60,000; 20: MNIST 0.979, Fashion-MNIST 0.377
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.errors import ConfigError
from sfumato.metrics.neighbours import Balls
from sfumato.shapes import Features, Labels, Scores

CONFIDENCE = 0.9
WIDEST = 0.75
"""Quantile of a class's radii that no ball exceeds."""


def neighbour(members: int) -> int:
    """Which neighbour sets the radius in a class of so many reals."""
    return max(5, min(20, members // 300))


@dataclass(frozen=True)
class Recognised:
    """What became of some samples."""

    verdict: Tensor
    """True where a sample counts, N."""
    answer: Tensor
    """The classifier's answer, recognisable or not, N."""
    sure: Tensor
    """True where the classifier alone would be content, N."""
    shares: tuple[float, ...]
    """Recognisable samples of each class over all samples: they sum to `fraction`."""

    @property
    def fraction(self) -> float:
        """Share of the samples that count."""
        return float(self.verdict.double().mean())


class Classes:
    """The real images that samples are held against: balls around the features, class by class."""

    def __init__(
        self,
        features: Features,
        labels: Labels,
        classes: int,
        *,
        k: int | None = None,
        widest: float = WIDEST,
        squared_radii: Tensor | None = None,
    ) -> None:
        """A class of at most `k` reals has no balls: nothing counts as one of its members.

        `k` is `neighbour` of the class unless given; no radius exceeds the quantile `widest`.
        `squared_radii`, one per real, are not measured again where they are known from before.
        """
        self.features, self.labels = features, labels
        self.balls: list[Balls | None] = []
        for c in range(classes):
            own = labels == c
            members = int(own.sum())
            nearest = k or neighbour(members)
            if members <= nearest:
                self.balls.append(None)
            elif squared_radii is not None:
                self.balls.append(Balls(features[own], nearest, squared_radii[own]))
            else:
                balls = Balls(features[own], nearest)
                balls.squared_radii.clamp_(max=float(balls.squared_radii.quantile(widest)))
                self.balls.append(balls)
        if not any(self.balls):
            raise ConfigError(
                f"no class has more than {k or neighbour(0)} real images; "
                "give more, or a smaller k."
            )

    @property
    def squared_radii(self) -> Tensor:
        """Squared radius of each real's ball, N; negative where its class has none."""
        squares = torch.full((len(self.labels),), -1.0, dtype=torch.float64)
        for c, balls in enumerate(self.balls):
            if balls is not None:
                squares[self.labels == c] = balls.squared_radii
        return squares

    def recognise(self, logits: Scores, features: Features) -> Recognised:
        """Judge samples by their logits N K and their features N D."""
        confidence, answer = logits.detach().to("cpu", torch.float64).softmax(1).max(1)
        sure = confidence >= CONFIDENCE
        verdict = torch.zeros_like(sure)
        for c, balls in enumerate(self.balls):
            mine = (sure & (answer == c)).nonzero().flatten()
            if balls is not None:
                verdict[mine] = balls.count(features[mine.to(features.device)])[0] > 0
        counts = torch.bincount(answer[verdict], minlength=len(self.balls))
        shares = tuple((counts.double() / max(len(answer), 1)).tolist())
        return Recognised(verdict, answer, sure, shares)
