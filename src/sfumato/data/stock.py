"""What a source holds before it is cut to size, and the cutting of one picture."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from PIL import Image

from sfumato.data.source import Source
from sfumato.data.splits import apart
from sfumato.errors import ConfigError, DataError, UnknownName, nearest
from sfumato.io.images import read, stored_channels
from sfumato.schema import UNKNOWN, Attribute

_PROBED = 64
NAMELESS = "folders name no classes"
"""How a note begins that says why there are no labels."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """From a picture of any size and colour to the asked-for pixels."""

    side: int | None
    """Height and width afterwards; None leaves the size."""
    crop: int | None
    """Central square kept before scaling, in pixels."""
    channels: int
    """1 or 3."""

    def fit(self, image: Image.Image) -> np.ndarray:
        """Uint8 H W C. Nothing is stretched: with a side, the largest central square is scaled.

        A crop larger than the picture means the largest square it holds. Scaling is Pillow's
        Lanczos, which averages over all pixels that fall together (antialiased).
        """
        image = self._square(image)
        if self.side and image.width != self.side:
            image = image.resize((self.side, self.side), Image.Resampling.LANCZOS)
        pixels = np.asarray(image)
        return pixels[..., None] if self.channels == 1 else pixels

    def fit_map(self, image: Image.Image) -> np.ndarray:
        """As `fit`, of a map whose colours stand for kinds: a pixel has that of most of its area.

        Nothing is blended, as the mean of two kinds would look like a third.
        """
        image = self._square(image)
        pixels = np.asarray(image).reshape(image.height, image.width, self.channels)
        if not self.side or len(pixels) == self.side:
            return pixels
        most = np.zeros((self.side, self.side), np.float32)
        found = np.zeros((self.side, self.side, self.channels), np.uint8)
        # a colour as one number, as comparing three at each pixel takes ten times as long
        bits = np.arange(0, 8 * self.channels, 8)
        number = np.zeros(pixels.shape[:2], np.int32)
        for channel, shift in enumerate(bits):
            number |= pixels[..., channel].astype(np.int32) << shift
        for _, colour in image.getcolors(image.width * image.height) or []:
            own = (np.atleast_1d(colour).astype(np.int32) << bits).sum()
            area = Image.fromarray((number == own).astype(np.float32))
            share = np.asarray(area.resize(most.shape, Image.Resampling.BOX))
            found[share > most] = colour
            most = np.maximum(most, share)
        return found

    def _square(self, image: Image.Image) -> Image.Image:
        """The part that is kept, in the colours that are kept."""
        image = image.convert("L" if self.channels == 1 else "RGB")
        if not (self.crop or self.side):
            return image
        edge = min(self.crop or image.width, image.width, image.height)
        left, top = (image.width - edge) // 2, (image.height - edge) // 2
        return image.crop((left, top, left + edge, top + edge))


@runtime_checkable
class Pictures(Protocol):
    """Rows that can be decoded or drawn one by one, from several threads at once."""

    columns: tuple[str, ...]
    """The fields of `Batch` that each row gives: image first."""
    channels: int
    """1 or 3: what is stored."""

    def __len__(self) -> int: ...

    def name(self, row: int) -> str:
        """What to call a row in a report."""
        ...

    def cut(self, row: int, cut: Cut) -> tuple[np.ndarray, ...]:
        """One uint8 array per column; raises DataError where the row cannot be read."""
        ...


class Pixels:
    """Pictures that are in memory already: uint8 N H W C."""

    columns: tuple[str, ...] = ("image",)

    def __init__(self, pixels: np.ndarray) -> None:
        self.array = pixels
        self.channels = pixels.shape[3]

    def __len__(self) -> int:
        return len(self.array)

    def name(self, row: int) -> str:
        """Its number."""
        return f"image {row}"

    def cut(self, row: int, cut: Cut) -> tuple[np.ndarray, ...]:
        """The picture, cut."""
        pixels = self.array[row]
        return (cut.fit(Image.fromarray(pixels[..., 0] if self.channels == 1 else pixels)),)

    def fits(self, cut: Cut) -> bool:
        """Whether the pictures are already as `cut` would make them."""
        height, width, channels = self.array.shape[1:]
        edge = min(cut.crop or width, height, width)
        square = not (cut.side or cut.crop) or height == width == edge == (cut.side or edge)
        return square and channels == cut.channels


class Encoded(ABC):
    """Pictures that lie there in a format such as PNG, each on its own."""

    columns: tuple[str, ...] = ("image",)

    def __init__(self, channels: int | None = None) -> None:
        """`channels` are those that are asked for; None takes what is stored."""
        self.asked = channels
        self.channels = channels or self._stored()

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def name(self, row: int) -> str:
        """What to call a row in a report."""

    @abstractmethod
    def content(self, row: int) -> bytes:
        """The bytes of a row; the DataError of one that cannot be read is a bare reason."""

    def cut(self, row: int, cut: Cut) -> tuple[np.ndarray, ...]:
        """The picture, decoded and cut."""
        image = decoded(self.content(row))
        if image.mode == "RGB" and self.channels == 1 and self.asked is None:
            raise ConfigError(
                f"there are grey and colour pictures (the first in colour: {self.name(row)}); "
                "set --data.channels to 1 or 3."
            )
        return (cut.fit(image),)

    def _stored(self) -> int:
        """1 where the first of them are all grey, else 3."""
        kinds = {self._kind(row) for row in range(min(_PROBED, len(self)))} - {None}
        return 1 if kinds == {1} else 3

    def _kind(self, row: int) -> int | None:
        try:
            return stored_channels(self.content(row))
        except DataError:  # said again, and counted, when it is cut
            return None


def decoded(content: bytes) -> Image.Image:
    """A picture from a file's bytes; the DataError is a bare reason such as "is truncated"."""
    if not content:
        raise DataError("is empty")
    try:
        return read(content)
    except DataError as error:
        raise DataError(str(error).removeprefix("the picture ").removesuffix(".")) from error


