"""Pictures with other attributes, as strong as asked.

    -1   plainly not that value        0   half-way        +1   plainly that value

A strength beyond 1 is more of it than any picture had that was learned from. What is not asked for
stays as it is: as the data say, else as the model itself reads it off the picture.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import torch

from sfumato.data.dataset import Batch
from sfumato.encoding import PART, Shown, fitted, loaded
from sfumato.errors import ConfigError, nearest
from sfumato.model import Editor, Model, Tagger
from sfumato.nn.attributes import decode, encode, spans
from sfumato.schema import Attribute, Schema
from sfumato.shapes import Attributes, Column, Images, Pictures, Tags

STRONGEST = 100.0
"""Largest strength that can be asked for."""


@dataclass(frozen=True)
class Edited:
    """Pictures, and what became of each under each wish."""

    images: Images
    """As the model takes them, one a picture."""
    own: Attributes
    """What they had, in the schema's order and units."""
    painted: tuple[Pictures, ...]
    """For each wish in turn all pictures, edited."""
    words: tuple[str, ...]
    """Each wish in words: "Smiling +1.5"."""


def edit(
    place: Model | str | Path,
    pictures: Shown | Batch,
    attributes: Mapping[str, Any],
    *,
    device: str = "cpu",
) -> Edited:
    """Every picture with the attributes asked for, all others as they are.

    `place` is a model, or a run, bundle or zoo name read to `device`.
    `pictures` are files, images as the model takes them, or a batch that knows their attributes.
    A wish is the name of a value, a name with a strength ("red:1.5") or, where there are two
    values, the strength of the second alone ("+1.5"); several wishes for one attribute are granted
    one after the other. Raises ConfigError for an attribute, value or strength that is none.
    """
    model = loaded(place, "edit", device)
    assert isinstance(model, Editor)
    wishes, words = _wishes(model.schema, attributes)
    images = pictures.image if isinstance(pictures, Batch) else fitted(model, pictures)
    given = pictures.attributes if isinstance(pictures, Batch) else None
    own = attributes_of(model, images, wishes[0]) if given is None else given
    tags = encode(own, model.schema)
    painted = tuple(_painted(model, images, _asked(tags, wish, model.schema)) for wish in wishes)
    return Edited(images, own, painted, words)


@torch.no_grad()
def attributes_of(model: Editor, images: Images, wish: Collection[str] = ()) -> Attributes:
    """What the model reads off pictures; ConfigError where it cannot and `wish` names not all."""
    if not isinstance(model, Tagger):
        unsaid = [a.name for a in model.schema.attributes if a.name not in wish]
        if unsaid:
            raise ConfigError(
                f"{type(model).__name__} cannot say which {unsaid[0]} a picture has; ask for it."
            )
        low = torch.tensor([float(a.low) for a in model.schema.attributes])
        return low.expand(len(images), -1)
    seen = [model.tags(part.to(model.device)).float().cpu() for part in images.split(PART)]
    return decode(torch.cat(seen), model.schema)


def strength(attribute: Attribute, wish: Any) -> tuple[str, float]:
    """The value that is wished for, and how strongly; of a number "" and the number itself.

    Raises ConfigError, one line, for what is neither a value nor a strength.
    """
    word = str(wish).strip()
    if not attribute.values:
        return "", _finite(word, f"attribute {attribute.name} takes a number")
    if word in attribute.values:
        return word, 1.0
    value, colon, much = word.rpartition(":")
    if colon:
        attribute.number(value)  # complains of what is no value
        return value, _strong(attribute, much)
    if len(attribute.values) > 2:
        attribute.number(word)  # it is none of the values: this says so, and names the nearest
    return attribute.values[1], _strong(attribute, word)


def _strong(attribute: Attribute, word: str) -> float:
    values = ", ".join(attribute.values)
    either = f"one of {values}, or of {attribute.values[-1]} a strength such as +1.5"
    found = _finite(word, f"attribute {attribute.name} takes {either}")
    if abs(found) > STRONGEST:
        raise ConfigError(
            f"attribute {attribute.name} takes a strength from {-STRONGEST:g} to {STRONGEST:g}; "
            f"got {word}."
        )
    return found


