"""A data set made larger by a model that can be asked for a label, or with one that names.

    FOLDER/pictures/real-000000.png, made-000000.png ...
           metadata.csv      file_name, label, origin: real or made

Any source of labelled pictures may be read that way again: `--data FOLDER`.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

import numpy as np
import torch

from sfumato import data as sources
from sfumato.classifying import classifier
from sfumato.data.dataset import Dataset
from sfumato.data.labels import complete
from sfumato.data.source import Source
from sfumato.errors import ConfigError, DataError, RunError
from sfumato.evaluation import source_of
from sfumato.io.files import at_home, atomic
from sfumato.io.images import to_bytes, to_picture
from sfumato.model import Classifier, Model, Sampler
from sfumato.nn.resize import resize
from sfumato.randomness import derive
from sfumato.sampling import begin, paint, sampler
from sfumato.schema import UNKNOWN
from sfumato.shapes import Images

PART = 250
"""Pictures painted at a time."""


PATIENCE = 20
"""How many times more pictures than are wanted are painted before a class counts as missing."""
Part = tuple[Images, list[str]]
"""Pictures, and the class of each."""


@dataclass(frozen=True)
class Augmented:
    """What lies in the folder, class by class."""

    real: dict[str, int]
    made: dict[str, int]


def augment(
    place: Model | str | Path,
    folder: str | Path,
    data: str | Path | Source | Dataset | None = None,
    *,
    ratio: float = 1.0,
    keep: bool = True,
    seed: int = 0,
    namer: Model | str | Path | None = None,
    sure: float = 0.0,
    device: str = "cpu",
    tell: Callable[[int], None] | None = None,
) -> Augmented:
    """Write the labelled pictures of `data` and, for each class, `ratio` times as many painted.

    `data` is what the run learned from unless given; its pictures of unknown label are left out,
    and all of them without `keep`. Where the model cannot be asked for a label, the classifier
    `namer` says what each picture shows, or the model itself if it is one, and pictures are kept
    whose name it holds at least `sure` probable. Places are read to `device`; `tell` is told the
    number of pictures written. The folder appears when all are in it. Raises ConfigError where
    nobody knows a label, or `sure` is asked of nobody; DataError where the data has no labels, a
    class has no pictures, or the namer finds too few of one.
    """
    if not 0 <= ratio < inf:
        raise ConfigError(f"--ratio must be 0 or more; got {ratio:g}.")
    folder = at_home(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise RunError(f"{folder} exists already; name a new or an empty folder.")
    model = sampler(place, "augment", device)
    reader = named_by(model, namer, sure, device)
    if not isinstance(data, Dataset):
        data = known(model, source_of(place, data))
    (reader or model).schema.numbers(data.schema, data.name)  # refuses a class it does not know
    labels, names = data.columns["label"], data.schema.classes
    counts = np.bincount(labels, minlength=len(names))
    want = {name: round(ratio * int(n)) for name, n in zip(names, counts, strict=True)}
    if ratio and not any(want.values()):
        raise ConfigError(
            f"--ratio {ratio:g} of {counts.max()} pictures of a class is none; name a larger one."
        )
    made = _asked(model, want, seed) if reader is None else _named(model, reader, want, seed, sure)
    write(folder, {"real": real(data) if keep else iter(()), "made": made}, tell)
    kept = {name: int(n) if keep else 0 for name, n in zip(names, counts, strict=True)}
    return Augmented(real=kept, made=want)


def write(
    folder: str | Path,
    origins: Mapping[str, Iterator[Part]],
    tell: Callable[[int], None] | None = None,
) -> None:
    """Write labelled pictures by origin as a folder that any source of pictures reads."""
    with atomic(folder, durable=False) as temporary:
        (temporary / "pictures").mkdir(parents=True)
        with (temporary / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("file_name", "label", "origin"))
            for origin, parts in origins.items():
                number = 0
                for images, classes in parts:
                    for pixels, name in zip(to_bytes(images), classes, strict=True):
                        path = f"pictures/{origin}-{number:06d}.png"
                        to_picture(pixels).save(temporary / path)
                        table.writerow((path, name, origin))
                        number += 1
                    if tell is not None:
                        tell(len(images))


def named_by(
    model: Sampler, namer: Model | str | Path | None, sure: float = 0.0, device: str = "cpu"
) -> Classifier | None:
    """Who says what a painted picture shows; None where the model can be asked for a label."""
    who = type(model).__name__
    if not 0 <= sure < 1:
        raise ConfigError(f"--sure is a probability from 0 to below 1, not {sure}.")
    if "label" in model.conditions:
        if sure:
            raise ConfigError(f"--sure is of a classifier, and {who} can be asked for a label.")
        if namer is not None:
            raise ConfigError(f"{who} can be asked for a label: leave out --named-by.")
        return None
    if namer is not None:
        reader = classifier(namer, device)
        if (sees := reader.schema.channels) != (paints := model.schema.channels):
            raise ConfigError(
                f"--named-by reads pictures of {sees} channels, and {who} paints {paints}."
            )
        return reader
    if isinstance(model, Classifier) and "Classifier" not in model.lacks:
        return model
    raise ConfigError(
        f"augment needs a model that can be asked for a label, such as cgan, and {who} cannot; "
        "--named-by a classifier names what it paints."
    )


def known(model: Model, source: Source, verb: str = "augment", *, all_: bool = True) -> Dataset:
    """The pictures of `source` whose label is known, in the model's shape.

    Raises DataError where there are no labels, and with `all_` where a class has no picture.
    """
    fit = replace(source, channels=model.schema.channels, flip=False)
    if source.side is None:
        fit = replace(fit, side=model.schema.side, patch=None)
    data = sources.open(fit)
    data.require(("label",), verb)
    rows = np.flatnonzero(data.columns["label"] != UNKNOWN)
    found = data.take(rows).only(("label",))
    if all_:
        complete(found, verb)
    return found


def real(data: Dataset) -> Iterator[Part]:
    """The labelled pictures of a data set."""
    for rows in torch.arange(len(data)).split(PART):
        batch = data.batch(rows)
        yield batch.image, [data.schema.classes[int(label)] for label in batch.label]


def _asked(model: Sampler, want: dict[str, int], seed: int) -> Iterator[Part]:
    """Samples of each class, from codes of their own."""
    for name, count in want.items():
        number = model.schema.classes.index(name)
        for start in range(0, count, PART):
            size = min(PART, count - start)
            own = derive(seed, "augment", number, start)
            codes, condition = begin(model, size, own, None, {"label": number})
            yield paint(model, codes, condition), [name] * size


@torch.no_grad()
def _named(
    model: Sampler, namer: Classifier, want: dict[str, int], seed: int, sure: float
) -> Iterator[Part]:
    """Samples under the names a classifier is sure of, until each class has enough."""
    left, names, part = dict(want), namer.schema.classes, 0
    most = PATIENCE * (1 + max(want.values()) * len(want) // PART)
    while any(left.values()):
        if part == most:
            name = max(left, key=lambda name: left[name])
            raise DataError(
                f"of {part * PART:,} painted pictures too few were named {name!r}: "
                f"{left[name]:,} are missing; take a smaller --ratio or --sure, or another model."
            )
        images = paint(model, *begin(model, PART, derive(seed, "augment", part), None, {}))
        shown = resize(images, *namer.schema.shape[1:]).clamp(-1, 1)
        chances, found = namer.logits(shown.to(namer.device)).float().softmax(1).max(1)
        said = [names[k] for k in found.tolist()]
        rows = []
        for row, name in enumerate(said):
            if chances[row] >= sure and left.get(name, 0) > 0:
                left[name] -= 1
                rows.append(row)
        if rows:
            yield images[rows], [said[row] for row in rows]
        part += 1
