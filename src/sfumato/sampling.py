"""Pictures from a sampler: many, on the way from one to another, and as a film.

Every function takes a model, or a place that holds one (a run folder, a bundle, a zoo name) and is
read to `device`, and as keywords what is asked of it: `label=8`, `attributes={"hair": "blonde"}`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from sfumato.codes import truncated, way
from sfumato.conditions import between, cycle, nth
from sfumato.encoding import (
    Shown,
    autoencoder,
    encoded,
    few_enough,
    fitted,
    loaded,
    paint,
    painted_under,
)
from sfumato.errors import ConfigError
from sfumato.io.clips import FRAMES
from sfumato.io.images import grid
from sfumato.model import Autoencoder, Model, Sampler
from sfumato.randomness import generator
from sfumato.settings import Count, Several
from sfumato.shapes import Codes, Images, Latents

ABOUT = 16
"""Images that are drawn unless somebody says how many."""
WIDEST = 20
"""Columns beyond which a grid no longer keeps one for each class."""


def sample(
    place: Model | str | Path,
    count: int | None = None,
    *,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "cpu",
    tell: Callable[[int], None] | None = None,
    **asked: Any,
) -> Images:
    """`count` images of one seed on the CPU, as `model.sample(count, seed=seed)` gives them.

    Unless `count` is given they are as many as `how_many` says. `truncation` is what
    `sfumato.codes.truncated` takes. Painted a part at a time; `tell` is told the size of each part
    when it is done. Raises ConfigError, one line, for what cannot be.
    """
    model = sampler(place, "sample", device)
    count = how_many(model, count, asked)
    return paint(model, *begin(model, count, seed, truncation, asked), tell)


def interpolate(
    place: Model | str | Path,
    seeds: Sequence[int] = (0, 1),
    count: Several = 10,
    *,
    pictures: Shown | None = None,
    truncation: float | None = None,
    device: str = "cpu",
    **asked: Any,
) -> Images:
    """From each seed's image to the next one's in `count` pictures a leg, both ends included.

    With `pictures`, files or images as the model takes them, the way goes past their codes
    instead. Several labels or values are those of the stops, in turn.
    """
    if pictures is None:
        if len(seeds) < 2:
            raise ConfigError(f"interpolate needs two seeds or more; got {len(seeds)}.")
        model = sampler(place, "interpolate", device)
        model.condition(len(seeds), **asked)  # refuses what cannot be, and more of it than seeds
        ends = [begin(model, 1, seed, truncation, nth(asked, n)) for n, seed in enumerate(seeds)]
        return _walked(model, ends, count)
    encoder, codes, given = read_off(place, "interpolate", pictures, truncation, asked, device)
    if len(codes) < 2:
        raise ConfigError("interpolate needs two pictures or more; got 1.")
    stops = range(len(codes))
    ends = [(codes[[n]], {name: rows[[n]] for name, rows in given.items()}) for n in stops]
    return _walked(encoder, ends, count)


def _walked(
    model: Sampler | Autoencoder, ends: Sequence[tuple[Tensor, dict[str, Tensor]]], count: int
) -> Images:
    """From each end, a code under its conditions, to the next."""
    few_enough(model, count * (len(ends) - 1))
    shares = [index / (count - 1) for index in range(count)]
    codes, conditions = list[Latents](), list[dict[str, Tensor]]()
    for (start, given), (end, then) in pairwise(ends):
        codes += [way(model, start, end, share) for share in shares]
        conditions += [between(model.schema, given, then, share) for share in shares]
    whole = {name: torch.cat([part[name] for part in conditions]) for name in ends[0][1]}
    return paint(model, torch.cat(codes), whole)


def animate(
    place: Model | str | Path,
    count: int | None = None,
    *,
    stops: Several = 4,
    frames: Count = 12,
    seed: int = 0,
    zoom: Count = 1,
    truncation: float | None = None,
    device: str = "cpu",
    **asked: Any,
) -> Iterator[Image.Image]:
    """The frames of a film: `count` pictures, each walking past `stops` codes and back.

    `frames` frames lie on each leg, so the film has `stops * frames` and ends where it begins.
    Each picture keeps its label and attributes. Unless `count` is given, `how_many` says it.
    """
    if stops * frames > FRAMES:
        raise ConfigError(
            f"{stops} stops of {frames} frames are {stops * frames:,} frames; at most {FRAMES:,} "
            "are filmed."
        )
    model = sampler(place, "animate", device)
    count = how_many(model, count, asked)
    _, condition = begin(model, count, seed, None, asked)
    ends = [
        truncated(model, model.prior(count, rng), truncation, rng)
        for rng in (generator(seed, "walk", stop, device=model.device) for stop in range(stops))
    ]
    columns = layout(model, count, asked)

    def film() -> Iterator[Image.Image]:
        for start, end in zip(ends, ends[1:] + ends[:1], strict=True):
            for index in range(frames):
                images = paint(model, way(model, start, end, index / frames), condition)
                yield grid(images, columns=columns, zoom=zoom)

    return film()


def begin(
    model: Sampler, count: int, seed: int, truncation: float | None, asked: Mapping[str, Any]
) -> tuple[Latents, dict[str, Tensor]]:
    """Codes and conditions of the images of one seed."""
    few_enough(model, count)
    rng = generator(seed, "sample", device=model.device)
    codes, condition = model.prior(count, rng), model.condition(count, rng, **asked)
    return truncated(model, codes, truncation, rng), condition


def read_off(
    place: Model | str | Path,
    verb: str,
    pictures: Shown,
    truncation: float | None,
    asked: Mapping[str, Any],
    device: str = "cpu",
) -> tuple[Autoencoder, Codes, dict[str, Tensor]]:
    """The model, and codes and conditions of pictures: what `begin` is to seeds.

    Raises ConfigError where these codes are to be truncated, which are no draws.
    """
    if truncation is not None:
        raise ConfigError("truncation is of codes that are drawn; pictures have their own.")
    model = autoencoder(place, verb, device)
    codes = encoded(model, fitted(model, pictures))
    return model, codes, painted_under(model, len(codes), asked)


def how_many(model: Sampler, count: int | None, asked: Mapping[str, Any]) -> int:
    """`count`, or unless it is given `rounds` of about `ABOUT`."""
    return rounds(model, ABOUT, asked) if count is None else count


def rounds(model: Sampler, about: int, asked: Mapping[str, Any] | None = None) -> int:
    """How many images show everything that goes round equally often, and are `about` so many."""
    once = cycle(model.conditions, model.schema, asked or {})
    return once * max(1, round(about / once)) if once <= 2 * about else about


def layout(model: Sampler, count: int, asked: Mapping[str, Any] | None = None) -> int | None:
    """Columns of a grid in which each holds one of the things that go round; None for a square."""
    once = cycle(model.conditions, model.schema, asked or {})
    if not 1 < once <= min(count, WIDEST):
        return None
    return once * max(1, round(sqrt(count) / once))


def sampler(place: Model | str | Path, verb: str, device: str = "cpu") -> Sampler:
    """The model itself, or the one at a place. Raises ConfigError if it has no such verb."""
    model = loaded(place, verb, device)
    if not isinstance(model, Sampler):
        raise ConfigError(
            f"{verb} without pictures needs a Sampler, and {type(model).__name__} is none: it "
            "has no codes of its own; name pictures to begin with."
        )
    return model
