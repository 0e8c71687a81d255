"""How often a classifier is right, where it errs, and whether it knows how sure it may be."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sfumato.metrics.score import Score, of_share
from sfumato.shapes import Labels, Scores

BINS = 15
"""Equal steps of confidence in which calibration is measured."""


def accuracy(scores: Scores, labels: Labels) -> Score:
    """Share of images named right; its floor always answers the commonest class."""
    n = len(labels)
    right = float((scores.argmax(1) == labels).double().mean())
    floor = int(torch.bincount(labels).max()) / n
    return Score(value=right, floor=floor, ceiling=1.0, n=n, error=of_share(right, n))


def error(scores: Scores, labels: Labels) -> Score:
    """Share of images named wrong; its floor always answers the commonest class."""
    n = len(labels)
    wrong = float((scores.argmax(1) != labels).double().mean())
    floor = 1 - int(torch.bincount(labels).max()) / n
    return Score(
        value=wrong, floor=floor, ceiling=0.0, n=n, better="lower", error=of_share(wrong, n)
    )


@dataclass(frozen=True)
class ClassReport:
    """What became of one class."""

    name: str
    count: int
    """Images of this class."""
    precision: float
    """Share of the images named so that are so; nan where none is named so."""
    recall: float
    """Share of the images that are so that are named so; nan where there are none."""
    f1: float
    """Harmonic mean of the two: 2 hits / (named so + are so)."""


def by_class(table: Int[Tensor, "K K"], names: tuple[str, ...]) -> list[ClassReport]:
    """A report for each class; a row of the table is what images are, a column their names."""
    hits, are, named = table.diagonal().double(), table.sum(1), table.sum(0)
    return [
        ClassReport(
            name=name,
            count=int(are[k]),
            precision=float(hits[k] / named[k]),
            recall=float(hits[k] / are[k]),
            f1=float(2 * hits[k] / (are[k] + named[k])),
        )
        for k, name in enumerate(names)
    ]


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, in equal steps of confidence."""

    count: Int[Tensor, " N"]
    """Images whose confidence falls into each step."""
    confidence: Float[Tensor, " N"]
    """Their mean confidence; nan where there are none."""
    accuracy: Float[Tensor, " N"]
    """Share of them named right; nan where there are none."""

    @property
    def error(self) -> float:
        """Expected calibration error: the mean gap of the steps, weighed by their images.

        Naeini, Cooper & Hauskrecht (2015), as in Guo et al. (2017),
        https://arxiv.org/abs/1706.04599, equation 3.
        """
        gaps = (self.accuracy - self.confidence).abs().nan_to_num()
        return float((gaps * self.count).sum() / self.count.sum())


def reliability(scores: Scores, labels: Labels, bins: int = BINS) -> Reliability:
    """How right a classifier is where it says it is so sure; a step holds its upper end."""
    sure, answer = scores.double().softmax(1).max(1)
    step = (sure * bins).ceil().long().sub(1).clamp(0, bins - 1)
    count = torch.bincount(step, minlength=bins)
    right = (answer == labels).double()
    confidence, hits = (
        torch.bincount(step, weights=what, minlength=bins) / count for what in (sure, right)
    )
    return Reliability(count, confidence, hits)
