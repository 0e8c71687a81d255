"""What is missing of a picture: by an equation, by a network, or by the codes of a painter."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch.nn.functional import adaptive_max_pool2d

from sfumato.capabilities import interfaces
from sfumato.encoding import called, loaded
from sfumato.errors import ConfigError
from sfumato.imaging.filling import biharmonic, membrane
from sfumato.imaging.latent import searched
from sfumato.imaging.poisson import fitted, poisson
from sfumato.io.alpha import opaque_where
from sfumato.io.images import (
    Source,
    colours,
    from_picture,
    marks,
    opacity,
    seen,
    to_bytes,
    to_picture,
)
from sfumato.model import Model, Sampler, Translator
from sfumato.nn.channels import in_channels
from sfumato.nn.resize import resize
from sfumato.settings import Count, Whole
from sfumato.shapes import Images, Masks

METHODS: dict[str, Callable[[Images, Masks], Images]] = {
    "biharmonic": biharmonic,
    "membrane": membrane,
}
"""Those that need no model; each takes a picture and a mask of its size."""
TRIES, STEPS = 8, 500
"""Codes that are begun with, and steps of their search, unless said otherwise."""
Window = tuple[slice, slice]
"""Rows and columns."""


def complete(
    picture: Source,
    mask: Source | None = None,
    *,
    method: str | Path | Model = "biharmonic",
    around: Whole | None = None,
    device: str = "cpu",
    seed: int | None = None,
    tries: Count | None = None,
    steps: Count | None = None,
    tell: Callable[[int], Any] | None = None,
    **asked: Any,
) -> Image.Image:
    """The picture with what the mask marks filled; every other pixel stays as it is.

    The mask is as large as the picture; what is at least half white is filled, nothing where it is
    transparent. Without a mask, what is more than half transparent of the picture is. `method` is
    a name in `METHODS`, or a run, bundle or zoo name read to `device`: a Translator that takes a
    mask paints the hole; of a Sampler that is a Judge as well the best of `tries` codes (8) is
    sought in `steps` steps (500) from `seed` (0), `tell` being told of each, and `asked` is what
    its `condition` takes. A model is shown the largest square with the hole in it; with `around`,
    each hole apart with so many pixels on each side of it. What was filled is opaque. Raises
    SfumatoError, one line, on a user's mistake.
    """
    image, clear = colours(picture), opacity(picture)
    pixels = np.asarray(image)
    hidden = _hidden(mask, clear, image)
    # nothing unseen may come into what is filled beside it
    images = from_picture(seen(picture))
    holes = torch.from_numpy(hidden).float()[None, None]
    asked |= {"seed": seed, "tries": tries, "steps": steps}
    if isinstance(method, str) and method in METHODS:
        _idle({"around": around, **asked}, f"{method} fills holes from what surrounds them")
        filled = METHODS[method](images, holes)
    else:
        model = _model(method, device)
        if isinstance(model, Translator):
            _idle(asked, f"{called(method)} paints what it is shown")
        paint = _painter(model, tell, asked)
        filled = images.clone()
        for window in windows(hidden, around):
            _fill(filled, holes, window, model, paint)
    made = to_bytes(filled)[0].reshape(pixels.shape)
    where = hidden if pixels.ndim == 2 else hidden[..., None]
    found = to_picture(np.where(where, made, pixels).reshape(*hidden.shape, -1))
    return found if clear is None else opaque_where(found, clear, hidden)


def count(picture: Source, mask: Source | None, around: int | None) -> int:
    """How many holes will be filled one after another. Raises as `complete` does."""
    image = colours(picture)
    return len(windows(_hidden(mask, opacity(picture), image), around))


def windows(hidden: np.ndarray, around: int | None = None) -> list[Window]:
    """What a model is shown: the largest square with all holes in it, or each with so much around.

    Holes that lie as near to each other are one. Where no square holds them, the whole picture.
    """
    if around is None:
        rows, columns = ndimage.find_objects(hidden.astype(np.uint8))[0]
        side = min(hidden.shape)
        if max(rows.stop - rows.start, columns.stop - columns.start) > side:
            return [(slice(0, hidden.shape[0]), slice(0, hidden.shape[1]))]
        return [(_centred(rows, hidden.shape[0], side), _centred(columns, hidden.shape[1], side))]
    steps = max(1, min(around, max(hidden.shape)))
    near = ndimage.binary_dilation(hidden, np.ones((3, 3)), iterations=steps)
    return ndimage.find_objects(ndimage.label(near)[0])


def _centred(span: slice, length: int, side: int) -> slice:
    """So many places in the middle, moved as little as the span needs."""
    begin = min(max((length - side) // 2, span.stop - side), span.start)
    return slice(begin, begin + side)


def _fill(
    filled: Images,
    holes: Masks,
    window: Window,
    model: Model,
    paint: Callable[[Images, Masks], Images],
) -> None:
    """Fill what of a picture lies in a window: painted at the model's side, fitted at its own."""
    part, hole = (whole[..., window[0], window[1]].contiguous() for whole in (filled, holes))
    _, height, width = model.schema.shape
    # what the hole hides must not leak into what lies beside it
    known = resize(membrane(part, hole), height, width).clamp(-1, 1)
    given, hidden = (
        in_channels(known, model.schema.channels),
        adaptive_max_pool2d(hole, (height, width)),
    )
    if bool(hidden.all()):
        raise ConfigError(
            f"the mask leaves nothing that {type(model).__name__} could see at its "
            f"{width}x{height} pixels; mark less, or fill with --method biharmonic."
        )
    painted = in_channels(paint(given, hidden).cpu(), part.shape[1])
    large = resize(painted, *part.shape[2:])
    # colours of the rim are known better than the painter knows them; what a translator paints
    # outside the hole is the picture itself, so only the step there tells how wrong it is
    if isinstance(model, Translator):
        whole = fitted(torch.where(hole > 0, large, part), hole)
    else:
        whole = poisson(large, part, hole)
    filled[..., window[0], window[1]] = whole


