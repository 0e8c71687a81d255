"""Pictures to codes, and what a code is painted under.

A model is what was loaded; pictures are paths, or images as the model takes them.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sfumato import registry, runs
from sfumato.capabilities import can, demand
from sfumato.data.dataset import Batch, Dataset
from sfumato.data.stock import Cut
from sfumato.errors import ConfigError, UnknownName, nearest
from sfumato.io.files import at_home
from sfumato.io.images import LARGEST, Source, from_bytes, read
from sfumato.model import Autoencoder, Model, Sampler
from sfumato.nn.attributes import columns
from sfumato.settings import counted
from sfumato.shapes import Codes, Images, Pictures

PART = 256
"""Images painted or encoded at a time, to bound the memory."""
Shown = Pictures | Source | Sequence[Source]
"""Images as a model takes them, or pictures: one or several."""


def loaded(
    place: Model | str | Path, verb: str, device: str = "cpu", methods: Iterable[str] = ()
) -> Model:
    """The model itself where it is, or the one at a place on `device`; in evaluation mode.

    Raises ConfigError if it has no such verb, and UnknownName for a name that is no place and none
    of `methods`, which the verb knows beside places.
    """
    known = isinstance(place, Model) or at_home(place).exists() or str(place) in registry.shipped()
    if not known and (names := tuple(methods)) and Path(str(place)).name == str(place):
        able = [n for n in registry.shipped() if can(registry.shipped_model(n), verb)]
        hint = nearest(str(place), (*names, *able))
        hint = hint if hint.startswith("did") else nearest(str(place), names).rstrip(".")
        more = "" if hint.startswith("did") else ", or name a run or a bundle."
        raise UnknownName(f"--method {place} is unknown; {hint}{more}")
    model = place if isinstance(place, Model) else runs.load(place, device)
    demand(model, verb, called(place))
    return model.eval()


def called(place: Model | str | Path) -> str:
    """What a message calls it: its place, or of a model its class."""
    return type(place).__name__ if isinstance(place, Model) else str(place)


def autoencoder(place: Model | str | Path, verb: str, device: str = "cpu") -> Autoencoder:
    """As `loaded`, for a verb that begins with pictures. Raises ConfigError without an encoder."""
    model = loaded(place, verb, device)
    if not isinstance(model, Autoencoder):
        raise ConfigError(
            f"{verb} of pictures needs an Autoencoder, and {type(model).__name__} is none: it "
            "cannot say which code a picture has; leave the pictures out."
        )
    return model


@torch.no_grad()
def encoded(model: Autoencoder, images: Images) -> Codes:
    """Their codes, on the CPU, a part at a time."""
    return torch.cat([model.encode(part.to(model.device)).cpu() for part in images.split(PART)])


def fitted(model: Model, pictures: Shown) -> Images:
    """Images of pictures, cut and scaled to what the model takes; images stay as they are.

    Raises ConfigError for images of another shape, or of numbers beyond [-1, 1].
    """
    if isinstance(pictures, Tensor):
        return _taken(model, pictures)
    pictures = [pictures] if isinstance(pictures, Source) else pictures
    if not len(pictures):
        raise ConfigError("there is no picture to look at: name at least one.")
    cut = Cut(side=model.schema.side, crop=None, channels=model.schema.channels)
    return torch.cat([from_bytes(cut.fit(read(path))[None]) for path in pictures])


def _taken(model: Model, images: Tensor) -> Images:
    if (shape := tuple(images.shape[1:])) != model.schema.shape:
        raise ConfigError(
            f"{type(model).__name__} takes images of {model.schema.shape}, not of {shape}; "
            "pictures as files, or of Pillow, are cut and scaled to it."
        )
    # a rounding of what a file holds is no mistake
    if images.numel() and not bool((images.abs() <= 1.001).all()):
        low, high = float(images.min()), float(images.max())
        raise ConfigError(
            f"images hold numbers from -1 to 1, and these {low:g} to {high:g}; 0..255 becomes "
            "that by x / 127.5 - 1."
        )
    first = next(model.parameters(), None)
    return images.float() if first is None else images.to(first.dtype)


def as_told(model: Model, seen: Batch, of: Dataset, *names: str) -> Batch:
    """A batch of `of`, its labels and attributes in the numbers and the order of the model.

    They are matched by name, as far as `names` ask. Raises DataError for a class, ConfigError for
    an attribute that one of the two does not know.
    """
    if "label" in names and seen.label is not None:
        seen = seen._replace(label=model.schema.renumbered(seen.label, of.schema, of.name))
    if "attributes" in names and seen.attributes is not None:
        own = columns(model.schema, of.schema)
        seen = seen._replace(attributes=seen.attributes[:, own])
    return seen


def painted_under(
    model: Autoencoder, count: int, asked: Mapping[str, Any], seen: Batch | None = None
) -> dict[str, Tensor]:
    """The conditions of `count` codes of pictures: those asked for, and those that must be there.

    A code says what its picture shows, so nothing else is drawn. What must be there and is not
    asked for is read off `seen`, the batch that the pictures are from. Raises ConfigError where
    that says nothing.
    """
    wanted = {name for name, value in asked.items() if value is not None}
    found = model.condition(count, None, **asked) if wanted else {}
    found = {name: rows for name, rows in found.items() if name in wanted}
    for name in set(model.besides) - wanted:
        rows = None if seen is None else getattr(seen, name)
        if rows is None:
            raise ConfigError(
                f"{type(model).__name__} as it was trained here paints a code under its {name}; "
                f"ask for it: {_wish(model, name)}."
            )
        found[name] = rows.to(model.device)
    return found


def _wish(model: Model, name: str) -> str:
    """An example of how a condition is asked for on the command line."""
    if name == "label":
        return f"--label {model.schema.classes[0]}"
    return " ".join(
        f"--attribute {one.name}={one.values[0] if one.values else f'{one.low:g}'}"
        for one in model.schema.attributes
    )


def few_enough(model: Model, count: int) -> None:
    """Raise ConfigError for no image, and for more pixels in all than the largest picture has."""
    counted(count)
    _, height, width = model.schema.shape
    if count * height * width > LARGEST:
        most = LARGEST // (height * width)
        raise ConfigError(
            f"{count:,} images of {width}x{height} are too many at once; ask for {most:,} or less."
        )


@torch.no_grad()
def paint(
    model: Sampler | Autoencoder,
    codes: Codes,
    condition: Mapping[str, Tensor],
    tell: Any = None,
) -> Images:
    """The images of these codes under these conditions, on the CPU, a part at a time.

    `tell` is told the size of each part when it is done.
    """
    few_enough(model, len(codes))
    painter = model.generate if isinstance(model, Sampler) else model.decode
    found = []
    for start in range(0, len(codes), PART):
        part = slice(start, start + PART)
        given = {name: rows[part] for name, rows in condition.items()}
        found.append(painter(codes[part].to(model.device), **given).float().cpu())
        if tell:
            tell(len(found[-1]))
    return torch.cat(found)
