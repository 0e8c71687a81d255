"""Adversarial losses, written as softplus so that no sigmoid can saturate.

    -log sigmoid(t) = softplus(-t)   and   -log(1 - sigmoid(t)) = softplus(t)

Goodfellow et al. (2014), https://arxiv.org/abs/1406.2661, equation 1 and section 3; one-sided
label smoothing: Salimans et al. (2016), https://arxiv.org/abs/1606.03498, section 3.4.
"""

import torch
from torch.nn.functional import softplus

from sfumato.shapes import Logits, Scalar


def discriminator_loss(real: Logits, fake: Logits, *, smooth: float = 0.0) -> Scalar:
    """Binary cross-entropy of calling `real` real and `fake` fake, in nats.

    With `smooth` the target of a real image is 1 - smooth; a fake's stays 0.
    """
    honest = (1 - smooth) * softplus(-real) + smooth * softplus(real)
    return honest.mean() + softplus(fake).mean()


def generator_loss(fake: Logits) -> Scalar:
    """Non-saturating loss: reward fakes that the discriminator calls real."""
    return softplus(-fake).mean()


def swapped(real: Logits, fake: Logits, flips: torch.Tensor) -> tuple[Logits, Logits]:
    """Exchange the labels of a pair of verdicts where `flips` is true: label noise.

    Keeps the judge from certainty: Chintala et al., "How to train a GAN", tip 6.
    """
    return torch.where(flips, fake, real), torch.where(flips, real, fake)