def _model(place: str | Path | Model, device: str) -> Model:
    model = loaded(place, "complete", device, METHODS)
    fills = isinstance(model, Translator) and "mask" in model.takes
    if not fills and not {"Sampler", "Judge"} <= set(interfaces(model)):
        raise ConfigError(
            f"complete needs a model that takes a mask, or a Sampler that is a Judge; "
            f"{called(place)} holds a {type(model).__name__}, which is neither."
        )
    return model


def _idle(asked: Mapping[str, Any], why: str) -> None:
    """Raise ConfigError for what was asked of a way to fill that would not look at it."""
    if said := [name for name, value in asked.items() if value not in (None, {}, [])]:
        name = {"attributes": "attribute"}.get(said[0], said[0])
        kind = "a model" if name == "around" else "a model whose codes are sought"
        raise ConfigError(f"--{name} is of {kind}, and {why}; leave it out.")


def _painter(
    model: Model, tell: Callable[[int], Any] | None, asked: Mapping[str, Any]
) -> Callable[[Images, Masks], Images]:
    """What of a model paints over a hole, at the model's own side."""
    if isinstance(model, Translator):

        def translate(images: Images, mask: Masks) -> Images:
            with torch.no_grad():
                given = images.to(model.device), mask.to(model.device)
                return model.translate(given[0], mask=given[1])

        return translate
    assert isinstance(model, Sampler)
    painter, said = model, {name: value for name, value in asked.items() if value is not None}
    search = {"seed": 0, "tries": TRIES, "steps": STEPS, "tell": tell, **said}
    return lambda images, mask: searched(painter, images, mask, **search)


def _hidden(mask: Source | None, clear: Image.Image | None, image: Image.Image) -> np.ndarray:
    """What is to be filled, H W of booleans."""
    if mask is None and clear is None:
        raise ConfigError(
            "--mask is missing, and the picture has no transparency to serve as one; give a "
            "picture as large, white where it is to be filled."
        )
    shown = marks(mask) if mask is not None else clear
    assert shown is not None
    if shown.size != image.size:
        raise ConfigError(
            f"the mask is {shown.width}x{shown.height} pixels, and the picture "
            f"{image.width}x{image.height}; give a mask as large as the picture."
        )
    hidden = np.asarray(shown) > 127 if mask is not None else np.asarray(shown) < 128
    if not hidden.any():
        what = "paint white what is to be filled" if mask is not None else "give one with --mask"
        raise ConfigError(f"the mask marks nothing; {what}.")
    if hidden.all():
        raise ConfigError("the mask covers the whole picture; leave some of it to go by.")
    return hidden
