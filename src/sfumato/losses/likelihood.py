"""Log-likelihoods of images and divergences of codes, in nats per image.

Kingma & Welling (2014), https://arxiv.org/abs/1312.6114, appendices B and C.
"""

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from sfumato.shapes import Images, Latents, Logits


def kl_from_normal(mean: Latents, log_var: Latents) -> Logits:
    """KL( N(mean, exp(log_var)) || N(0, I) ) of each row (appendix B)."""
    return (mean.square() + log_var.exp() - 1 - log_var).sum(1) / 2


def bernoulli_nll(logits: Tensor, images: Images) -> Logits:
    """-log p(image | logits) of each image, a pixel taken as its chance of white (C.1)."""
    pixels = (images + 1) / 2
    return binary_cross_entropy_with_logits(logits, pixels, reduction="none").sum((1, 2, 3))


def gaussian_nll(mean: Images, images: Images) -> Logits:
    """-log p(image | mean) of each image at unit variance, without its constant (appendix C.2)."""
    return (mean - images).square().sum((1, 2, 3)) / 2
