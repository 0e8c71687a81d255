"""Squares that WCT learns from: python benchmarks/style_squares.py FOLDER.

A third are photographs (scikit-image's, scikit-learn's, left two thirds; facades), a fifth pieces
of four old paintings, the rest drawn here: mosaics, strokes, waves, hatchings, letters, simplified
photographs, each in colours of its own. What `$SFUMATO_DATA` lacks is left out.
"""

import argparse
import tarfile
from pathlib import Path

import numpy as np
from distil import DATA, _bounded
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from rich.progress import track

from sfumato.data.photos import PHOTOS, photo
from sfumato.io.images import levels, read

PAINTINGS = (
    "style_images/neural-style-pt/style/s[ht]*.jpg",
    "style_images/neural-style-pt/style/[tw]*.jpg",
)
FACADES = "cmp_facades/cmp_facades_base_256x256.tar.gz"


def palette(chance: np.random.Generator, count: int) -> np.ndarray:
    """Colours that go together: around one or two hues, dark to light."""
    base = chance.random((2, 3))
    mix = chance.random((count, 1))
    light = chance.beta(0.8, 0.8, (count, 1))
    colours = base[0] * mix + base[1] * (1 - mix)
    strength = chance.random() * 1.5
    return np.clip(light + (colours - 0.5) * strength, 0, 1)


def noise(chance: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """Smooth noise in [0, 1] with about so many bumps along a side."""
    small = Image.fromarray(chance.random((cells, cells)).astype(np.float32))
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))


def mosaic(chance: np.random.Generator, side: int) -> np.ndarray:
    """Cells around random points, with or without joints."""
    count = int(chance.integers(20, 300))
    points, colours = chance.random((count, 2)) * side, palette(chance, count)
    y, x = np.mgrid[:side, :side]
    power = chance.choice([1.0, 2.0])
    apart = np.abs(y[..., None] - points[:, 0]) ** power
    apart += np.abs(x[..., None] - points[:, 1]) ** power
    nearest = np.partition(apart, 1, axis=-1)
    image = colours[apart.argmin(-1)]
    if chance.random() < 0.6:
        joint = nearest[..., 1] - nearest[..., 0] < chance.random() * 2 * side**0.5
        image = np.where(joint[..., None], palette(chance, 1), image)
    return image


def strokes(chance: np.random.Generator, side: int) -> np.ndarray:
    """Brush strokes that follow a flow."""
    colours = palette(chance, 8)
    image = Image.fromarray(levels(np.broadcast_to(colours[0], (side, side, 3))))
    pen, flow = ImageDraw.Draw(image), noise(chance, side, int(chance.integers(3, 7)))
    length, width = chance.uniform(6, 40), int(chance.integers(1, 9))
    turn, freedom = chance.uniform(1, 8), chance.uniform(0, 0.6)
    shade = noise(chance, side, int(chance.integers(3, 8)))
    for _ in range(int(min(3000, 6 * side * side / (length * width)))):
        y, x = chance.integers(0, side, 2)
        angle = flow[y, x] * turn + chance.normal() * freedom
        pick = int(np.clip(shade[y, x] * 8 + chance.normal() * 1.2, 0, 7))
        colour = tuple(
            int(v) for v in levels(np.clip(colours[pick] + chance.normal(0, 0.05, 3), 0, 1))
        )
        dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
        pen.line((x - dx, y - dy, x + dx, y + dy), fill=colour, width=width)
    return np.asarray(image) / np.iinfo(np.uint8).max


def waves(chance: np.random.Generator, side: int) -> np.ndarray:
    """Bands of warped waves."""
    y, x = np.mgrid[:side, :side] / side
    angle, many = chance.uniform(0, np.pi), chance.uniform(3, 25)
    warp = noise(chance, side, int(chance.integers(3, 9))) * chance.uniform(0, 6)
    phase = (np.cos(angle) * x + np.sin(angle) * y) * many + warp
    colours = palette(chance, int(chance.integers(2, 7)))
    place = (np.sin(phase * 2 * np.pi) * 0.5 + 0.5) * (len(colours) - 1)
    if chance.random() < 0.5:
        return colours[np.rint(place).astype(int)]
    low = np.floor(place).astype(int).clip(0, len(colours) - 2)
    part = (place - low)[..., None]
    return colours[low] * (1 - part) + colours[low + 1] * part


