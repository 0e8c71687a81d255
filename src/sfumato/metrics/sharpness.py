"""How sharp pictures are, and how evenly a way through the codes changes them.

    sharpness      mean of (4 x - its four neighbours)^2 over the inner pixels, pixels in [0, 1]
    largest step   max_t |x_t+1 - x_t| / sum_t |x_t+1 - x_t|, Euclidean, of a way x_0 .. x_T

Blur lowers the first, as does anything flat; noise raises it, so it is read beside a distance
such as FID. The second is 1 / T where every step changes as much as any other, and 1 where one
picture turns into the other at once.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d

from sfumato.shapes import Column, Images


def sharpness(images: Images) -> Column:
    """Mean squared Laplacian of each image, at least 3 x 3; channels are averaged."""
    kernel = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]]).to(images)
    planes = ((images + 1) / 2).flatten(0, 1)[:, None]
    energy = conv2d(planes, kernel[None, None]).square().mean((1, 2, 3))
    return energy.unflatten(0, images.shape[:2]).mean(1)


def largest_step(ways: Float[Tensor, "B T C H W"]) -> Column:
    """Share of all change along each way that its largest step makes; 1 where nothing changes."""
    steps = (ways[:, 1:] - ways[:, :-1]).flatten(2).norm(dim=2)
    whole = steps.sum(1)
    return torch.where(whole > 0, steps.amax(1) / whole.clamp_min(1e-12), 1.0)
