"""Whether groups found without labels are the labelled classes."""

import torch
from torch import Tensor

from sfumato.shapes import Labels


def confusion(groups: Labels, labels: Labels, sizes: tuple[int, int]) -> Tensor:
    """How often each group met each label: whole numbers, axes groups and labels, as `sizes`."""
    cells = groups * sizes[1] + labels
    return torch.bincount(cells, minlength=sizes[0] * sizes[1]).view(sizes)


def matched_error(table: Tensor) -> float:
    """Share of images outside the class of their group, each group matched to one class at best.

    `table` is a `confusion`. The matching is one to one and makes the fewest errors (Kuhn 1955,
    the Hungarian method); a group or class that is left over counts as wrong. In [0, 1].
    """
    from scipy.optimize import linear_sum_assignment  # slow to import

    rows, columns = linear_sum_assignment(table.cpu().numpy(), maximize=True)
    return 1 - float(table[rows, columns].sum() / table.sum())
