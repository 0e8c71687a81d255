"""A look at every picture of a source, writing nothing."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import numpy as np

from sfumato.data.ahead import Ahead
from sfumato.data.catalogue import module
from sfumato.data.dataset import Report, in_patches
from sfumato.data.pairs import MADE
from sfumato.data.prepare import chosen
from sfumato.data.source import Source
from sfumato.data.stock import Cut, Pictures, Stock, attempt
from sfumato.errors import DataError
from sfumato.schema import UNKNOWN, Schema


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a source is made of."""

    report: Report
    """Pictures that can be read, and those that cannot."""
    fields: tuple[str, ...]
    """What a batch of it would hold."""
    channels: int
    """1 for grey, 3 for colour."""
    sizes: dict[str, int]
    """Width x height to number of pictures, most frequent first."""
    classes: dict[str, int]
    """Class to number of pictures that can be read."""
    unlabelled: int
    """How many of them are of no known class, where others are."""
    attributes: dict[str, tuple[float, float] | tuple[str, ...]]
    """Attribute to its range, or to the values there are to choose from."""
    vocabulary: int
    """Words of the captions."""


def check(source: Source) -> Findings:
    """Decode everything; pictures may differ in size.

    Raises what `data.open` does, save what it says of all labels together (`labels`), of
    pictures of several sizes, and of those of the other source.
    """
    opener = import_module(f"sfumato.data.{module(source.name)}")
    rows, stock, cut = chosen(source, opener.stock(source.origin))
    rows = rows[: source.count or None]
    sizes: Counter[str] = Counter()
    skipped: list[tuple[str, str]] = []
    good: list[int] = []
    work = partial(_shape, stock.pictures, cut)
    with Ahead(work, rows, len(rows), f"checking {source.name}") as results:
        for row, result in results:
            if isinstance(result, DataError):
                skipped.append((stock.pictures.name(row), str(result)))
                continue
            height, width, channels = result
            in_patches(Schema(shape=(channels, height, width)), source.patch, source.name)
            sizes[f"{width}x{height}"] += 1
            good.append(row)
    return _findings(source, stock, cut, good, skipped, sizes)


def _shape(pictures: Pictures, cut: Cut, row: int) -> tuple[int, ...] | DataError:
    """Of a decoded picture, whose pixels are let go at once: whole photographs would add up."""
    result = attempt(pictures, cut, row)
    return result if isinstance(result, DataError) else result[0].shape


def _findings(
    source: Source,
    stock: Stock,
    cut: Cut,
    good: list[int],
    skipped: list[tuple[str, str]],
    sizes: "Counter[str]",
) -> Findings:
    names = (("label", stock.label), ("attributes", stock.values), ("caption", stock.caption))
    target = source.other or source.pair in MADE
    fields = (
        *stock.pictures.columns,
        *(name for name, column in names if column is not None),
        *(["target"] if target else []),
    )
    label = stock.label[good] if stock.label is not None else np.array([], int)
    counts = np.bincount(label[label != UNKNOWN], minlength=len(stock.classes))
    return Findings(
        report=Report(kept=len(good), skipped=tuple(skipped), notes=stock.notes),
        fields=fields,
        channels=cut.channels,
        sizes=dict(sizes.most_common()),
        classes={name: int(n) for name, n in zip(stock.classes, counts, strict=False)},
        unlabelled=int((label == UNKNOWN).sum()),
        attributes={a.name: a.values or (a.low, a.high) for a in stock.attributes},
        vocabulary=len(stock.vocabulary),
    )
