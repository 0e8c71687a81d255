"""Decode, crop and scale every picture once, into arrays that are mapped from disk ever after.

The cache is a folder per source and settings in `$SFUMATO_CACHE` (else ~/.cache/sfumato): one .npy
file per column, one of names, and a report.json. It appears whole or not at all, and deleting it
is always safe.
"""

import json
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from filelock import FileLock
from rich.console import Console

from sfumato.data.ahead import Ahead
from sfumato.data.catalogue import module
from sfumato.data.columns import ColumnFile, load_column
from sfumato.data.dataset import Dataset, Report, digest
from sfumato.data.pairs import MADE
from sfumato.data.source import Source
from sfumato.data.stock import Cut, Pictures, Pixels, Stock, attempt
from sfumato.errors import ConfigError, DataError, RunError
from sfumato.io.files import at_home, atomic, discard
from sfumato.schema import Attribute, Schema
from sfumato.settings import build

VERSION = 3
"""Raised when the cutting changes, so that old caches are not taken for new ones."""
NAMES = "names.npy"
"""What pictures are called, beside their columns; caches from before it lack it."""
IN_MEMORY = 16 * 2**20
"""Pictures that are in memory already are cut there, up to this many bytes of result."""
_OPEN: WeakValueDictionary[tuple[Path, Source], Dataset] = WeakValueDictionary()
"""What somebody holds is not read again."""


def cache_folder() -> Path:
    """Where prepared data lie: `$SFUMATO_CACHE`, else `~/.cache/sfumato`.

    Raises RunError for a user without a home folder who sets none.
    """
    try:
        return at_home(os.environ.get("SFUMATO_CACHE") or "~/.cache/sfumato")
    except RunError:
        raise RunError("there is no home folder to keep data in: set $SFUMATO_CACHE.") from None


def realise(source: Source, stamp: str, stock: Callable[[Source], Stock]) -> Dataset:
    """The source cut as it says: as it lies, in memory, or through the cache.

    `stamp` changes whenever the files behind the source do; with the settings it names the
    cache, so a prepared source is opened without a look at its pictures.
    """
    folder = _folder(source, stamp)
    found = _OPEN.get((folder, source)) or _load(folder, source) or _read(folder, source, stock)
    _OPEN[folder, source] = found
    return found


def _read(folder: Path, source: Source, stock: Callable[[Source], Stock]) -> Dataset:
    """From where it lies."""
    rows, held, cut = chosen(source, stock(source.origin))
    pictures = held.pictures
    if not isinstance(pictures, Pixels):
        return _cached(folder, held, source, rows, cut)
    rows = rows[: source.count or None]  # the cache counts those that can be read
    if pictures.fits(cut):
        images = pictures.array if len(rows) == len(pictures) else pictures.array[rows]
        return _dataset(source, held, rows, {"image": images})
    height, width, channels = pictures.cut(0, cut)[0].shape
    if len(rows) * height * width * channels > IN_MEMORY:
        return _cached(folder, held, source, rows, cut)
    images = np.stack([pictures.cut(int(row), cut)[0] for row in rows])
    return _dataset(source, held, rows, {"image": images})


def chosen(source: Source, stock: Stock) -> tuple[np.ndarray, Stock, Cut]:
    """The rows that are asked for, what they hold, and how their pictures are cut.

    Raises UnknownName or ConfigError for what the source does not have.
    """
    rows, held = stock.select(source)
    pictures = held.pictures
    _has_pairs(source, pictures)
    if source.other:
        module(source.other)
    cut = Cut(side=source.side, crop=source.crop, channels=source.channels or pictures.channels)
    return rows, held, cut


def _has_pairs(source: Source, pictures: Pictures) -> None:
    """Raise ConfigError where pairs are asked for that neither lie there nor can be made."""
    if source.pair and source.pair not in MADE and "target" not in pictures.columns:
        raise ConfigError(
            f"--data.pair {source.pair} needs a folder of pairs, and {source.name} has single "
            f"pictures; choose from {', '.join(MADE)}."
        )


def _folder(source: Source, stamp: str) -> Path:
    name = re.sub(r"[^\w-]+", "-", Path(source.name).name) or "data"
    wanted = asdict(source) | {"flip": None, "stamp": stamp, "version": VERSION}
    del wanted["labels"]  # forgotten after preparing, so one cache serves any number of them
    del wanted["other"]  # prepared on its own
    del wanted["patch"]  # cut from what is prepared
    # a field that came later keeps the names of caches from before where it says nothing
    for later in ("pair", "holdout"):
        if not wanted[later]:
            del wanted[later]
    key = blake2b(json.dumps(wanted).encode(), digest_size=8).hexdigest()
    return cache_folder() / f"{name}-{source.split}-{key}"


def _dataset(
    source: Source, stock: Stock, rows: np.ndarray, pixels: dict[str, np.ndarray]
) -> Dataset:
    """Put the other columns of `rows` beside their pictures."""
    columns = dict(pixels)
    if stock.label is not None:
        columns["label"] = stock.label[rows].astype(np.int64)
    if stock.values is not None:
        columns["attributes"] = stock.values[rows].astype(np.float32)
    if stock.caption is not None:
        columns["caption"] = stock.caption[rows].astype(np.int64)
    height, width, channels = pixels["image"].shape[1:]
    schema = Schema(
        shape=(channels, height, width),
        classes=stock.classes,
        attributes=stock.attributes,
        vocabulary=stock.vocabulary,
        caption=0 if stock.caption is None else stock.caption.shape[1],
    )
    report = Report(kept=len(rows), notes=stock.notes)
    return Dataset(
        name=source.name,
        schema=schema,
        columns=columns,
        made=_made(source),
        flip=source.flip,
        report=report,
    )


