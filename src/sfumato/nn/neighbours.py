"""Whole numbers as what their neighbours do not tell: for maps that change slowly.

    residual = number - guess        guess = mean of the known neighbours, rounded

First known are the numbers at every eighth place, whose guess is 0. Then come those midway between
four of them, then those between these, and so on until all are known: what is known surrounds
what is guessed, so nothing is extrapolated. Every guess is a mean of at most four whole numbers
below 2**20, which float32 gives exactly to the nearest: both ends find the same.

A pyramid of means is Burt & Adelson's (1983), https://doi.org/10.1109/TCOM.1983.1095851; that of
known places is interlaced coding's, as in the PNG specification.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

Maps = Float[Tensor, "*B C h w"]
"""Whole numbers."""
Plane = Float[Tensor, "*B h w"]
Places = Bool[Tensor, "h w"]
STEPS = (4, 2, 1)
"""How far neighbours lie, in places: far ones first."""


def residuals(numbers: Maps, channels: int) -> Maps:
    """Each number less its guess in the first `channels`; all others as they are."""
    found = numbers.clone()
    slow = numbers[..., :channels, :, :]
    for here, known, around in _passes(numbers):
        found[..., :channels, :, :] -= here * _mean(slow * known, known, around)
    return found


def restored(differences: Maps, channels: int) -> Maps:
    """The numbers whose `residuals` these are."""
    found = differences.clone()
    slow = found[..., :channels, :, :]
    for here, known, around in _passes(found):
        slow += here * _mean(slow * known, known, around)
    return found


def _passes(maps: Maps) -> Iterator[tuple[Places, Places, list[tuple[int, int]]]]:
    """In turn the places that become known, those that are by then, and where to look."""
    height, width = maps.shape[-2:]
    down = torch.arange(height, device=maps.device)[:, None]
    across = torch.arange(width, device=maps.device)
    known = (down % (2 * STEPS[0]) == 0) & (across % (2 * STEPS[0]) == 0)
    for step in STEPS:
        corners = [(y, x) for y in (-step, step) for x in (-step, step)]
        sides = [(-step, 0), (step, 0), (0, -step), (0, step)]
        odd, aside = down % (2 * step) == step, across % (2 * step) == step
        even, along = down % (2 * step) == 0, across % (2 * step) == 0
        for here, around in ((odd & aside, corners), ((odd & along) | (even & aside), sides)):
            yield here, known, around
            known = known | here


def _mean(numbers: Maps, known: Places, around: list[tuple[int, int]]) -> Maps:
    """Of the known ones around each place, rounded; 0 where there is none."""
    total = torch.stack([_moved(numbers, *by) for by in around]).sum(0)
    count = torch.stack([_moved(known.to(numbers), *by) for by in around]).sum(0)
    return (total / count.clamp_min(1)).round()


def _moved(maps: Plane, down: int, across: int) -> Plane:
    """What lies so far away from each place; 0 beyond the border."""
    height, width = maps.shape[-2:]
    reach = STEPS[0]
    wide = pad(maps, (reach,) * 4)
    top, left = reach + down, reach + across
    return wide[..., top : top + height, left : left + width]
