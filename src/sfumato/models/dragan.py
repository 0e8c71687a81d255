"""DRAGAN: characters with the attributes asked for, painted by residual blocks, judged smoothly.

    G: z ~ N(0, I), attributes c  ->  image        L_G = w softplus(-D(G(z, c))) + L_c(G(z, c), c)
    D: image  ->  logit and tags of c              L_D = w [softplus(-D(x)) + softplus(D(G(z, c)))]
    L_c: tags against attributes                       + L_c(x, c_x) + p L_c(G(z, c), c)
                                                       + g (|dD/dx'| - 1)^2 at x' around x

Axes: B batch, C image channels, S image side in pixels, Z latent width, E width of encoded c.
Paper: Jin, Zhang, Li, Tian, Zhu & Fang (2017), https://arxiv.org/abs/1708.05509; the penalty is
Kodali et al. (2017), https://arxiv.org/abs/1705.07215.
Departures: a choice among values is a softmax and a number a squared error, where the paper has 34
yes-or-no tags, each a sigmoid; all attributes are drawn uniformly; sides other than 128; how fast
the learning rate falls, which the paper does not say.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Generator, nn
from torch.optim import Adam

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.losses.adversarial import GAMES
from sfumato.losses.attributes import attribute_loss
from sfumato.losses.penalties import PENALTIES, Chances, chances
from sfumato.model import Judge, Sampler, Tagger
from sfumato.nn.attributes import encode, width
from sfumato.nn.init import glorot, normal_002
from sfumato.nn.players import adams
from sfumato.nn.pyramid import doublings
from sfumato.nn.residual import Residual
from sfumato.recipe import Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Attributes, Features, Images, Latents, Logits, Scalar, Tags


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what DRAGAN is or how it learns."""

    latent: Count = 128
    """Width Z of the noise vector; the encoded attributes are set beside it."""
    width: Count = 64
    """Maps of the painter's blocks, and after each doubling."""
    blocks: Count = 16
    """Residual blocks of the painter."""
    doublings: Count = 3
    """Times the painter doubles the side: its blocks work on S / 2^doublings pixels."""
    judge_width: Count = 32
    """Maps of the judge at half resolution; doubles each time the side halves."""
    judge_blocks: Annotated[int, Ge(0)] = 2
    """Residual blocks of the judge after each halving but the last."""
    start: Literal["normal", "glorot"] = "normal"
    """First weights: N(0, 0.02) as in the paper, or Glorot's, which a narrow judge needs."""
    adversarial: NonNegative | None = None
    """Weight w of real against painted; none: the number E of encoded attributes, as in the paper.
    """
    painted: NonNegative = 1.0
    """Weight p of the attributes asked of painted images in what the judge learns to name."""
    penalty: NonNegative = 0.5
    """Weight g of the gradient penalty around real images."""
    lr: Positive = 2e-4
    """Adam learning rate of the painter."""
    judge_lr: Positive = 2e-4
    """Adam learning rate of the judge."""
    beta1: Decay = 0.5
    """Adam first-moment decay."""
    hold: Annotated[int, Ge(0)] = 50_000
    """Steps before the learning rates begin to fall."""
    half: Count = 10_000
    """Steps in which they then fall to a half, again and again."""


class DRAGAN(Sampler, Judge, Tagger):
    """A painter that is told attributes, and a judge that names them."""

    needs = ("image", "attributes")
    conditions = ("attributes",)

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        schema.need("attributes", "dragan")
        bottom, halved = doublings(schema.side, least=2)
        self.generator = _generator(config, schema)
        self.discriminator = _discriminator(config, schema.channels, halved)
        wide = (config.judge_width << (halved - 1)) * bottom**2
        self.verdict, self.tagging = nn.Linear(wide, 1), nn.Linear(wide, width(schema))
        self.apply(normal_002 if config.start == "normal" else glorot)

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        return torch.randn(count, self.config.latent, device=self.device, generator=rng)

    def generate(self, latents: Latents, attributes: Attributes) -> Images:
        return self.generator(torch.cat([latents, encode(attributes, self.schema)], dim=1))

    def judge(self, images: Images) -> Logits:
        return self.verdict(self.features(images)).flatten(0)

    def tags(self, images: Images) -> Tags:
        return self.tagging(self.features(images))

    def features(self, images: Images) -> Features:
        return self.discriminator(images)

    def training_step(self, batch: Batch, index: int) -> None:
        for_d, for_g = self.players
        real, count = batch.image, len(batch.image)
        asked = self.draw(self._wish, count)
        fake = self.generate(self.draw(self.prior, count), asked)
        draws = self.draw(chances(self.schema.shape), count)
        d_loss = self.descend(
            for_d, self._judge_loss, real, batch.attributes, fake.detach(), asked, draws
        )
        g_loss = self.descend(for_g, self._painter_loss, fake, asked)
        self.tell({"loss/discriminator": d_loss, "loss/generator": g_loss})

    def _judge_loss(
        self, real: Images, true: Attributes, fake: Images, asked: Attributes, draws: Chances
    ) -> Scalar:
        c, seen, painted = self.config, self.features(real), self.features(fake)
        honest, fooled = (self.verdict(features).flatten(0) for features in (seen, painted))
        loss = self._weight * GAMES["non_saturating"].judge(honest, fooled, 0.0)
        loss = loss + attribute_loss(self.tagging(seen), true, self.schema)
        if c.painted:
            loss = loss + c.painted * attribute_loss(self.tagging(painted), asked, self.schema)
        if c.penalty:
            loss = loss + c.penalty * PENALTIES["dragan"](self.judge, real, fake, draws)
        return loss

    def _painter_loss(self, fake: Images, asked: Attributes) -> Scalar:
        features = self.features(fake)
        fooled = GAMES["non_saturating"].painter(self.verdict(features).flatten(0))
        return self._weight * fooled + attribute_loss(self.tagging(features), asked, self.schema)

    @property
    def _weight(self) -> float:
        weight = self.config.adversarial
        return float(width(self.schema)) if weight is None else weight

    def _wish(self, count: int, rng: Generator | None = None) -> Attributes:
        return self.condition(count, rng)["attributes"]

    def pace(self, step: int) -> float:
        return 0.5 ** (max(0, step - self.config.hold) / self.config.half)

    def configure_optimizers(self) -> list[Adam]:
        c, judging = self.config, (self.discriminator, self.verdict, self.tagging)
        return adams((judging, c.judge_lr), (self.generator, c.lr), beta1=c.beta1)


