"""ConvGAN: the plain convolutional GAN, where the painter enlarges and the judge strides.

    G: z ~ N(0, I)  ->  image in [-1, 1]          L_G = the painter's part of the game
    D: image        ->  logit, high means real    L_D = the judge's part

Axes: B batch, C image channels, S image side in pixels, Z latent width.
Paper: Goodfellow et al. (2014), https://arxiv.org/abs/1406.2661; spectral norm: Miyato et al.
(2018), https://arxiv.org/abs/1802.05957
The networks are a layout often printed: dense 4 x 4 x 512, then convolutions to 256, 128, 64 and C
maps under a tanh; the judge's convolutions, of stride 2 to 32, 64, 128, 256 and 512 maps, each
with batch norm. Departures from it, without which it cannot work: as printed it draws pictures of
4 x 4, so each of the last n convolutions sees its maps twice as large: S = bottom * 2^n, bottom 4
to 7; it has no activations, so rectifiers follow the painter's layers and leaky ones those of
the judge; it applies the sigmoid twice, in the judge and in the loss, here once. And one beyond
need: the painter has batch norm too.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Generator, nn
from torch.optim import Adam

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.losses.adversarial import GAMES, GameName
from sfumato.model import Judge, Sampler
from sfumato.nn.apart import Norm2d, each
from sfumato.nn.doubled import Doubled
from sfumato.nn.init import normal_002
from sfumato.nn.players import adams
from sfumato.nn.pyramid import doublings
from sfumato.nn.rows import ToMaps, ToRows
from sfumato.nn.spectral import spectral
from sfumato.recipe import Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, Positive
from sfumato.shapes import Features, Images, Latents, Logits, Scalar

LARGEST = 7 << 4
"""Pixels that four convolutions reach, each drawing twice the side."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the ConvGAN is or how it learns."""

    latent: Count = 100
    """Width Z of the noise vector."""
    width: Count = 64
    """Maps the painter's last convolution sees; each before it sees twice as many."""
    judge_width: Count = 32
    """Maps of the judge's first convolution; each after it has twice as many."""
    norm: Literal["batch", "spectral"] = "batch"
    """What keeps the judge's layers in bounds."""
    game: GameName = "non_saturating"
    """What painter and judge want of each other."""
    lr: Positive = 2e-4
    """Adam learning rate of the painter."""
    judge_lr: Positive = 2e-4
    """Adam learning rate of the judge."""
    beta1: Decay = 0.5
    """Adam first-moment decay."""


class ConvGAN(Sampler, Judge):
    """The two networks and the game between them."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        if schema.side > LARGEST:
            raise ConfigError(
                f"--data.side {schema.side} is above {LARGEST}, the largest that four "
                f"convolutions draw; try {LARGEST}, 96 or 64."
            )
        bottom, doubled = doublings(schema.side)
        self.generator = _generator(config, bottom, doubled, schema.channels)
        self.discriminator = _discriminator(config, schema.side, schema.channels)
        self.apply(normal_002)
        # of sides up to 32 the judge's last batch norm has one place
        self.least = 2 if config.norm == "batch" and schema.side <= 32 else 1
        if config.norm == "spectral":
            spectral(self.discriminator)

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        return torch.randn(count, self.config.latent, device=self.device, generator=rng)

    def generate(self, latents: Latents) -> Images:
        return self.generator(latents)

    def judge(self, images: Images) -> Logits:
        return self.discriminator(images)

    def features(self, images: Images) -> Features:
        return self.discriminator[:-2](images)

    def training_step(self, batch: Batch, index: int) -> None:
        for_d, for_g = self.players
        fake = self.generate(self.draw(self.prior, len(batch.image)))
        d_loss = self.descend(for_d, self._judge_loss, batch.image, fake.detach())
        g_loss = self.descend(for_g, self._painter_loss, fake)
        self.tell({"loss/discriminator": d_loss, "loss/generator": g_loss})

    def _judge_loss(self, real: Images, fake: Images) -> Scalar:
        on_real, on_fake = each(self.discriminator, real, fake)
        return GAMES[self.config.game].judge(on_real, on_fake, 0.0)

    def _painter_loss(self, fake: Images) -> Scalar:
        return GAMES[self.config.game].painter(self.judge(fake))

    def configure_optimizers(self) -> list[Adam]:
        c = self.config
        return adams((self.discriminator, c.judge_lr), (self.generator, c.lr), beta1=c.beta1)


def _generator(c: Config, bottom: int, doubled: int, channels: int) -> nn.Sequential:
    """Z, then 8 width x bottom x bottom, then four convolutions, the last of them enlarging."""
    maps = [8 * c.width, 4 * c.width, 2 * c.width, c.width, channels]
    layers: list[nn.Module] = [nn.Linear(c.latent, maps[0] * bottom**2, bias=False)]
    layers += [ToMaps(maps[0], bottom)]
    for left, (wide, narrow) in zip((4, 3, 2, 1), pairwise(maps), strict=True):
        layers += [nn.BatchNorm2d(wide), nn.ReLU()]
        conv = Doubled if left <= doubled else nn.Conv2d
        layers += [conv(wide, narrow, 3, padding="same", bias=left == 1)]
    return nn.Sequential(*layers, nn.Tanh())


def _discriminator(c: Config, side: int, channels: int) -> nn.Sequential:
    """C x S x S, five convolutions that halve the side, then one logit."""
    maps = [channels, *(c.judge_width << i for i in range(5))]
    batch = c.norm == "batch"
    layers: list[nn.Module] = []
    left = side
    for narrow, wide in pairwise(maps):
        # of one place a stride of 2 leaves the same, but oneDNN's slope of it in bfloat16 is NaN
        stride = 2 if left > 1 else 1
        layers += [nn.Conv2d(narrow, wide, 3, stride=stride, padding=1, bias=not batch)]
        left = -(-left // 2)
        layers += [Norm2d(wide)] if batch else []
        layers += [nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, ToRows(), nn.Linear(maps[-1] * left**2, 1), nn.Flatten(0))


RECIPES = {
    "smoke": Recipe(
        model=Config(
            latent=8,
            width=4,
            judge_width=4,
            norm="spectral",
            game="minimax",
            lr=1e-3,
            judge_lr=2e-3,
            beta1=0.3,
        ),
        data=Source(name="glyphs", side=16, count=64),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=Config(width=32, lr=1e-3, judge_lr=1e-4),
        data=Source(name="celeba", side=32, crop=89, flip=True),
        steps=4_000,
        batch=64,
        ema=0.999,
    ),
    "source": Recipe(
        model=Config(), data=Source(name="celeba", side=64, crop=89), steps=10_000, batch=64
    ),
}
