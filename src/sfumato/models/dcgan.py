"""DCGAN: two convolutional networks, one painting and one judging, learn from each other.

    G: z ~ N(0, I)  ->  image in [-1, 1]          L_G = softplus(-D(G(z)))
    D: image        ->  logit, high means real    L_D = softplus(-D(x)) + softplus(D(G(z)))
    or what another `game` says, and L_D + penalty_weight * penalty

Axes: B batch, C image channels, S image side in pixels, Z latent width.
Paper: Radford, Metz & Chintala (2016), https://arxiv.org/abs/1511.06434
Departures: losses in softplus form, equal to sigmoid + cross-entropy but never saturating; z is
normal where the paper draws it uniformly; the widest map is bottom x bottom with bottom = S / 2^n
in 4..7, so S need not be a power of two; `hidden` puts back the dense layers the paper takes out,
without which the two rungs of a 28-pixel ladder see strokes but no digits; `depth` of them behind
z turn sharply from one kind of image to the next.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Generator, Tensor, nn
from torch.optim import Adam

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.losses.adversarial import GAMES, GameName, swapped
from sfumato.losses.penalties import PENALTIES, Chances, PenaltyName, chances
from sfumato.model import Judge, Sampler
from sfumato.nn.apart import Norm1d, each
from sfumato.nn.augment import AugmentName, augmenting
from sfumato.nn.init import normal_002
from sfumato.nn.ladder import falling, rising
from sfumato.nn.players import adams
from sfumato.nn.pyramid import doublings
from sfumato.nn.rows import ToMaps, ToRows
from sfumato.nn.spectral import spectral
from sfumato.recipe import Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, Fraction, NonNegative, Positive
from sfumato.shapes import Features, Images, Latents, Logits, Scalar


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what DCGAN is or how it learns."""

    latent: Count = 100
    """Width Z of the noise vector."""
    width: Count = 64
    """Feature maps at half resolution; doubles each time the side halves."""
    hidden: Annotated[int, Ge(0)] = 0
    """Units of the dense layers after z, and of one before the verdict; the paper has none: 0."""
    depth: Count = 1
    """Dense layers between z and the first map, where `hidden` is not 0."""
    activation: Literal["relu", "leaky_relu"] = "relu"
    """Between the painter's layers; the judge is always leaky (0.2)."""
    dropout: Decay = 0.0
    """Chance that a map of the judge is silenced during training."""
    smooth: Fraction = 0.0
    """Real images are taught as 1 - smooth: one-sided label smoothing."""
    noise: Fraction = 0.0
    """Share of labels exchanged between real and painted while the judge learns."""
    augment: AugmentName = "none"
    """How images are changed before they are judged, so that few are not learned by heart."""
    game: GameName = "non_saturating"
    """What painter and judge want of each other."""
    penalty: PenaltyName = "none"
    """On the judge's gradient with respect to images."""
    penalty_weight: NonNegative = 10.0
    """Weight of the penalty in the judge's loss."""
    spectral: bool = False
    """Whether the judge's layers are divided by their largest singular values."""
    lr: Positive = 2e-4
    """Adam learning rate of the painter."""
    judge_lr: Positive = 2e-4
    """Adam learning rate of the judge."""
    beta1: Decay = 0.5
    """Adam first-moment decay; 0.9 oscillates (paper, section 4)."""


