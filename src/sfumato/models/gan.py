"""GAN: the original game, between a painter and a judge of dense layers and few convolutions.

    G: z ~ N(0, I)  ->  image in [-1, 1]          L_G = the painter's part of the game
    D: image        ->  logit, high means real    L_D = the judge's part + weight * penalty
    either          +   decay / 2 * |kernels|^2

Axes: B batch, C image channels, S image side in pixels, Z latent width.
Paper: Goodfellow et al. (2014), https://arxiv.org/abs/1406.2661
The networks are a small layout often seen at 28 pixels, here for any S divisible by 4: the painter
goes S/4 -> S/2 + 2 -> S + 6 -> S + 3 -> S, that is 7 -> 16 -> 34 -> 31 -> 28.
Departures from that layout: `decay` is 2.5e-5, where it says 1, which leaves nothing to learn; a
rectifier follows each normalised layer of the painter, a leaky one the dense layer of the judge,
where it says none; the judge's two outputs are read as a softmax reads them: the verdict is their
difference.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, nn
from torch.optim import Adam

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.losses.adversarial import GAMES, GameName
from sfumato.losses.penalties import PENALTIES, Chances, PenaltyName, chances
from sfumato.model import Judge, Sampler
from sfumato.nn.pyramid import multiple
from sfumato.nn.rows import ToMaps, ToRows
from sfumato.recipe import Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Features, Images, Latents, Logits, Scalar


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the GAN is or how it learns."""

    latent: Count = 64
    """Width Z of the noise vector."""
    hidden: Count = 1024
    """Units of the painter's first layer and of the judge's last but one."""
    width: Count = 32
    """Feature maps of the painter's last but two layers; others have 2, 4 or 8 times as many."""
    stride: Literal[1, 2] = 1
    """Step of the judge's two convolutions; 2 halves the side twice and is ten times as fast."""
    game: GameName = "non_saturating"
    """What painter and judge want of each other."""
    penalty: PenaltyName = "none"
    """On the judge's gradient with respect to images."""
    penalty_weight: NonNegative = 10.0
    """Weight of the penalty in the judge's loss."""
    decay: NonNegative = 2.5e-5
    """Weight of half the squared norm of all kernels, for both players."""
    lr: Positive = 1e-3
    """Adam learning rate of the painter."""
    judge_lr: Positive = 1e-4
    """Adam learning rate of the judge."""
    beta1: Decay = 0.5
    """Adam first-moment decay."""


class GAN(Sampler, Judge):
    """The two networks and the game between them."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        quarter = multiple(schema.side, 4, least=8)
        self.generator = _generator(config, quarter, schema.channels)
        self.discriminator = _discriminator(config, schema.side, schema.channels)

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        return torch.randn(count, self.config.latent, device=self.device, generator=rng)

    def generate(self, latents: Latents) -> Images:
        return self.generator(latents)

    def judge(self, images: Images) -> Logits:
        painted, real = self.discriminator(images).unbind(1)
        return real - painted

    def features(self, images: Images) -> Features:
        return self.discriminator[:-1](images)

    def training_step(self, batch: Batch, index: int) -> None:
        for_d, for_g = self.players
        fake = self.generate(self.draw(self.prior, len(batch.image)))
        draws = self.draw(chances(self.schema.shape), len(batch.image))
        d_loss = self.descend(for_d, self._judge_loss, batch.image, fake.detach(), draws)
        g_loss = self.descend(for_g, self._painter_loss, fake)
        self.tell({"loss/discriminator": d_loss, "loss/generator": g_loss})

    def _judge_loss(self, real: Images, fake: Images, draws: Chances) -> Scalar:
        c = self.config
        loss = GAMES[c.game].judge(self.judge(real), self.judge(fake), 0.0)
        return loss + c.penalty_weight * PENALTIES[c.penalty](self.judge, real, fake, draws)

    def _painter_loss(self, fake: Images) -> Scalar:
        return GAMES[self.config.game].painter(self.judge(fake))

    def configure_optimizers(self) -> list[Adam]:
        c = self.config
        return [self._adam(self.discriminator, c.judge_lr), self._adam(self.generator, c.lr)]

    def _adam(self, network: nn.Module, lr: float) -> Adam:
        """Adam adds decay * kernel to the gradient: that of decay / 2 * |kernel|^2."""
        kernels = [w for w in network.parameters() if w.ndim > 1]
        others = [w for w in network.parameters() if w.ndim == 1]
        groups = [{"params": kernels, "weight_decay": self.config.decay}, {"params": others}]
        return Adam(groups, lr=lr, betas=(self.config.beta1, 0.999), fused=True)


def _generator(c: Config, bottom: int, channels: int) -> nn.Sequential:
    """Z, hidden, then 8 width x bottom x bottom, up to C x 4 bottom x 4 bottom."""
    low, high, top = 8 * c.width, 2 * c.width, c.width
    return nn.Sequential(
        nn.Linear(c.latent, c.hidden, bias=False), nn.BatchNorm1d(c.hidden), nn.ReLU(),
        nn.Linear(c.hidden, low * bottom**2, bias=False), nn.BatchNorm1d(low * bottom**2),
        nn.ReLU(), ToMaps(low, bottom),
        nn.ConvTranspose2d(low, high, 4, stride=2, bias=False), nn.BatchNorm2d(high), nn.ReLU(),
        nn.ConvTranspose2d(high, top, 4, stride=2, bias=False), nn.BatchNorm2d(top), nn.ReLU(),
        nn.Conv2d(top, 3, 4), nn.Conv2d(3, channels, 4), nn.Tanh(),
    )  # fmt: skip


def _discriminator(c: Config, side: int, channels: int) -> nn.Sequential:
    """C x S x S, two convolutions of 4 x 4, then hidden, then two outputs: painted and real."""
    narrow, wide = 2 * c.width, 4 * c.width
    # without padding at stride 1, by one pixel at stride 2, where S is halved exactly
    step, pad = c.stride, c.stride - 1
    left = side - 6 if step == 1 else side // 4
    return nn.Sequential(
        nn.Conv2d(channels, narrow, 4, stride=step, padding=pad), nn.LeakyReLU(0.2),
        nn.Conv2d(narrow, wide, 4, stride=step, padding=pad), nn.LeakyReLU(0.2), ToRows(),
        nn.Linear(wide * left**2, c.hidden, bias=False), nn.BatchNorm1d(c.hidden),
        nn.LeakyReLU(0.2), nn.Linear(c.hidden, 2),
    )  # fmt: skip


RECIPES = {
    "smoke": Recipe(
        model=Config(
            latent=8,
            hidden=32,
            width=4,
            stride=2,
            game="least_squares",
            penalty="wgan_gp",
            penalty_weight=1.0,
            decay=1e-4,
            lr=2e-3,
            judge_lr=1e-3,
            beta1=0.3,
        ),
        data=Source(name="digits", side=16),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=Config(hidden=256, width=16, stride=2, game="wasserstein"),
        data=Source(name="mnist"),
        steps=10_000,
        batch=64,
        ema=0.999,
    ),
    "source": Recipe(
        model=Config(game="wasserstein"), data=Source(name="mnist"), steps=10_000, batch=64
    ),
}
