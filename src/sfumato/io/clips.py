"""Clips as the pictures they are made of: animated GIF, WebP and PNG."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageSequence

from sfumato.errors import ConfigError, DataError
from sfumato.io.files import at_home, atomic
from sfumato.io.images import PIXELS, read

_FORMATS = ("GIF", "WEBP", "PNG")
SHORTEST = 20.0
"""Milliseconds a frame is seen; one that does not say is seen for a tenth of a second."""
LONGEST = 10 * (2**16 - 1)
"""Milliseconds that a GIF can show one picture."""
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


def save_gif(
    frames: Iterable[Image.Image],
    path: str | Path,
    fps: int | float = 10,
    *,
    times: Sequence[float] | None = None,
    loop: int | None = 0,
) -> None:
    """Write frames as a GIF, each seen equally long or for its `times`.

    It is seen `loop` times more, for ever where that is 0, and once where it is None. Times are
    milliseconds; GIF knows whole hundredths of a second only, two at the least, and shows no
    picture for longer than `LONGEST`.
    """
    frames = list(frames)
    if not frames or not 0 < fps <= 50:
        raise ConfigError(f"a GIF needs frames and 0 < fps <= 50; got {len(frames)} and {fps}.")
    first, *rest = frames
    shown = [max(20, round(time / 10) * 10) for time in times or [1000 / fps] * len(frames)]
    words: dict[str, Any] = {
        "save_all": True,
        "append_images": rest,
        "duration": _short(frames, shown),
    }
    words |= {} if loop is None else {"loop": min(loop, 2**16 - 1)}
    with atomic(at_home(path), durable=False) as temporary:
        first.save(temporary, format="GIF", **words)


def _short(frames: Sequence[Image.Image], times: Sequence[int]) -> list[int]:
    """The times, cut where a picture is seen too long; equal ones in a row are written as one."""
    found, left = list[int](), 0
    for number, (frame, time) in enumerate(zip(frames, times, strict=True)):
        if not number or frame.tobytes() != frames[number - 1].tobytes():
            left = LONGEST
        found.append(min(time, left))
        left -= found[-1]
    return found