def _made(source: Source) -> str | None:
    return source.pair if source.pair in MADE else None


def _cached(folder: Path, stock: Stock, source: Source, rows: np.ndarray, cut: Cut) -> Dataset:
    """Into the cache, and mapped from there."""
    make_cache(folder.parent)
    # Of two at once, the second waits and finds it done.
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        dataset = _load(folder, source)
        if dataset:
            return dataset
        for leftover in folder.parent.glob(f".{folder.name}.*.tmp"):
            discard(leftover)  # of a preparation that was killed: we hold its lock
        discard(folder)
        with atomic(folder) as temporary:
            temporary.mkdir()
            report = _write(temporary, stock, source, rows, cut)
        dataset = _load(folder, source)
    if report.skipped:
        Console(stderr=True).print(f"{source.name}: {report.line()}", markup=False, soft_wrap=True)
    if dataset is None:
        raise DataError(f"{folder} was changed while it was prepared; run the command again.")
    return dataset


def make_cache(folder: Path) -> None:
    """Make a folder of the cache. Raises RunError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"the cache {folder} cannot be written ({error.strerror}); "
            "set $SFUMATO_CACHE to a folder that can."
        ) from error


def _load(folder: Path, source: Source) -> Dataset | None:
    """The prepared data set, mapped; None where there is none or it is damaged."""
    try:
        said = json.loads((folder / "report.json").read_text("utf-8", errors="surrogateescape"))
        columns = {name: load_column(folder / f"{name}.npy") for name in said["columns"]}
        for name in ("label", "attributes", "caption"):  # small: better in memory
            if name in columns:
                columns[name] = np.array(columns[name])
        dataset = Dataset(
            name=source.name,
            schema=_schema(said["schema"]),
            columns=columns,
            made=_made(source),
            flip=source.flip,
            report=Report(
                kept=said["kept"],
                skipped=tuple((name, reason) for name, reason in said["skipped"]),
                notes=tuple(said["notes"]),
            ),
            digest=said["digest"],
            names=load_column(folder / NAMES) if (folder / NAMES).exists() else None,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    aligned = [*columns.values(), *([] if dataset.names is None else [dataset.names])]
    whole = all(len(column) == said["kept"] for column in aligned)
    return dataset if whole else None


def _schema(said: dict[str, Any]) -> Schema:
    channels, height, width = said["shape"]
    return Schema(
        shape=(channels, height, width),
        classes=tuple(said["classes"]),
        attributes=tuple(build(Attribute, attribute) for attribute in said["attributes"]),
        vocabulary=tuple(said["vocabulary"]),
        caption=said["caption"],
    )


def _write(folder: Path, stock: Stock, source: Source, rows: np.ndarray, cut: Cut) -> Report:
    """Fill a folder with columns and the report."""
    kept: list[int] = []
    skipped: list[tuple[str, str]] = []
    wanted = min(source.count or len(rows), len(rows))
    names = stock.pictures.columns
    with ExitStack() as stack:
        files = [stack.enter_context(ColumnFile(folder / f"{name}.npy")) for name in names]
        work = partial(attempt, stock.pictures, cut)
        results = stack.enter_context(Ahead(work, rows, wanted, f"preparing {source.name}"))
        for row, result in results:
            if isinstance(result, DataError):
                skipped.append((stock.pictures.name(row), str(result)))
                continue
            for file, pixels in zip(files, result, strict=True):
                _append(file, pixels, source)
            kept.append(row)
            if len(kept) == wanted:
                break
        if not kept:
            raise DataError(_nothing(source, skipped))
    pixels = {name: load_column(folder / f"{name}.npy") for name in names}
    dataset = _dataset(source, stock, np.array(kept), pixels)
    for name in set(dataset.columns) - set(names):
        np.save(folder / f"{name}.npy", dataset.columns[name], allow_pickle=False)
    np.save(folder / NAMES, [stock.pictures.name(row) for row in kept], allow_pickle=False)
    report = Report(kept=len(kept), skipped=tuple(skipped), notes=stock.notes)
    said = {
        "source": asdict(source),
        "columns": list(dataset.columns),
        "schema": asdict(dataset.schema),
        "digest": digest(dataset.columns),
    }
    text = json.dumps(said | report.json(), indent=1, ensure_ascii=False)
    (folder / "report.json").write_text(text, "utf-8", errors="surrogateescape")
    return report


def _append(file: ColumnFile, pixels: np.ndarray, source: Source) -> None:
    if file.shape is not None and pixels.shape != file.shape:
        sizes = [f"{shape[1]}x{shape[0]}" for shape in (file.shape, pixels.shape)]
        raise DataError(
            f"the images of {source.name} differ in size ({sizes[0]} and {sizes[1]}); "
            "set --data.side to the side they shall be scaled to."
        )
    file.append(pixels)


def _nothing(source: Source, skipped: list[tuple[str, str]]) -> str:
    return (
        f"none of the {len(skipped)} files of {source.name} can be read as a picture; "
        f"the first: {skipped[0][0]} {skipped[0][1]}."
    )
