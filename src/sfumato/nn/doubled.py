"""A convolution of maps at twice their side, done at the side they have.

    doubled(x, W) = conv(nearest(x, 2), W) = shuffled(conv(x, folded(W)))

Each pixel is seen twice along an axis, so weights that meet the same one are summed first: of K^2
products for a pixel that is drawn ((K + 1) / 2)^2 are left, 25 becoming 9 and 9 becoming 4. The
four places that a pixel becomes have a kernel each.

Axes: B batch, I maps in, O maps out, K side of the kernel, odd.
Source: Shi et al. (2016), https://arxiv.org/abs/1609.07009, section 3 (sub-pixel convolution).
"""

from collections import Counter

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d


class Doubled(nn.Conv2d):
    """PyTorch's of odd side, stride 1 and padding "same", of maps enlarged to twice their side."""

    def forward(self, input: Float[Tensor, "B I h w"]) -> Float[Tensor, "B O high wide"]:
        """Maps of twice the side."""
        return doubled(input, self.weight, self.bias)


def doubled(
    maps: Float[Tensor, "B I h w"], weight: Float[Tensor, "O I K K"], bias: Tensor | None = None
) -> Float[Tensor, "B O high wide"]:
    """`maps` at twice their side, convolved with `weight` of odd side and zeros around them."""
    high, wide = maps.shape[2:]
    taps = weight.shape[3] // 2 + 1
    folded = _folded(_folded(weight).movedim(2, 4))  # O, I, then of columns and of rows 2 taps
    kernels = folded.permute(2, 4, 0, 1, 5, 3).flatten(0, 2)  # column, row and map of a place
    places = None if bias is None else bias.repeat(4)
    found = conv2d(maps, kernels, places, padding=taps // 2)
    found = found.permute(0, 2, 3, 1).unflatten(3, (2, 2, -1))  # channels last, as one copies fast
    # an even kernel finds one place more than there are pixels; the second place begins at it
    late = 1 - taps % 2
    first, second = slice(high), slice(late, late + high)
    left, right = slice(wide), slice(late, late + wide)
    rows = [
        torch.stack([found[:, row, left, 0, i], found[:, row, right, 1, i]], dim=3)
        for i, row in enumerate((first, second))
    ]
    return torch.stack(rows, dim=2).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)


def _folded(weight: Tensor) -> Tensor:
    """Weights of the last axis that meet the same pixel, summed: K becomes 2 taps, by place.

    Weight d away from a place of enlarged maps meets the pixel at half that, rounded down.
    """
    reach = weight.shape[-1] // 2
    places = []
    for place in range(2):
        met = Counter((place + away) // 2 for away in range(-reach, reach + 1))
        parts = weight.split(list(met.values()), dim=-1)
        places.append(torch.stack([part.sum(-1) for part in parts], dim=-1))
    return torch.stack(places, dim=-2)
