"""What a classifier says of pictures, and how far it is to be trusted.

Every function takes a model, or a place that holds one (a run folder, a bundle, a zoo name) and is
read to `device`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from sfumato.data.dataset import Dataset
from sfumato.data.source import Source
from sfumato.encoding import Shown, fitted, loaded
from sfumato.errors import ConfigError, DataError
from sfumato.evaluation import LEARNED, source_of, unseen_by
from sfumato.evaluation.references import Split
from sfumato.metrics.accuracy import (
    ClassReport,
    Reliability,
    accuracy,
    by_class,
    reliability,
)
from sfumato.metrics.clusters import confusion
from sfumato.metrics.score import Score
from sfumato.model import Classifier, Model
from sfumato.settings import Count
from sfumato.shapes import Images, Labels, Scores

USUAL = 3
"""Likeliest classes that are given where nobody says how many."""
Answer = list[tuple[str, float]]
"""Names of classes and their probabilities, the likeliest first."""


def classifier(place: Model | str | Path, device: str = "cpu") -> Classifier:
    """The model at `place`; raises ConfigError where it does not classify."""
    model = loaded(place, "classify", device)
    assert isinstance(model, Classifier)
    if not model.schema.classes:
        raise ConfigError(
            f"this {type(model).__name__} learned from data without labels and has no names."
        )
    return model


@torch.no_grad()
def classify(
    place: Model | str | Path, pictures: Shown, *, k: Count | None = None, device: str = "cpu"
) -> list[Answer]:
    """The `k` likeliest classes of each picture with their probabilities; 3 unless said.

    Raises ConfigError where there are fewer classes than `k`, DataError for a file that cannot be
    read.
    """
    model = classifier(place, device)
    classes = len(model.schema.classes)
    k = min(USUAL, classes) if k is None else k
    enough(k, classes)
    return top(model, _logits(model, fitted(model, pictures)), k)


def enough(k: int, classes: int) -> None:
    """Raise ConfigError where there are not `k` classes."""
    if not 1 <= k <= classes:
        raise ConfigError(f"-k {k} must be from 1 to {classes}, the classes.")


def top(model: Classifier, scores: Scores, k: int) -> list[Answer]:
    """The `k` likeliest classes of each row, by name."""
    values, classes = scores.double().softmax(1).topk(k)
    names = model.schema.classes
    rows = zip(classes.tolist(), values.tolist(), strict=True)
    return [[(names[c], v) for c, v in zip(*row, strict=True)] for row in rows]


@dataclass(frozen=True)
class Mistake:
    """An image that was named wrongly, and how sure the classifier was."""

    row: int
    """Its row in the data."""
    picture: str | None
    """What the data call it, such as its path inside their folder; None if nothing."""
    true: str
    said: str
    confidence: float


@dataclass(frozen=True)
class Trial:
    """A classifier held against images whose classes are known."""

    data: Dataset
    names: tuple[str, ...]
    """Classes in the model's order."""
    scores: Scores
    labels: Labels
    """Both in the order of the data."""
    learned: bool = False
    """Whether the classifier learned from these images, where nothing else is there."""

    @property
    def confusion(self) -> Int[Tensor, "K K"]:
        """Images of each class (row) that were named as each class (column)."""
        classes = len(self.names)
        return confusion(self.labels, self.scores.argmax(1), (classes, classes))

    @property
    def classes(self) -> list[ClassReport]:
        """Precision, recall and F1 of each class."""
        return by_class(self.confusion, self.names)

    @property
    def reliability(self) -> Reliability:
        """Confidence against accuracy."""
        return reliability(self.scores, self.labels)

    def measured(self, k: int) -> dict[str, Score]:
        """`accuracy`, `top-k` and `calibration_error`, each with the ends of its scale.

        Raises ConfigError where there are fewer classes than `k`.
        """
        n, classes = len(self.labels), len(self.names)
        enough(k, classes)
        best = self.scores.topk(k).indices
        within = float((best == self.labels[:, None]).any(1).double().mean())
        commonest = torch.bincount(self.labels, minlength=classes).topk(k).values
        right = accuracy(self.scores, self.labels)
        # who is always sure of the commonest class is wrong by all that it is not
        careless = 1 - (right.floor or 0.0)
        found = {"accuracy": right}
        if k > 1:
            found[f"top_{k}"] = Score(within, int(commonest.sum()) / n, 1.0, n)
        error = Score(self.reliability.error, careless, 0.0, n, "lower")
        said = LEARNED if self.learned else ""
        found |= {"calibration_error": error}
        return {name: replace(score, note=said) for name, score in found.items()}

    def mistakes(self, most: int | None = None) -> list[Mistake]:
        """The images named wrongly, those it was surest of first."""
        sure, said = self.scores.double().softmax(1).max(1)
        wrong = (said != self.labels).nonzero().flatten()
        order = wrong[sure[wrong].argsort(descending=True, stable=True)][:most]
        names = [None] * len(self.data) if self.data.names is None else self.data.names.tolist()
        return [
            Mistake(row, names[row], self.names[t], self.names[s], p)
            for row, t, s, p in zip(
                order.tolist(),
                self.labels[order].tolist(),
                said[order].tolist(),
                sure[order].tolist(),
                strict=True,
            )
        ]


def trial(
    place: Model | str | Path,
    data: str | Path | Source | Split | Dataset | None = None,
    *,
    count: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    tell: Callable[[int], None] | None = None,
) -> Trial:
    """Hold a classifier against `known` images of `data`, or against what is given as it is.

    `tell` is told the size of each part when it is done. Raises DataError where there are no
    labels, or classes that the model does not know.
    """
    model = classifier(place, device)
    if not isinstance(data, Split | Dataset):
        data = known(model, source_of(place, data), place=place, count=count, seed=seed)
    learned = isinstance(data, Split) and data.learned
    data = data.alone() if isinstance(data, Split) else data
    scores, labels = model.answers(data, tell)
    return Trial(data, model.schema.classes, scores, labels, learned)


def known(
    model: Classifier,
    source: Source,
    *,
    place: Model | str | Path,
    count: int | None = None,
    seed: int = 0,
) -> Split:
    """Images of `source` that it is tested on, in its shape: all, or `count` that `seed` chooses.

    Raises DataError where none are held out, and what `trial` does.
    """
    if count is not None and count < 1:
        raise ConfigError(f"-n {count} must be at least 1.")
    split = unseen_by(place, model, source, seed).told()
    split = replace(split, rows=split.rows[:count])
    if not len(split.rows):
        raise DataError(f"{source.name} holds out no images to classify.")
    model.true(split.data)  # a mistake is found before anything is measured
    return split


def _logits(model: Classifier, images: Images) -> Scores:
    parts = (model.logits(part.to(model.device)) for part in images.split(model.at_once))
    return torch.cat([part.float().cpu() for part in parts])
