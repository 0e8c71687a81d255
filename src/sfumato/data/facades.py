"""Facades: 378 fronts of houses, each with a map of its parts in twelve colours.

An archive or folder with photo/NAME.jpg and label/NAME.png, as the base set of the CMP facade
database is usually packed. The map is given and the photograph wanted, or the other way round with
`pair` photo/label. Every tenth pair is held out as the part `test`.

Tylecek & Sara (2013), https://cmp.felk.cvut.cz/~tylecr1/facade/
"""

from pathlib import Path

from sfumato.data.folder import Files
from sfumato.data.pairs import MADE, Twins, paired
from sfumato.data.places import files
from sfumato.data.source import Source
from sfumato.data.splits import pick
from sfumato.data.stock import Stock

_EACH = 10


def read(source: Source, place: Path) -> Stock:
    """The pairs of one part, as stored."""
    pictures = [file for file in files(place) if file.picture]
    pair = source.pair if source.pair and "/" in source.pair else "label/photo"
    twins, alone = paired(pictures, pair, str(place), 3)
    assert isinstance(twins, Twins)
    held = set(range(_EACH - 1, len(twins), _EACH))
    rows = pick(
        source,
        {"train": [i for i in range(len(twins)) if i not in held], "test": sorted(held)},
    )
    kept = [twins.found[row] for row in rows]
    folders = zip(Twins.columns, pair.split("/"), strict=True)
    maps = tuple(column for column, folder in folders if folder == "label")
    photos = [photo for _, photo in kept]
    return Stock(
        pictures=Files(photos, 3) if source.pair in MADE else Twins(kept, 3, maps),
        notes=("every tenth pair is held out for the part test", *alone),
    )
