"""The real side, the floor and the ceiling of a protocol: measured once, then read from the cache.

Reference: the split the model learned from. Held out: its test split, else its validation split,
or, where there is neither, the half that the reference leaves. The cache lies beside the prepared
data; deleting it is safe.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from sfumato import data as sources
from sfumato.data.dataset import Dataset
from sfumato.data.labels import labelled
from sfumato.data.prepare import cache_folder, make_cache
from sfumato.data.source import Source
from sfumato.errors import ConfigError, UnknownName
from sfumato.evaluation import protocol
from sfumato.evaluation.features import FeatureNet
from sfumato.evaluation.protocol import GALLERY, KEEP, METRICS, Real
from sfumato.io.bars import bar
from sfumato.io.files import atomic
from sfumato.metrics.fidelity import Moments
from sfumato.metrics.recognisable import WIDEST, Classes
from sfumato.metrics.score import Score
from sfumato.randomness import generator
from sfumato.schema import UNKNOWN
from sfumato.shapes import Images, Labels

VERSION = 4
"""Raised when the protocol changes, so that old references are not taken for new ones."""
LEAST = 20
"""Fewest held-out images a protocol makes sense with."""


@dataclass(frozen=True)
class Split:
    """Some rows of a data set, in a random order that the seed fixes."""

    data: Dataset
    rows: Tensor
    learned: bool = False
    """Whether they are of the images that are learned from, where nothing else is there."""

    def alone(self, count: int | None = None) -> Dataset:
        """All of them, or the first `count`, as a data set, in its order."""
        return self.data.take(self.rows[:count].sort().values.numpy())

    def told(self) -> "Split":
        """Those whose label is known, if that of some others is not; without labels if none is."""
        if "label" not in self.data.columns:
            return self
        label = torch.from_numpy(self.data.columns["label"])[self.rows]
        if (told := label != UNKNOWN).any():
            return replace(self, rows=self.rows[told])
        columns = {name: held for name, held in self.data.columns.items() if name != "label"}
        return replace(self, data=replace(self.data, columns=columns, digest=""))

    def images(self, count: int, batch: int) -> Iterator[Images]:
        """The first `count` of them, in batches."""
        for chosen in self.rows[:count].split(batch):
            yield self.data.batch(chosen).image

    def labels(self, count: int, net: FeatureNet) -> Labels | None:
        """Classes of the first `count` in the network's numbers; None where one is not known."""
        number = protocol.numbered(net, self.data.schema.classes)
        if number is None or not labelled(self.data):
            return None
        return number[torch.from_numpy(self.data.columns["label"][self.rows[:count].numpy()])]


@dataclass(frozen=True)
class References:
    """What samples are compared with, and the two ends of every scale."""

    count: int
    """Images that each side is measured with."""
    real: Real
    floor: dict[str, Score]
    ceiling: dict[str, Score]


def references_of(source: Source, net: FeatureNet, n: int, seed: int, batch: int) -> References:
    """Those of this protocol, from the cache or measured now (with a progress bar)."""
    reference, held_out = splits(source, seed)
    count = min(n, len(reference.rows), len(held_out.rows))
    if count < LEAST:
        raise ConfigError(
            f"{source.name} leaves {count} images to measure with, and at least {LEAST} are "
            "needed; take more data."
        )
    settings = (VERSION, net.fingerprint, net.resizer, count, seed, GALLERY, KEEP, WIDEST)
    images = (reference.data.fingerprint, held_out.data.fingerprint, len(held_out.rows))
    key = blake2b(json.dumps([net.name, settings, images]).encode(), digest_size=8).hexdigest()
    path = cache_folder() / "references" / f"{Path(net.name).name}-{key}.npz"
    found = _read(path, len(net.classes))
    if found is None:
        make_cache(path.parent)  # before what takes minutes
        found = _measure(net, reference, held_out, count, seed, batch)
        _write(path, found)
    return found


