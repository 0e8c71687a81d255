"""Adversarial losses: one family, one signature, so that any judge can play any game.

With r and f the judge's verdicts on real and painted images:

    game            the judge goes down                      the painter goes down
    non_saturating  softplus(-r) + softplus(f)               softplus(-f)
    minimax         softplus(-r) + softplus(f)               -softplus(f)
    least_squares   ((r - 1)^2 + (f + 1)^2) / 8              (f - 1)^2 / 8
    hinge           max(0, 1 - r) + max(0, 1 + f)            -f
    wasserstein     f - r                                    -f

In every game but Wasserstein's a verdict above 0 means more likely real than not. No sigmoid can
saturate: -log sigmoid(t) = softplus(-t) and -log(1 - sigmoid(t)) = softplus(t). Least squares are
the paper's with targets 0 and 1, read at D = (1 + t) / 2.

Goodfellow et al. (2014), https://arxiv.org/abs/1406.2661, equation 1 and section 3; one-sided
label smoothing: Salimans et al. (2016), https://arxiv.org/abs/1606.03498, section 3.4; least
squares: Mao et al. (2017), https://arxiv.org/abs/1611.04076, a = 0, b = c = 1; hinge: Lim & Ye
(2017), https://arxiv.org/abs/1705.02894; Wasserstein: Arjovsky et al. (2017),
https://arxiv.org/abs/1701.07875, equation 2.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch.nn.functional import softplus

from sfumato.errors import ConfigError
from sfumato.shapes import Logits, Scalar

GameName = Literal["non_saturating", "minimax", "least_squares", "hinge", "wasserstein"]


class Game(NamedTuple):
    """What each of two players wants; both go down."""

    judge: Callable[[Logits, Logits, float], Scalar]
    """Of the verdicts on real and painted images, and `smooth`: a real image is taught as
    1 - smooth on the scale where painted is 0 and real is 1. ConfigError where the game has no
    such scale and `smooth` is not 0."""
    painter: Callable[[Logits], Scalar]
    """Of the verdicts on painted images."""


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


def _cross_entropy(real: Logits, fake: Logits, smooth: float) -> Scalar:
    return discriminator_loss(real, fake, smooth=smooth)


def _minimax(fake: Logits) -> Scalar:
    return -softplus(fake).mean()


def _least_squares(real: Logits, fake: Logits, smooth: float) -> Scalar:
    return ((real - (1 - 2 * smooth)).square().mean() + (fake + 1).square().mean()) / 8


def _toward_one(fake: Logits) -> Scalar:
    return (fake - 1).square().mean() / 8


def _hinge(real: Logits, fake: Logits, smooth: float) -> Scalar:
    _no_smoothing("hinge", smooth)
    return (1 - real).relu().mean() + (1 + fake).relu().mean()


def _wasserstein(real: Logits, fake: Logits, smooth: float) -> Scalar:
    _no_smoothing("wasserstein", smooth)
    return fake.mean() - real.mean()


def _upwards(fake: Logits) -> Scalar:
    return -fake.mean()


def _no_smoothing(game: GameName, smooth: float) -> None:
    if smooth:
        raise ConfigError(
            f"--model.smooth {smooth} means nothing to the {game} game, which has no targets; "
            "set it to 0, or --model.game to non_saturating, minimax or least_squares."
        )


GAMES: dict[str, Game] = {
    "non_saturating": Game(_cross_entropy, generator_loss),
    "minimax": Game(_cross_entropy, _minimax),
    "least_squares": Game(_least_squares, _toward_one),
    "hinge": Game(_hinge, _upwards),
    "wasserstein": Game(_wasserstein, _upwards),
}
"""Every game, by the name a Config gives it."""
