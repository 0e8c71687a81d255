"""Any folder or archive of pictures.

Sub-folders name classes, but for `unlabelled`, which holds pictures whose class is not known;
`train`, `test` and `validation` above them name parts. A metadata.csv
or metadata.jsonl with a column `file_name` adds captions (`caption` or `text`), a `label`, and
every column of numbers as an attribute. Pictures of several classes are ordered in turn, one of
each, so that the first so many are a fair choice.
"""

from collections import defaultdict
from pathlib import PurePosixPath

import numpy as np

from sfumato.data import places
from sfumato.data.metadata import Table
from sfumato.data.pairs import MADE, paired
from sfumato.data.places import File, files
from sfumato.data.source import Source
from sfumato.data.splits import pick
from sfumato.data.stock import NAMELESS, Encoded, Stock
from sfumato.errors import DataError
from sfumato.io.files import at_home
from sfumato.io.images import ENDINGS
from sfumato.schema import UNKNOWN

_SPLITS = {
    **{"train": "train", "training": "train", "test": "test", "testing": "test"},
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
}
UNLABELLED = ("unlabelled", "unlabeled")
"""Folders beside those of classes, of pictures whose class is not known."""


class Files(Encoded):
    """Pictures that lie in files."""

    def __init__(self, found: list[File], channels: int | None = None) -> None:
        self.found = found
        super().__init__(channels)

    def __len__(self) -> int:
        return len(self.found)

    def name(self, row: int) -> str:
        """Path inside the folder."""
        return self.found[row].name

    def content(self, row: int) -> bytes:
        """The file's."""
        return self.found[row].read()


def stamp(source: Source) -> str:
    """Changes with the files."""
    return places.stamp(at_home(source.name))


def stock(source: Source) -> Stock:
    """What lies at the path `source.name`."""
    return of_files(files(at_home(source.name)), source)


def of_files(everything: list[File], source: Source) -> Stock:
    """What these files are together: pictures, classes, parts, captions, attributes."""
    pictures = [file for file in everything if file.picture]
    if not pictures:
        raise DataError(_nothing(source, everything))
    pictures, notes = _in_parts(pictures)
    chosen, below = _part(pictures, source)
    table = Table(everything, source.name)
    notes += table.empty
    if table.found:
        listed = [file for file in chosen if file.name in table.rows]
        if not listed:
            lost = f"; the first row is for {next(iter(table.rows))}" if table.rows else ""
            raise DataError(
                f"the metadata of {source.name} has a full row for no picture of it{lost}."
            )
        if len(listed) < len(chosen):
            notes += [f"{len(chosen) - len(listed)} pictures have no full row in the metadata"]
        notes += [*table.notes, *table.missing(pictures)]
        chosen = listed
    if source.pair and source.pair not in MADE:
        both, alone = paired(chosen, source.pair, source.name, source.channels)
        return Stock(pictures=both, notes=(*notes, *alone))
    folders = {file.name: _folders(file)[below:] for file in pictures}
    classes = _classes(list(folders.values()))
    stray = [name for name, parts in folders.items() if not parts]
    if not table.classes and 0 < len(stray) < len(folders):
        notes.append(f"{NAMELESS}, for {stray[0]} lies beside them")
    label: list[int] | None = None
    if classes:
        numbers = {name: number for number, name in enumerate(classes)}
        label = [numbers.get(_folders(file)[below], UNKNOWN) for file in chosen]
    elif table.classes:
        classes, label = table.classes, table.labels(chosen)
    chosen, label = _in_turn(chosen, label)
    return Stock(
        pictures=Files(chosen, source.channels),
        label=None if label is None else np.array(label),
        classes=classes,
        notes=tuple(notes),
        **(table.columns(chosen) if table.found else {}),
    )


def _in_parts(pictures: list[File]) -> tuple[list[File], list[str]]:
    """The pictures without those that lie beside folders which all name parts, and a note."""
    shared = _shared(pictures)
    folders = {file: _folders(file)[shared : shared + 1] for file in pictures}
    beside = [file for file, first in folders.items() if not first]
    parts = {_named(first[0]) for first in folders.values() if first}
    if not beside or not parts or None in parts:
        return pictures, []
    said = f"{len(beside)} beside the folders of parts left out, the first {beside[0].name}"
    return [file for file in pictures if folders[file]], [said]


def _part(pictures: list[File], source: Source) -> tuple[list[File], int]:
    """The pictures of the asked-for part, and how many folders above their classes' folders."""
    shared = _shared(pictures)
    names = {file: _named("".join(_folders(file)[shared : shared + 1])) for file in pictures}
    if None in names.values():
        return pick(source, {"train": pictures}), shared
    parts: dict[str, list[File]] = defaultdict(list)
    for file, name in names.items():
        parts[str(name)].append(file)
    return pick(source, parts), shared + 1


def _named(folder: str) -> str | None:
    """The part that a folder names, however it is spelt; None for any other."""
    return _SPLITS.get(folder.casefold())


def _folders(file: File) -> tuple[str, ...]:
    return PurePosixPath(file.name).parts[:-1]


def _shared(pictures: list[File]) -> int:
    """How many folders all pictures share, not counting one that names a part."""
    shared = 0
    for level in zip(*map(_folders, pictures), strict=False):
        if len(set(level)) > 1 or _named(level[0]):
            break
        shared += 1
    return shared


def _classes(folders: list[tuple[str, ...]]) -> tuple[str, ...]:
    """First folder of each picture, where each has one and they are two or more."""
    firsts = {parts[0] if parts else "" for parts in folders}
    if "" in firsts or len(firsts) < 2:
        return ()
    return tuple(sorted(firsts.difference(UNLABELLED)))


def _in_turn(found: list[File], label: list[int] | None) -> tuple[list[File], list[int] | None]:
    """One picture of each class, then the next of each; names decide within a class."""
    if label is None:
        return found, None
    seen: dict[int, int] = defaultdict(int)
    turns = []
    for position, number in enumerate(label):
        turns.append((seen[number], number, position))
        seen[number] += 1
    order = [position for *_, position in sorted(turns)]
    return [found[position] for position in order], [label[position] for position in order]


def _nothing(source: Source, everything: list[File]) -> str:
    kinds = ", ".join(sorted(ENDINGS))
    if not everything:
        return f"{source.name} is empty; put pictures there ({kinds}), or sub-folders of them."
    return f"{source.name} holds {len(everything)} files and no picture; pictures end in {kinds}."
