"""A part of one picture set into another so that no seam is seen."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sfumato.errors import ConfigError, UnknownName, nearest
from sfumato.imaging.gaussian_poisson import gaussian_poisson
from sfumato.imaging.placing import placed
from sfumato.imaging.poisson import mixed, modified, poisson
from sfumato.imaging.splines import splines
from sfumato.io.images import Source, from_bytes, opacity, read, to_bytes, to_picture
from sfumato.shapes import Images, Masks

METHODS: dict[str, Callable[[Images, Images, Masks], Images]] = {
    "poisson": poisson,
    "mixed": mixed,
    "modified": modified,
    "splines": splines,
    "gaussian-poisson": gaussian_poisson,
}
"""Each takes source, destination and mask of one size, and returns the blend, not clipped."""


def blend(
    source: Source,
    destination: Source,
    mask: Source | None = None,
    *,
    at: tuple[int, int] = (0, 0),
    method: str = "poisson",
) -> Image.Image:
    """The destination with what the mask marks of the source blended in.

    The mask is as large as the source; what is at least half white is taken. Without a mask the
    source's own opacity is one. `at` is where (x, y) of the destination the source's upper left
    corner lies, and may be negative. Raises SfumatoError, one line, on a user's mistake.
    """
    if method not in METHODS:
        raise UnknownName(f"--method {method} is unknown; {nearest(method, METHODS)}")
    under = _read(destination)
    over, inside = placed(_read(source), _marked(source, mask), under.shape[2:], at)
    grey = under.shape[1] == over.shape[1] == 1
    blended = METHODS[method](_coloured(over, grey), _coloured(under, grey), inside)
    return to_picture(to_bytes(blended)[0])


def _read(picture: Source) -> Images:
    return from_bytes(_rows(read(picture))[None])


def _rows(image: Image.Image) -> np.ndarray:
    """Uint8 H W C."""
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _marked(source: Source, mask: Source | None) -> Masks:
    """What is taken of the source, 1 1 H W of 0 and 1."""
    found = opacity(source) if mask is None else read(mask, channels=1)
    if found is None:
        raise ConfigError(
            "--mask is missing, and the source has no transparency to serve as one; give a "
            "picture as large as the source, white where it is to be taken."
        )
    return torch.from_numpy(_rows(found) > 127).float().permute(2, 0, 1)[None]


def _coloured(images: Images, grey: bool) -> Tensor:
    return images if grey else images.expand(-1, 3, -1, -1)