def hatching(chance: np.random.Generator, side: int) -> np.ndarray:
    """Dark lines, denser where a smooth picture is darker; sometimes crossed, sometimes dots."""
    y, x = np.mgrid[:side, :side]
    tone = noise(chance, side, int(chance.integers(3, 10)))
    step, image = chance.uniform(3, 10), np.ones((side, side))
    for angle in chance.uniform(0, np.pi, int(chance.integers(1, 4))):
        lines = np.sin((np.cos(angle) * x + np.sin(angle) * y) * 2 * np.pi / step) * 0.5 + 0.5
        image = np.minimum(image, lines) if chance.random() < 0.7 else image * lines
    dark, light = palette(chance, 2)
    return np.where((image > tone)[..., None], light, dark)


def letters(chance: np.random.Generator, side: int) -> np.ndarray:
    """Letters of all sizes, one over the other."""
    colours = palette(chance, 6)
    image = Image.fromarray(levels(np.broadcast_to(colours[0], (side, side, 3))))
    pen, size = ImageDraw.Draw(image), chance.uniform(6, 50)
    for _ in range(int(chance.integers(50, 300))):
        font = ImageFont.load_default(size=max(5, size * chance.uniform(0.5, 1.5)))
        colour = tuple(int(v) for v in levels(colours[chance.integers(6)]))
        place = tuple(chance.integers(-20, side, 2))
        pen.text(place, chr(chance.integers(33, 127)), fill=colour, font=font)
    return np.asarray(image) / np.iinfo(np.uint8).max


DRAWN = (mosaic, strokes, strokes, strokes, waves, hatching, letters)


def simplified(chance: np.random.Generator, image: Image.Image) -> Image.Image:
    """A photograph in few colours, in flat patches, or as its edges."""
    kind = chance.integers(3)
    if kind == 0:
        few = int(chance.integers(3, 12))
        return image.filter(ImageFilter.ModeFilter(7)).quantize(few).convert("RGB")
    if kind == 1:
        return image.filter(ImageFilter.MedianFilter(int(chance.choice([5, 7, 9]))))
    edges = np.asarray(image.convert("L").filter(ImageFilter.FIND_EDGES)) / 128
    dark, light = palette(chance, 2)
    part = np.clip(edges, 0, 1)[..., None]
    return Image.fromarray(levels(light * (1 - part) + dark * part))


def pieces(pictures: list[Image.Image], side: int, chance: np.random.Generator) -> Image.Image:
    """A square piece of one of the pictures, of any scale."""
    image = pictures[chance.integers(len(pictures))]
    most = min(image.size)
    least = min(side * 0.7, most)
    edge = int(least * (most / least) ** chance.random())
    left, top = (int(chance.integers(0, n - edge + 1)) for n in image.size)
    return image.resize(
        (side, side), Image.Resampling.BICUBIC, (left, top, left + edge, top + edge)
    )


def photographs() -> list[Image.Image]:
    """Left two thirds of those that are installed."""
    found = [photo(name) for name in PHOTOS]
    return [image.crop((0, 0, image.width * 2 // 3, image.height)) for image in found]


def facades() -> list[Image.Image]:
    """Photographs of facades, where they are at hand."""
    if not (DATA / FACADES).is_file():
        return []
    with tarfile.open(DATA / FACADES) as file:
        names = [member for member in file.getmembers() if member.name.endswith(".jpg")]
        return [read(file.extractfile(m).read(), channels=3) for m in names[:300]]


def square(number: int, side: int, shelf: list[list[Image.Image]]) -> Image.Image:
    """The square of a number, always the same."""
    chance = np.random.default_rng([7, number])
    kind = number % 15
    if kind < 5:
        return pieces(shelf[0] if kind < 4 or not shelf[1] else shelf[1], side, chance)
    if kind < 8 and shelf[2]:
        return pieces(shelf[2], side, chance)
    if kind == 8:
        return simplified(chance, pieces(shelf[0], side, chance))
    drawn = DRAWN[number % len(DRAWN)]
    return Image.fromarray(levels(drawn(chance, side)))


def main() -> None:
    """Cut, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=8000)
    parser.add_argument("--side", type=int, default=144)
    args = parser.parse_args()
    paintings = [_bounded(read(p, channels=3)) for x in PAINTINGS for p in sorted(DATA.glob(x))]
    shelf = [photographs(), facades(), paintings]
    args.folder.mkdir(parents=True, exist_ok=True)
    for number in track(range(args.count), "drawing"):
        square(number, args.side, shelf).save(args.folder / f"{number:05d}.jpg", quality=95)


if __name__ == "__main__":
    main()
