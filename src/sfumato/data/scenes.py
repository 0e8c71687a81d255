"""Scenes of one to six letters that do not touch: grey, 32 x 32, and the label is how many.

For the question whether a model can count. A letter is one that `glyphs` draws, about 8 pixels
high, white on black; boxes of letters keep a pixel of black between them. How many there are is
even among the classes that are asked for: with `--data.classes 3` there are always three.

`train` holds 12,000 and `test` 2,000 of them, or as many as `count` asks for.
"""

from functools import cache

import numpy as np

from sfumato.data.glyphs import invent
from sfumato.data.source import Source, spoilt_by
from sfumato.data.splits import pick
from sfumato.data.stock import Pixels, Stock
from sfumato.errors import UnknownName, nearest
from sfumato.io.images import levels
from sfumato.randomness import derive

SIDE = 32
"""Pixels."""
NUMBERS = tuple("123456")
"""How many letters there can be."""
_COUNTS = {"train": 12_000, "test": 2_000}
_SPRITES, _SPRITE = 360, 12
_TRIES = 60


def stamp(source: Source) -> str:
    """Raised when the drawing changes."""
    return "scenes 1"


def stock(source: Source) -> Stock:
    """Scenes of the asked-for numbers of letters."""
    spoilt_by(source, ("crop", "patch"), "their number")
    for name in source.classes:
        if name not in NUMBERS:
            raise UnknownName(
                f"--data.classes {name!r} is no class of scenes; {nearest(name, NUMBERS)}"
            )
    part = pick(source, _COUNTS)
    count = source.count or part
    rng = np.random.default_rng(derive(source.seed, "scenes", source.split))
    numbers = rng.choice([int(name) for name in source.classes or NUMBERS], size=count)
    pixels = np.stack([_scene(int(number), rng) for number in numbers])
    return Stock(
        pictures=Pixels(levels(pixels)[..., None]),
        label=numbers.astype(np.int64) - 1,
        classes=NUMBERS,
    )


def _scene(number: int, rng: np.random.Generator) -> np.ndarray:
    """One scene in [0, 1], axes H W; begun anew where the letters left no room."""
    while True:
        canvas, taken = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE), bool)
        for _ in range(number):
            if not _placed(canvas, taken, rng):
                break
        else:
            return canvas


def _placed(canvas: np.ndarray, taken: np.ndarray, rng: np.random.Generator) -> bool:
    """Draw a letter where nothing is taken; False if no place was found."""
    letter = _letters()[rng.integers(_SPRITES)]
    high, wide = letter.shape
    for _ in range(_TRIES):
        top, left = rng.integers(SIDE - high + 1), rng.integers(SIDE - wide + 1)
        here = (slice(top, top + high), slice(left, left + wide))
        if not taken[here].any():
            canvas[here] = letter
            # one pixel around it stays black
            taken[max(0, top - 1) : top + high + 1, max(0, left - 1) : left + wide + 1] = True
            return True
    return False


@cache
def _letters() -> list[np.ndarray]:
    """Letters, each cut to its box; the same for every seed."""
    drawn = [glyph.coverage(_SPRITE) for glyph in invent(_SPRITES, derive("scenes"))]
    return [_boxed(letter) for letter in drawn]


def _boxed(letter: np.ndarray) -> np.ndarray:
    rows, columns = (np.flatnonzero(letter.max(axis) > 0.05) for axis in (1, 0))
    return letter[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
