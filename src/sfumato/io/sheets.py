"""Grids with words beside them: what a row shows, what stands above a picture."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from sfumato.io.images import grid, room
from sfumato.io.typefaces import typeface
from sfumato.shapes import Images, Pictures

SIZE = 14
"""Height of the letters in pixels."""
BETWEEN = 8
"""Pixels between pictures that stand under each other."""
WIDEST = 1200
"""Pixels across which a sheet of pairs goes, about."""


def named_rows(rows: Sequence[tuple[str, Pictures]], zoom: int = 1) -> Image.Image:
    """One row of pictures under the other, each with its name to the left."""
    strips = [grid(images, columns=len(images), zoom=zoom) for _, images in rows]
    margin = max(width(name) for name, _ in rows) + 12
    height = max(strips[0].height, SIZE + 6)
    whole = _blank(margin + max(strip.width for strip in strips), height * len(rows))
    for index, ((name, _), strip) in enumerate(zip(rows, strips, strict=True)):
        y = index * height + height // 2
        _write(whole, (margin - 6, y), name, "rm")
        whole.paste(strip.convert("RGB"), (margin, y - strip.height // 2))
    return whole


def headed(
    images: Images, rows: Float[Tensor, "N K C H W"], words: Sequence[str], zoom: int = 1
) -> Image.Image:
    """Each picture at the left of a row of K others; a word above each column of those."""
    tiles = [grid(image[None], zoom=zoom) for image in images]
    wide = max(tiles[0].width, *map(width, words)) + 4
    high, head = tiles[0].height + 2, SIZE + 6
    whole = _blank(wide * (len(words) + 1) + 8, head + high * len(tiles))
    for column, word in enumerate(words, 1):
        _write(whole, (8 + column * wide + wide // 2, 2), word, "ma")
    for index, (tile, others) in enumerate(zip(tiles, rows, strict=True)):
        for column, other in enumerate([tile, *(grid(o[None], zoom=zoom) for o in others)]):
            x = column * wide + (wide - tile.width) // 2 + (8 if column else 0)
            whole.paste(other.convert("RGB"), (x, head + index * high))
    return whole


def pairs(images: Images, others: Pictures, words: Sequence[str], zoom: int = 1) -> Image.Image:
    """Each picture beside another that belongs to it, and a line of words under the two."""
    both = zip(images, others, strict=True)
    tiles = [grid(torch.stack(pair), columns=2, zoom=zoom) for pair in both]
    wide = max(tiles[0].width, *map(width, words)) + 12
    columns = min(len(tiles), max(1, WIDEST // wide))
    high = tiles[0].height + SIZE + 12
    whole = _blank(wide * columns, high * -(-len(tiles) // columns))
    for index, (tile, word) in enumerate(zip(tiles, words, strict=True)):
        x, y = index % columns * wide, index // columns * high
        whole.paste(tile.convert("RGB"), (x + (wide - tile.width) // 2, y))
        _write(whole, (x + wide // 2, y + tile.height + 3), word, "ma")
    return whole


def captioned(images: Images, words: Sequence[str], columns: int, zoom: int = 1) -> Image.Image:
    """A grid with a line of words under each picture."""
    tiles = [grid(image[None], zoom=zoom) for image in images]
    wide = max(tiles[0].width, *map(width, words)) + 4
    high = tiles[0].height + SIZE + 8
    whole = _blank(wide * min(columns, len(tiles)), high * -(-len(tiles) // columns))
    for index, (tile, word) in enumerate(zip(tiles, words, strict=True)):
        x, y = index % columns * wide, index // columns * high
        whole.paste(tile.convert("RGB"), (x + (wide - tile.width) // 2, y))
        _write(whole, (x + wide // 2, y + tile.height + 3), word, "ma")
    return whole


def beside(pictures: Sequence[tuple[str, Image.Image]], gap: int = 16) -> Image.Image:
    """Pictures in a row, each under its title."""
    head = SIZE + gap
    wide = [max(picture.width, width(title)) for title, picture in pictures]
    high = max(picture.height for _, picture in pictures)
    whole, x = _blank(sum(wide) + gap * (len(wide) + 1), high + head + gap), gap
    for space, (title, picture) in zip(wide, pictures, strict=True):
        _write(whole, (x, gap // 2), title, "la")
        whole.paste(picture.convert("RGB"), (x, head))
        x += space + gap
    return whole


def stacked(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures one under the other."""
    high = sum(picture.height for picture in pictures) + BETWEEN * (len(pictures) - 1)
    whole, y = _blank(max(picture.width for picture in pictures), high), 0
    for picture in pictures:
        whole.paste(picture.convert("RGB"), (0, y))
        y += picture.height + BETWEEN
    return whole


def width(words: str) -> int:
    """Pixels that a line of words takes."""
    return round(_font().getlength(words))


def _font() -> ImageFont.FreeTypeFont:
    return typeface("DejaVuSans", SIZE)


def _blank(width: int, height: int) -> Image.Image:
    room(width, height)
    return Image.new("RGB", (width, height), "white")


def _write(picture: Image.Image, at: tuple[int, int], words: str, anchor: str) -> None:
    ImageDraw.Draw(picture).text(at, words, fill="black", font=_font(), anchor=anchor)