class DCGAN(Sampler, Judge):
    """The two networks and the game between them."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        bottom, doubled = doublings(schema.side)
        maps = [config.width << i for i in range(doubled)]
        self.generator = _generator(config, maps[::-1], bottom, schema.channels)
        self.discriminator = _discriminator(config, maps, bottom, schema.channels)
        self.apply(normal_002)
        if config.spectral:
            spectral(self.discriminator)

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        return torch.randn(count, self.config.latent, device=self.device, generator=rng)

    def generate(self, latents: Latents) -> Images:
        return self.generator(latents)

    def judge(self, images: Images) -> Logits:
        return self.discriminator(images)

    def features(self, images: Images) -> Features:
        return self.discriminator[:-2](images).flatten(1)

    def training_step(self, batch: Batch, index: int) -> None:
        for_d, for_g = self.players
        fake = self.generate(self.draw(self.prior, len(batch.image)))
        flips = self.draw(self._flips, len(batch.image))
        draws = self.draw(chances(self.schema.shape), len(batch.image))
        seen = partial(augmenting, draw=self.draw, name=self.config.augment)
        pair = seen(batch.image), seen(fake.detach())
        d_loss = self.descend(for_d, self._judge_loss, *pair, flips, draws)
        g_loss = self.descend(for_g, self._painter_loss, seen(fake))
        self.tell({"loss/discriminator": d_loss, "loss/generator": g_loss})

    def _judge_loss(self, real: Images, fake: Images, flips: Tensor, draws: Chances) -> Scalar:
        c = self.config
        on_real, on_fake = each(self.discriminator, real, fake)
        verdicts = swapped(on_real, on_fake, flips)
        penalty = PENALTIES[c.penalty](self.judge, real, fake, draws)
        return GAMES[c.game].judge(*verdicts, c.smooth) + c.penalty_weight * penalty

    def _painter_loss(self, fake: Images) -> Scalar:
        return GAMES[self.config.game].painter(self.judge(fake))

    def _flips(self, count: int, rng: Generator | None = None) -> Tensor:
        return torch.rand(count, device=self.device, generator=rng) < self.config.noise

    def configure_optimizers(self) -> list[Adam]:
        c = self.config
        return adams((self.discriminator, c.judge_lr), (self.generator, c.lr), beta1=c.beta1)


def _generator(c: Config, maps: list[int], bottom: int, channels: int) -> nn.Sequential:
    """Z x 1 x 1, then widest x bottom x bottom, then doublings up to C x S x S."""
    layers: list[nn.Module] = []
    if c.hidden:
        for wide in [c.latent, *[c.hidden] * (c.depth - 1)]:
            layers += [nn.Linear(wide, c.hidden, bias=False)]
            layers += [nn.BatchNorm1d(c.hidden), _activation(c)]
        layers += [nn.Linear(c.hidden, maps[0] * bottom**2, bias=False)]
        layers += [ToMaps(maps[0], bottom)]
    else:
        layers += [nn.Unflatten(1, (c.latent, 1, 1))]
        layers += [nn.ConvTranspose2d(c.latent, maps[0], bottom, bias=False)]
    layers += rising(maps, channels, rectifier=partial(_activation, c))
    return nn.Sequential(*layers, nn.Tanh())


def _discriminator(c: Config, maps: list[int], bottom: int, channels: int) -> nn.Sequential:
    """C x S x S, halvings down to widest x bottom x bottom, then one logit."""
    layers = falling(channels, maps, dropout=c.dropout)
    if c.hidden:
        layers += [ToRows(), nn.Linear(maps[-1] * bottom**2, c.hidden, bias=False)]
        layers += [Norm1d(c.hidden), nn.LeakyReLU(0.2), nn.Dropout(c.dropout)]
    verdict = nn.Linear(c.hidden, 1) if c.hidden else nn.Conv2d(maps[-1], 1, bottom)
    return nn.Sequential(*layers, verdict, nn.Flatten(0))


def _activation(c: Config) -> nn.Module:
    return nn.ReLU() if c.activation == "relu" else nn.LeakyReLU(0.2)


RECIPES = {
    "smoke": Recipe(
        model=Config(
            width=4,
            latent=8,
            hidden=8,
            depth=2,
            dropout=0.1,
            noise=0.1,
            augment="translation",
            penalty="dragan",
            lr=1e-3,
        ),
        data=Source(name="digits", side=16),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "demo": Recipe(
        model=Config(width=32, latent=16, hidden=256, depth=3, lr=1e-3, judge_lr=5e-4),
        data=Source(name="digits", side=16),
        steps=4000,
        batch=64,
        every=200,
        ema=0.995,
    ),
    "laptop": Recipe(
        model=Config(width=32, latent=16, hidden=256, depth=3, lr=1e-3, judge_lr=2.5e-4),
        data=Source(name="mnist"),
        steps=10_000,
        batch=64,
        ema=0.999,
        expects={"recognisable": 0.90},
    ),
    "lsgan": Recipe(
        model=Config(
            width=32,
            latent=16,
            hidden=256,
            depth=3,
            game="least_squares",
            lr=1e-3,
            judge_lr=2.5e-4,
        ),
        data=Source(name="mnist"),
        steps=10_000,
        batch=64,
        ema=0.999,
    ),
    "faces": Recipe(
        model=Config(activation="leaky_relu", smooth=0.1),
        data=Source(name="celeba", side=28, crop=89),
        steps=10_000,
        batch=64,
    ),
    "paper": Recipe(
        model=Config(), data=Source(name="celeba", side=64, crop=89), steps=100_000, batch=128
    ),
}
