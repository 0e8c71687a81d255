"""A table beside the pictures: metadata.csv or metadata.jsonl, one row per picture by `file_name`.

`caption` or `text` gives tokens, `label` class names (-1 where a class is not known), every column
of numbers an attribute, and every column of words that come again and again a choice among them.
"""

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from sfumato.data.captions import tokenise
from sfumato.data.places import File
from sfumato.errors import DataError
from sfumato.schema import UNKNOWN, Attribute

_NUMBER = re.compile(r"-?\d+(\.\d*)?")

CAPTIONS = ("caption", "text")
"""Columns taken for captions: the first that is there."""
MOST = 64
"""Different words that a column of choices may have."""


class Table:
    """The full rows of all tables among some files: a value in every column that is used."""

    def __init__(self, everything: list[File], place: str) -> None:
        rows: dict[str, dict[str, Any]] = {}
        twice: list[str] = []
        self.empty: list[str] = []
        """A line for each table without a row."""
        there = {file.name for file in everything}
        for file in everything:
            path = PurePosixPath(file.name)
            if path.name in ("metadata.csv", "metadata.jsonl"):
                read = _read(file, f"{place}/{file.name}")
                self.empty += [] if read else [f"{file.name} has no row"]
                meant = [(_beside(path, row["file_name"], there), row) for row in read]
                twice += [name for name, row in meant if rows.setdefault(name, row) is not row]
        columns = list(dict.fromkeys(name for row in rows.values() for name in row))
        values = {name: [row.get(name) for row in rows.values()] for name in columns}
        self.measured = [
            name
            for name in columns
            if name not in ("label", "file_name", *CAPTIONS)
            and (_numbers(values[name]) or _choices(values[name]))
        ]
        self.notes = [
            f"column {name} is left out: {bad} of {len(rows)} rows hold no number there"
            for name in columns
            if name not in ("label", "file_name", *CAPTIONS, *self.measured)
            and (bad := sum(_there(value) and not _numbers([value]) for value in values[name])) > 0
            and 2 * bad < sum(map(_there, values[name]))
        ]
        if twice:
            self.notes.append(
                "rows of the metadata for a picture that has one already are left out: "
                f"{len(twice)}, the first for {twice[0]}"
            )
        self.text = next((name for name in CAPTIONS if name in columns), None)
        used = [*self.measured, *filter(None, [self.text]), *({"label"} & set(columns))]
        self.rows = {
            name: row
            for name, row in sorted(rows.items())
            if all(_there(row.get(c)) for c in used)
        }
        self.found = bool(rows)
        self.classes: tuple[str, ...] = ()
        if "label" in columns:
            for name, row in self.rows.items():
                row["label"] = _class(row["label"], name)
            named = {row["label"] for row in self.rows.values()} - {str(UNKNOWN)}
            self.classes = tuple(sorted(named, key=_order))

    def missing(self, pictures: Sequence[File]) -> list[str]:
        """What must be said of rows that name none of these pictures."""
        there = {file.name for file in pictures}
        if not (lost := [name for name in self.rows if name not in there]):
            return []
        return [f"rows of the metadata without a picture: {len(lost)}, the first {lost[0]}"]

    def labels(self, found: Sequence[File]) -> list[int]:
        """Class numbers of these pictures, -1 where the class is not known."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        numbers[str(UNKNOWN)] = UNKNOWN
        return [numbers[self.rows[file.name]["label"]] for file in found]

    def columns(self, found: Sequence[File]) -> dict[str, Any]:
        """Fields of a `Stock` for these pictures, all of which have a row.

        Ranges and vocabulary are those of the whole table, so that all parts share them.
        """
        fields: dict[str, Any] = {}
        if self.measured and self.rows:
            measured = [
                _measured(n, [row[n] for row in self.rows.values()]) for n in self.measured
            ]
            fields["attributes"] = tuple(attribute for attribute, _ in measured)
            whole = np.stack([column for _, column in measured], axis=1)
            fields["values"] = whole[self._positions(found)]
        if self.text:
            tokens, fields["vocabulary"] = tokenise(
                [str(r[self.text]) for r in self.rows.values()]
            )
            fields["caption"] = tokens[self._positions(found)]
        return fields

    def _positions(self, found: Sequence[File]) -> list[int]:
        position = {name: index for index, name in enumerate(self.rows)}
        return [position[file.name] for file in found]


def choice(name: str, words: Sequence[str]) -> tuple[Attribute, np.ndarray]:
    """An attribute that chooses among the words of a column, and the column as float32 numbers."""
    values = tuple(sorted(set(words)))
    numbers = np.array([values.index(word) for word in words], np.float32)
    return Attribute(name=name, low=0.0, high=len(values) - 1.0, values=values), numbers


def _measured(name: str, values: list[Any]) -> tuple[Attribute, np.ndarray]:
    """An attribute of numbers, or a choice among words, and its column as float32."""
    if not _numbers(values):
        return choice(name, [str(value) for value in values])
    numbers = np.array([float(value) for value in values])
    low, high = float(numbers.min()), float(numbers.max())
    return Attribute(name=name, low=low, high=high), numbers.astype(np.float32)


def _read(file: File, where: str) -> list[dict[str, Any]]:
    """The rows of a table, each with the name of a picture."""
    try:
        text = file.read().decode("utf-8-sig")
        rows = _csv(text, where) if file.name.endswith(".csv") else _jsonl(text)
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8 (byte {error.start}); save it so.") from None
    except (ValueError, TypeError, csv.Error) as error:
        raise DataError(f"{where} cannot be read as a table ({error}).") from error
    for number, row in enumerate(rows, 1):
        if not isinstance(row.get("file_name"), str):
            has = ", ".join(map(str, row))
            raise DataError(
                f"{where} needs file_name, a picture's name, in every row; row {number} has {has}."
            )
    return rows


def _csv(text: str, where: str) -> list[dict[str, Any]]:
    table = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    columns = list(table.fieldnames or [])
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise DataError(f"{where} has two columns called {twice[0]}; rename one.")
    if columns and "file_name" not in columns:
        sign = next((sign for sign in ";\t" if sign in columns[0]), None)
        remedy = f"it has {', '.join(columns)}"
        if sign:
            remedy = f"put commas, not {sign!r}, between its columns"
        raise DataError(f"{where} needs a column file_name, a picture's name; {remedy}.")
    return [dict(row) for row in table]


def _jsonl(text: str) -> list[dict[str, Any]]:
    return [dict(json.loads(line)) for line in text.split("\n") if line.strip()]


def _beside(table: PurePosixPath, name: str, there: set[str]) -> str:
    """The path of a picture that a table names, as written or as Windows writes it."""
    path = str(table.parent / name)
    return path if path in there else str(table.parent / name.replace("\\", "/"))


def _class(value: Any, file: str) -> str:
    """A label as the name of a class: a word, or a whole number, also one written 3.0."""
    text = str(value).strip()
    word = isinstance(value, str) and text.lower() != "nan"  # as programs write what is missing
    if word and (text.isdecimal() or not _NUMBER.fullmatch(text)):
        return text
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        number = float(text)
        if number.is_integer():
            return str(int(number))
    raise DataError(f"the label of {file} is {value!r}; it must be a whole number or a name.")


def _order(name: str) -> tuple[bool, int, str]:
    """Numbers by their size, then words."""
    number = name.removeprefix("-").isdecimal()
    return not number, int(name) if number else 0, name


def _there(value: Any) -> bool:
    return value is not None and value != ""


def _numbers(values: list[Any]) -> bool:
    """Whether every value that is there is a finite number, and one is there."""
    there = [value for value in values if _there(value)]
    try:
        return bool(there) and bool(np.isfinite([float(value) for value in there]).all())
    except (TypeError, ValueError):
        return False


def _choices(values: list[Any]) -> bool:
    """Whether the values are two words or more, each there twice on average, and not too many."""
    words = [value for value in values if _there(value)]
    if not all(isinstance(word, str) for word in words):
        return False
    return 2 <= len(set(words)) <= min(MOST, len(words) // 2)
