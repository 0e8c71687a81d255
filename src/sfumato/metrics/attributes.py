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

NEAR = 0.1
"""Part of its range by which a number may be off."""


def hits(said: Attributes, true: Attributes, schema: Schema) -> Bool[Tensor, "B A"]:
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


def accuracies(
    value: Tensor, floor: Tensor, ceiling: Tensor, schema: Schema, n: int
) -> dict[str, Score]:
    """Scores from shares of hits, one an attribute: their mean first, then each by its name."""
    rows = zip(value.tolist(), floor.tolist(), ceiling.tolist(), strict=True)
    names = [attribute.name for attribute in schema.attributes]
    each = {
        f"{name}_accuracy": Score(share, floor=low, ceiling=high, n=n)
        for name, (share, low, high) in zip(names, rows, strict=True)
    }
    means = [float(share.mean()) for share in (value, floor, ceiling)]
    return {"attribute_accuracy": Score(means[0], floor=means[1], ceiling=means[2], n=n)} | each
