"""Recognisable: is a sample surely of one class, and near real members of it.

A sample f with the classifier's answer c counts if both hold:
    p(c | f) >= 0.9
    |f - r| <= d_k(r)   for some real r of class c; d_k(r) is the distance from r to its k-th
                        nearest neighbour among the reals of class c
which is improved precision (Kynkäänniemi et al., 2019) class by class, in a classifier's features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.errors import ConfigError
from sfumato.metrics.neighbours import Balls
from sfumato.shapes import Features, Labels, Scores

CONFIDENCE = 0.9


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
        k: int,
        squared_radii: Tensor | None = None,
    ) -> None:
        """A class of at most `k` reals has no balls: nothing counts as one of its members.

        `squared_radii`, one per real, are not measured again where they are known from before.
        """
        self.features, self.labels = features, labels
        self.balls: list[Balls | None] = []
        for c in range(classes):
            own = labels == c
            known = None if squared_radii is None else squared_radii[own]
            self.balls.append(Balls(features[own], k, known) if int(own.sum()) > k else None)
        if not any(self.balls):
            raise ConfigError(
                f"no class has more than k = {k} real images; give more images, or a smaller k."
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
