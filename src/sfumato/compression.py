"""Pictures to .sfu files and back, by a learned codec."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from sfumato.encoding import loaded
from sfumato.errors import DataError, ForeignFile
from sfumato.io.files import at_home
from sfumato.io.images import PIXELS, Source, from_picture, read, to_bytes, to_picture
from sfumato.model import Codec, Model
from sfumato.shapes import Picture

MODELS = ("codec-photos", "codec-small")
"""Bundles of the zoo: the first writes unless another is named, and each reads what it wrote."""
BAND = 256
"""Rows of a picture that are turned into bytes at once."""


def compress(
    picture: Source,
    quality: int | None = None,
    *,
    refine: int = 0,
    model: Model | str | Path = MODELS[0],
    device: str = "cpu",
    tell: Callable[[int], None] | None = None,
) -> bytes:
    """The .sfu file of a picture, as bytes; `tell` is told the number of pixels done.

    `model` is a codec, or a run, bundle or zoo name read to `device`.
    `refine` steps look for a code of this picture that costs less, by what the model learned by:
    a smaller file at the same likeness, most of it within 20, each slower than the rest together.
    A grey picture stays grey, any other becomes RGB, and transparency is laid on white. `quality`
    1 is the roughest, the middle one unless named. Raises SfumatoError, one line, for what cannot
    be read or coded.
    """
    found = codec(model, "compress", device)
    return found.compress(from_picture(read(picture))[0], quality, refine=refine, tell=tell)


def decompress(
    file: str | Path | bytes,
    *,
    model: Model | str | Path | None = None,
    device: str = "cpu",
    tell: Callable[[int], None] | None = None,
) -> Image.Image:
    """The picture of a .sfu file, mode L or RGB: the same bytes on every machine.

    It is read by `model`, or by that of the zoo which wrote it, on `device`. Raises DataError, one
    line, for a file that is damaged, cut short or another model's.
    """
    return read_by(MODELS if model is None else (model,), file, device, tell)[1]


def read_by(
    places: Sequence[Model | str | Path],
    file: str | Path | bytes,
    device: str = "cpu",
    tell: Callable[[int], None] | None = None,
) -> tuple[Codec, Image.Image]:
    """The first of some codecs that wrote a file, and its picture; raises as `decompress` does."""
    data = file if isinstance(file, bytes) else content(file)
    name = "the file" if isinstance(file, bytes) else file
    for place in places:
        found = codec(place, "decompress", device)
        try:
            return found, to_image(found.decompress(data, tell))
        except ForeignFile as error:
            foreign = error
        except DataError as error:
            raise DataError(f"{name} cannot be read: {error}") from error
    raise DataError(f"{name} cannot be read: {foreign}") from foreign


def codec(place: Model | str | Path, verb: str, device: str = "cpu") -> Codec:
    """The model itself, or the one at a place. Raises ConfigError if it is no codec."""
    model = loaded(place, verb, device)
    assert isinstance(model, Codec)
    return model


def content(path: str | Path) -> bytes:
    """A file's bytes, unless it is larger than the largest picture is as it stands."""
    place = at_home(path)
    try:
        if not place.is_file():  # a pipe would be waited for, and a device has no end
            what = "is a folder" if place.is_dir() else "is no file"
            raise DataError(f"{place} {what if place.exists() else 'does not exist'}.")
        with place.open("rb") as file:
            data = file.read(3 * PIXELS + 1)
    except OSError as error:
        raise DataError(f"{place} cannot be read: {error.strerror}.") from None
    if len(data) > 3 * PIXELS:
        raise DataError(f"{place} is no .sfu file: it is larger than any picture.")
    return data


def to_image(picture: Picture) -> Image.Image:
    """A picture in [-1, 1] as Pillow has it; a band at a time, to spare memory."""
    bands = (picture[None, :, top : top + BAND] for top in range(0, picture.shape[1], BAND))
    return to_picture(np.concatenate([to_bytes(band)[0] for band in bands]))
