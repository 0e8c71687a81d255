"""Maps moved so that together they vary as a style's do: whitening and colouring.

    target(f) = S^(1/2) C^(-1/2) (f - mean f) + mean s

C and S are the covariances of the maps of content and style over their places. Where statistics
are `held` (`nn/statistics.py`), those of the content are the ones that were kept.

Paper: Li et al. (2017), https://arxiv.org/abs/1705.08086, section 3.2
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from sfumato.nn.statistics import Kept

Maps = Float[Tensor, "B D h w"]
Means = Float[Tensor, "B 1 D"]
Matrices = Float[Tensor, "B D D"]

FLOOR = 1e-2
"""Variance added in all directions, of the mean variance: what hardly varies is not blown up."""
LEAST = 1e-4
"""The same of maps that do not vary at all."""


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of maps over their places, in float32."""

    mean: Means
    covariance: Matrices

    def towards(self, other: "Moments", share: float) -> "Moments":
        """What lies so far on the way to another."""
        mean = self.mean.lerp(other.mean, share)
        return Moments(mean, self.covariance.lerp(other.covariance, share))

    def spread(self) -> Float[Tensor, "B D"]:
        """Root of the variance of each map."""
        return self.covariance.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()

    def coloured(self) -> "Turned":
        """What colours white maps like these."""
        return Turned(self.mean, _power(self.covariance, 0.5))

    def white(self) -> "Turned":
        """What whitens maps like these."""
        return Turned(self.mean, _power(self.covariance, -0.5))


@dataclass(frozen=True)
class Turned:
    """A mean, and a root of a covariance or of its inverse."""

    mean: Means
    root: Matrices


@torch.no_grad()
def covaried(maps: Maps) -> Moments:
    """Mean and covariance of each picture's maps, without a gradient."""
    with torch.autocast(maps.device.type, enabled=False):
        rows = maps.permute(0, 2, 3, 1).to(torch.float32, copy=True).flatten(1, 2)
        mean = rows.mean(1, keepdim=True)
        rows -= mean
        return Moments(mean, rows.mT @ rows / rows.shape[1])


class Covaried(Kept):
    """Mean and covariance of maps over their places. It learns nothing and passes no gradient."""

    def forward(self, maps: Maps, frame: int = 0) -> Moments:
        """So many places along each border do not count."""
        own: Moments = self.kept
        if own is None or self.noting:
            own = covaried(inside(maps, frame))
        if self.noting:
            self.kept = own
        return own


class Whitening(Kept):
    """How far maps are from varying as others do. It learns nothing and passes no gradient."""

    @torch.no_grad()
    def forward(self, maps: Maps, wanted: Turned, frame: int = 0) -> Maps:
        """target(f) - f, where `wanted` is what colours like one picture, or like one for each.

        So many places along each border do not count for the statistics.
        """
        own = self.kept
        if own is None or self.noting:
            own = covaried(inside(maps, frame)).white()
        if self.noting:
            self.kept = own
        with torch.autocast(maps.device.type, enabled=False):
            way = wanted.root @ own.root
            shift = wanted.mean - own.mean @ way.mT
            way = (way - torch.eye(way.shape[1], dtype=way.dtype, device=way.device)).mT
            way = way.expand(len(maps), -1, -1).to(maps.dtype)
            moved = torch.baddbmm(shift.to(maps.dtype), _rows(maps), way)
        return moved.unflatten(1, maps.shape[2:]).permute(0, 3, 1, 2)


def inside(maps: Maps, frame: int) -> Float[Tensor, "B D y x"]:
    """What lies within a frame of so many places."""
    return maps[..., frame : maps.shape[2] - frame, frame : maps.shape[3] - frame]


def _rows(maps: Maps) -> Float[Tensor, "B h*w D"]:
    """A row for each place; of channels-last maps a view."""
    return maps.permute(0, 2, 3, 1).flatten(1, 2)


def _power(matrices: Matrices, power: float) -> Matrices:
    """Of matrices that are symmetric and not negative, a little kept away from singular."""
    # so small that the processor has decomposed them before a device would have begun
    here = matrices.cpu()
    if not here.isfinite().all():  # has no roots; whoever looks at the loss will say so
        return torch.full_like(matrices, torch.nan)
    mean = here.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    values, vectors = torch.linalg.eigh(here + (FLOOR * mean + LEAST) * torch.eye(here.shape[1]))
    with torch.autocast("cpu", enabled=False):
        found = (vectors * values.clamp(min=LEAST)[:, None] ** power) @ vectors.mT
    return found.to(matrices.device)
