"""Clips as the pictures they are made of: animated GIF, WebP and PNG."""

from pathlib import Path

from PIL import Image, ImageSequence

from sfumato.errors import DataError
from sfumato.io.images import PIXELS, read

FRAMES = 2000
"""Most frames read of a clip."""


def is_clip(path: str | Path) -> bool:
    """Whether a file holds more than one picture."""
    try:
        with Image.open(path, formats=["GIF", "WEBP", "PNG"]) as image:
            return getattr(image, "n_frames", 1) > 1
    except (OSError, Image.DecompressionBombError):
        return False


def read_clip(path: str | Path) -> tuple[list[Image.Image], float]:
    """The frames, RGB, and how many go past in a second. Raises DataError, one line."""
    if not is_clip(path):
        return [read(path, channels=3)], 10.0
    with Image.open(path, formats=["GIF", "WEBP", "PNG"]) as image:
        count = getattr(image, "n_frames", 1)
        if count > FRAMES or image.width * image.height > PIXELS:
            raise DataError(
                f"{path} has {count} frames of {image.width}x{image.height}: too much."
            )
        try:
            frames = [read(frame.copy(), channels=3) for frame in ImageSequence.Iterator(image)]
        except (OSError, EOFError, SyntaxError) as error:
            raise DataError(f"{path} is damaged ({str(error).lower()}).") from None
        return frames, 1000 / max(20.0, float(image.info.get("duration", 100)))
