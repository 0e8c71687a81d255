"""The discrete cosine transform of blocks, colours included: where a learned transform may begin.

    8 x 8 pixels of C channels = 64 C numbers, each the sum over pixels of pixel times
    colour times cos((2y + 1) u pi / 16) times cos((2x + 1) v pi / 16), all of length 1

Ahmed, Natarajan & Rao (1974), https://doi.org/10.1109/T-C.1974.223784; the colours are brightness
and two differences, at right angles to each other.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

BLOCK = 8
"""Pixels along an edge."""
SPREAD = (1.0, 0.08, 0.03)
"""How much photographs vary in brightness and in the two differences, about."""


def cosines(channels: int, count: int) -> Float[Tensor, "count n"]:
    """The `count` basis pictures of photographs' largest numbers: means first, then by size.

    The first rows are brightness and colours of a whole block, one for each channel. Each is a
    row of channels x 8 x 8, as `nn.PixelUnshuffle(8)` orders them; the rows are orthonormal.
    Beyond all there are, rows of zeros.
    """
    at = torch.arange(BLOCK, dtype=torch.float64)
    waves = torch.cos(torch.pi / (2 * BLOCK) * at[:, None] * (2 * at + 1))
    waves = waves / waves.norm(dim=1, keepdim=True)
    colours = torch.tensor([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]], dtype=torch.float64)
    colours = colours[:channels, :channels]
    colours = colours / colours.norm(dim=1, keepdim=True)
    rows = torch.einsum("kc,uy,vx->kuvcyx", colours, waves, waves).reshape(-1, channels * BLOCK**2)
    falling = 1 / (1 + at[:, None] ** 2 + at**2)
    expected = torch.tensor(SPREAD[:channels], dtype=torch.float64)[:, None, None] * falling
    expected[:, 0, 0] += 1
    best = expected.flatten().argsort(descending=True, stable=True)[:count]
    found = torch.zeros(count, rows.shape[1])
    found[: len(best)] = rows[best].float()
    return found


@torch.no_grad()
def begin(blocks: nn.Conv2d, waves: Float[Tensor, "o i"], deep: nn.Module, slope: float) -> None:
    """Let the sum of both be this transform: `deep`, leaky layers of `slope`, begins at nothing.

    Its last convolution is all zeros, and learns first.
    """
    learned = [layer for layer in deep.modules() if isinstance(layer, nn.Conv2d)]
    for layer in learned:
        nn.init.kaiming_normal_(layer.weight, slope)
    nn.init.zeros_(learned[-1].weight)
    blocks.weight.copy_(waves[:, :, None, None])
    for layer in (*learned, blocks):
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
