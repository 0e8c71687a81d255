"""Letters and figures drawn on the spot, with the whole truth about each: no file is needed.

One frozen `Glyph` says everything; image, mask, outline, caption and attributes are all drawn
from it. Typefaces are those matplotlib carries (DejaVu, STIX, Computer Modern), upright only, so
that `slant` is the whole slant. Inks are eight hues of equal lightness (OKLCH), on black or
white.

    mask    = 1 where the letter covers half of a pixel or more
    image   = coverage * ink + (1 - coverage) * paper
    outline = pixels of the mask with a neighbour outside it

`train` holds 8,192 and `test` 2,048 of them, or as many as `count` asks for.
"""

from dataclasses import dataclass
from functools import cache
from math import radians, tan

import numpy as np
from PIL import Image, ImageDraw

from sfumato.data.captions import encode
from sfumato.data.source import Source, drawn_to_size
from sfumato.data.splits import pick
from sfumato.data.stock import Cut, Stock
from sfumato.errors import UnknownName, nearest
from sfumato.io.images import fractions, levels
from sfumato.io.typefaces import typeface
from sfumato.randomness import derive
from sfumato.schema import Attribute

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
FACES = {
    "sans": (("DejaVuSans", False), ("DejaVuSans-Bold", True), ("cmss10", False)),
    "serif": (
        *(("DejaVuSerif", False), ("DejaVuSerif-Bold", True)),
        *(("STIXGeneral", False), ("STIXGeneralBol", True), ("cmr10", False), ("cmb10", True)),
    ),
    "typewriter": (("DejaVuSansMono", False), ("DejaVuSansMono-Bold", True), ("cmtt10", False)),
}
"""Style to its typefaces: file, and whether it is bold."""
HUES = {
    **{"red": 27, "orange": 60, "yellow": 100, "green": 145},
    **{"cyan": 200, "blue": 258, "purple": 305, "pink": 350},
}
"""Name to OKLCH hue in degrees; a glyph's hue is within 8 degrees of one."""
ATTRIBUTES = (
    Attribute(name="size", low=0.4, high=0.75),
    Attribute(name="slant", low=-20.0, high=20.0),
    Attribute(name="bold", low=0.0, high=1.0, values=("no", "yes")),
    Attribute(name="hue", low=0.0, high=360.0),
    Attribute(name="x", low=0.38, high=0.62),
    Attribute(name="y", low=0.38, high=0.62),
    Attribute(name="paper", low=0.0, high=1.0, values=("black", "white")),
    Attribute(name="style", low=0.0, high=len(FACES) - 1.0, values=tuple(FACES)),
    Attribute(name="colour", low=0.0, high=len(HUES) - 1.0, values=tuple(HUES)),
)
"""Height and centre in parts of the side, slant and hue in degrees; the others by name."""
VOCABULARY = (
    *("", "a", "small", "large", "bold", *HUES, *FACES, *LETTERS),
    *("leaning", "left", "right", "on", "black", "white"),
)
"""Words of the captions."""
LONGEST = 10
"""Tokens of the longest caption."""

_COUNTS = {"train": 8192, "test": 2048}
_MARGIN = 0.02


