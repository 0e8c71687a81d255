"""Clips as the pictures they are made of: animated GIF, WebP and PNG."""

from pathlib import Path

from PIL import Image, ImageSequence

from sfumato.errors import DataError
from sfumato.io.files import at_home
from sfumato.io.images import PIXELS, read

_FORMATS = ("GIF", "WEBP", "PNG")
SHORTEST = 20.0
"""Milliseconds a frame is seen; one that does not say is seen for a tenth of a second."""
FRAMES = 2000
"""Most frames read of a clip."""
TOTAL = 1 << 30
"""Most pixels of all frames together, which are held at once: 3 GiB."""


def is_clip(path: str | Path) -> bool:
    """Whether a file holds pictures that follow one another in time."""
    return pages(path, _FORMATS) > 1


def pages(path: str | Path, formats: tuple[str, ...] = ("TIFF",)) -> int:
    """How many pictures a file of these formats holds; of what cannot be read `read` says why."""
    if not at_home(path).is_file():
        return 0
    try:
        with Image.open(at_home(path), formats=formats) as image:
            return int(getattr(image, "n_frames", 1))
    except Exception:  # Pillow's parsers raise whatever a damaged file makes them
        return 0


def read_clip(path: str | Path) -> tuple[list[Image.Image], list[float]]:
    """The frames, RGB, and for how many milliseconds each is seen, at least `SHORTEST`.

    Raises DataError, one line.
    """
    if not is_clip(path):
        return [read(path, channels=3)], [100.0]
    frames, times = [], []
    try:
        with Image.open(at_home(path), formats=_FORMATS) as image:
            count = getattr(image, "n_frames", 1)
            size = image.width * image.height
            if count > FRAMES or size > PIXELS or count * size > TOTAL:
                raise DataError(
                    f"{path} has {count} frames of {image.width}x{image.height}: too much."
                )
            for frame in ImageSequence.Iterator(image):
                frames.append(read(frame.copy(), channels=3))
                times.append(max(SHORTEST, float(image.info.get("duration", 100))))
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path} is damaged ({str(error).lower()}).") from None
    return frames, times


def loops(path: str | Path) -> int | None:
    """How often a clip is seen again, as GIF counts: 0 is for ever, None not at all."""
    with Image.open(at_home(path), formats=_FORMATS) as image:
        found = image.info.get("loop")
        if image.format == "GIF" or not found:
            return found
        return found - 1 or None  # the others count how often it is seen
