"""One protocol for samples, held-out images and noise: so their scores can stand side by side."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

import torch
from torch import Tensor

from sfumato.data.dataset import Dataset
from sfumato.data.labels import labelled
from sfumato.errors import UnknownName, nearest
from sfumato.evaluation.features import FeatureNet, Reading
from sfumato.metrics.diversity import density_coverage, precision_recall
from sfumato.metrics.fidelity import (
    Moments,
    classifier_score,
    frechet_distance,
    frechet_error,
    kernel_distance,
)
from sfumato.metrics.recognisable import Classes
from sfumato.metrics.score import UNBIASED, Score, of_share
from sfumato.randomness import generator
from sfumato.shapes import Features, Images, Labels, Scores

METRICS: dict[str, Literal["higher", "lower"]] = {
    "fid": "lower",
    "kid": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    "recognisable": "higher",
    "rarest_class": "higher",
    "classifier_score": "higher",
    "label_accuracy": "higher",
}
"""Every metric of samples, and which way is good."""
NEED_CLASSES = ("recognisable", "rarest_class", "classifier_score", "label_accuracy")
KEEP = 10_000
"""Images whose features are kept; FID alone goes on beyond, by its moments."""
PART = 250
"""Noise is drawn for so many images at once."""
GALLERY = 24_000_000
"""Numbers in the features of the reals that *recognisable* compares with: 60,000 by 400."""


@dataclass(frozen=True)
class Seen:
    """What a network saw of one set of images."""

    moments: Moments
    """Of the features of all of them."""
    kept: Reading
    """Of the first `KEEP` of them, on the CPU."""

    @property
    def count(self) -> int:
        """Images seen."""
        return self.moments.count


@dataclass(frozen=True)
class Real:
    """The real side of every comparison."""

    moments: Moments
    features: Features
    classes: Classes | None
    """None where the network does not classify."""


def observe(
    net: FeatureNet, batches: Iterable[Images], advance: Callable[[int], None] = lambda size: None
) -> Seen:
    """Stream images through the network; memory does not grow beyond `KEEP` of them."""
    moments, kept, held = Moments(net.dim), list[Reading](), 0
    for images in batches:
        reading = net.read(images)
        moments.update(reading.features)
        if (room := KEEP - held) > 0:
            kept.append(reading.head(room))
            held += len(kept[-1].features)
        advance(len(images))
    return Seen(moments, Reading.join(kept))


def shown(net: FeatureNet, count: int) -> int:
    """How many of `count` real images *recognisable* compares with."""
    return min(count, GALLERY // net.nearness) if net.classes else 0


def numbered(net: FeatureNet, classes: Sequence[str]) -> Labels | None:
    """The network's number of each class, matched by name; None where it lacks one."""
    order = {name: number for number, name in enumerate(net.classes)}
    if not classes or not all(name in order for name in classes):
        return None
    return torch.tensor([order[name] for name in classes])


def gallery(
    net: FeatureNet, data: Dataset, rows: Tensor, batch: int, advance: Callable[[int], None]
) -> tuple[Features, Labels]:
    """Maps and classes of real images, as many as `GALLERY` allows.

    Classes are matched to the network's by name; data of which some images have no such label take
    its own answers.
    """
    number = numbered(net, data.schema.classes) if labelled(data) else None
    maps, labels = list[Tensor](), list[Tensor]()
    for chosen in rows[: shown(net, len(rows))].split(batch):
        given = data.batch(chosen)
        reading = net.read(given.image)
        assert reading.maps is not None
        assert reading.logits is not None
        maps.append(reading.maps.cpu())
        answers = reading.logits.argmax(1).cpu()
        labels.append(answers if number is None else number[given.label])
        advance(len(chosen))
    return torch.cat(maps), torch.cat(labels)


def supported(net: FeatureNet, metrics: Sequence[str]) -> list[str]:
    """Those of `metrics` that this network allows; raises UnknownName for a name that is none."""
    for name in metrics:
        if name not in METRICS:
            raise UnknownName(f"metric {name!r} is unknown; {nearest(name, METRICS)}")
    return [name for name in metrics if net.classes or name not in NEED_CLASSES]


