"""How often attributes are named right.

A choice is right where its value is; a number where it is off by no more than a tenth of its
range.
"""

import torch
from jaxtyping import Bool
from torch import Tensor

from sfumato.metrics.score import Score
from sfumato.schema import Schema
from sfumato.shapes import Attributes

Hits = Bool[Tensor, "_ A"]
NEAR = 0.1
"""Part of its range by which a number may be off."""


def hits(said: Attributes, true: Attributes, schema: Schema) -> Hits:
    """Where `said` is right of `true`; both in the schema's order and units."""
    found = []
    for attribute, one, other in zip(schema.attributes, said.T, true.T, strict=True):
        if attribute.values:
            found.append(attribute.index(one) == attribute.index(other))
        else:
            found.append((one - other).abs() <= NEAR * (attribute.high - attribute.low))
    return torch.stack(found, dim=1)


def commonest(true: Attributes, schema: Schema) -> Attributes:
    """The same row for each: of a choice the commonest value, of a number the median."""
    row = torch.stack(
        [
            (column.mode() if attribute.values else column.median(0)).values
            for attribute, column in zip(schema.attributes, true.T, strict=True)
        ]
    )
    return row.expand_as(true)


def accuracies(value: Hits, floor: Hits, ceiling: Hits, schema: Schema) -> dict[str, Score]:
    """Scores from hits on any numbers of images: the mean first, then each by its name.

    `attribute_accuracy` is the mean over attributes; its error takes an image's hits together.
    """
    scores = {
        "attribute_accuracy": averaged(*(hit.double().mean(1) for hit in (value, floor, ceiling)))
    }
    for place, attribute in enumerate(schema.attributes):
        columns = (hit[:, place].double() for hit in (value, floor, ceiling))
        scores[f"{attribute.name}_accuracy"] = averaged(*columns)
    return scores


def averaged(value: Tensor, floor: Tensor, ceiling: Tensor) -> Score:
    """A mean over images with its standard error and its two ends."""
    n = len(value)
    return Score(
        float(value.mean()),
        floor=float(floor.mean()),
        ceiling=float(ceiling.mean()),
        error=float(value.std(correction=0)) / n**0.5,
        n=n,
    )
