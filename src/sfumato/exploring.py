"""What the codes mean: one axis at a time, and sums of mean codes.

Every function takes a model, or a place that holds one and is read to `device`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sfumato.data.source import Source
from sfumato.encoding import Shown, encoded, few_enough, paint
from sfumato.errors import ConfigError, nearest
from sfumato.evaluation import held_out, source_of
from sfumato.model import Autoencoder, Model, Sampler
from sfumato.randomness import generator
from sfumato.sampling import begin, read_off, sampler
from sfumato.schema import Attribute, Axis
from sfumato.settings import Count, NonNegative, Several
from sfumato.shapes import Images, Latents, Pictures

ROWS = 16
"""Rows that a traversal shows unless axes are named."""
SEEN = 1000
"""Held-out images that tell how far codes without a prior go."""
Painter = Sampler | Autoencoder
"""Whatever paints codes."""


@dataclass(frozen=True)
class Row:
    """One image again and again, with one thing changed from picture to picture."""

    name: str
    """The axis, "label", or the attribute."""
    images: Images
    """From its low end to its high end, or each of its values."""
    values: tuple[str, ...]
    """What is set in each picture."""


def traverse(
    place: Model | str | Path,
    axes: Sequence[str] = (),
    *,
    steps: Several = 9,
    seed: int = 0,
    picture: Shown | None = None,
    truncation: float | None = None,
    data: str | Path | Source | None = None,
    device: str = "cpu",
    **asked: Any,
) -> list[Row]:
    """A row for each condition and each axis of the codes; all else stays as in `seed`'s image.

    With `picture`, one file or image, all else stays as in its code. A number goes from its low
    to its high end in `steps`; a choice takes each of its values. The codes of a model that has no
    prior go as far as those of held-out images of `data`. Unless `axes` names some, there are at
    most `ROWS` axes: those that change the picture most. `truncation` is as in `sample`, and
    pictures take none. Raises ConfigError for an unknown axis, with the nearest.
    """
    model: Painter
    if picture is None:
        if data is not None:
            raise ConfigError("data are for the codes of pictures, and none is named.")
        model = sampler(place, "traverse", device)
        few_enough(model, steps)
        code, condition = begin(model, 1, seed, truncation, asked)
    else:
        model, code, condition = read_off(place, "traverse", picture, truncation, asked, device)
        if len(code) > 1:
            raise ConfigError(f"traverse changes one picture, and {len(code)} were named.")
    known = model.axes if isinstance(model, Sampler) else _reaches(model, place, data)
    makers = _makers(model, known, condition)
    for name in axes:
        if name not in makers:
            raise ConfigError(f"there is no axis {name!r}; {nearest(name, makers)}")
    chosen = list(axes) or _strongest(model, makers, code, condition)
    return [_row(model, name, makers[name], steps, code, condition) for name in chosen]


def _reaches(
    model: Autoencoder, place: Model | str | Path, data: str | Path | Source | None
) -> tuple[Axis, ...]:
    """The coordinates of a code, two deviations to each side of the mean of real images' codes."""
    split = held_out(model, source_of(place, data))
    codes = encoded(model, split.data.batch(split.rows[:SEEN]).image)
    ends = zip((codes.mean(0) - 2 * codes.std(0)).tolist(), codes.std(0).tolist(), strict=True)
    return tuple(
        Axis(f"z{column}", column, low=low, high=low + 4 * deviation)
        for column, (low, deviation) in enumerate(ends)
    )


@dataclass(frozen=True)
class Sum:
    """An expression in mean codes, as pictures."""

    groups: tuple[tuple[str, tuple[int, ...]], ...]
    """Sign and seeds of each group."""
    exemplars: tuple[Pictures, ...]
    """The images of each group's seeds."""
    means: Pictures
    """The image of each group's mean code."""
    result: Pictures
    """The image of the sum."""
    near: Pictures
    """Those of codes near it."""


def arithmetic(
    place: Model | str | Path,
    expression: str,
    *,
    near: Count = 8,
    noise: NonNegative = 0.25,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "cpu",
    **asked: Any,
) -> Sum:
    """Sums and differences of mean codes: "3,7,12 - 4,8 + 9", in which numbers are seeds.

    Radford et al. (2016), section 6.3.2: single samples do not add up, the means of a few do. The
    sum is painted, and beside it `near` codes with uniform noise in [-noise, noise] added. One
    label and one set of attributes, those of `seed`'s image or asked for, hold for all pictures.
    Codes of seeds are those that `sample` draws with the same `truncation`; what is added up is
    not truncated again.
    """
    groups = parse(expression)
    model = sampler(place, "arithmetic", device)
    codes = [_codes(model, seeds, truncation) for _, seeds in groups]
    means = torch.stack([group.mean(0) for group in codes])
    signs = torch.tensor([-1.0 if sign == "-" else 1.0 for sign, _ in groups]).to(means)
    total = (signs[:, None] * means).sum(0, keepdim=True)
    rng = generator(seed, "near", device=model.device)
    shifts = torch.rand(near, total.shape[1], generator=rng, device=model.device) * 2 - 1
    _, condition = begin(model, 1, seed, None, asked)
    return Sum(
        groups=groups,
        exemplars=tuple(_alike(model, group, condition) for group in codes),
        means=_alike(model, means, condition),
        result=_alike(model, total, condition),
        near=_alike(model, total + noise * shifts, condition),
    )


