"""Data sets fetched through Hugging Face `datasets`: known ones, or any repository id.

Fetched once, with checksums, a progress bar, and continued where it was cut; kept in its own
cache ($HF_HOME).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from sfumato.data.captions import encode, tokenise, words
from sfumato.data.metadata import CAPTIONS
from sfumato.data.shelf import wish
from sfumato.data.source import Source
from sfumato.data.stock import Encoded, Stock
from sfumato.errors import DataError, UnknownName, nearest
from sfumato.schema import UNKNOWN, Attribute

REPOSITORIES = {
    "mnist": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
    "cifar10": "uoft-cs/cifar10",
    "celeba": "flwrlabs/celeba",
}
"""Where the known sets are."""
ELSE = "give a path that exists, or a public repository's id"


class Rows(Encoded):
    """Pictures in the rows of a fetched table."""

    def __init__(self, table: Any, column: str, channels: int | None = None) -> None:
        self.table, self.column, self.lock = table, column, Lock()
        super().__init__(channels)

    def __len__(self) -> int:
        return len(self.table)

    def name(self, row: int) -> str:
        """Its number."""
        return f"row {row}"

    def content(self, row: int) -> bytes:
        """The bytes in the table, or of the file that the table names."""
        with self.lock:
            said = self.table[row][self.column]
        if not said or not (said["bytes"] or said["path"]):
            raise DataError("has no picture")
        try:
            return said["bytes"] or Path(said["path"]).read_bytes()
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})") from error


def known_stamp(source: Source) -> str:
    """Changes with the repository."""
    return str(_fetched(source, *_home(source.name))._fingerprint)


def stamp(source: Source) -> str:
    """Changes with the repository."""
    return str(_fetched(source, source.name, ELSE)._fingerprint)


def parts(source: Source) -> dict[str, int]:
    """Fetch `train` and, where there is one, `test`: the number of rows of each."""
    repository, remedy = (source.name, ELSE) if "/" in source.name else _home(source.name)
    counts = {"train": len(_fetched(replace(source, split="train"), repository, remedy))}
    with suppress(UnknownName):
        counts["test"] = len(_fetched(replace(source, split="test"), repository, remedy))
    return counts


def known(source: Source) -> Stock:
    """A known set that is not in `$SFUMATO_DATA`."""
    return _stock(source, *_home(source.name))


def stock(source: Source) -> Stock:
    """The repository `source.name`."""
    return _stock(source, source.name, ELSE)


def _home(name: str) -> tuple[str, str]:
    """Repository of a known set, and what the user can do where it cannot be reached."""
    if name not in REPOSITORIES:
        raise DataError(
            f"{name} is not here, and nobody states a licence to fetch it under; {wish(name)}."
        )
    return REPOSITORIES[name], wish(name)


def _stock(source: Source, repository: str, remedy: str) -> Stock:
    from datasets import ClassLabel, Image, Value  # slow to import

    table = _fetched(source, repository, remedy)
    kinds = table.features
    pictures = [name for name, kind in kinds.items() if isinstance(kind, Image)]
    if not pictures:
        raise DataError(f"{repository} has no column of pictures, only {', '.join(kinds)}.")
    labels = [name for name, kind in kinds.items() if isinstance(kind, ClassLabel)]
    text = next((name for name in CAPTIONS if name in kinds), None)
    measured = [
        name
        for name, kind in kinds.items()
        if isinstance(kind, Value) and kind.dtype in ("bool", "float32", "float64")
    ]
    told = [*measured, *([text] if text else [])]
    whole, notes = _full(table, told)
    first = whole
    if told:
        with suppress(UnknownName):  # the words and ranges there are, what is learned from says
            first, _ = _full(_fetched(replace(source, split="train"), repository, remedy), told)
    fields: dict[str, Any] = {}
    if labels:
        label = [UNKNOWN if number is None else number for number in whole[labels[0]]]
        fields |= {"label": np.array(label), "classes": tuple(kinds[labels[0]].names)}
    if text:
        learned, fields["vocabulary"] = tokenise([str(line) for line in first[text]])
        lines = words([str(line) for line in whole[text]])
        fields["caption"] = encode(lines, fields["vocabulary"], learned.shape[1])
    if measured:
        fields |= _measured(whole, first, measured, kinds)
    stored = whole.cast_column(pictures[0], Image(decode=False))
    return Stock(
        pictures=Rows(stored, pictures[0], source.channels),
        notes=notes,
        **fields,
    )


def _full(table: Any, names: list[str]) -> tuple[Any, tuple[str, ...]]:
    """The rows that have a value in each of these columns, and a note where others have not."""
    missing = [
        np.array([value is None or value != value for value in table[name]]) for name in names
    ]
    lacking = np.any(missing, axis=0) if missing else np.zeros(len(table), bool)
    if not lacking.any():
        return table, ()
    said = f"{lacking.sum()} rows without {' or '.join(names)} left out"
    return table.select(np.flatnonzero(~lacking)), (said,)


def _measured(table: Any, first: Any, names: list[str], kinds: Any) -> dict[str, Any]:
    """Attributes: numbers as they are, yes and no as 1 and -1; ranges are those of `first`."""
    yes_no = np.array([kinds[name].dtype == "bool" for name in names])
    values, learned = (
        np.array([part[name] for name in names], np.float32).T for part in (table, first)
    )
    values[:, yes_no] = values[:, yes_no] * 2 - 1
    low, high = learned.min(axis=0), learned.max(axis=0)
    low[yes_no], high[yes_no] = -1, 1
    attributes = tuple(
        Attribute(name=n, low=float(a), high=float(b), values=("no", "yes") if named else ())
        for n, a, b, named in zip(names, low, high, yes_no, strict=True)
    )
    return {"values": values, "attributes": attributes}


def _fetched(source: Source, repository: str, remedy: str) -> Any:
    """One split as a table on the disk, from the cache or the network."""
    try:
        return _table(repository, source.split)
    except Exception as error:  # of a dozen kinds, from four libraries
        said = " ".join(str(error).split())
        unknown = re.match(r'Unknown split "[^"]*". Should be one of \[(.*?)\]', said)
        if unknown:
            parts = re.findall(r"'([^']*)'", unknown[1])
            raise UnknownName(
                f"--data.split {source.split!r} is no part of {source.name}; "
                + nearest(source.split, parts)
            ) from None
        reason = "no network" if isinstance(error, ConnectionError) else type(error).__name__
        raise DataError(
            f"{source.name} is not here and {repository} could not be fetched "
            f"({reason}); {remedy}."
        ) from error


@cache
def _table(repository: str, split: str) -> Any:
    """Asked for once, however many sources are cut from it."""
    from datasets import load_dataset

    with _reached(repository):
        return load_dataset(repository, split=split, verification_mode="all_checks")


@contextmanager
def _reached(repository: str) -> Iterator[None]:
    """Ask once whether the repository can be reached; where not, only its cache is looked into.

    Left alone, the fetching library tries for half a minute before it says so.
    """
    import datasets.config
    import huggingface_hub.constants as constants
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    if not Path(repository).exists():
        try:
            HfApi().dataset_info(repository, timeout=10)
        except RepositoryNotFoundError:
            raise
        except Exception:  # no network, in any of its many forms
            datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before
