"""Colours kept: those of the content under the strokes of a style.

    lightness only:   L* of the painting, a* and b* of the content
    matched:          style' = C^(1/2) S^(-1/2) (style - mean s) + mean c, before it is painted

with S and C the covariances of red, green and blue in style and content.

Paper: Gatys et al. (2016), https://arxiv.org/abs/1606.05897
"""

import torch
from jaxtyping import Float
from torch import Tensor

from sfumato.shapes import Images, Others


def lightness_only(painted: Images, content: Images) -> Images:
    """The painting's CIELAB lightness with the content's chroma, as far as the screen has it."""
    from kornia.color import lab_to_rgb

    light, chroma = _lab(painted), _lab(content)
    return lab_to_rgb(torch.cat([light[:, :1], chroma[:, 1:]], 1)).clamp(0, 1) * 2 - 1


def matched(style: Images, content: Others) -> Images:
    """The style in the content's colours: same mean, same covariance, where they are in range."""
    of, to = _moments(style), _moments(content)
    way = _power(to[1], 0.5) @ _power(of[1], -0.5)
    moved = way @ (style[0].flatten(1).double() - of[0]) + to[0]
    return moved.to(style.dtype).view_as(style).clamp(-1, 1)


def _lab(images: Images) -> Float[Tensor, "B 3 H W"]:
    from kornia.color import rgb_to_lab  # not for those who keep no colour: it takes its time

    return rgb_to_lab((images.clamp(-1, 1) + 1) / 2)


def _moments(image: Others) -> tuple[Float[Tensor, "3 1"], Float[Tensor, "3 3"]]:
    rows = image[0].flatten(1).double()
    mean = rows.mean(1, keepdim=True)
    apart = rows - mean
    # a picture of one colour has no covariance: a little keeps the inverse finite
    return mean, apart @ apart.T / rows.shape[1] + 1e-6 * torch.eye(3, dtype=torch.double)


def _power(matrix: Float[Tensor, "3 3"], power: float) -> Float[Tensor, "3 3"]:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=1e-9) ** power @ vectors.T
