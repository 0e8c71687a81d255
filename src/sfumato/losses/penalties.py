"""Penalties on the judge's gradient with respect to images: they keep it smooth where it matters.

    wgan_gp   (|dD/dx| - 1)^2   at x = e real + (1 - e) fake,                  e ~ U[0, 1]
    dragan    (|dD/dx| - 1)^2   at x = real + e * std(real) / 2 * n,           e, n ~ U[0, 1]
    r1        |dD/dx|^2 / 2     at x = real

Each is a mean over images, without its weight: 10 in the first two papers; gamma, of 0.1 to 10, in
the third. e is one number for an image, n one for a pixel, std one for all pixels of the images
given. A judge with batch norm is asked about the sum of its verdicts, as in DRAGAN's own code.

WGAN-GP: Gulrajani et al. (2017), https://arxiv.org/abs/1704.00028, equation 3. DRAGAN: Kodali et
al. (2017), https://arxiv.org/abs/1705.07215, section 2.5, whose perturbation is the uniform one of
its published code. R1: Mescheder et al. (2018), https://arxiv.org/abs/1801.04406, equation 9.
"""

from collections.abc import Callable
from math import prod
from typing import Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from sfumato.shapes import Features, Images, Logits, Scalar

Chances = Float[Tensor, "B N"]
"""Uniform numbers in [0, 1), one row an image."""
Judging = Callable[[Images], Logits]
"""A judge and all its conditions, as a function of images alone."""
Penalty = Callable[[Judging, Images, Images, Chances], Scalar]
"""Of a judge, real images, painted images and `chances`."""
PenaltyName = Literal["none", "wgan_gp", "r1", "dragan"]
EPSILON = 1e-10
"""Added to a squared norm, whose root has no gradient at 0."""


def chances(shape: tuple[int, int, int]) -> Callable[[int, Generator | None], Chances]:
    """A maker of uniform numbers for `Model.draw`: all that a penalty on such images needs.

    One row an image: one number for e, then one for each pixel and channel.
    """

    def make(count: int, rng: Generator | None = None) -> Chances:
        device = rng.device if rng else None
        return torch.rand(count, 1 + prod(shape), device=device, generator=rng)

    return make


def _none(judging: Judging, real: Images, fake: Images, draws: Chances) -> Scalar:
    return real.new_zeros(())


def _wgan_gp(judging: Judging, real: Images, fake: Images, draws: Chances) -> Scalar:
    share, _ = _split(draws, real)
    return _slope_one(judging, share * real + (1 - share) * fake)


def _dragan(judging: Judging, real: Images, fake: Images, draws: Chances) -> Scalar:
    share, noise = _split(draws, real)
    return _slope_one(judging, real + share * real.std(correction=0) / 2 * noise)


def _r1(judging: Judging, real: Images, fake: Images, draws: Chances) -> Scalar:
    return _gradients(judging, real).square().sum(1).mean() / 2


def _slope_one(judging: Judging, points: Images) -> Scalar:
    slopes = (_gradients(judging, points).square().sum(1) + EPSILON).sqrt()
    return (slopes - 1).square().mean()


def _gradients(judging: Judging, points: Images) -> Features:
    """dD/dx at each point, a row an image, itself differentiable; float32 also under autocast."""
    points = points.detach().float().requires_grad_()
    (slopes,) = torch.autograd.grad(judging(points).float().sum(), points, create_graph=True)
    return slopes.flatten(1)


def _split(draws: Chances, images: Images) -> tuple[Tensor, Images]:
    """(e as B 1 1 1, n as images) of a draw for such images."""
    draws = draws.to(images)
    return draws[:, :1, None, None], draws[:, 1:].reshape(images.shape)


PENALTIES: dict[str, Penalty] = {
    "none": _none,
    "wgan_gp": _wgan_gp,
    "r1": _r1,
    "dragan": _dragan,
}
"""Every penalty, by the name a Config gives it; "none" never asks the judge."""
