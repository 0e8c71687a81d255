"""Schema and size of a source without preparing it: for plans, which write and fetch nothing."""

from importlib import import_module

import numpy as np

from sfumato.data import anime_faces, celeba
from sfumato.data.catalogue import ENTRIES, module
from sfumato.data.celeba import yes_no
from sfumato.data.dataset import in_patches
from sfumato.data.prepare import chosen
from sfumato.data.shelf import found
from sfumato.data.source import Source
from sfumato.data.splits import apart
from sfumato.data.stock import Cut, Stock, positions
from sfumato.errors import DataError
from sfumato.schema import Schema

PUBLISHED = {
    "mnist": ((1, 28, 28), 10, (), {"train": 60_000, "test": 10_000}),
    "fashion-mnist": ((1, 28, 28), 10, (), {"train": 60_000, "test": 10_000}),
    "cifar10": ((3, 32, 32), 10, (), {"train": 50_000, "test": 10_000}),
    "celeba": ((3, 218, 178), 0, yes_no(celeba.NAMES), {"train": 162_770, "test": 19_962}),
    "facades": ((3, 256, 256), 0, (), {"train": 341, "test": 37}),
    "gtsrb": ((3, 32, 32), 43, (), {"train": 1_418, "test": 690}),
    "anime-faces": ((3, 64, 64), 0, anime_faces.ATTRIBUTES, {"train": 2_700, "test": 300}),
}
"""Shape C H W, classes, attributes and images per part of the known sets, as published."""
GROUPED = ("gtsrb",)
"""Those of which images that belong together are held out together."""


def glance(source: Source, *, look: bool = True) -> tuple[Schema, int | None]:
    """The schema that `sfumato.data.open(source)` would have, and how many images.

    With `look`, what lies on this machine is read as far as needed. A known set that is not
    here, or that is not looked at, is described as published, its classes by number. Raises what
    `open` does, save what it says of all labels together (`labels`) and of the other source.
    """
    known = source.name in ENTRIES and ENTRIES[source.name].known
    if known and not (look and found(source.name)):
        return _published(source)
    stock = import_module(f"sfumato.data.{module(source.name)}").stock(source.origin)
    rows, stock, cut = chosen(source, stock)
    schema = Schema(
        shape=_shape(source, stock, rows, cut),
        classes=stock.classes,
        attributes=stock.attributes,
        vocabulary=stock.vocabulary,
        caption=0 if stock.caption is None else stock.caption.shape[1],
    )
    return in_patches(schema, source.patch, source.name), len(rows[: source.count or None])


def _published(source: Source) -> tuple[Schema, int | None]:
    (channels, height, width), classes, attributes, images = PUBLISHED[source.name]
    if source.crop or source.side:
        height = width = source.side or min(source.crop or width, height, width)
    count = images.get(source.origin.split)
    if source.classes or (source.holdout and source.name in GROUPED):
        count = None  # how many of each, or of what belongs together, is in the files
    elif count:
        count = len(apart(np.arange(count), source)[: source.count or None])
    names = source.classes or tuple(str(number) for number in range(classes))
    kept = positions(source, "attribute", source.attributes, tuple(a.name for a in attributes))
    schema = Schema(
        shape=(source.channels or channels, height, width),
        classes=names,
        attributes=tuple(attributes[at] for at in kept) if source.attributes else attributes,
    )
    return in_patches(schema, source.patch, source.name), count


def _shape(source: Source, stock: Stock, rows: np.ndarray, cut: Cut) -> tuple[int, int, int]:
    """C H W of the first picture that can be read."""
    for row in rows[:100]:
        try:
            height, width, channels = stock.pictures.cut(int(row), cut)[0].shape
        except DataError:
            continue
        return channels, height, width
    raise DataError(f"none of the first pictures of {source.name} can be read.")
