"""Traffic signs drawn on the spot, plain as in a handbook: no file is needed.

Twenty kinds whose drawing is a few shapes, called as in `gtsrb`, so that what is learned from
drawings can be tried on photographs. Each is turned, squeezed, moved and scaled a little, on a
flat ground of any colour. There is no light, no dirt and no blur: that is what a photograph adds.

`train` holds 4,000 and `test` 1,000 of them, or as many as `count` asks for.
"""

from collections.abc import Callable
from functools import cache, partial
from math import cos, radians, sin

import numpy as np
from PIL import Image, ImageDraw

from sfumato.data.source import Source, drawn_to_size
from sfumato.data.splits import pick
from sfumato.data.stock import Cut, Stock
from sfumato.io.images import levels
from sfumato.io.typefaces import typeface
from sfumato.randomness import derive

FULL = 256
"""Side at which a sign is drawn before it is made small."""
RED, BLUE, YELLOW, BLACK, WHITE, GREY = "#c1121c", "#154889", "#fdc500", "#111", "#fff", "#777"
_COUNTS = {"train": 4000, "test": 1000}
_DISC = (6, 6, 250, 250)


def _limit(draw: ImageDraw.ImageDraw, number: str) -> None:
    draw.ellipse(_DISC, fill=WHITE, outline=RED, width=34)
    _word(draw, number, 104 if len(number) < 3 else 80, BLACK)


def _stop(draw: ImageDraw.ImageDraw) -> None:
    for radius, colour in ((128, WHITE), (118, RED)):
        corners = [radians(22.5 + 45 * step) for step in range(8)]
        draw.polygon([(128 + radius * cos(a), 128 + radius * sin(a)) for a in corners], colour)
    _word(draw, "STOP", 62, WHITE)


def _yield(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon([(4, 26), (252, 26), (128, 244)], RED)
    draw.polygon([(56, 56), (200, 56), (128, 184)], WHITE)


def _caution(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon([(4, 230), (252, 230), (128, 12)], RED)
    draw.polygon([(48, 204), (208, 204), (128, 64)], WHITE)
    draw.polygon([(116, 100), (140, 100), (134, 162), (122, 162)], BLACK)
    draw.ellipse((117, 170, 139, 192), BLACK)


def _priority(draw: ImageDraw.ImageDraw) -> None:
    for reach, colour in ((124, WHITE), (92, YELLOW)):
        draw.polygon(
            [(128 - reach, 128), (128, 128 - reach), (128 + reach, 128), (128, 128 + reach)],
            colour,
        )


def _no_entry(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse(_DISC, fill=RED)
    draw.rectangle((48, 106, 208, 150), WHITE)


def _limits_end(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse(_DISC, fill=WHITE, outline=GREY, width=6)
    for shift in range(-36, 37, 18):
        draw.line([(52 + shift, 212 + shift), (212 + shift, 52 + shift)], BLACK, 7)


def _arrow(draw: ImageDraw.ImageDraw, *way: tuple[int, int]) -> None:
    """White on blue: a line along `way`, and a head at its end."""
    draw.ellipse(_DISC, fill=BLUE)
    draw.line(way, WHITE, 30, joint="curve")
    (x0, y0), (x, y) = way[-2:]
    along = np.array([x - x0, y - y0]) / np.hypot(x - x0, y - y0)
    across, end = np.array([-along[1], along[0]]), np.array([x, y])
    corners = end + 38 * along, end + 44 * across - 16 * along, end - 44 * across - 16 * along
    draw.polygon([(float(a), float(b)) for a, b in corners], WHITE)


def _word(draw: ImageDraw.ImageDraw, word: str, size: int, colour: str) -> None:
    draw.text((128, 128), word, colour, typeface("DejaVuSans-Bold", size), anchor="mm")


LIMITS = (20, 30, 50, 60, 70, 80, 100, 120)
TURN = ((96, 196), (96, 124), (146, 124))
KEEP = ((84, 84), (152, 152))
KINDS: dict[str, Callable[[ImageDraw.ImageDraw], None]] = {
    **{f"limit-{number}": partial(_limit, number=str(number)) for number in LIMITS},
    "priority": _priority,
    "yield": _yield,
    "stop": _stop,
    "no-vehicles": partial(_limit, number=""),
    "no-entry": _no_entry,
    "caution": _caution,
    "limits-end": _limits_end,
    "right": lambda draw: _arrow(draw, *TURN),
    "left": lambda draw: _arrow(draw, *((FULL - x, y) for x, y in TURN)),
    "ahead": lambda draw: _arrow(draw, (128, 200), (128, 96)),
    "keep-right": lambda draw: _arrow(draw, *KEEP),
    "keep-left": lambda draw: _arrow(draw, *((FULL - x, y) for x, y in KEEP)),
}
"""What a sign is called, and how it is drawn."""


class Drawings:
    """Signs, drawn when they are asked for, at the size that is asked for."""

    columns: tuple[str, ...] = ("image",)
    channels = 3

    def __init__(self, kinds: np.ndarray, chances: np.ndarray) -> None:
        self.kinds, self.chances = kinds, chances

    def __len__(self) -> int:
        return len(self.kinds)

    def name(self, row: int) -> str:
        """What it is."""
        return list(KINDS)[self.kinds[row]]

    def cut(self, row: int, cut: Cut) -> tuple[np.ndarray, ...]:
        """The picture; nothing is scaled."""
        return (cut.fit(drawn(self.name(row), self.chances[row], cut.side or 32)),)


def stamp(source: Source) -> str:
    """Raised when the drawing changes."""
    return "signs 2"


def stock(source: Source) -> Stock:
    """Signs of all kinds in turn, each with what it is."""
    drawn_to_size(source, "what they say")
    part = pick(source, _COUNTS)
    count = source.count or part
    if source.classes:
        count = count * len(KINDS) // len(source.classes) + len(KINDS)
    chances = np.random.default_rng(derive(source.seed, "signs", source.split)).random((count, 9))
    kinds = np.arange(count) % len(KINDS)
    return Stock(pictures=Drawings(kinds, chances), label=kinds, classes=tuple(KINDS))


def drawn(kind: str, chances: np.ndarray, side: int) -> Image.Image:
    """One sign, as nine numbers in [0, 1) have it."""
    turn, size, squeeze, right, down, *ground, lean = chances.tolist()
    angle, share = radians(16 * turn - 8), 0.76 + 0.18 * size
    wide, high = share * (0.88 + 0.12 * squeeze), share
    slant = 0.16 * lean - 0.08
    # from a point of the canvas back to the upright sign, both seen from their centres
    turned = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
    back = np.array([[1 / wide, slant], [0, 1 / high]]) @ turned
    middle = np.array([128 + 12 * (2 * right - 1), 128 + 12 * (2 * down - 1)])
    shift = 128 - back @ middle
    sign = _sign(kind).transform(
        (FULL, FULL),
        Image.Transform.AFFINE,
        (*back[0], shift[0], *back[1], shift[1]),
        Image.Resampling.BILINEAR,
    )
    colour = levels(np.array(ground[:3]))
    canvas = Image.new("RGB", (FULL, FULL), tuple(int(level) for level in colour))
    canvas.paste(sign, mask=sign.getchannel("A"))
    return canvas.resize((side, side), Image.Resampling.BOX)


@cache
def _sign(kind: str) -> Image.Image:
    """The sign upright, filling the square, transparent around."""
    image = Image.new("RGBA", (FULL, FULL), (0, 0, 0, 0))
    KINDS[kind](ImageDraw.Draw(image))
    return image
