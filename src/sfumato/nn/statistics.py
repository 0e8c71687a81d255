"""Maps without their own mean and spread, and statistics held still while a picture is cut up.

    y = (x - mean x) / sqrt(var x + eps),   over the places of each map of each picture

A tile of a picture has another mean than the picture. So the statistics of one look at the whole,
made small, can be kept and used for every tile: `held`.

Paper: Ulyanov et al. (2017), https://arxiv.org/abs/1701.02096
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

Maps = Float[Tensor, "B D h w"]
Column = Float[Tensor, "B D 1 1"]


class InstanceNorm(nn.Module):
    """Each map of each picture at mean 0 and spread 1, without gain and shift."""

    def __init__(self, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.noting = False
        self.kept: tuple[Column, Column] | None = None

    def forward(self, maps: Maps) -> Maps:
        """The maps, standardised by their own statistics or by those kept."""
        mean, spread = self.kept if self.kept and not self.noting else moments(maps, self.eps)
        if self.noting:
            self.kept = mean, spread
        return (maps - mean.to(maps.dtype)) / spread.to(maps.dtype)


def moments(maps: Maps, eps: float = 1e-5) -> tuple[Column, Column]:
    """Mean and spread of each map, in float32."""
    variance, mean = torch.var_mean(maps.float(), (2, 3), correction=0, keepdim=True)
    return mean, (variance + eps).sqrt()


@contextmanager
def held(network: nn.Module, look: Callable[[], object]) -> Iterator[None]:
    """Keep the statistics that `network` has while `look` is done, until the end of the block."""
    layers = [layer for layer in network.modules() if isinstance(layer, InstanceNorm)]
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
