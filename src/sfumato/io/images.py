"""Pictures: the only place that knows 0..255, file formats and colour modes.

Read: any PNG, JPEG, WebP, GIF, BMP, TIFF, PNM (and JPEG 2000, AVIF where Pillow has them),
turned as its EXIF says, first frame, 16 bits rounded to 8, CMYK and palettes as colour,
transparency laid on white, colours of another profile than sRGB turned into it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from sfumato.errors import ConfigError, DataError, brief
from sfumato.io.alpha import GREY, continued, laid
from sfumato.io.files import at_home, atomic
from sfumato.io.profiles import in_srgb
from sfumato.shapes import Bytes, Images

Source = str | Path | bytes | Image.Image | np.ndarray
"""Whence a picture is read: a path, a file's bytes, Pillow, or an array of its pixels."""
PIXELS = 64 * 1024 * 1024
"""Largest picture read by default, in pixels: 8192 x 8192 takes 200 MB decoded."""
LARGEST = 16 * PIXELS
"""Largest picture made: the largest that is read, four times as wide and high."""
QUALITY = 92
"""Of what is written as JPEG or WebP, where 100 is best; in JPEG colours are kept at full size."""
ENDINGS = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
    | {".ppm", ".pgm", ".pbm", ".jp2", ".avif"}
)
"""Endings, lower case, of the files taken for pictures."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "MPO")
_WRITING: dict[str, dict[str, Any]] = {
    # in a third of the time of the usual level, and two hundredths larger
    ".png": {"compress_level": 4},
    **{key: {"quality": QUALITY, "subsampling": 0} for key in (".jpg", ".jpeg", ".webp")},
}
"""How files of some endings are written."""
_OPAQUE = {".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".pbm"}
"""Endings of formats without transparency."""


def to_bytes(images: Images) -> Bytes:
    """B C H W in [-1, 1] to uint8 B H W C: clamped, rounded to nearest; NaN becomes black."""
    scaled = images.detach().float().nan_to_num(nan=-1.0).clamp(-1, 1).add(1).mul(127.5)
    return scaled.round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def from_bytes(pixels: np.ndarray | Tensor) -> Images:
    """Uint8 B H W C to float32 B C H W: 0 is -1 and 255 is 1, exactly; `to_bytes` undoes it.

    On one core, by numpy: a batch is too little to wake the others for, and on a busy machine
    waiting for them costs a hundred times the work.
    """
    array = pixels.cpu().numpy() if isinstance(pixels, Tensor) else pixels
    planes = np.ascontiguousarray(array.transpose(0, 3, 1, 2))
    # Divided, not multiplied by the reciprocal: 255 must give 1 and nothing above it.
    images = np.divide(planes, np.float32(127.5), dtype=np.float32)
    images -= 1
    return torch.from_numpy(images)


def from_picture(image: Image.Image) -> Images:
    """One picture of mode L or RGB as float32 1 C H W in [-1, 1]."""
    return from_bytes(np.asarray(image).reshape(1, image.height, image.width, -1))


def rounded(images: Images) -> Images:
    """Clamped to [-1, 1] and to the nearest of 256 levels, as a file holds them."""
    return images.clamp(-1, 1).add(1).mul(127.5).round().div(127.5).sub(1)


def levels(values: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1] to the nearest of 0..255, as uint8."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def fractions(image: Image.Image) -> np.ndarray:
    """A picture's 0..255 as float64 in [0, 1]."""
    return np.asarray(image, np.float64) / 255


def read(source: Source, *, channels: int | None = None, limit: int = PIXELS) -> Image.Image:
    """One picture from a path, a file's bytes or Pillow, as mode L (`channels` 1) or RGB (3).

    `channels` None keeps what is stored: L for grey, RGB for everything else. Raises DataError,
    one line, for what is missing, no picture, damaged, or larger than `limit` pixels.
    """
    with _decoded(source, limit) as image:
        grey = image.mode in GREY
        return _plain(_turned(image), channels or (1 if grey else 3))


def opacity(source: Source) -> Image.Image | None:
    """How opaque each pixel is, as mode L; None for a picture without transparency.

    Raises DataError like `read`.
    """
    with _decoded(source) as image:
        if not image.has_transparency_data:
            return None
        return _turned(image).convert("RGBA").getchannel("A")


def marks(source: Source) -> Image.Image:
    """A mask, as mode L: as `read`, but what is transparent marks nothing, so is laid on black.

    Raises DataError like `read`.
    """
    with _decoded(source) as image:
        mask = _turned(image)
        return _plain(mask if _deep(mask) else laid(mask, "black"), 1)


