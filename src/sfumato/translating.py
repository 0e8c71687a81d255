"""Pictures turned into pictures by a Translator, in pieces that fit in memory."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sfumato import registry
from sfumato.augmenting import write
from sfumato.capabilities import tags, translating
from sfumato.data.dataset import Dataset
from sfumato.encoding import called, loaded
from sfumato.errors import ConfigError, RunError, SfumatoError, UnknownName, nearest
from sfumato.io.alpha import as_opaque
from sfumato.io.files import at_home
from sfumato.io.images import (
    Source,
    from_bytes,
    from_picture,
    opacity,
    read,
    room,
    seen,
    to_bytes,
    to_picture,
)
from sfumato.model import Model, Translator
from sfumato.nn.ensemble import ensemble
from sfumato.nn.resize import enlarge, resize
from sfumato.nn.tiles import tiles
from sfumato.preset import quickly
from sfumato.shapes import Images

PIECE = 256
"""Side, in pixels of the source, of what is computed at once."""
SET = 100
"""Pictures of a set that are translated at once."""
HARMS = ("jpeg", "blur")
"""What `restore` takes away."""
Tell = Callable[[int], Any]
"""Is told the number of source pixels of each finished piece."""
Make = Callable[[Source, Tell | None], Image.Image]
"""What makes one picture of another, as often as it is asked to."""


def upscale(
    picture: Source,
    *,
    scale: int = 4,
    method: str | Path | Model = "srresnet",
    turns: bool = False,
    device: str = "cpu",
    tell: Tell | None = None,
) -> Image.Image:
    """A picture `scale` times as wide and high; its transparency, if any, is kept.

    `method` is `bicubic`, the name of a system whose weights are shipped (`srresnet`), or a model
    of your own or its run or bundle, which computes on `device`. With `turns` it is the mean of
    what a network makes of the picture's eight turns and mirrors: closer, and eight times as slow.
    What a network makes larger than asked for is shrunk again. Raises SfumatoError, one line,
    where the scale is beyond the method's.
    """
    return enlarger(scale, method, turns=turns, device=device)(picture, tell)


def enlarger(scale: int, method: str | Path | Model, *, turns: bool, device: str) -> Make:
    """What `upscale` does to a picture, with its model read once."""
    if scale < 1:
        raise ConfigError(f"--scale must be at least 1; got {scale}.")
    if method == "bicubic":
        if turns:
            raise ConfigError("--turns is for networks: bicubic makes the same of every turn.")
        return lambda picture, tell: _whole(picture, lambda image: enlarged(image, scale), scale)
    suited = [f"x{times}" for times in (scale, *range(scale + 1, 9))]
    model = _translator(method, suited, "upscale", device)
    if model.scale == 1:
        raise ConfigError(f"{called(method)} keeps the size; restore or translate is its verb.")
    if model.scale < scale:
        raise ConfigError(
            f"{called(method)} enlarges {model.scale} times, not {scale}; ask for less."
        )

    def larger(image: Image.Image, tell: Tell | None) -> Image.Image:
        made = translated(model, image, tell, turns=turns).convert(image.mode)
        return _shrunk(made, image, scale)

    return lambda picture, tell: _whole(picture, partial(larger, tell=tell), scale)


def restore(
    picture: Source,
    *,
    harm: str = "jpeg",
    method: str | Path | Model = "srresnet",
    turns: bool = False,
    device: str = "cpu",
    tell: Tell | None = None,
) -> Image.Image:
    """A picture of the same size without what `harm` did to it: jpeg or blur.

    `turns` as in `upscale`.
    """
    return cleaner(harm, method, turns=turns, device=device)(picture, tell)


def cleaner(harm: str, method: str | Path | Model, *, turns: bool, device: str) -> Make:
    """What `restore` does to a picture, with its model read once."""
    if harm not in HARMS:
        raise UnknownName(f"--from {harm} is unknown; {nearest(harm, HARMS)}")
    model = _translator(method, [harm], "restore", device)
    if model.scale != 1:
        raise ConfigError(f"{called(method)} enlarges {model.scale} times; upscale is its verb.")

    def clean(image: Image.Image, tell: Tell | None) -> Image.Image:
        return translated(model, image, tell, turns=turns).convert(image.mode)

    return lambda picture, tell: _whole(picture, partial(clean, tell=tell))


def translate(
    picture: Source,
    *,
    method: str | Path | Model,
    to: str | None = None,
    device: str = "cpu",
    tell: Tell | None = None,
) -> Image.Image:
    """What a model of your own, or its run or bundle, makes of a picture; see `translated`.

    Transparency is laid on white, as a drawing's is meant. Raises SfumatoError, one line.
    """
    return translated(_translator(method, [], "translate", device), read(picture), tell, to=to)


def translated(
    model: Translator,
    image: Image.Image,
    tell: Tell | None = None,
    *,
    to: str | None = None,
    turns: bool = False,
) -> Image.Image:
    """What `model` makes of a picture, in the colours it paints in: a grey one may get some.

    `to` is one of its `ways`, where it has several. Raises ConfigError for any other. With `turns`
    the picture is seen in eight ways, and the mean is taken.
    A model whose result depends on no more than `reach` pixels around is given one piece after
    another, and the pieces fit without a seam.
    """
    way = _way(model, to)
    pixels = np.asarray(image.convert("L" if model.schema.channels == 1 else "RGB"))
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    whole = pixels.shape[:2]
    # before it is turned or cut, so that squares which enter as one are the same ones always
    more = [(0, -side % model.multiple) for side in whole]
    pixels = np.pad(pixels, (*more, (0, 0)), mode="edge")
    height, width, channels = pixels.shape
    out = np.empty((height * model.scale, width * model.scale, channels), np.uint8)
    around = max(height, width) if model.reach is None else model.reach

    def painted(images: Tensor) -> Tensor:
        return model.translate(images, **way)

    change = partial(ensemble, painted) if turns else painted
    for rows, columns in tiles(height, width, around if model.reach is None else PIECE, around):
        source = from_bytes(pixels[rows.outer, columns.outer][None]).to(model.device)
        with torch.no_grad(), quickly(model):
            made = to_bytes(change(source))[0]
        high, wide = rows.times(model.scale), columns.times(model.scale)
        out[high.place, wide.place] = made[high.inner, wide.inner]
        if tell:
            ends = min(rows.end, whole[0]), min(columns.end, whole[1])
            tell((ends[0] - rows.begin) * (ends[1] - columns.begin))
    high, wide = (model.scale * side for side in whole)
    return to_picture(out[:high, :wide])


def translated_set(
    model: Translator,
    data: Dataset,
    folder: str | Path,
    tell: Tell | None = None,
    *,
    to: str | None = None,
) -> None:
    """Write what `model` makes of labelled pictures, with their labels, as a folder to learn from.

    The folder appears when all are in it. Raises ConfigError as `translated` does.
    """
    way, names = _way(model, to), data.schema.classes

    def made() -> Iterator[tuple[Images, list[str]]]:
        for rows in torch.arange(len(data)).split(SET):
            batch = data.batch(rows)
            with torch.no_grad(), quickly(model):
                images = model.translate(batch.image.to(model.device), **way).cpu()
            yield images, [names[label] for label in batch.label.tolist()]

    write(folder, {"made": made()}, tell)


def _way(model: Translator, to: str | None) -> dict[str, Any]:
    """What `translate` is told of the kind that is asked for."""
    if to is None:
        return {}
    if to not in model.ways:
        who = type(model).__name__
        has = f"it makes {' and '.join(model.ways)}" if model.ways else "it makes one kind only"
        raise ConfigError(f"--to {to} is nothing that {who} makes; {has}.")
    return {"to": to}


def enlarged(image: Image.Image, scale: int) -> Image.Image:
    """The bicubic picture."""
    return _picture(enlarge(from_picture(image), scale))


def _picture(images: Images) -> Image.Image:
    return to_picture(to_bytes(images)[0])


def _whole(
    picture: Source, change: Callable[[Image.Image], Image.Image], scale: int = 1
) -> Image.Image:
    """A picture changed, `scale` times as large, and its opacity resized to fit."""
    clear = opacity(picture)
    image = seen(picture)
    room(scale * image.width, scale * image.height)
    changed = change(image)
    if clear is None:
        return changed
    return as_opaque(changed, clear.resize(changed.size, Image.Resampling.BICUBIC))


def _shrunk(large: Image.Image, image: Image.Image, scale: int) -> Image.Image:
    """To `scale` times the size of the image it was made of."""
    size = image.width * scale, image.height * scale
    if large.size == size:
        return large
    return _picture(resize(from_picture(large), size[1], size[0]))


def _unshipped(method: str, suited: list[str], verb: str) -> SfumatoError:
    """What is said of a system whose weights for this are not shipped, or that is no such one."""
    train = f"train some (docs/models/{method}.md) and name the run with --method."
    if not suited:
        return RunError(f"{method} is the name of a system, not of weights; {train}")
    others = [name for name in registry.shipped() if name.rpartition("-")[2] in suited]
    others = ["bicubic", *others] if verb == "upscale" else others
    take = f"take {', '.join(others)}" if others else "name a run or a bundle of one that does"
    times = int(suited[0][1:]) if verb == "upscale" else 1
    if not _learns(method, times):
        return ConfigError(f"{method} does not {verb}{f' {times} times' * (times > 1)}; {take}.")
    return RunError(f"{method} is not shipped with weights for {suited[0]}; {take}, or {train}")


def _learns(method: str, scale: int) -> bool:
    """Whether a system can be trained to make pictures that much larger of others."""
    if "Translator" not in tags(method):
        return False
    kind, config = registry.model_class(method), registry.module(method).Config
    scales = get_args(get_type_hints(config).get("scale"))
    return scale in scales or (scale == 1 and not scales and "target" in kind.needs)


def _translator(
    method: str | Path | Model, suited: list[str], verb: str, device: str
) -> Translator:
    """The model itself, the one at that place, or the first shipped under its name that suits."""
    place, zoo = method, registry.shipped()
    known = not isinstance(method, str) or method in zoo or at_home(method).exists()
    if not known and method in registry.available():
        shipped = [name for what in suited if (name := f"{method}-{what}") in zoo]
        if not shipped:
            raise _unshipped(str(method), suited, verb)
        place = shipped[0]
    ours = (name.rpartition("-") for name in zoo)
    systems = {system for system, _, what in ours if what in suited}
    model = loaded(place, verb, device, (*(["bicubic"] * (verb == "upscale")), *sorted(systems)))
    assert isinstance(model, Translator)
    if model.takes:
        raise ConfigError(
            f"{called(place)} takes a {model.takes[0]} beside the picture; "
            f"{translating(model)[0]} is its verb."
        )
    return model
