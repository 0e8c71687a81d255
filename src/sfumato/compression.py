"""Pictures to .sfu files and back, by a learned codec."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from sfumato import runs
from sfumato.capabilities import demand
from sfumato.errors import DataError
from sfumato.io.images import PIXELS, from_bytes, on_white, read, to_bytes, to_picture
from sfumato.model import Codec, Model
from sfumato.shapes import Picture

MODEL = "codec-small"
"""The bundle of the zoo that is used unless another is named."""
BAND = 256
"""Rows of a picture that are turned into bytes at once."""


def compress(
    picture: str | Path | Image.Image,
    quality: int | None = None,
    *,
    model: Model | str | Path = MODEL,
    tell: Callable[[int], None] | None = None,
) -> bytes:
    """The .sfu file of a picture, as bytes; `tell` is told the number of pixels done.

    A picture is a path or a Pillow image; one of mode L stays grey, any other becomes RGB, and
    transparency is laid on white. `quality` 1 is the roughest, the middle one unless named.
    Raises SfumatoError, one line, for what cannot be read or coded.
    """
    found = codec(model, "compress")
    image = read(picture) if isinstance(picture, str | Path) else _plain(picture)
    return found.compress(_tensor(image), quality, tell)


def decompress(
    file: str | Path | bytes,
    *,
    model: Model | str | Path = MODEL,
    tell: Callable[[int], None] | None = None,
) -> Image.Image:
    """The picture of a .sfu file, mode L or RGB: the same bytes on every machine.

    Raises DataError, one line, for a file that is damaged, cut short or another model's.
    """
    found = codec(model, "decompress")
    data = file if isinstance(file, bytes) else content(file)
    try:
        return to_image(found.decompress(data, tell))
    except DataError as error:
        name = "the file" if isinstance(file, bytes) else file
        raise DataError(f"{name} cannot be read: {error}") from error


def codec(place: Model | str | Path, verb: str) -> Codec:
    """The model itself, or the one at a place. Raises ConfigError if it is no codec."""
    model = place if isinstance(place, Model) else runs.load(place)
    demand(model, verb, type(place).__name__ if isinstance(place, Model) else str(place))
    assert isinstance(model, Codec)
    return model


def content(path: str | Path) -> bytes:
    """A file's bytes, unless it is larger than the largest picture is as it stands."""
    place = Path(path)
    try:
        if place.stat().st_size > 3 * PIXELS:
            raise DataError(f"{place} is no .sfu file: it is larger than any picture.")
        return place.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{place} does not exist.") from None
    except OSError as error:
        raise DataError(f"{place} cannot be read: {error.strerror}.") from None


def to_image(picture: Picture) -> Image.Image:
    """A picture in [-1, 1] as Pillow has it; a band at a time, to spare memory."""
    bands = (picture[None, :, top : top + BAND] for top in range(0, picture.shape[1], BAND))
    return to_picture(np.concatenate([to_bytes(band)[0] for band in bands]))


def _plain(image: Image.Image) -> Image.Image:
    if image.width * image.height > PIXELS:
        raise DataError(
            f"the picture has {image.width}x{image.height} pixels; at most {PIXELS} are coded."
        )
    image = on_white(image)
    return image if image.mode == "L" else image.convert("RGB")


def _tensor(image: Image.Image) -> Picture:
    pixels = np.asarray(image)
    return from_bytes(pixels.reshape(1, *pixels.shape[:2], -1))[0]