def _finite(word: str, wish: str) -> float:
    try:
        found = float(word)
    except ValueError:
        found = float("nan")
    if not isfinite(found):
        raise ConfigError(f"{wish}; got {word!r}.")
    return found


Wish = Mapping[str, tuple[str, float]]
"""Attribute to the value that is wished for and how strongly."""


def _wishes(schema: Schema, asked: Mapping[str, Any]) -> tuple[list[Wish], tuple[str, ...]]:
    """What each edit asks for, and in words. Raises ConfigError."""
    if not asked:
        names = ", ".join(attribute.name for attribute in schema.attributes)
        raise ConfigError(f"nothing is asked for; name an attribute of {names}.")
    found: dict[str, list[tuple[str, float]]] = {}
    for name, wish in asked.items():
        attribute = named(schema, name)
        several = list(wish) if isinstance(wish, list | tuple | range) else [wish]
        if not several:
            raise ConfigError(f"attribute {attribute.name} is asked for nothing; name a value.")
        found[attribute.name] = [strength(attribute, one) for one in several]
    count = max(map(len, found.values()))
    wishes = [{name: all_[k % len(all_)] for name, all_ in found.items()} for k in range(count)]
    return list(wishes), tuple(_spoken(schema, wish) for wish in wishes)


def named(schema: Schema, name: str) -> Attribute:
    """The attribute of that name, also in other letters' case. Raises ConfigError."""
    known = {attribute.name: attribute for attribute in schema.attributes}
    alike = [one for one in known if one.casefold() == str(name).casefold()]
    if name not in known and len(alike) != 1:
        raise ConfigError(f"there is no attribute {name!r}; {nearest(name, known)}")
    return known[name if name in known else alike[0]]


def _spoken(schema: Schema, wish: Wish) -> str:
    """Wishes in words, such as: Smiling +1.5, colour red."""
    parts = []
    for name, (value, much) in wish.items():
        attribute = named(schema, name)
        if not attribute.values:
            parts.append(f"{name} {much:g}")
        elif len(attribute.values) > 2:
            parts.append(f"{name} {value}" + ("" if much == 1 else f" {_signed(much)}"))
        else:
            second = value == attribute.values[1]
            parts.append(f"{name} {_signed(much) if second else value}")
    return ", ".join(parts)


def _signed(much: float) -> str:
    return f"{much:+g}" if much else "0"


def _asked(tags: Tags, wish: Wish, schema: Schema) -> Tags:
    """The tags with what is wished for in the columns of its attributes."""
    found = tags.clone()
    for attribute, span in zip(schema.attributes, spans(schema), strict=True):
        if attribute.name in wish:
            found[:, span] = levels(attribute, *wish[attribute.name])
    return found


def levels(attribute: Attribute, value: str, much: float) -> Column:
    """The columns of one attribute: a value at a strength, or a number, also beyond its range."""
    if not attribute.values:
        half = (attribute.high - attribute.low) / 2 or 1.0
        return torch.tensor([(much - (attribute.high + attribute.low) / 2) / half])
    count = len(attribute.values)
    share = (1 + much) / 2
    found = torch.full((count,), (1 - share) / (count - 1))
    found[attribute.values.index(value)] = share
    return found


@torch.no_grad()
def _painted(model: Editor, images: Images, tags: Tags) -> Images:
    """A part at a time, on the CPU."""
    parts = zip(images.split(PART), tags.split(PART), strict=True)
    device = model.device
    return torch.cat([model.edit(i.to(device), t.to(device)).float().cpu() for i, t in parts])


def described(schema: Schema, own: Sequence[float]) -> str:
    """A row of attributes in words: "Eyeglasses no, Smiling yes"."""
    words = []
    for attribute, number in zip(schema.attributes, own, strict=True):
        index = int(attribute.index(torch.tensor([number]))) if attribute.values else 0
        word = attribute.values[index] if attribute.values else f"{number:.3g}"
        words.append(f"{attribute.name} {word}")
    return ", ".join(words)
