"""Frogs: a small colour GAN with wide convolutions at full size, for one class of CIFAR-10.

    G: z ~ N(0, I)  ->  image in [-1, 1]     L_G = softplus(-D(G(z)))
    D: image        ->  logit                L_D = half of H(1 - u, D(x)) + H(-v, D(G(z)))

    H(t, d) = t softplus(-d) + (1 - t) softplus(d)     cross-entropy with target t
    u, v ~ noise * U[0, 1]                             one an image

Axes: B batch, C image channels, S image side in pixels, Z latent width.
Source: the layout of a textbook's generator of frogs, in Keras: dense to 128 maps at half size,
five convolutions of which four stand at full size, and a judge of four convolutions without
padding. It calls painted images 1 and real ones 0 and adds noise to both labels; here 1 is real,
so the same noise is taken off. Its learning rate falls as lr / (1 + decay * step). Its clip is of
each number in the gradient. Weights begin Glorot-uniform with biases of 0, leaky ReLUs lean by
0.3, as that library's do.
Departures: S may be any even number from 24 on, and images may be grey; the sigmoid is part of the
loss; a painted image's target of less than 0 has no finite optimum, which the source stops by
keeping probabilities 1e-7 from 0 and 1: here the verdicts stop at the same place; one draw of
noise serves both players.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Optimizer, RMSprop

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.losses.adversarial import generator_loss
from sfumato.losses.penalties import PENALTIES, Chances, PenaltyName, chances
from sfumato.model import Judge, Sampler
from sfumato.nn.apart import each
from sfumato.nn.init import glorot
from sfumato.recipe import Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, Fraction, NonNegative, Positive
from sfumato.shapes import Features, Images, Latents, Logits, Scalar

SURE = 16.1
"""Verdict at which a probability is 1e-7 from certainty."""
LEAN = 0.3
"""Slope of every leaky ReLU below 0."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what this GAN is or how it learns."""

    latent: Count = 32
    """Width Z of the noise vector."""
    width: Count = 128
    """Maps of the painter at half the side; twice as many at full size."""
    judge_width: Count = 128
    """Maps of each of the judge's convolutions."""
    dropout: Decay = 0.4
    """Chance that a feature before the verdict is silenced during training."""
    noise: Fraction = 0.05
    """Largest number that is taken off the judge's targets of 1 and 0."""
    penalty: PenaltyName = "none"
    """On the judge's gradient with respect to images."""
    penalty_weight: NonNegative = 10.0
    """Weight of the penalty in the judge's loss."""
    lr: Positive = 4e-4
    """RMSprop learning rate of the painter at the first step."""
    judge_lr: Positive = 8e-4
    """RMSprop learning rate of the judge at the first step."""
    decay: NonNegative = 1e-8
    """Learning rates are divided by 1 + decay * step."""
    clip_value: Positive = 1.0
    """Largest number in a gradient."""


