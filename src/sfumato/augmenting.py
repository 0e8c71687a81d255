"""A data set made larger by a model that can be asked for a label.

    FOLDER/pictures/real-000000.png, made-000000.png ...
           metadata.csv      file_name, label, origin: real or made

Any source of labelled pictures may be read that way again: `--data FOLDER`.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sfumato import data as sources
from sfumato.data.dataset import Dataset
from sfumato.data.labels import complete
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.evaluation import source_of
from sfumato.io.files import atomic
from sfumato.io.images import to_bytes, to_picture
from sfumato.model import Model, Sampler
from sfumato.randomness import derive
from sfumato.sampling import begin, paint, sampler
from sfumato.shapes import Images

PART = 250
"""Pictures painted at a time."""


@dataclass(frozen=True)
class Augmented:
    """What lies in the folder, class by class."""

    real: dict[str, int]
    made: dict[str, int]


def augment(
    place: Model | str | Path,
    folder: str | Path,
    data: str | Source | Dataset | None = None,
    *,
    ratio: float = 1.0,
    keep: bool = True,
    seed: int = 0,
    tell: Callable[[int], None] | None = None,
) -> Augmented:
    """Write the labelled pictures of `data` and, for each class, `ratio` times as many painted.

    `data` is what the run learned from unless given; its pictures of unknown label are left out,
    and all of them without `keep`. `tell` is told the number of pictures written. The folder
    appears when all are in it. Raises ConfigError where the model cannot be asked for a label,
    DataError where the data has no labels, or a class without pictures.
    """
    model = able(place)
    if not isinstance(data, Dataset):
        data = known(model, source_of(place, data))
    labels, names = data.columns["label"], data.schema.classes
    counts = np.bincount(labels, minlength=len(names))
    want = {name: round(ratio * int(n)) for name, n in zip(names, counts, strict=True)}
    with atomic(folder) as temporary:
        (temporary / "pictures").mkdir(parents=True)
        with (temporary / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("file_name", "label", "origin"))
            for origin, parts in (
                ("real", _real(data) if keep else iter(())),
                ("made", _made(model, want, seed)),
            ):
                number = 0
                for images, classes in parts:
                    for pixels, name in zip(to_bytes(images), classes, strict=True):
                        path = f"pictures/{origin}-{number:06d}.png"
                        to_picture(pixels).save(temporary / path)
                        table.writerow((path, name, origin))
                        number += 1
                    if tell is not None:
                        tell(len(images))
    kept = {name: int(n) if keep else 0 for name, n in zip(names, counts, strict=True)}
    return Augmented(real=kept, made=want)


def able(place: Model | str | Path) -> Sampler:
    """The model at `place`; raises ConfigError where it cannot be asked for a label."""
    model = sampler(place, "augment")
    if "label" not in model.conditions:
        raise ConfigError(
            f"augment needs a model that can be asked for a label, and {type(model).__name__} "
            "cannot; cgan is one."
        )
    return model


def known(model: Sampler, source: Source) -> Dataset:
    """The pictures of `source` whose label is known, in the model's shape."""
    shape = model.schema.shape
    fitted = {"side": source.side or model.schema.side, "channels": shape[0], "flip": False}
    data = sources.open(Source(**{**vars(source), **fitted}))
    data.require(("label",), "augment")
    model.schema.numbers(data.schema, data.name)
    rows = np.flatnonzero(data.columns["label"] >= 0)
    columns = {name: data.columns[name][rows] for name in ("image", "label")}
    found = Dataset(name=data.name, schema=data.schema, columns=columns)
    complete(found, "augment")
    return found


Part = tuple[Images, list[str]]


def _real(data: Dataset) -> Iterator[Part]:
    for rows in torch.arange(len(data)).split(PART):
        batch = data.batch(rows)
        yield batch.image, [data.schema.classes[int(label)] for label in batch.label]


def _made(model: Sampler, want: dict[str, int], seed: int) -> Iterator[Part]:
    """Samples of each class, from codes of their own."""
    for name, count in want.items():
        number = model.schema.classes.index(name)
        for start in range(0, count, PART):
            size = min(PART, count - start)
            own = derive(seed, "augment", number, start)
            codes, condition = begin(model, size, own, None, {"label": number})
            yield paint(model, codes, condition), [name] * size
