"""Drawn faces in anime style, each with the colour of its hair and of its eyes.

A folder or archive of pictures and a table tags.csv: file, hair, eyes, as in "4.jpg,red hair,blue
eyes". 3,000 faces of 64 x 64 are usual: those with one tag for hair and one for eyes among the
33,431 of the NTU machine learning course, crawled from fan art. Nobody states their licence, so
they are neither shipped nor fetched, nor are weights made from them. Every tenth of the pictures
in the table's order is held out as the part `test`.
"""

import csv
import io
from pathlib import Path

import numpy as np

from sfumato.data.folder import Files
from sfumato.data.metadata import choice
from sfumato.data.places import File, files
from sfumato.data.source import Source
from sfumato.data.splits import pick
from sfumato.data.stock import Stock
from sfumato.errors import DataError
from sfumato.schema import Attribute

COLUMNS = ("hair", "eyes")
_HUES = ("aqua", "black", "blue", "brown", "gray", "green", "orange", "pink", "purple", "red")
ATTRIBUTES = (
    Attribute(name="hair", low=0.0, high=10.0, values=(*_HUES, "white")),
    Attribute(name="eyes", low=0.0, high=10.0, values=(*_HUES, "yellow")),
)
"""What the usual 3,000 are tagged with; other tables may know other colours."""
_EACH = 10


def read(source: Source, place: Path) -> Stock:
    """The tagged faces of one part, as stored."""
    everything = files(place)
    tags = _tags(everything, place)
    pictures = {f.base: f for f in everything if f.picture}
    names = [name for name in tags if name in pictures]
    if not names:
        raise DataError(f"{place} holds no picture that its tags.csv names.")
    held = range(_EACH - 1, len(names), _EACH)
    rows = pick(
        source,
        {"train": [i for i in range(len(names)) if i not in held], "test": list(held)},
    )
    said = zip(*(tags[name] for name in names), strict=True)
    measured = [choice(column, words) for column, words in zip(COLUMNS, said, strict=True)]
    return Stock(
        pictures=Files([pictures[names[row]] for row in rows], 3),
        values=np.stack([column for _, column in measured], axis=1)[rows],
        attributes=tuple(attribute for attribute, _ in measured),
        notes=("every tenth picture is held out for the part test",),
    )


def _tags(everything: list[File], place: Path) -> dict[str, tuple[str, ...]]:
    """Picture to its two colours, in the table's order."""
    table = next((f for f in everything if f.base == "tags.csv"), None)
    if table is None:
        raise DataError(f"{place} lacks tags.csv with the columns file, hair, eyes.")
    try:
        lines = csv.DictReader(io.StringIO(table.read().decode("utf-8-sig"), newline=""))
        return {
            row["file"]: tuple(row[column].removesuffix(f" {column}") for column in COLUMNS)
            for row in lines
        }
    except (KeyError, AttributeError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{table.name} needs file, hair and eyes in every row ({error})."
        ) from error