class Frogs(Sampler, Judge):
    """The two networks and the game between them."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        last = _last(schema.side)
        self.generator = _generator(config, schema)
        self.discriminator = _discriminator(config, schema.channels, last)
        self.apply(glorot)

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        return torch.randn(count, self.config.latent, device=self.device, generator=rng)

    def generate(self, latents: Latents) -> Images:
        return self.generator(latents)

    def judge(self, images: Images) -> Logits:
        return self.discriminator(images)

    def features(self, images: Images) -> Features:
        return self.discriminator[:-3](images)

    def training_step(self, batch: Batch, index: int) -> None:
        for_d, for_g = self.players
        count = len(batch.image)
        fake = self.generate(self.draw(self.prior, count))
        noise = self.draw(self._noise, count)
        draws = self.draw(chances(self.schema.shape), count)
        d_loss = self.descend(for_d, self._judge_loss, batch.image, fake.detach(), noise, draws)
        g_loss = self.descend(for_g, self._painter_loss, fake)
        self.tell({"loss/discriminator": d_loss, "loss/generator": g_loss})

    def _judge_loss(self, real: Images, fake: Images, noise: Tensor, draws: Chances) -> Scalar:
        u, v = noise.unbind(1)
        on_real, on_fake = each(self.discriminator, real, fake)
        game = _cross_entropy(1 - u, on_real) + _cross_entropy(-v, on_fake)
        penalty = PENALTIES[self.config.penalty](self.judge, real, fake, draws)
        return game / 2 + self.config.penalty_weight * penalty

    def _painter_loss(self, fake: Images) -> Scalar:
        return generator_loss(self.judge(fake))

    def _noise(self, count: int, rng: Generator | None = None) -> Tensor:
        return self.config.noise * torch.rand(count, 2, device=self.device, generator=rng)

    def pace(self, step: int) -> float:
        return 1 / (1 + self.config.decay * step)

    def configure_optimizers(self) -> list[RMSprop]:
        c = self.config
        pairs = (self.discriminator, c.judge_lr), (self.generator, c.lr)
        players = [RMSprop(net.parameters(), lr=lr, alpha=0.9, eps=1e-7) for net, lr in pairs]
        for player in players:
            player.register_step_pre_hook(self._clip)
        return players

    def _clip(self, player: Optimizer, *_: Any) -> None:
        """Cut each number of a gradient off where it is larger than the clip."""
        weights = [weight for group in player.param_groups for weight in group["params"]]
        nn.utils.clip_grad_value_(weights, self.config.clip_value)


def _cross_entropy(target: Tensor, verdicts: Logits) -> Scalar:
    """Mean over images; the target may lie outside 0 and 1."""
    sure = verdicts.clamp(-SURE, SURE)
    return (target * softplus(-sure) + (1 - target) * softplus(sure)).mean()


def _generator(c: Config, schema: Schema) -> nn.Sequential:
    """Z, then width x S/2 x S/2, then four times twice as many x S x S, then C x S x S."""
    half, wide = schema.side // 2, 2 * c.width
    return nn.Sequential(
        *(nn.Linear(c.latent, c.width * half**2), nn.LeakyReLU(LEAN)),
        *(nn.Unflatten(1, (c.width, half, half)),),
        *(nn.Conv2d(c.width, wide, 5, padding=2), nn.LeakyReLU(LEAN)),
        *(nn.ConvTranspose2d(wide, wide, 4, stride=2, padding=1), nn.LeakyReLU(LEAN)),
        *(nn.Conv2d(wide, wide, 5, padding=2), nn.LeakyReLU(LEAN)),
        *(nn.Conv2d(wide, wide, 5, padding=2), nn.LeakyReLU(LEAN)),
        *(nn.Conv2d(wide, schema.channels, 7, padding=3), nn.Tanh()),
    )


def _discriminator(c: Config, channels: int, last: int) -> nn.Sequential:
    """C x S x S, S - 2, then three halvings without padding, and one logit."""
    wide = c.judge_width
    return nn.Sequential(
        *(nn.Conv2d(channels, wide, 3), nn.LeakyReLU(LEAN)),
        *(nn.Conv2d(wide, wide, 4, stride=2), nn.LeakyReLU(LEAN)),
        *(nn.Conv2d(wide, wide, 4, stride=2), nn.LeakyReLU(LEAN)),
        *(nn.Conv2d(wide, wide, 4, stride=2), nn.LeakyReLU(LEAN)),
        *(nn.Flatten(), nn.Dropout(c.dropout), nn.Linear(wide * last**2, 1), nn.Flatten(0)),
    )


def _last(side: int) -> int:
    """Side of the judge's last maps. Raises ConfigError naming the nearest sides that work."""
    if side % 2 or side < 24:
        fits = sorted({max(24, side - side % 2), max(24, side + side % 2)})
        raise ConfigError(
            f"--data.side {side} is no even number from 24 on; try {' or '.join(map(str, fits))}."
        )
    side -= 2
    for _ in range(3):
        side = (side - 2) // 2
    return side


RECIPES = {
    "smoke": Recipe(
        model=Config(
            latent=8,
            width=4,
            judge_width=8,
            dropout=0.1,
            noise=0.1,
            penalty="r1",
            penalty_weight=1.0,
            lr=1e-3,
            decay=1e-3,
            clip_value=0.5,
        ),
        data=Source(name="photos", side=24, count=64),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=Config(
            width=32, judge_width=64, penalty="r1", penalty_weight=1.0, lr=2e-4, judge_lr=4e-4
        ),
        data=Source(name="cifar10", classes=("frog",), flip=True),
        steps=12_000,
        batch=20,
        ema=0.999,
    ),
    "source": Recipe(
        model=Config(),
        data=Source(name="cifar10", classes=("frog",)),
        steps=10_000,
        batch=20,
    ),
}
