"""Maps without their own mean and spread, and statistics held still while a picture is cut up.

    y = g (x - mean x) / sqrt(var x + eps) + b,   over the places of each map of each picture

A tile of a picture has another mean than the picture. So the statistics of one look at the whole,
made small, can be kept and used for every tile: `held`.

Paper: Ulyanov et al. (2017), https://arxiv.org/abs/1701.02096
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

Maps = Float[Tensor, "B D h w"]
PerMap = Float[Tensor, "B D 1 1"]
Numbers = Float[Tensor, "D"] | Float[Tensor, "#many D"]


class Kept(nn.Module):
    """A layer that looks at statistics of its maps, which `held` can hold still."""

    def __init__(self) -> None:
        super().__init__()
        self.noting = False
        """Whether what it sees now is to be kept."""
        self.kept: Any = None
        """The statistics that hold, if any."""


class InstanceNorm(Kept):
    """Each map of each picture at mean 0 and spread 1, or at a mean and spread it is given."""

    def __init__(self, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps

    def forward(
        self, maps: Maps, gain: Numbers | None = None, shift: Numbers | None = None
    ) -> Float[Tensor, "many D h w"]:
        """The maps, standardised by their own statistics or by those kept, times gain, plus shift.

        A gain and a shift are a number for each map, or for each map of each picture.
        """
        if self.noting:
            self.kept = moments(maps, self.eps)
        held = [] if self.noting or not self.kept else [part.flatten(1) for part in self.kept]
        given = [numbers for numbers in (gain, shift) if numbers is not None and numbers.ndim == 2]
        many = max(map(len, (maps, *given, *held)))  # one picture may come in several styles
        maps, held = maps.expand(many, -1, -1, -1), [part.expand(many, -1) for part in held]
        gains, shifts = _ends(maps, 1.0, gain), _ends(maps, 0.0, shift)
        found = [
            _standardised(one, gains[k], shifts[k], self.eps, [part[k] for part in held])[0]
            for k, one in enumerate(maps.split(1))
        ]
        return torch.cat(found) if len(found) > 1 else found[0]


def moments(maps: Maps, eps: float = 1e-5) -> tuple[PerMap, PerMap]:
    """Mean and spread of each map, in float32 and without a gradient."""
    gains, shifts = _ends(maps, 1.0), _ends(maps, 0.0)
    with torch.no_grad():
        found = [
            _standardised(one, gains[k], shifts[k], eps)[1:] for k, one in enumerate(maps.split(1))
        ]
    mean, inverse = (torch.stack(parts)[..., None, None] for parts in zip(*found, strict=True))
    return mean, 1 / inverse


def _ends(maps: Maps, usual: float, numbers: Numbers | None = None) -> Sequence[Tensor]:
    """A number for each map of each picture, in float32 even where the maps are halves."""
    dtype = torch.promote_types(maps.dtype, torch.float32)
    if numbers is None:
        numbers = maps.new_full((maps.shape[1],), usual, dtype=dtype)
    return numbers.to(dtype).expand(*maps.shape[:2]).unbind()


def _standardised(
    one: Maps, gain: Tensor, shift: Tensor, eps: float, held: Sequence[Tensor] = ()
) -> tuple[Maps, Tensor, Tensor]:
    """One picture's maps, their means and one over their spreads.

    Batch norm over one picture is what this is, and passes over the maps once.
    """
    if not held:
        return torch.native_batch_norm(one, gain, shift, None, None, True, 0.0, eps)
    mean, spread = held
    return torch.native_batch_norm(one, gain, shift, mean, spread.square(), False, 0.0, 0.0)


@contextmanager
def held(network: nn.Module, look: Callable[[], object]) -> Iterator[None]:
    """Keep the statistics that `network` has while `look` is done, until the end of the block."""
    layers = [layer for layer in network.modules() if isinstance(layer, Kept)]
    try:
        for layer in layers:
            layer.noting = True
        look()
        for layer in layers:
            layer.noting = False
        yield
    finally:
        for layer in layers:
            layer.noting, layer.kept = False, None