def exemplars(
    place: Model | str | Path,
    seeds: Sequence[int],
    *,
    seed: int = 0,
    truncation: float | None = None,
    device: str = "cpu",
    **asked: Any,
) -> Images:
    """The images of some seeds, as `arithmetic` shows them."""
    model = sampler(place, "arithmetic", device)
    _, condition = begin(model, 1, seed, None, asked)
    return _alike(model, _codes(model, seeds, truncation), condition)


def _codes(model: Sampler, seeds: Sequence[int], truncation: float | None) -> Latents:
    """The code of each seed's image."""
    return torch.cat([begin(model, 1, seed, truncation, {})[0] for seed in seeds])


def _alike(model: Sampler, codes: Latents, given: Mapping[str, Tensor]) -> Images:
    """The images of these codes, all under the one condition given."""
    rows = {name: row.expand(len(codes), *row.shape[1:]) for name, row in given.items()}
    return paint(model, codes, rows)


def parse(expression: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Signs and seeds of the groups of an expression. Raises ConfigError."""
    plain = re.sub(r"\s*([,+-])\s*", r"\1", expression.strip())
    if not re.fullmatch(r"[+-]?\d+(,\d+)*([+-]\d+(,\d+)*)*", plain):
        raise ConfigError(
            f"{expression!r} must be groups of seeds with + or - between: '3,7,12 - 4,8 + 9'."
        )
    groups = re.findall(r"([+-]?)([\d,]+)", plain)
    return tuple((sign or "+", tuple(map(int, seeds.split(",")))) for sign, seeds in groups)


Maker = Axis | Attribute | tuple[str, ...]
"""What a row changes: an axis of the codes, an attribute, or the class out of these."""


def _makers(model: Painter, axes: Sequence[Axis], given: Mapping[str, Tensor]) -> dict[str, Maker]:
    """Everything that can be changed, by name; conditions come first."""
    found: dict[str, Maker] = {}
    if "label" in model.conditions:
        found["label"] = model.schema.classes
    if "attributes" in given:
        found |= {attribute.name: attribute for attribute in model.schema.attributes}
    return found | {axis.name: axis for axis in axes if axis.name not in found}


def _row(
    model: Painter, name: str, maker: Maker, steps: int, code: Latents, given: Mapping[str, Tensor]
) -> Row:
    words, numbers = _settings(maker, steps)
    count = len(words)
    codes = code.repeat(count, 1)
    condition = {key: row.repeat(count, *[1] * (row.ndim - 1)) for key, row in given.items()}
    if isinstance(maker, Axis):
        span = slice(maker.first, maker.first + maker.width)
        codes[:, span] = (torch.eye(count) if maker.width > 1 else numbers[:, None]).to(codes)
    elif isinstance(maker, Attribute):
        condition["attributes"][:, model.schema.attributes.index(maker)] = numbers.to(codes)
    else:
        condition["label"] = numbers.to(model.device)
    return Row(name, paint(model, codes, condition), words)


def _settings(maker: Maker, steps: int) -> tuple[tuple[str, ...], Tensor]:
    """What each picture of a row shows, in words and as numbers."""
    if isinstance(maker, tuple):
        return maker, torch.arange(len(maker))
    if isinstance(maker, Attribute) and maker.values:
        return maker.values, torch.tensor([maker.number(value) for value in maker.values])
    if isinstance(maker, Axis) and maker.width > 1:
        return tuple(map(str, range(maker.width))), torch.arange(maker.width)
    # in double precision and rounded: single has -3e-08 in the midst of -0.4 and 0.4
    numbers = torch.linspace(maker.low, maker.high, steps, dtype=torch.double).round(decimals=9)
    return tuple(f"{number:.3g}" for number in (numbers + 0).tolist()), numbers.float()


def _strongest(
    model: Painter, makers: Mapping[str, Maker], code: Latents, given: Mapping[str, Tensor]
) -> list[str]:
    """All conditions, and as many axes as `ROWS` leaves room for: those whose ends differ most."""
    if len(makers) <= ROWS:
        return list(makers)

    def effect(name: str) -> float:
        images = _row(model, name, makers[name], 2, code, given).images
        return float((images[-1] - images[0]).abs().mean())

    first = [name for name, maker in makers.items() if not isinstance(maker, Axis)]
    axes = sorted((name for name in makers if name not in first), key=effect, reverse=True)
    return first + axes[: max(0, ROWS - len(first))]
