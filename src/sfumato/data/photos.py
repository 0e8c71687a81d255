"""Squares cut at random from ten photographs that scikit-image and scikit-learn carry.

The left two thirds of each photograph give `train`, the right third `test`: no pixel is in both.
Where the source says `holdout`, the last columns of `train` are kept aside.
A square's edge is drawn evenly in the logarithm between `side` and the largest that fits, or is
`crop`, and then scaled to `side`. The photograph it comes from is its label. `train` holds 4,096
and `test` 1,024, or as many as `count` asks for.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from sfumato.data.source import Source
from sfumato.data.splits import pick
from sfumato.data.stock import Cut, Stock
from sfumato.errors import ConfigError, DataError
from sfumato.io.files import installed
from sfumato.io.images import read
from sfumato.randomness import derive

PHOTOS = {
    "astronaut": "skimage/data/astronaut.png",
    "cat": "skimage/data/chelsea.png",
    "coffee": "skimage/data/coffee.png",
    "galaxies": "skimage/data/hubble_deep_field.jpg",
    "tissue": "skimage/data/ihc.png",
    "motorcycle": "skimage/data/motorcycle_left.png",
    "retina": "skimage/data/retina.jpg",
    "rocket": "skimage/data/rocket.jpg",
    "china": "sklearn/datasets/images/china.jpg",
    "flower": "sklearn/datasets/images/flower.jpg",
}
"""Class to file; those that an installation lacks are left out."""
SIDE = 64
"""Side where none is asked for."""

_COUNTS = {"train": 4096, "test": 1024}


@dataclass(frozen=True)
class Square:
    """One square of one photograph, in its pixels."""

    photo: str
    left: int
    top: int
    edge: int


class Squares:
    """Squares, cut and scaled when they are asked for."""

    columns: tuple[str, ...] = ("image",)
    channels = 3

    def __init__(self, squares: list[Square]) -> None:
        self.squares = squares

    def __len__(self) -> int:
        return len(self.squares)

    def name(self, row: int) -> str:
        """Photograph and place."""
        return str(self.squares[row])

    def cut(self, row: int, cut: Cut) -> tuple[np.ndarray, ...]:
        """The square at its side."""
        square = self.squares[row]
        right, bottom = square.left + square.edge, square.top + square.edge
        piece = photo(square.photo).crop((square.left, square.top, right, bottom))
        return (Cut(side=cut.side or SIDE, crop=None, channels=cut.channels).fit(piece),)


def stamp(source: Source) -> str:
    """Which photographs are here; the number is raised when the choice of squares changes."""
    return " ".join(["photos 1", *(name for name in PHOTOS if _path(name).exists())])


def stock(source: Source) -> Stock:
    """Squares of all photographs, in turn."""
    names = tuple(name for name in PHOTOS if _path(name).exists())
    if not names:
        raise DataError("photos needs scikit-image's photographs, and none is installed.")
    part = pick(source, {"train": (0.0, 2 / 3), "test": (2 / 3, 1.0)})
    count = source.count or _COUNTS[source.split]
    if source.classes:
        count = count * len(names) // len(source.classes) + len(names)
    chances = np.random.default_rng(derive(source.seed, "photos", source.split))
    label = np.arange(count) % len(names)
    share = source.holdout if source.split == "train" else 0.0
    aside = np.arange(count) >= count - round(share * count)
    # columns of their own, as squares that overlap show the same
    edge = part[1] - share * (part[1] - part[0])
    own = {False: (part[0], edge), True: (edge, part[1])}
    squares = [
        _square(names[number], own[kept], source, three)
        for number, kept, three in zip(
            label, aside.tolist(), chances.random((count, 3)), strict=True
        )
    ]
    return Stock(
        aside=aside,
        pictures=Squares(squares),
        label=label,
        classes=names,
    )


@cache
def photo(name: str) -> Image.Image:
    """A whole photograph, RGB."""
    return read(_path(name), channels=3)


def _square(name: str, part: tuple[float, float], source: Source, chances: np.ndarray) -> Square:
    """A square within the columns of the part."""
    width, height = photo(name).size
    begin, end = (round(share * width) for share in part)
    most = min(end - begin, height)
    if (source.crop or 1) > most:
        raise ConfigError(
            f"--data.crop must be at most {most} for {source.split} photos; got {source.crop}."
        )
    least = min(source.side or SIDE, most)
    edge = source.crop or round(least * (most / least) ** chances[0])
    left = begin + int(chances[1] * (end - begin - edge + 1))
    return Square(name, left, int(chances[2] * (height - edge + 1)), edge)


def _path(name: str) -> Path:
    package, _, inside = PHOTOS[name].partition("/")
    return installed(package) / inside
