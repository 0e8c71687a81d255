"""Upsampled: a GAN that paints by enlarging and judges by pooling, with tanh throughout.

    G: z ~ U[-1, 1]^Z  ->  image in [-1, 1]     L_G = the game's loss of its painter
    D: image           ->  logit                L_D = half the game's loss of its judge

Axes: B batch, C image channels, S image side in pixels, Z latent width.
Source: the layout of a digit generator that is widespread as a first Keras GAN: dense, dense,
batch norm over every feature, then twice nearest enlargement and a 5x5 convolution; its painter
has exactly 6,751,233 trainable parameters at 28 pixels. It takes the mean cross-entropy over real
and painted images together, hence the half, which plain gradient descent feels. Weights begin
Glorot-uniform with biases of 0, as that library's do.
Departures: S may be any multiple of 4 from 12 on, and images may have colour; the sigmoid is part
of the loss; batch norm keeps torch's momentum and epsilon; one draw of noise serves both players;
game and penalty are a choice.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, nn
from torch.optim import SGD, Adam, Optimizer

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.losses.adversarial import GAMES, GameName
from sfumato.losses.penalties import PENALTIES, Chances, PenaltyName, chances
from sfumato.model import Judge, Sampler
from sfumato.nn.apart import each
from sfumato.nn.doubled import Doubled
from sfumato.nn.init import glorot
from sfumato.nn.minibatch import MinibatchDiscrimination
from sfumato.nn.pyramid import multiple
from sfumato.recipe import Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive, Whole
from sfumato.shapes import Features, Images, Latents, Logits, Scalar


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what this GAN is or how it learns."""

    latent: Count = 100
    """Width Z of the noise vector."""
    width: Count = 64
    """Maps at half the side; twice as many at a quarter of it, in painter and judge alike."""
    hidden: Count = 1024
    """Units of the painter's first layer and of the judge's last but one."""
    game: GameName = "non_saturating"
    """What painter and judge want of each other."""
    penalty: PenaltyName = "none"
    """On the judge's gradient with respect to images."""
    penalty_weight: NonNegative = 10.0
    """Weight of the penalty in the judge's loss."""
    kernels: Whole = 0
    """Numbers that tell the judge how like an image is to the others of its batch."""
    optimizer: Literal["sgd", "adam"] = "sgd"
    """Stochastic gradient descent with Nesterov momentum, or Adam."""
    lr: Positive = 5e-4
    """Learning rate of the painter."""
    judge_lr: Positive = 5e-4
    """Learning rate of the judge."""
    momentum: Decay = 0.9
    """Nesterov momentum of sgd; first-moment decay of adam."""


class Upsampled(Sampler, Judge):
    """The two networks and the game between them."""

    normal = slice(0)

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        quarter = multiple(schema.side, 4, least=12)
        self.generator = _generator(config, quarter, schema.channels)
        self.discriminator = _discriminator(config, quarter, schema.channels)
        self.apply(glorot)

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        shape = count, self.config.latent
        return 2 * torch.rand(shape, device=self.device, generator=rng) - 1

    def generate(self, latents: Latents) -> Images:
        return self.generator(latents)

    def judge(self, images: Images) -> Logits:
        return self.discriminator(images)

    def features(self, images: Images) -> Features:
        return self.discriminator[:-2](images)

    def training_step(self, batch: Batch, index: int) -> None:
        for_d, for_g = self.players
        fake = self.generate(self.draw(self.prior, len(batch.image)))
        draws = self.draw(chances(self.schema.shape), len(batch.image))
        d_loss = self.descend(for_d, self._judge_loss, batch.image, fake.detach(), draws)
        g_loss = self.descend(for_g, self._painter_loss, fake)
        self.tell({"loss/discriminator": d_loss, "loss/generator": g_loss})

    def _judge_loss(self, real: Images, fake: Images, draws: Chances) -> Scalar:
        c = self.config
        on_real, on_fake = each(self.discriminator, real, fake)
        game = GAMES[c.game].judge(on_real, on_fake, 0.0)
        return game / 2 + c.penalty_weight * PENALTIES[c.penalty](self.judge, real, fake, draws)

    def _painter_loss(self, fake: Images) -> Scalar:
        return GAMES[self.config.game].painter(self.judge(fake))

    def configure_optimizers(self) -> list[Optimizer]:
        c = self.config
        pairs = (self.discriminator, c.judge_lr), (self.generator, c.lr)
        if c.optimizer == "adam":
            return [
                Adam(net.parameters(), lr=lr, betas=(c.momentum, 0.999), fused=True)
                for net, lr in pairs
            ]
        return [
            SGD(net.parameters(), lr=lr, momentum=c.momentum, nesterov=c.momentum > 0)
            for net, lr in pairs
        ]


def _generator(c: Config, quarter: int, channels: int) -> nn.Sequential:
    """Z, hidden, then 2 width x S/4 x S/4, width x S/2 x S/2, C x S x S."""
    low = (2 * c.width, quarter, quarter)
    dense = 2 * c.width * quarter**2
    return nn.Sequential(
        *(nn.Linear(c.latent, c.hidden), nn.Tanh()),
        *(nn.Linear(c.hidden, dense), nn.BatchNorm1d(dense), nn.Tanh(), nn.Unflatten(1, low)),
        *(Doubled(2 * c.width, c.width, 5, padding="same"), nn.Tanh()),
        *(Doubled(c.width, channels, 5, padding="same"), nn.Tanh()),
    )


def _discriminator(c: Config, quarter: int, channels: int) -> nn.Sequential:
    """C x S x S, width x S/2 x S/2, 2 width x (S/4 - 2) x (S/4 - 2), hidden, one logit."""
    dense = 2 * c.width * (quarter - 2) ** 2
    # tanh rises, so the largest of four is found before it: the same for a quarter of the work
    return nn.Sequential(
        *(nn.Conv2d(channels, c.width, 5, padding=2), nn.MaxPool2d(2), nn.Tanh()),
        *(nn.Conv2d(c.width, 2 * c.width, 5), nn.MaxPool2d(2), nn.Tanh(), nn.Flatten()),
        *([MinibatchDiscrimination(dense, c.kernels)] if c.kernels else []),
        *(nn.Linear(dense + c.kernels, c.hidden), nn.Tanh()),
        *(nn.Linear(c.hidden, 1), nn.Flatten(0)),
    )


RECIPES = {
    "smoke": Recipe(
        model=Config(
            latent=8,
            width=4,
            hidden=16,
            game="least_squares",
            penalty="dragan",
            penalty_weight=1.0,
            kernels=3,
            optimizer="adam",
            lr=1e-3,
            momentum=0.5,
        ),
        data=Source(name="digits", side=16),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=Config(
            latent=16,
            width=32,
            kernels=32,
            optimizer="adam",
            momentum=0.5,
            lr=1e-3,
            judge_lr=2.5e-4,
        ),
        data=Source(name="mnist"),
        steps=24_000,
        batch=64,
        ema=0.9995,
        expects={"recognisable": 0.85},
    ),
    "source": Recipe(model=Config(), data=Source(name="mnist"), steps=5_800, batch=1024, every=20),
}
