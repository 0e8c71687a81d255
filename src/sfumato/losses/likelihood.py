"""Log-likelihoods of images and divergences of codes, in nats per image.

Kingma & Welling (2014), https://arxiv.org/abs/1312.6114, appendices B and C; the weights of codes:
Burda, Grosse & Salakhutdinov (2016), https://arxiv.org/abs/1509.00519, equation 8.
"""

from math import log, pi, prod

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from sfumato.shapes import Column, Images, Latents, Nats, Scalar


def kl_from_normal(mean: Latents, log_var: Latents) -> Column:
    """KL( N(mean, exp(log_var)) || N(0, I) ) of each row (appendix B)."""
    return (mean.square() + log_var.exp() - 1 - log_var).sum(1) / 2


def bernoulli_nll(logits: Tensor, images: Images) -> Column:
    """-log p(image | logits) of each image, a pixel taken as its chance of white (C.1)."""
    pixels = (images + 1) / 2
    return binary_cross_entropy_with_logits(logits, pixels, reduction="none").sum((1, 2, 3))


def gaussian_nll(mean: Images, images: Images, log_scale: Scalar) -> Column:
    """-log density of each image under N(mean, exp(log_scale)^2), one scale for all (C.2).

    A density: it falls below 0 where the scale is small.
    """
    missed = (mean - images).square().sum((1, 2, 3)) * (-2 * log_scale).exp()
    return missed / 2 + prod(images.shape[1:]) * (log_scale + log(2 * pi) / 2)


def coin_nats(images: Images) -> Column:
    """Entropy of each image whose pixels are thrown black or white, by their grey as a chance.

    No model codes such an image in less: whoever knew the grey values would still need this much.
    """
    pixels = ((images + 1) / 2).clamp(0, 1)
    return (torch.special.entr(pixels) + torch.special.entr(1 - pixels)).sum((1, 2, 3))


def ends(images: Images) -> tuple[float, float]:
    """Nats of an image, in the mean: by the mean image as chances, and the least there can be."""
    mean = ((images.mean(0, keepdim=True) + 1) / 2).clamp(1e-3, 1 - 1e-3)
    plain = bernoulli_nll(mean.logit().expand_as(images), images)
    return float(plain.mean()), float(coin_nats(images).mean())


def importance_nll(nats: Nats) -> Column:
    """-log of the mean of exp(-nats) over the columns: a bound on -log p that tightens with them.

    `nats` is -log p(image, z) / q(z | image) of several codes z of each image.
    """
    return log(nats.shape[1]) - (-nats).logsumexp(1)
