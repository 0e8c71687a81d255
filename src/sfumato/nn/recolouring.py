"""A picture in another's colours, and pictures whose colours are changed by chance.

    y = spread(s) (x - mean x) / spread(x) + mean s

of lightness and two colour differences, which are nearly independent in most pictures.

Paper: Reinhard et al. (2001), https://doi.org/10.1109/38.946629 (there in other coordinates)
"""

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from sfumato.nn.statistics import InstanceNorm, moments
from sfumato.shapes import Images, Others

COLOURS = torch.tensor([[1.0, 1.0, 1.0], [1.5, 0.0, -1.5], [-0.75, 1.5, -0.75]]) / 3
"""Lightness, red against blue, green against both."""
MOST = 0.97
"""Colours stay so far inside of [-1, 1] that something can be painted on them."""


class Recolour(nn.Module):
    """The colours of one picture, or of one each, given to pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.lit = InstanceNorm(eps=1e-4)

    def forward(self, source: Images, style: Others, strength: float = 1.0) -> Images:
        """`strength` 0 leaves the colours, 1 takes the style's."""
        turn = COLOURS.to(source.device)
        mean, spread = moments(_turned(style.float(), turn), eps=1e-4)
        moved = self.lit(_turned(source.float(), turn)) * spread + mean
        there = _turned(moved, torch.linalg.inv(turn))
        return source.float().lerp(there, strength).clamp(-MOST, MOST)


def chances(count: int, rng: Generator | None = None) -> Float[Tensor, "B 7"]:
    """A maker for `Model.draw` of what `recoloured` changes `count` pictures by."""
    return torch.rand(count, 7, device=rng.device if rng else None, generator=rng)


def recoloured(images: Images, chance: Float[Tensor, "B 7"], share: float) -> Images:
    """A share of pictures with each colour stretched and shifted, or turned to its opposite."""
    stretch = chance[:, 1:4, None, None] * 2.2 - 0.8
    shift = chance[:, 4:7, None, None] - 0.5
    changed = (images * stretch + shift).clamp(-1, 1)
    return torch.where((chance[:, 0] < share)[:, None, None, None], changed, images)


def _turned(images: Images, turn: Float[Tensor, "3 3"]) -> Images:
    """Every colour times a matrix; by products and sums, which autocast leaves alone."""
    return (images[:, None] * turn[:, :, None, None]).sum(2)
