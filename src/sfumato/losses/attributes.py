"""How wrong a network's tags are: the sum over attributes of the mean over images.

choice: cross-entropy -log softmax(tags)_value      number: (tag - number)^2, scaled to [-1, 1]
"""

import torch
from torch.nn.functional import cross_entropy

from sfumato.nn.attributes import encode, spans
from sfumato.schema import Schema
from sfumato.shapes import Attributes, Scalar, Tags


def attribute_loss(tags: Tags, attributes: Attributes, schema: Schema) -> Scalar:
    """The loss of `tags`, unnormalised for choices, against the attributes of the same images."""
    wanted = encode(attributes, schema)
    losses = []
    for attribute, span in zip(schema.attributes, spans(schema), strict=True):
        said, true = tags[:, span], wanted[:, span]
        wrong = (said - true).square().mean()
        losses.append(cross_entropy(said, true) if attribute.values else wrong)
    return torch.stack(losses).sum()
