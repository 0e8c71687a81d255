"""The picture at the top of the README, from shipped weights: python benchmarks/gallery.py.

Each panel is what the command beneath it makes of photographs that scikit-image carries, all CC0
or in the public domain. Halves stand side by side: what is given, what is made of it; they are of
the right third of a photograph, which no network learned from.
"""

import argparse
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

import sfumato
from sfumato.data.photos import photo
from sfumato.io.images import grid, save

ROOT = Path(__file__).parents[1]
SIDE, FOOT, LETTERS = 300, 24, 15


def square(image: Image.Image, box: tuple[int, int, int] | None = None) -> Image.Image:
    """A square piece (left, top, edge), or the central one, at the side of a panel."""
    edge = min(image.size)
    left, top, edge = box or ((image.width - edge) // 2, (image.height - edge) // 2, edge)
    return image.crop((left, top, left + edge, top + edge)).resize((SIDE, SIDE))


def halves(before: Image.Image, after: Image.Image) -> Image.Image:
    """The left half of one, the right half of the other, and a line between."""
    whole = before.copy()
    whole.paste(after.crop((SIDE // 2, 0, SIDE, SIDE)), (SIDE // 2, 0))
    ImageDraw.Draw(whole).line((SIDE // 2, 0, SIDE // 2, SIDE), "white", 2)
    return whole


def styled(content: str, style: str) -> Image.Image:
    """A photograph in the style of another."""
    return square(sfumato.stylize(photo(content), photo(style)))


def enlarged() -> Image.Image:
    """A detail of 75 pixels: as its pixels are, and four times as large."""
    small = photo("coffee").crop((410, 102, 485, 177))
    return halves(small.resize((SIDE, SIDE), Image.Resampling.NEAREST), sfumato.upscale(small))


def restored() -> Image.Image:
    """A detail of a JPEG file of quality 8, and restored."""
    file = io.BytesIO()
    photo("astronaut").crop((345, 340, 495, 490)).save(file, "JPEG", quality=8)
    harmed = Image.open(file).convert("RGB")
    return halves(square(harmed), square(sfumato.restore(harmed)))


def blended() -> Image.Image:
    """A rocket that stands in another landscape."""
    part = photo("rocket").crop((225, 60, 405, 360))
    under = photo("china").crop((200, 0, 627, 427))
    mask = Image.new("L", part.size, 255)
    return square(sfumato.blend(part, under, mask, at=(215, 40), method="mixed"))


def painted() -> Image.Image:
    """Digits that DCGAN draws."""
    digits = sfumato.sample("dcgan-mnist", 100, seed=4)
    return grid(digits, columns=10, gap=2).resize((SIDE, SIDE))


PANELS: dict[str, Callable[[], Image.Image]] = {
    "stylize": lambda: styled("astronaut", "tissue"),
    "stylize ": lambda: styled("cat", "retina"),
    "upscale": enlarged,
    "restore --from jpeg": restored,
    "blend --method mixed": blended,
    "sample dcgan-mnist": painted,
}


def panels() -> Iterator[Image.Image]:
    """Each with its command beneath."""
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans Mono"), LETTERS)
    for words, make in PANELS.items():
        whole = Image.new("RGB", (SIDE, SIDE + FOOT), "white")
        whole.paste(make().convert("RGB"), (0, 0))
        middle = (SIDE // 2, SIDE + FOOT // 2)
        ImageDraw.Draw(whole).text(middle, f"sfumato {words.strip()}", "black", font, "mm")
        yield whole


def main() -> None:
    """Make and put together."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "gallery.jpg")
    args = parser.parse_args()
    found, gap = list(panels()), 6
    columns, (wide, high) = 3, found[0].size
    rows = -(-len(found) // columns)
    size = columns * (wide + gap) - gap, rows * (high + gap) - gap
    whole = Image.new("RGB", size, "white")
    for number, panel in enumerate(found):
        row, column = divmod(number, columns)
        whole.paste(panel, (column * (wide + gap), row * (high + gap)))
    save(whole, args.out)


if __name__ == "__main__":
    main()