def colours(source: Source) -> Image.Image:
    """As `read`, but whatever is transparent has the colour it is stored with, laid on nothing.

    Raises DataError like `read`.
    """
    with _decoded(source) as image:
        grey, plain = image.mode in GREY, _turned(image)
        if plain.has_transparency_data:
            full = plain.convert("LA" if grey else "RGBA")
            plain = full.getchannel("L") if grey else full.convert("RGB")
        return _plain(plain, 1 if grey else 3)


def seen(source: Source) -> Image.Image:
    """As `colours`, but what is wholly transparent has the colour of the nearest that is not.

    So nothing unseen comes into what is made beside it. On white where nothing is to be seen.
    Raises DataError like `read`.
    """
    clear = opacity(source)
    if clear is None or clear.getbbox() is None:
        return read(source)
    return continued(colours(source), clear)


@contextmanager
def _decoded(source: Source, limit: int = PIXELS) -> Iterator[Image.Image]:
    """A picture of at most `limit` pixels; whatever goes wrong with it becomes a DataError."""
    name = str(source) if isinstance(source, str | Path) else "the picture"
    if not name:
        raise DataError("the name of the picture is empty; name a file.")
    try:
        if isinstance(source, str | Path) and not (place := at_home(source)).is_file():
            # a pipe would be waited for
            what = "is a folder; name a picture in it" if place.is_dir() else "is no file"
            raise DataError(f"{name} {what if place.exists() else 'does not exist'}.")
        with _opened(source) as image:
            if not (image.width and image.height):
                raise DataError(f"{name} has no pixels.")
            if image.width * image.height > limit:
                raise DataError(_too_large(name, f"{image.width}x{image.height}", limit))
            image.load()
            yield _straight(image)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(_too_large(name, "more", limit)) from None
    except Exception as error:  # hostile bytes make decoders raise nearly anything
        raise DataError(f"{name} {_reason(error)}.") from error


def _straight(image: Image.Image) -> Image.Image:
    """With transparency, if any, as a channel of its own that is multiplied into no other."""
    if _deep(image) and image.has_transparency_data:  # one grey of 65,536 is
        values = np.asarray(image)
        there = np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)
        grey = Image.fromarray(_eight_bits(values, image.mode))
        found = Image.merge("LA", (grey, Image.fromarray(there)))
        found.info = {k: v for k, v in image.info.items() if k != "transparency"}
        return found
    straight = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
    return image.convert(straight) if straight else image


def stored_channels(source: Source) -> int | None:
    """1 where the file's header says grey, 3 for colour, None for no picture; decodes nothing."""
    try:
        with _opened(source) as image:
            return 1 if image.mode in GREY else 3
    except Exception:  # `read` will say what is wrong with it
        return None


def transparent(source: str | Path | bytes) -> bool:
    """Whether the file has transparency, which `read` lays on white; False for no picture."""
    try:
        with _opened(source) as image:
            return image.has_transparency_data
    except Exception:  # `read` will say what is wrong with it
        return False


def room(width: int, height: int, most: int = LARGEST) -> None:
    """Raise ConfigError where a picture of that size would have more than `most` pixels."""
    if width * height > most:
        raise ConfigError(
            f"a picture of {width}x{height} pixels is too large to make: at most {most:,} are."
        )


def save(image: Image.Image, path: str | Path) -> None:
    """Write a picture whole or not at all; the ending chooses the format.

    Where that keeps no transparency it is laid on white. Raises ConfigError for an ending that
    is no picture's, and for a size or mode that the format does not have.
    """
    path = at_home(path)
    if path.suffix.lower() not in ENDINGS:
        raise ConfigError(f"{path} must end in .png, .jpg or .webp to be written as a picture.")
    if path.suffix.lower() in _OPAQUE:
        image = laid(image, "white")
    try:
        with atomic(path, durable=False) as temporary:
            image.save(temporary, **_WRITING.get(path.suffix.lower(), {}))
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        png = path.suffix.lower() == ".png"
        raise ConfigError(
            f"{path} cannot hold {image.width}x{image.height} pixels of mode {image.mode} "
            f"({' '.join(str(error).split())}); "
            f"{'make it RGB first' if png else 'end it in .png'}."
        ) from error


