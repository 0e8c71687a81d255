"""Attributes as numbers for a network, and back: a choice one-hot, a number in [-1, 1]."""

from itertools import pairwise

import torch
from torch.nn.functional import one_hot

from sfumato.errors import ConfigError, nearest
from sfumato.schema import Attribute, Schema
from sfumato.shapes import Attributes, Tags


def spans(schema: Schema) -> tuple[slice, ...]:
    """The columns of `encode` that each attribute fills, in the schema's order."""
    ends = [0]
    for attribute in schema.attributes:
        ends.append(ends[-1] + (len(attribute.values) or 1))
    return tuple(slice(first, end) for first, end in pairwise(ends))


def width(schema: Schema) -> int:
    """Columns of `encode`: one for each number, and one for each value of each choice."""
    return sum(span.stop - span.start for span in spans(schema))


def encode(attributes: Attributes, schema: Schema) -> Tags:
    """Each choice one-hot, each number scaled from its range to [-1, 1]."""
    parts = []
    for attribute, column in zip(schema.attributes, attributes.unbind(1), strict=True):
        if attribute.values:
            parts.append(one_hot(attribute.index(column), len(attribute.values)).to(column))
        else:
            middle = (attribute.high + attribute.low) / 2
            parts.append((column[:, None] - middle) / _half(attribute.low, attribute.high))
    return torch.cat(parts, dim=1)


def decode(tags: Tags, schema: Schema) -> Attributes:
    """The likeliest value of each choice, and each number back in its range: undoes `encode`."""
    columns = []
    for attribute, span in zip(schema.attributes, spans(schema), strict=True):
        part, low, high = tags[:, span], attribute.low, attribute.high
        if attribute.values:
            step = (high - low) / (len(attribute.values) - 1)
            columns.append(low + step * part.argmax(1).to(tags))
        else:
            columns.append((high + low) / 2 + _half(low, high) * part[:, 0].clamp(-1, 1))
    return torch.stack(columns, dim=1)


def another(attributes: Attributes, chances: Attributes, schema: Schema) -> Attributes:
    """Of each choice another value, each as likely, and of a number any, by chances in [0, 1)."""
    found = []
    for attribute, column, chance in zip(schema.attributes, attributes.T, chances.T, strict=True):
        reach, count = attribute.high - attribute.low, len(attribute.values)
        if attribute.values:
            step = (chance * (count - 1)).long()
            share = (attribute.index(column) + 1 + step) % count / (count - 1)
        else:
            share = chance
        found.append(attribute.low + share * reach)
    return torch.stack(found, dim=1)


def columns(wanted: Schema, given: Schema) -> list[int]:
    """Where the attributes of `wanted` stand among those of `given`.

    Raises ConfigError for one that is not there, or that has another range or other values.
    """
    names = [attribute.name for attribute in given.attributes]
    for attribute in wanted.attributes:
        if attribute.name not in names:
            raise ConfigError(
                f"there is no attribute {attribute.name!r}; "
                + (nearest(attribute.name, names) if names else "there are none.")
            )
        other = given.attributes[names.index(attribute.name)]
        if other != attribute:
            raise ConfigError(
                f"attribute {attribute.name} is {_range(attribute)} for one "
                f"and {_range(other)} for the other."
            )
    return [names.index(attribute.name) for attribute in wanted.attributes]


def _range(attribute: Attribute) -> str:
    return "|".join(attribute.values) or f"{attribute.low:g} to {attribute.high:g}"


def _half(low: float, high: float) -> float:
    """Half of a range; 1 where the data know a single number, which then stands for 0."""
    return (high - low) / 2 or 1.0