@dataclass(frozen=True, kw_only=True)
class Glyph:
    """Everything there is to know of one picture."""

    letter: str
    """What it is: one of `LETTERS`."""
    style: str
    """Kind of typeface: a key of `FACES`."""
    face: str
    """Typeface, as its file is called."""
    bold: bool
    """Whether it is the bold cut."""
    size: float
    """Height of the letter in parts of the side."""
    slant: float
    """Angle of its stems against the vertical in degrees; positive leans right."""
    hue: float
    """Hue of the ink in degrees."""
    x: float
    """Centre of the letter, from the left, in parts of the side."""
    y: float
    """Centre of the letter, from the top, in parts of the side."""
    white: bool
    """White paper, else black."""

    @property
    def colour(self) -> str:
        """Name of the hue."""
        return min(HUES, key=lambda name: abs((HUES[name] - self.hue + 180) % 360 - 180))

    @property
    def words(self) -> list[str]:
        """The caption: "a large bold red serif A leaning right on white"."""
        small, large = self.size < 0.5, self.size > 0.65
        lean = "left" if self.slant < -6 else "right" if self.slant > 6 else ""
        return [
            *("a", *["small"] * small, *["large"] * large, *["bold"] * self.bold),
            *(self.colour, self.style, self.letter, *(["leaning", lean] if lean else [])),
            *("on", "white" if self.white else "black"),
        ]

    @property
    def values(self) -> list[float]:
        """The attributes, in their order."""
        named = (list(FACES).index(self.style), list(HUES).index(self.colour))
        facts = (self.size, self.slant, self.bold, self.hue, self.x, self.y, self.white, *named)
        return [float(fact) for fact in facts]

    def coverage(self, side: int) -> np.ndarray:
        """How much of each pixel is ink: float64 in [0, 1], axes H W."""
        times = max(2, 256 // side)
        canvas = side * times
        letter = _letter(self.face, self.letter, max(320, 2 * side))
        scale = letter.height / (self.size * canvas)
        shear = tan(radians(self.slant)) * scale
        # From a point of the canvas back to the upright letter, both seen from their centres.
        middle_x, middle_y = self.x * canvas, self.y * canvas
        back = (
            *(scale, shear, letter.width / 2 - scale * middle_x - shear * middle_y),
            *(0, scale, letter.height / 2 - scale * middle_y),
        )
        drawn = letter.transform(
            (canvas, canvas), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR
        )
        fine = fractions(drawn).reshape(side, times, side, times)
        return fine.mean(axis=(1, 3))

    def draw(self, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Image uint8 H W 3, mask and outline uint8 H W of 0 and 1."""
        covered = self.coverage(side)
        ink, paper = _ink(self.hue, self.white), float(self.white)
        image = levels(covered[..., None] * ink + (1 - covered[..., None]) * paper)
        mask = covered >= 0.5
        return image, mask.astype(np.uint8), outline(mask).astype(np.uint8)


class Drawings:
    """Glyphs, drawn when they are asked for, at the size that is asked for."""

    columns: tuple[str, ...] = ("image", "mask", "outline")
    channels = 3

    def __init__(self, glyphs: list[Glyph]) -> None:
        self.glyphs = glyphs

    def __len__(self) -> int:
        return len(self.glyphs)

    def name(self, row: int) -> str:
        """The caption."""
        return " ".join(self.glyphs[row].words)

    def cut(self, row: int, cut: Cut) -> tuple[np.ndarray, ...]:
        """Image, mask and outline; nothing is scaled."""
        image, mask, border = self.glyphs[row].draw(cut.side or 32)
        return cut.fit(Image.fromarray(image)), mask, border


def stamp(source: Source) -> str:
    """Raised when the drawing changes."""
    return "glyphs 2"


def stock(source: Source) -> Stock:
    """Glyphs of the asked-for letters, each with all it has."""
    drawn_to_size(source, "their truths")
    for name in source.classes:
        if name not in LETTERS:
            raise UnknownName(
                f"--data.classes {name!r} is no class of glyphs; {nearest(name, LETTERS)}"
            )
    part = pick(source, _COUNTS)
    count = source.count or part
    seed = derive(source.seed, "glyphs", source.split)
    glyphs = invent(count, seed, source.classes or LETTERS)
    return Stock(
        pictures=Drawings(glyphs),
        label=np.array([LETTERS.index(glyph.letter) for glyph in glyphs]),
        classes=LETTERS,
        values=np.array([glyph.values for glyph in glyphs], np.float32),
        attributes=ATTRIBUTES,
        caption=encode([glyph.words for glyph in glyphs], VOCABULARY, LONGEST),
        vocabulary=VOCABULARY,
    )


def invent(count: int, seed: int, letters: tuple[str, ...] = LETTERS) -> list[Glyph]:
    """Glyphs at random; the first so many are the same whatever `count` is."""
    return [_one(chances, letters) for chances in np.random.default_rng(seed).random((count, 10))]


def outline(mask: np.ndarray) -> np.ndarray:
    """Where a mask (booleans, H W) is true and one of its four neighbours, or the edge, is not."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner


def _one(chances: np.ndarray, letters: tuple[str, ...]) -> Glyph:
    """A glyph from ten numbers in [0, 1); letters that would not fit are made smaller."""
    which, kind, cut, high, lean, colour, tint, right, down, paper = chances.tolist()
    letter, style = letters[int(which * len(letters))], list(FACES)[int(kind * len(FACES))]
    face, bold = FACES[style][int(cut * len(FACES[style]))]
    slant = 40 * lean - 20
    bitmap = _letter(face, letter, 320)
    wide = bitmap.width / bitmap.height + abs(tan(radians(slant)))
    room = 1 - 2 * _MARGIN
    size = min(0.4 + 0.35 * high, room / wide)
    reach_x, reach_y = (min(0.12, (room - size * part) / 2) for part in (wide, 1.0))
    hue = (list(HUES.values())[int(colour * len(HUES))] + 16 * tint - 8) % 360
    return Glyph(
        **{"letter": letter, "style": style, "face": face, "bold": bold, "size": size},
        **{"slant": slant, "hue": hue, "white": paper < 0.5},
        x=0.5 + reach_x * (2 * right - 1),
        y=0.5 + reach_y * (2 * down - 1),
    )


@cache
def _letter(face: str, letter: str, height: int) -> Image.Image:
    """One letter, upright, cut to its box, about `height` pixels high."""
    font = typeface(face, round(height * 1.4))
    left, top, right, bottom = font.getbbox(letter)
    image = Image.new("L", (int(right - left), int(bottom - top)))
    ImageDraw.Draw(image).text((-left, -top), letter, fill="white", font=font)
    return image.crop(image.getbbox())


def _ink(hue: float, white: bool) -> np.ndarray:
    """The sRGB colour in [0, 1] of a hue: dark for white paper, light for black."""
    light, chroma = (0.58, 0.17) if white else (0.76, 0.14)
    a, b = chroma * np.cos(radians(hue)), chroma * np.sin(radians(hue))
    cones = np.array([[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728]])
    cones = np.vstack([cones, [1, -0.0894841775, -1.2914855480]]) @ [light, a, b]
    linear = cones**3 @ np.array(
        [
            [4.0767416621, -1.2684380046, -0.0041960863],
            [-3.3077115913, 2.6097574011, -0.7034186147],
            [0.2309699292, -0.3413193965, 1.7076147010],
        ]
    )
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