def attempt(pictures: Pictures, cut: Cut, row: int) -> tuple[np.ndarray, ...] | DataError:
    """The row, cut, or the reason why it cannot be."""
    try:
        return pictures.cut(row, cut)
    except DataError as error:
        return error


@dataclass(frozen=True, kw_only=True)
class Stock:
    """Everything one split of a source holds: pictures and columns of equal length."""

    pictures: Pictures
    """The rows."""
    label: np.ndarray | None = None
    """Class number of each row."""
    classes: tuple[str, ...] = ()
    """Names of the classes."""
    values: np.ndarray | None = None
    """Attributes of each row, axes N A."""
    attributes: tuple[Attribute, ...] = ()
    """What the columns of `values` are."""
    caption: np.ndarray | None = None
    """Tokens of each row, axes N L."""
    vocabulary: tuple[str, ...] = ()
    """What the tokens mean; token 0 pads."""
    aside: np.ndarray | None = None
    """Whether each row is held out, where rows show the same and so may not be parted."""
    notes: tuple[str, ...] = ()
    """For the report."""

    def select(self, source: Source) -> "tuple[np.ndarray, Stock]":
        """The rows of the asked-for part and classes, and the stock with what was asked for.

        Labels are numbered anew, in the order of `source.classes`; of the attributes only those
        of `source.attributes` stay, in their order.
        """
        rows, held = np.arange(len(self.pictures)), self._measured(source)
        if not source.classes:
            return apart(rows, source, self.aside), held
        chosen = positions(source, "class", source.classes, self.classes)
        assert self.label is not None  # classes come with labels
        renumbered = np.full(len(self.classes), UNKNOWN)
        renumbered[chosen] = np.arange(len(chosen))
        label = np.where(self.label != UNKNOWN, renumbered[self.label], UNKNOWN)
        rows = rows[label != UNKNOWN]
        rows = apart(rows, source, None if self.aside is None else self.aside[rows])
        return rows, replace(held, label=label, classes=source.classes)

    def _measured(self, source: Source) -> "Stock":
        """The stock with the asked-for attributes."""
        if not source.attributes:
            return self
        names = tuple(attribute.name for attribute in self.attributes)
        chosen = positions(source, "attribute", source.attributes, names)
        assert self.values is not None  # attributes come with values
        return replace(
            self,
            values=self.values[:, chosen],
            attributes=tuple(self.attributes[position] for position in chosen),
        )


def positions(
    source: Source, kind: str, asked: tuple[str, ...], names: tuple[str, ...]
) -> list[int]:
    """Where the asked-for classes or attributes stand; UnknownName for one that is none."""
    plural = {"class": "classes", "attribute": "attributes"}[kind]
    for name in asked:
        if name not in names:
            has = {"class": "it has no labels.", "attribute": "it has none."}[kind]
            raise UnknownName(
                f"--data.{plural} {name!r} is no {kind} of {source.name}; "
                + (nearest(name, names) if names else has)
            )
    return [names.index(name) for name in asked]
