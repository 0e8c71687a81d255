"""Pictures from a sampler: many, on the way from one to another, and as a film.

Every function takes a model or a place that holds one (a run folder, a bundle, a zoo name), and
as keywords what is asked of it: `label=8`, `attributes={"hair": "blonde"}`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from sfumato import runs
from sfumato.capabilities import demand
from sfumato.codes import truncated, way
from sfumato.conditions import between, cycle, nth
from sfumato.io.images import grid
from sfumato.model import Model, Sampler
from sfumato.randomness import generator
from sfumato.shapes import Images, Latents

PART = 256
"""Images painted at a time, to bound the memory."""
WIDEST = 20
"""Columns beyond which a grid no longer keeps one for each class."""


def sample(
    place: Model | str | Path,
    count: int = 16,
    *,
    seed: int = 0,
    truncation: float | None = None,
    tell: Callable[[int], None] | None = None,
    **asked: Any,
) -> Images:
    """`count` images of one seed on the CPU, as `model.sample(count, seed=seed)` gives them.

    `truncation` is what `sfumato.codes.truncated` takes. Painted a part at a time; `tell` is told
    the size of each part when it is done. Raises ConfigError, one line, for what cannot be.
    """
    model = sampler(place, "sample")
    return paint(model, *begin(model, count, seed, truncation, asked), tell)


def interpolate(
    place: Model | str | Path,
    seeds: Sequence[int] = (0, 1),
    count: int = 10,
    *,
    truncation: float | None = None,
    **asked: Any,
) -> Images:
    """From each seed's image to the next one's in `count` pictures a leg, both ends included.

    Several labels or values are those of the seeds, in turn.
    """
    model = sampler(place, "interpolate")
    model.condition(len(seeds), **asked)  # refuses what cannot be, and more of it than seeds
    ends = [begin(model, 1, seed, truncation, nth(asked, n)) for n, seed in enumerate(seeds)]
    shares = [index / max(1, count - 1) for index in range(count)]
    codes, conditions = list[Latents](), list[dict[str, Tensor]]()
    for (start, given), (end, then) in pairwise(ends):
        codes += [way(model, start, end, share) for share in shares]
        conditions += [between(model.schema, given, then, share) for share in shares]
    whole = {name: torch.cat([part[name] for part in conditions]) for name in model.conditions}
    return paint(model, torch.cat(codes), whole)


def animate(
    place: Model | str | Path,
    count: int = 16,
    *,
    stops: int = 4,
    frames: int = 12,
    seed: int = 0,
    zoom: int = 1,
    truncation: float | None = None,
    **asked: Any,
) -> Iterator[Image.Image]:
    """The frames of a film: `count` pictures, each walking past `stops` codes and back.

    `frames` frames lie on each leg, so the film has `stops * frames` and ends where it begins.
    Each picture keeps its label and attributes.
    """
    model = sampler(place, "animate")
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
    rng = generator(seed, "sample", device=model.device)
    codes, condition = model.prior(count, rng), model.condition(count, rng, **asked)
    return truncated(model, codes, truncation, rng), condition


@torch.no_grad()
def paint(
    model: Sampler,
    codes: Latents,
    condition: Mapping[str, Tensor],
    tell: Callable[[int], None] | None = None,
) -> Images:
    """The images of these codes under these conditions, on the CPU, a part at a time."""
    found = []
    for start in range(0, len(codes), PART):
        part = slice(start, start + PART)
        given = {name: rows[part] for name, rows in condition.items()}
        found.append(model.generate(codes[part], **given).float().cpu())
        if tell:
            tell(len(found[-1]))
    return torch.cat(found)


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


def sampler(place: Model | str | Path, verb: str) -> Sampler:
    """The model itself, or the one at a place. Raises ConfigError if it has no such verb."""
    model = place if isinstance(place, Model) else runs.load(place)
    demand(model, verb, type(place).__name__ if isinstance(place, Model) else str(place))
    assert isinstance(model, Sampler)
    return model
