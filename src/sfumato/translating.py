"""Pictures turned into pictures by a Translator, in pieces that fit in memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from sfumato import runs
from sfumato.capabilities import demand
from sfumato.errors import ConfigError
from sfumato.io.images import Source, from_bytes, opacity, read, to_bytes, to_picture
from sfumato.model import Translator
from sfumato.nn.resize import enlarge
from sfumato.nn.tiles import tiles

PIECE = 256
"""Side, in pixels of the source, of what is computed at once."""
Tell = Callable[[int], Any]
"""Is told the number of source pixels of each finished piece."""


def upscale(
    picture: Source, *, scale: int = 4, method: str = "srresnet", tell: Tell | None = None
) -> Image.Image:
    """A picture `scale` times as wide and high; its transparency, if any, is kept.

    `method` is `bicubic`, the name of a system whose weights are here (`srresnet`), or a run or
    bundle of your own. Raises SfumatoError, one line, where the scale is not the method's.
    """
    if scale < 1:
        raise ConfigError(f"--scale must be at least 1; got {scale}.")
    if method == "bicubic":
        return _whole(picture, lambda image: enlarged(image, scale))
    model = _translator(method, f"x{scale}", "upscale")
    if model.scale != scale:
        raise ConfigError(f"{method} enlarges {model.scale} times, not {scale}; give its --scale.")
    return _whole(picture, lambda image: translated(model, image, tell))


def restore(
    picture: Source, *, harm: str = "jpeg", method: str = "srresnet", tell: Tell | None = None
) -> Image.Image:
    """A picture of the same size without what `harm` did to it: jpeg or blur."""
    model = _translator(method, harm, "restore")
    if model.scale != 1:
        raise ConfigError(f"{method} enlarges {model.scale} times; upscale is its verb.")
    return _whole(picture, lambda image: translated(model, image, tell))


def translated(model: Translator, image: Image.Image, tell: Tell | None = None) -> Image.Image:
    """What `model` makes of a picture, grey again where the picture is.

    A model whose result depends on no more than `reach` pixels around is given one piece after
    another, and the pieces fit without a seam.
    """
    pixels = np.asarray(image.convert("L" if model.schema.channels == 1 else "RGB"))
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    height, width, channels = pixels.shape
    out = np.empty((height * model.scale, width * model.scale, channels), np.uint8)
    around = max(height, width) if model.reach is None else model.reach
    for rows, columns in tiles(height, width, PIECE if model.reach else around, around):
        source = from_bytes(pixels[rows.outer, columns.outer][None]).to(model.device)
        with torch.no_grad():
            made = to_bytes(model.translate(source))[0]
        high, wide = rows.times(model.scale), columns.times(model.scale)
        out[high.place, wide.place] = made[high.inner, wide.inner]
        if tell:
            tell((rows.end - rows.begin) * (columns.end - columns.begin))
    return to_picture(out).convert(image.mode)


def enlarged(image: Image.Image, scale: int) -> Image.Image:
    """The bicubic picture."""
    pixels = np.asarray(image)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    return to_picture(to_bytes(enlarge(from_bytes(pixels[None]), scale))[0])


def _whole(picture: Source, change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """A picture changed, and its opacity resized to fit."""
    image, clear = read(picture), opacity(picture)
    changed = change(image)
    if clear is not None:
        changed = changed.convert("RGBA")
        changed.putalpha(clear.resize(changed.size, Image.Resampling.BICUBIC))
    return changed


def _translator(method: str, suited: str, verb: str) -> Translator:
    """The model of that name which is `suited`, where the zoo has one, or that place."""
    shipped = f"{method}-{suited}"
    place = shipped if shipped in runs.shelf() and not Path(method).exists() else method
    model = runs.load(place)
    demand(model, verb, place)
    assert isinstance(model, Translator)
    return model
