"""How well a search finds what belongs together.

AP of a query = mean, over the pictures of its class, of the share of its class among all that rank
up to there; the mean over queries is MAP. A ranking by chance scores about the share of the class.
"""

import torch
from torch import Tensor

from sfumato.shapes import Column

PART = 64
"""Queries ranked at a time, to bound the memory."""


def average_precision(found: Tensor) -> Column:
    """AP of each query from what its whole ranking holds: `found`, Q N, is where it is right.

    0 where nothing is.
    """
    right = found.double()
    ranks = torch.arange(1, found.shape[1] + 1, device=found.device)
    precision = right.cumsum(1) / ranks
    return ((precision * right).sum(1) / right.sum(1).clamp_min(1)).float()


def mean_average_precision(
    queries: Tensor, wanted: Tensor, gallery: Tensor, classes: Tensor
) -> float:
    """MAP of codes Q D of classes `wanted` among codes N D of `classes`, by Euclidean distance."""
    # about their middle, else float32 is spent on how far from 0 they all lie
    middle = gallery.double().mean(0)
    queries, gallery = ((codes.double() - middle).float() for codes in (queries, gallery))
    scores = []
    for some, label in zip(queries.split(PART), wanted.split(PART), strict=True):
        order = torch.cdist(some, gallery).argsort(dim=1)
        scores.append(average_precision(classes[order] == label[:, None]))
    return float(torch.cat(scores).mean())


def chance(wanted: Tensor, classes: Tensor) -> float:
    """About the MAP of a ranking by chance: the share that each query's class has."""
    return float((classes[None] == wanted[:, None]).double().mean())
