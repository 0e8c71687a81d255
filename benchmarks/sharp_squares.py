"""Squares that SRResNet learns from: python benchmarks/sharp_squares.py FOLDER --photos A B.

Cut at random from photographs: those that scikit-image and scikit-learn carry and may be learned
from, and all that lie in the folders named. A square's edge is drawn evenly in the logarithm
between `--least` times `--side` and half of the photograph's shorter side; from 2 on noise and
JPEG's traces vanish when it is shrunk, and at 1 there are four times as many pixels. Of three, the
one with the most to learn from is kept, and half of those lie on their side. The left two thirds
of each photograph give FOLDER/train, the right third FOLDER/test. With `--pages`, so many more
squares of FOLDER/train are drawn: lines of words on a plain ground, as on screens.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from rich.progress import track

from sfumato.data.glyphs import FACES
from sfumato.data.photos import photo
from sfumato.io.images import ENDINGS, read
from sfumato.io.typefaces import typeface

OURS = ("astronaut", "cat", "coffee", "rocket", "china", "flower")
"""Embedded photographs of the everyday."""
LETTERS = tuple(face for faces in FACES.values() for face, _ in faces)
"""Typefaces of the pages."""


def square(
    image: Image.Image, side: int, least: float, chance: np.random.Generator
) -> Image.Image:
    """The liveliest of three pieces, upright or on its side."""
    found = max((piece(image, side, least, chance) for _ in range(3)), key=liveliness)
    return found.transpose(Image.Transpose.TRANSPOSE) if chance.random() < 0.5 else found


def liveliness(image: Image.Image) -> float:
    """Mean difference of neighbouring pixels."""
    grey = np.asarray(image.convert("L"), np.float32)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


def piece(image: Image.Image, side: int, least: float, chance: np.random.Generator) -> Image.Image:
    """A square piece, shrunk to its side."""
    small = min(round(least * side), *image.size)
    large = max(small, min(image.size) // 2)
    edge = round(small * (large / small) ** chance.random())
    left, top = (int(chance.integers(0, length - edge + 1)) for length in image.size)
    box = (left, top, left + edge, top + edge)
    return image.resize((side, side), Image.Resampling.BICUBIC, box, reducing_gap=3.0)


def parts(image: Image.Image) -> dict[str, Image.Image]:
    """What is learned from and what is held out."""
    cut = image.width * 2 // 3
    return {
        "train": image.crop((0, 0, cut, image.height)),
        "test": image.crop((cut, 0, image.width, image.height)),
    }


def page(side: int, chance: np.random.Generator) -> Image.Image:
    """Words in a few sizes and colours on one ground, sometimes with a rule or a box."""
    over = 2  # drawn larger, so that edges are as smooth as a screen's
    edge = over * side
    colours = [tuple(map(int, chance.integers(0, 256, 3))) for _ in range(3)]
    if chance.random() < 0.5:
        colours[0] = (255, 255, 255)
    image = Image.new("RGB", (edge, edge), colours[0])
    pen, down = ImageDraw.Draw(image), int(chance.integers(0, over * 20))
    while down < edge:
        height = int(over * np.exp(chance.uniform(np.log(9), np.log(48))))
        font = typeface(str(chance.choice(LETTERS)), height)
        ink = colours[1 + int(chance.integers(2))]
        if chance.random() < 0.2:
            pen.rectangle((0, down, chance.integers(1, edge), down + height), fill=ink)
        for _ in range(int(chance.integers(1, 5))):
            word = "".join(map(chr, chance.integers(ord("a"), ord("z") + 1, 40)))
            for start in range(0, 40, 6):  # words of up to five letters
                word = word[:start] + " " + word[start + 1 :]
            said = word.title() if chance.random() < 0.3 else word
            pen.text((over * int(chance.integers(-20, 40)), down), said, fill=ink, font=font)
            down += round(1.3 * height)
        if chance.random() < 0.3:
            pen.line((0, down, edge, down), fill=ink, width=int(chance.integers(1, 4 * over)))
            down += over * 6
    return image.resize((side, side), Image.Resampling.BOX)


def main() -> None:
    """Cut and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="folders of pictures")
    parser.add_argument("--count", type=int, default=8000)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--least", type=float, default=2.0, help="times that side")
    parser.add_argument("--pages", type=int, default=0, help="drawn besides")
    args = parser.parse_args()
    more = [p for place in args.photos for p in sorted(place.iterdir()) if p.suffix in ENDINGS]
    whole = [*map(photo, OURS), *(read(path, channels=3) for path in more)]
    halves = [parts(image) for image in whole]
    for split, count in (("train", args.count), ("test", max(1, args.count // 16))):
        (args.folder / split).mkdir(parents=True, exist_ok=True)
        for number in track(range(count), f"cutting {split}"):
            image = halves[number % len(halves)][split]
            chance = np.random.default_rng([11, number])
            found = square(image, args.side, args.least, chance)
            found.save(args.folder / split / f"{number:05d}.png")
    for number in track(range(args.pages), "drawing pages"):
        drawn = page(args.side, np.random.default_rng([12, number]))
        drawn.save(args.folder / "train" / f"page-{number:05d}.png")


if __name__ == "__main__":
    main()
