"""Distances among many features, block by block: memory is bounded, whatever the counts."""

import torch
from jaxtyping import Float
from torch import Tensor

from sfumato.errors import ConfigError
from sfumato.shapes import Features

Points = Float[Tensor, "M D"]

_BLOCK = 1 << 22  # distances held at once: 32 MB in float64


class Balls:
    """One ball around each feature, as wide as the distance to its k-th nearest neighbour.

    A ball includes its surface. Distances are float64 on the CPU, and rounding is forgiven: an
    exact copy of a centre lies inside, and the result does not depend on the size of a block.
    """

    def __init__(self, centres: Features, k: int, squared_radii: Tensor | None = None) -> None:
        """`squared_radii`, where they are known from before, are not measured again."""
        if not 1 <= k < len(centres):
            raise ConfigError(
                f"k is {k}, and {len(centres)} images have {max(len(centres) - 1, 0)} neighbours "
                f"each; give more images or a k from 1 to {max(len(centres) - 1, 1)}."
            )
        self.k = k
        # Distances do not change when all points move; the product form is exact near the origin.
        self._origin = centres.detach().to("cpu", torch.float64).mean(0)
        self.centres = self._place(centres)
        self._rounding = 1e-12 * float(self.centres.square().sum(1).max())
        self.squared_radii = self._measure() if squared_radii is None else squared_radii

    @property
    def radii(self) -> Tensor:
        """Distance from each centre to its k-th nearest other, N."""
        return self.squared_radii.sqrt()

    def count(self, points: Points) -> tuple[Tensor, Tensor]:
        """How many balls each point lies in, and how many of the points lie in each ball."""
        around, within = [], torch.zeros(len(self.centres), dtype=torch.int64)
        for _, block in _blocks(self._place(points), len(self.centres)):
            inside = _squared(block, self.centres) <= self.squared_radii + self._rounding
            around.append(inside.sum(1))
            within += inside.sum(0)
        return torch.cat(around) if around else torch.zeros(0, dtype=torch.int64), within

    def _measure(self) -> Tensor:
        """Squared distance from each centre to its k-th nearest other, block by block."""
        squares = []
        for start, block in _blocks(self.centres, len(self.centres)):
            distances = _squared(block, self.centres)
            itself = torch.arange(start, start + len(block))[:, None]
            distances.scatter_(1, itself, torch.inf)
            squares.append(distances.kthvalue(self.k, dim=1).values)
        return torch.cat(squares)

    def _place(self, points: Points) -> Tensor:
        return points.detach().to("cpu", torch.float64) - self._origin


def _blocks(points: Tensor, columns: int) -> list[tuple[int, Tensor]]:
    rows = max(1, _BLOCK // max(columns, 1))
    return [(start, points[start : start + rows]) for start in range(0, len(points), rows)]


def _squared(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean distances, N M, never negative."""
    distance = torch.addmm(y.square().sum(1)[None], x, y.T, alpha=-2)
    return distance.add_(x.square().sum(1)[:, None]).clamp_min_(0)
