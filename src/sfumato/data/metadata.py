"""A table beside the pictures: metadata.csv or metadata.jsonl, one row per picture by `file_name`.

`caption` or `text` gives tokens, `label` class names, and every column of numbers an attribute.
"""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from sfumato.data.captions import tokenise
from sfumato.data.places import File
from sfumato.errors import DataError
from sfumato.schema import Attribute

CAPTIONS = ("caption", "text")
"""Columns taken for captions: the first that is there."""


class Table:
    """The full rows of all tables among some files: a value in every column that is used."""

    def __init__(self, everything: list[File]) -> None:
        rows: dict[str, dict[str, Any]] = {}
        for file in everything:
            path = PurePosixPath(file.name)
            if path.name in ("metadata.csv", "metadata.jsonl"):
                rows |= {str(path.parent / _name(row, file)): row for row in _read(file)}
        columns = list(dict.fromkeys(name for row in rows.values() for name in row))
        values = {name: [row.get(name) for row in rows.values()] for name in columns}
        self.numeric = [
            n for n in columns if n not in ("label", "file_name") and _numbers(values[n])
        ]
        self.text = next((name for name in CAPTIONS if name in columns), None)
        used = [*self.numeric, *filter(None, [self.text]), *({"label"} & set(columns))]
        self.rows = {
            name: row
            for name, row in sorted(rows.items())
            if all(_there(row.get(c)) for c in used)
        }
        self.found = bool(rows)
        self.classes: tuple[str, ...] = ()
        if "label" in columns:
            self.classes = tuple(sorted({str(row["label"]) for row in self.rows.values()}))

    def labels(self, found: Sequence[File]) -> list[int]:
        """Class numbers of these pictures."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        return [numbers[str(self.rows[file.name]["label"])] for file in found]

    def columns(self, found: Sequence[File]) -> dict[str, Any]:
        """Fields of a `Stock` for these pictures, all of which have a row.

        Ranges and vocabulary are those of the whole table, so that all parts share them.
        """
        fields: dict[str, Any] = {}
        if self.numeric:
            whole = np.array([[float(row[n]) for n in self.numeric] for row in self.rows.values()])
            fields["attributes"] = tuple(
                Attribute(name=name, low=float(low), high=float(high))
                for name, low, high in zip(
                    self.numeric, whole.min(axis=0), whole.max(axis=0), strict=True
                )
            )
            fields["values"] = whole[self._positions(found)].astype(np.float32)
        if self.text:
            tokens, fields["vocabulary"] = tokenise(
                [str(r[self.text]) for r in self.rows.values()]
            )
            fields["caption"] = tokens[self._positions(found)]
        return fields

    def _positions(self, found: Sequence[File]) -> list[int]:
        position = {name: index for index, name in enumerate(self.rows)}
        return [position[file.name] for file in found]


def _read(file: File) -> list[dict[str, Any]]:
    try:
        text = file.read().decode("utf-8-sig")
        if file.name.endswith(".csv"):
            return [dict(row) for row in csv.DictReader(io.StringIO(text, newline=""))]
        return [dict(json.loads(line)) for line in text.splitlines() if line.strip()]
    except (ValueError, TypeError, csv.Error) as error:
        raise DataError(f"{file.name} cannot be read as a table ({error}).") from error


def _name(row: dict[str, Any], file: File) -> str:
    name = row.get("file_name")
    if not isinstance(name, str):
        raise DataError(f"{file.name} needs file_name, a picture's name, in every row.")
    return name


def _there(value: Any) -> bool:
    return value is not None and value != ""


def _numbers(values: list[Any]) -> bool:
    """Whether every value that is there is a finite number, and one is there."""
    there = [value for value in values if _there(value)]
    try:
        return bool(there) and bool(np.isfinite([float(value) for value in there]).all())
    except (TypeError, ValueError):
        return False