def splits(source: Source, seed: int) -> tuple[Split, Split]:
    """The reference and the held-out images; halves of one set where there is no other split.

    Held out from training images are, where the source says `holdout`, those it keeps aside: so
    settings can be chosen without a look at the test split.
    """
    source = replace(source, flip=False, labels=None)  # what is hidden from training is known here
    data = sources.open(source)
    order = torch.randperm(len(data), generator=generator(seed, "reference"))
    for part in _apart(source):
        try:
            return Split(data, order), _shuffled(part, seed)
        except UnknownName:
            continue
    half = len(data) // 2
    return Split(data, order[:half]), Split(data, order[half:], learned=True)


def examined(source: Source, seed: int, *, named: bool) -> Split:
    """What a model is tested on: what is held out of the source that it learned from.

    Of a source that is `named` for it, a part other than the training images is taken whole, and
    so is all where there is but one.
    """
    held_out = splits(source, seed)[1]
    if not named or (source.split == "train" and not held_out.learned):
        return held_out
    return _shuffled(replace(source, flip=False, labels=None), seed)


def _apart(source: Source) -> list[Source]:
    """Parts of a source that those who learn from it do not see, the best first."""
    if source.holdout and source.split == "train":
        return [replace(source, split="validation")]
    parts = {"train": ("test", "validation"), "validation": ("test",)}.get(source.split, ())
    return [replace(source, split=part, count=None) for part in parts]


def _shuffled(source: Source, seed: int) -> Split:
    data = sources.open(source)
    return Split(data, torch.randperm(len(data), generator=generator(seed, "held out")))


def _measure(
    net: FeatureNet, reference: Split, held_out: Split, count: int, seed: int, batch: int
) -> References:
    """Run the protocol on the real images, on held-out ones and on noise."""
    shown = protocol.shown(net, len(reference.rows))
    metrics = protocol.supported(net, list(METRICS))
    with bar() as progress:
        task = progress.add_task(f"references ({net.name})", total=3 * count + shown)

        def advance(size: int) -> None:
            progress.advance(task, size)

        seen = protocol.observe(net, reference.images(count, batch), advance)
        classes = None
        if net.classes:
            maps, labels = protocol.gallery(net, reference.data, reference.rows, batch, advance)
            classes = Classes(maps, labels, len(net.classes))
        real = Real(seen.moments, seen.kept.features, classes)
        mean, deviation = protocol.pixel_moments(reference.images(count, batch))
        noise = protocol.noise(mean, deviation, count, batch, seed)
        painted = protocol.observe(net, noise, advance)
        floor = protocol.measure(painted, real, metrics, seed)
        others = protocol.observe(net, held_out.images(count, batch), advance)
        ceiling = protocol.measure(others, real, metrics, seed, held_out.labels(count, net))
    return References(count, real, floor, ceiling)


def _write(path: Path, found: References) -> None:
    real = found.real
    arrays: dict[str, Tensor] = {
        "mean": real.moments.mean,
        "scatter": real.moments.scatter,
        "features": real.features,
    }
    if real.classes is not None:
        classes = real.classes
        arrays |= {
            "maps": classes.features,
            "labels": classes.labels,
            "radii": classes.squared_radii,
        }
    said = {
        "count": found.count,
        "floor": {name: asdict(score) for name, score in found.floor.items()},
        "ceiling": {name: asdict(score) for name, score in found.ceiling.items()},
    }
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(file, said=json.dumps(said), **{k: v.numpy() for k, v in arrays.items()})  # type: ignore[arg-type]


def _read(path: Path, classes: int) -> References | None:
    """What was measured before; None where it was not, or the file is damaged."""
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            said = json.loads(str(file["said"]))
            held = {name: torch.from_numpy(file[name]) for name in file.files if name != "said"}
        moments = Moments(len(held["mean"]))
        moments.count, moments.mean, moments.scatter = said["count"], held["mean"], held["scatter"]
        gallery = None
        if classes:
            gallery = Classes(held["maps"], held["labels"], classes, squared_radii=held["radii"])
        ends = ({k: Score(**v) for k, v in said[end].items()} for end in ("floor", "ceiling"))
        return References(said["count"], Real(moments, held["features"], gallery), *ends)
    except (OSError, ValueError, KeyError, TypeError, BadZipFile):
        return None
