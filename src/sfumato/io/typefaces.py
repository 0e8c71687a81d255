"""Typefaces that are there wherever the library is: those that matplotlib carries."""

from functools import cache

from PIL import ImageFont

from sfumato.errors import DataError
from sfumato.io.files import installed


@cache
def typeface(face: str, size: int) -> ImageFont.FreeTypeFont:
    """One by its file's name, such as DejaVuSans. Raises DataError where it is missing."""
    path = installed("matplotlib") / "mpl-data" / "fonts" / "ttf" / f"{face}.ttf"
    if not path.exists():
        raise DataError(f"{path} is missing, which matplotlib carries; install it again.")
    return ImageFont.truetype(str(path), size)
