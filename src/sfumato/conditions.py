"""What is asked of a sampler, as the tensors that it paints from.

    label        a class's number or name, or several: they go round, image by image
    attributes   attribute name to a number or the name of a value, or several: they go round

What is not asked is drawn: labels go round the classes, attributes are uniform. Drawing does not
depend on what is asked, so asking for one attribute leaves all others as they were.
"""

from collections.abc import Callable, Mapping
from inspect import signature
from math import lcm
from typing import Any

import torch
from torch import Generator, Tensor

from sfumato.data.dataset import Batch
from sfumato.errors import ConfigError, nearest
from sfumato.schema import Attribute, Schema
from sfumato.shapes import Attributes, Labels


def resolve(
    takes: tuple[str, ...],
    schema: Schema,
    count: int,
    rng: Generator | None,
    asked: Mapping[str, Any],
    who: str = "the model",
) -> dict[str, Tensor]:
    """One row per image of each condition in `takes`; None in `asked` is as good as nothing.

    Raises ConfigError, one line: for a condition that `who` does not take, an unknown class,
    attribute or value (with the nearest), and for what is out of range.
    """
    wanted = {name: value for name, value in asked.items() if value is not None}
    for name in wanted:
        if name not in takes:
            has = " and ".join(takes) or "no conditions"
            hint = nearest(name, takes)
            then = hint if hint.startswith("did") else "leave that out."
            raise ConfigError(f"{who} takes {has}: it cannot be asked for {name}; {then}")
    found: dict[str, Tensor] = {}
    for name in takes:
        if name == "label":
            found[name] = labels(schema, count, wanted.get(name))
        elif name == "attributes":
            found[name] = attributes(schema, count, rng, wanted.get(name, {}))
        else:
            raise ConfigError(f"{who} takes {name}, which nobody here knows how to ask for.")
    return found


def labels(schema: Schema, count: int, asked: Any = None) -> Labels:
    """`count` class numbers: those asked for, or all classes, going round."""
    if asked is None:
        numbers = list(range(len(schema.classes)))[: max(1, count)]
    else:
        numbers = [_class(one, schema.classes) for one in _several(asked)]
    return _round(torch.tensor(numbers), count, "labels")


def attributes(schema: Schema, count: int, rng: Generator | None, asked: Any) -> Attributes:
    """`count` rows in the schema's order and units: what was asked for, the rest drawn."""
    if not isinstance(asked, Mapping):
        raise ConfigError(f"attributes {asked!r} must map names to values, such as slant to 0.2.")
    known = {attribute.name: place for place, attribute in enumerate(schema.attributes)}
    device = rng.device if rng else "cpu"
    shares = torch.rand(count, len(known), generator=rng, device=device)
    found = torch.stack(
        [_drawn(a, share) for a, share in zip(schema.attributes, shares.T, strict=True)], dim=1
    )
    for name, value in asked.items():
        if name not in known:
            raise ConfigError(f"there is no attribute {name!r}; {nearest(name, known)}")
        attribute = schema.attributes[known[name]]
        numbers = torch.tensor([attribute.number(one) for one in _several(value)])
        found[:, known[name]] = _round(numbers, count, f"values of {name}").to(found)
    return found


def cycle(takes: tuple[str, ...], schema: Schema, asked: Mapping[str, Any]) -> int:
    """Images after which what is asked begins anew; 1 where all are asked the same."""
    wanted = asked.get("attributes")
    # what is no mapping is refused where it is looked at
    values = wanted.values() if isinstance(wanted, Mapping) else ()
    lengths = [len(_several(value)) for value in values]
    if asked.get("label") is not None:
        lengths.append(len(_several(asked["label"])))
    elif "label" in takes:
        lengths.append(len(schema.classes))
    return lcm(*(max(1, length) for length in lengths))


def nth(asked: Mapping[str, Any], place: int) -> dict[str, Any]:
    """What is asked of the image at `place` alone, where several things go round."""

    def one(value: Any) -> Any:
        several = _several(value)
        return several[place % len(several)]

    return {
        name: {k: one(v) for k, v in value.items()} if isinstance(value, Mapping) else one(value)
        for name, value in asked.items()
        if value is not None
    }


def between(
    schema: Schema, start: Mapping[str, Tensor], end: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """The conditions at `share` in [0, 1] of the way: numbers move, choices change half-way."""
    nearer = start if share < 0.5 else end
    found = dict(nearer)
    if "attributes" in found:
        moved = torch.lerp(start["attributes"], end["attributes"], share)
        chosen = torch.tensor([bool(a.values) for a in schema.attributes], device=moved.device)
        found["attributes"] = torch.where(chosen, nearer["attributes"], moved)
    return found


def taken(act: Callable[..., Any], batch: Batch) -> dict[str, Tensor]:
    """Those fields of `batch` that the method `act` takes after its first argument.

    So `model.judge(batch.image, **taken(model.judge, batch))` suits every judge.
    """
    names = [name for name in list(signature(act).parameters)[1:] if name in batch._fields]
    return {name: given for name in names if (given := getattr(batch, name)) is not None}


def _drawn(attribute: Attribute, shares: Tensor) -> Tensor:
    """Numbers in [0, 1) as values of an attribute, each as likely as the other."""
    if not attribute.values:
        return attribute.low + shares * (attribute.high - attribute.low)
    values = torch.tensor([attribute.number(value) for value in attribute.values])
    return values.to(shares)[(shares * len(values)).long()]


def _several(asked: Any) -> list[Any]:
    """One thing or many, of Python, NumPy or torch, as a list."""
    plain = asked.tolist() if hasattr(asked, "tolist") else asked
    return list(plain) if isinstance(plain, list | tuple | range) else [plain]


def _round(values: Tensor, count: int, what: str) -> Tensor:
    """The values one after the other, again and again, `count` in all."""
    if not len(values):
        raise ConfigError(f"no {what} are there to draw from; name at least one.")
    if len(values) > max(count, 1):
        raise ConfigError(
            f"{len(values)} {what} were asked for, and {count} to be drawn; ask for "
            f"{max(count, 1)} at most, or draw more."
        )
    return values[torch.arange(count) % len(values)]


def _class(asked: Any, classes: tuple[str, ...]) -> int:
    """The number of a class. A word is its name, or its number where no name is a number."""
    counted = classes == tuple(map(str, range(len(classes))))
    if isinstance(asked, str):
        if asked in classes:
            return classes.index(asked)
        if not _numeral(asked) or (any(map(_numeral, classes)) and not counted):
            raise ConfigError(f"there is no label {asked!r}; {nearest(asked, classes)}")
        asked = int(asked)
    if isinstance(asked, bool) or not isinstance(asked, int):
        raise ConfigError(f"label {asked!r} must be the number or the name of a class.")
    if not 0 <= asked < len(classes):
        named = "" if counted else f" ({classes[0]} to {classes[-1]})"
        raise ConfigError(
            f"label {asked} is out of range; the labels are 0 to {len(classes) - 1}{named}."
        )
    return asked


def _numeral(word: str) -> bool:
    return word.strip().removeprefix("-").isdecimal()
