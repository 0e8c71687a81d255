"""Whole numbers as what their neighbours do not tell: for maps that change slowly.

    residual = number - guess        guess = mean of the known neighbours, rounded

First known are the numbers at every eighth place, whose guess is 0. Then come those midway between
four of them, then those between these, and so on until all are known: what is known surrounds
what is guessed, so nothing is extrapolated. Every guess is a mean of at most four whole numbers
below 2**20, which float32 gives exactly to the nearest: both ends find the same.

A pyramid of means is Burt & Adelson's (1983), https://doi.org/10.1109/TCOM.1983.1095851; that of
known places is interlaced coding's, as in the PNG specification.
"""

from dataclasses import dataclass
from functools import lru_cache

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
    for one in _passes(*numbers.shape[-2:], numbers.device):
        found[..., :channels, :, :] -= one.guess(slow)
    return found


def restored(differences: Maps, channels: int) -> Maps:
    """The numbers whose `residuals` these are."""
    found = differences.clone()
    slow = found[..., :channels, :, :]
    for one in _passes(*found.shape[-2:], found.device):
        slow += one.guess(slow)
    return found


@dataclass(frozen=True)
class _Pass:
    """What is known when some places become known together, and where those look."""

    known: Places
    around: list[tuple[int, int]]
    count: Float[Tensor, "h w"]
    """Of the known places around each, but at least 1."""

    def guess(self, numbers: Maps) -> Maps:
        """The mean of the known ones around, rounded; 0 where there is none.

        That is so at every place whose turn it is not: around it, so far away, nothing is known.
        """
        return (_sum(numbers * self.known, self.around) / self.count).round()


# a picture is refined many times, and images that are learned from have one size
@lru_cache(maxsize=4)
def _passes(height: int, width: int, device: torch.device) -> list[_Pass]:
    """In turn, for maps of this size."""
    down = torch.arange(height, device=device)[:, None]
    across = torch.arange(width, device=device)
    passes = []
    known = (down % (2 * STEPS[0]) == 0) & (across % (2 * STEPS[0]) == 0)
    for step in STEPS:
        corners = [(y, x) for y in (-step, step) for x in (-step, step)]
        sides = [(-step, 0), (step, 0), (0, -step), (0, step)]
        odd, aside = down % (2 * step) == step, across % (2 * step) == step
        even, along = down % (2 * step) == 0, across % (2 * step) == 0
        for here, around in ((odd & aside, corners), ((odd & along) | (even & aside), sides)):
            count = _sum(known.float(), around).clamp_min(1)
            passes.append(_Pass(known, around, count))
            known = known | here
    return passes


def _sum(maps: Plane, around: list[tuple[int, int]]) -> Plane:
    """Of what lies so far away from each place; 0 beyond the border."""
    height, width = maps.shape[-2:]
    reach = STEPS[0]
    wide = pad(maps, (reach,) * 4)
    corners = [(reach + down, reach + across) for down, across in around]
    first, *rest = (wide[..., y : y + height, x : x + width] for y, x in corners)
    return sum(rest, first)