def _generator(c: Config, schema: Schema) -> nn.Sequential:
    """Z + E numbers, then residual blocks at the bottom's side, then doublings up to C x S x S."""
    scale, w = 2**c.doublings, c.width
    if schema.side % scale or schema.side < 2 * scale:
        raise ConfigError(
            f"--data.side {schema.side} is no multiple of {scale} that leaves 2 pixels or more; "
            f"change it, or --model.doublings {c.doublings}."
        )
    bottom = schema.side // scale
    layers: list[nn.Module] = [
        nn.Linear(c.latent + width(schema), w * bottom**2),
        nn.Unflatten(1, (w, bottom, bottom)),
        *(nn.BatchNorm2d(w), nn.ReLU()),
        Residual(*(_block(w) for _ in range(c.blocks)), nn.BatchNorm2d(w), nn.ReLU()),
    ]
    for _ in range(c.doublings):
        layers += [nn.Conv2d(w, 4 * w, 3, padding=1), nn.PixelShuffle(2)]
        layers += [nn.BatchNorm2d(w), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(w, schema.channels, 9, padding=4), nn.Tanh())


def _block(maps: int) -> Residual:
    """The painter's: two convolutions, each with batch norm."""
    first, second = (nn.Conv2d(maps, maps, 3, padding=1, bias=False) for _ in range(2))
    return Residual(first, nn.BatchNorm2d(maps), nn.ReLU(), second, nn.BatchNorm2d(maps))


def _discriminator(c: Config, channels: int, halved: int) -> nn.Sequential:
    """C x S x S, then `halved` halvings with blocks between them, as one row; no batch norm."""
    maps = [channels, *(c.judge_width << i for i in range(halved))]
    layers: list[nn.Module] = []
    for stage, (narrow, wide) in enumerate(pairwise(maps)):
        kernel = 4 if stage < 3 else 3
        layers += [nn.Conv2d(narrow, wide, kernel, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for _ in range(c.judge_blocks if stage < halved - 1 else 0):
            first, second = (nn.Conv2d(wide, wide, 3, padding=1) for _ in range(2))
            layers += [Residual(first, nn.LeakyReLU(0.2), second), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten())


RECIPES = {
    "smoke": Recipe(
        model=Config(
            latent=8,
            width=4,
            blocks=1,
            doublings=1,
            judge_width=4,
            judge_blocks=1,
            start="glorot",
            adversarial=2.0,
            painted=0.5,
            penalty=1.0,
            lr=1e-3,
            judge_lr=1e-3,
            beta1=0.4,
            hold=2,
            half=2,
        ),
        data=Source(name="glyphs", side=16, count=64, attributes=("slant", "style", "colour")),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=Config(
            latent=32,
            width=32,
            blocks=4,
            doublings=2,
            judge_width=16,
            judge_blocks=1,
            start="glorot",
            adversarial=2.0,
            painted=0.0,
            lr=1e-3,
            judge_lr=5e-4,
            hold=6_000,
            half=1_000,
        ),
        data=Source(
            name="glyphs",
            side=32,
            classes=tuple("DGHKMOQUVW"),
            attributes=("style", "colour"),
            count=20_000,
        ),
        steps=10_000,
        batch=32,
        ema=0.999,
        expects={"attribute_accuracy": 0.90},
    ),
    "characters": Recipe(
        model=Config(
            width=32,
            blocks=6,
            judge_width=16,
            judge_blocks=1,
            start="glorot",
            adversarial=2.0,
            painted=0.0,
            lr=1e-3,
            judge_lr=5e-4,
            hold=4_200,
            half=700,
        ),
        data=Source(name="anime-faces", side=64, attributes=("hair", "eyes"), flip=True),
        steps=7_000,
        batch=32,
        ema=0.999,
        expects={"attribute_accuracy": 0.55},
    ),
    "source": Recipe(
        model=Config(),
        data=Source(name="anime-faces", side=128, attributes=("hair", "eyes"), flip=True),
        steps=100_000,
        batch=64,
    ),
}
