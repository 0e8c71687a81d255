"""Dense layers one after the other."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def dense(widths: Sequence[int], *, norm: bool = False, dropout: float = 0.0) -> list[nn.Module]:
    """Layers from width to width; after each but the last a rectifier, and what is asked for.

    With `norm`, batch norm stands before the rectifier and takes the place of the bias; `dropout`
    is the chance that a unit behind it is silenced during training.
    """
    layers: list[nn.Module] = []
    for inputs, units in pairwise(widths[:-1]):
        layers += [nn.Linear(inputs, units, bias=not norm)]
        layers += [nn.BatchNorm1d(units)] if norm else []
        layers += [nn.ReLU()]
        layers += [nn.Dropout(dropout)] if dropout else []
    return [*layers, nn.Linear(widths[-2], widths[-1])]