def measure(
    seen: Seen,
    real: Real,
    metrics: Sequence[str],
    seed: int,
    labels: Labels | None = None,
) -> dict[str, Score]:
    """Values without references; the same function measures samples, noise and held-out images.

    `labels`, in the network's numbers, are what samples were asked to be, or what images are.
    """
    found: dict[str, Score] = {}
    reals, kept = real.features, seen.kept
    if "fid" in metrics:
        error = frechet_error(real.moments, seen.moments, kept.features)
        found["fid"] = Score(
            frechet_distance(real.moments, seen.moments),
            error=error if isfinite(error) else None,
            note=_doubt(real.moments, seen.moments),
        )
    if "kid" in metrics:
        value, error = kernel_distance(reals, kept.features, generator(seed, "kid"))
        most = UNBIASED["fid"]
        trusted = f"trust this one below {most:,} images" if seen.count < most else ""
        found["kid"] = Score(value, error=error, note=trusted)
    if {"precision", "recall"} & set(metrics):
        precision, recall = precision_recall(reals, kept.features)
        found["precision"] = Score(precision, error=of_share(precision, len(kept.features)))
        found["recall"] = Score(recall)
    if {"density", "coverage"} & set(metrics):
        density, coverage = density_coverage(reals, kept.features)
        found |= {"density": Score(density), "coverage": Score(coverage)}
    if kept.logits is not None:
        found["classifier_score"] = Score(classifier_score(kept.logits))
        if real.classes is not None and kept.maps is not None:
            found |= _recognised(kept.logits, kept.maps, real.classes)
        if labels is not None:
            answers, wished = kept.logits.argmax(1), labels[: len(kept.logits)]
            found["label_accuracy"] = label_accuracy(answers, wished, seed)
    return {name: found[name] for name in metrics if name != "label_accuracy" or name in found}


def label_accuracy(answers: Labels, wished: Labels, seed: int) -> Score:
    """Share of answers that are what was wished; the floor exchanges the wishes at random."""
    order = torch.randperm(len(wished), generator=generator(seed, "wishes"))
    share, chance = (
        float((answers == asked).double().mean()) for asked in (wished, wished[order])
    )
    return Score(share, error=of_share(share, len(wished)), floor=chance)


def _doubt(real: Moments, fake: Moments) -> str:
    """What must be said of a Fréchet distance at this n."""
    few, most = min(real.count, fake.count), UNBIASED["fid"]
    if real.deficient or fake.deficient:
        return f"{few} images cannot fill {len(real.mean)} dimensions: far too large, trust kid"
    return f"biased upwards below {most:,} images, trust kid" if few < most else ""


def _recognised(logits: Scores, maps: Features, classes: Classes) -> dict[str, Score]:
    found = classes.recognise(logits, maps)
    sure = float(found.sure.double().mean())
    shares = " ".join(f"{share:.3f}" for share in found.shares)
    error = of_share(found.fraction, len(logits))
    # of the classes that real images show
    pairs = zip(found.shares, classes.balls, strict=True)
    rarest = min(share for share, balls in pairs if balls is not None)
    said = f"the classifier alone is sure of {sure:.3f}"
    return {
        "recognisable": Score(found.fraction, error=error, note=said),
        "rarest_class": Score(
            rarest, error=of_share(rarest, len(logits)), note=f"shares {shares}"
        ),
    }


def noise(mean: Tensor, deviation: Tensor, count: int, batch: int, seed: int) -> Iterator[Images]:
    """The trivial baseline: Gaussian pixels with each pixel's own mean and deviation, clamped."""
    for start in range(0, count, PART):  # whatever the batch, the same noise
        rng = generator(seed, "noise", start)
        size = (min(PART, count - start), *mean.shape)
        yield from (mean + deviation * torch.randn(size, generator=rng)).clamp(-1, 1).split(batch)


def pixel_moments(batches: Iterable[Images]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every pixel, C H W."""
    total = square = torch.zeros(())
    count = 0
    for images in batches:
        wide = images.double()
        total, square = total + wide.sum(0), square + wide.square().sum(0)
        count += len(images)
    mean = total / count
    return mean.float(), (square / count - mean.square()).clamp_min(0).sqrt().float()