def grid(images: Images, columns: int | None = None, zoom: int = 1, gap: int = 1) -> Image.Image:
    """Tile pictures row by row on mid-grey, `gap` apart, each pixel a `zoom` x `zoom` block.

    `columns` None is the smallest square that holds them. Zoom is a whole number so that no
    pixel is invented: what is seen is what was drawn.
    """
    if zoom < 1 or gap < 0 or (columns is not None and columns < 1):
        raise ConfigError(f"columns and zoom start at 1, gap at 0; got {columns}, {zoom}, {gap}.")
    if not isinstance(images, Tensor) or images.ndim != 4:
        raise ConfigError(
            f"a grid takes a tensor B C H W in [-1, 1]; got {brief(images)}"
            f"{'; for one image images[None]' if getattr(images, 'ndim', 0) == 3 else ''}."
        )
    count, channels, height, width = images.shape
    if count == 0:
        raise ConfigError("a grid needs at least one image; got 0.")
    columns = min(count, columns or ceil(sqrt(count)))
    rows, height, width = ceil(count / columns), height * zoom, width * zoom
    high, wide = rows * (height + gap) + gap, columns * (width + gap) + gap
    room(wide, high)
    pixels = to_bytes(images).repeat(zoom, axis=1).repeat(zoom, axis=2)
    sheet = np.full((high, wide, channels), 128, np.uint8)
    for index, tile in enumerate(pixels):
        y = gap + (index // columns) * (height + gap)
        x = gap + (index % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = tile
    return to_picture(sheet)


def to_picture(pixels: np.ndarray) -> Image.Image:
    """Uint8 H W C, with 1 or 3 channels, as a picture."""
    if pixels.shape[2] not in (1, 3):
        raise ConfigError(f"a picture has 1 or 3 channels; got {pixels.shape[2]}.")
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def save_grid(images: Images, path: str | Path, **layout: Any) -> None:
    """Write `grid(images, **layout)` to `path`."""
    save(grid(images, **layout), path)


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Uint8 H W C as JPEG of this quality, 1 to 100, gives it back; colour at half the side."""
    file = BytesIO()
    to_picture(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file, formats=["JPEG"]) as image:
        return np.asarray(image).reshape(pixels.shape)


def _opened(source: Source) -> Image.Image:
    """Only plain raster formats: Pillow would run Ghostscript for EPS."""
    if isinstance(source, Image.Image):
        return source.copy()
    if isinstance(source, np.ndarray):
        return _of_array(source)
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    file = BytesIO(source) if isinstance(source, bytes) else at_home(source)
    return Image.open(file, formats=formats)


def _of_array(pixels: np.ndarray) -> Image.Image:
    """As plotting libraries hand them: whole numbers 0..255, H W or H W C."""
    if pixels.dtype == bool:  # as masks are computed
        pixels = 255 * pixels.astype(np.uint8)
    known = pixels.ndim in (2, 3) and pixels.shape[2:] in ((), (1,), (3,), (4,))
    if pixels.dtype != np.uint8 or not known or not pixels.size:
        raise ValueError(
            f"holds {pixels.dtype} of shape {pixels.shape}; an array of a picture holds uint8, "
            "H W or H W C with 1, 3 or 4 channels"
        )
    return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)


def _turned(image: Image.Image) -> Image.Image:
    """As its EXIF says, and in sRGB."""
    with suppress(Exception):  # a damaged EXIF block does not spoil the picture
        image = ImageOps.exif_transpose(image)
    return in_srgb(image)


def _deep(image: Image.Image) -> bool:
    """Whether it holds more than 8 bits, of which transparency is not told."""
    return image.mode in {"F", "I"} or image.mode.startswith("I;16")


def _plain(image: Image.Image, channels: int) -> Image.Image:
    """To L or RGB, by value and not by Pillow's clipping."""
    mode = "L" if channels == 1 else "RGB"
    if _deep(image):
        return Image.fromarray(_eight_bits(np.asarray(image), image.mode)).convert(mode)
    image = laid(image, "white")
    if image.mode not in {"L", "1", "RGB"}:
        image = image.convert("RGB")
    return image.convert(mode)


def _eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """16-bit whole numbers, or floats in [0, 1], to the nearest of 0..255.

    Whole numbers of 32 bits may be 8-bit or 16-bit ones that were widened; which, nobody knows.
    """
    top = 1.0 if mode == "F" else 65535.0
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= top):
        raise ValueError(
            f"holds values outside 0..{top:g}; make it one of 8 bits, by .convert('L') of Pillow "
            "where its values are 0..255"
        )
    return levels(values.astype(np.float64) / top)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror})"
    said = " ".join(str(error).split())
    text = said.lower()
    if isinstance(error, Image.UnidentifiedImageError):
        return "is no picture in a format known here"
    if "truncated" in text or "incomplete" in text or "unexpected end" in text:
        return "is truncated"
    return said if text.startswith("holds") else f"is damaged ({text or type(error).__name__})"


def _too_large(name: str, size: str, limit: int) -> str:
    return f"{name} has {size} pixels; at most {limit} are read."
