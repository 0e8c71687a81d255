"""GP-GAN's blending network: a small picture pasted of two becomes one that looks whole.

    x  = y with a part of it under another light: a picture pasted of two, whose whole is known
    y' = G(x)
    L_G = reconstruction * mean (y' - y)^2 + adversarial * game's painter of D(y')
    L_D = game's judge of D(y) and D(y')

What it paints has the colours of a whole and no detail: `imaging.gaussian_poisson` puts them
together with the differences of the large pictures.

Axes: B batch, C image channels, S image side in pixels.
Paper: Wu, Zheng, Zhang & Huang (2019), https://arxiv.org/abs/1703.07195, section 3.2
Departures: the pairs there are pictures of one place at different times; here the second picture
is the first under another light (`light`), so that any pictures will do; any game beside
Wasserstein's; with `latent` 0 the network is a U-Net that paints a change of what it is given.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Generator, Tensor
from torch.nn.functional import mse_loss
from torch.optim import Adam

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.imaging.degradation import LIGHTS, relit
from sfumato.imaging.holes import HoleName, holes
from sfumato.losses.adversarial import GAMES, GameName
from sfumato.model import Judge, Translator
from sfumato.nn.hourglass import judge, painter
from sfumato.nn.init import normal_002
from sfumato.nn.players import adams
from sfumato.nn.resize import resize
from sfumato.randomness import generator
from sfumato.recipe import Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Features, Images, Logits, Masks, Others, Resized, Scalar


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the two networks are or how they learn."""

    parts: HoleName = "any"
    """What lies under another light: the middle, rectangles, strokes of a brush, or any."""
    light: NonNegative = 1.0
    """How unlike the two lights are; 0 leaves nothing to learn."""
    width: Count = 64
    """Maps of the first rungs, in painter and judge; eight times as many at the bottom."""
    latent: Annotated[int, Ge(0)] = 4000
    """Numbers at the painter's bottleneck; 0 makes it a U-Net that paints a change."""
    game: GameName = "non_saturating"
    """What painter and judge want of each other."""
    adversarial: NonNegative = 0.001
    """Weight of the game in the painter's loss; 0 leaves the judge out."""
    reconstruction: NonNegative = 0.999
    """Weight of the squared error."""
    lr: Positive = 2e-4
    """Adam learning rate of both."""
    beta1: Decay = 0.5
    """Adam first-moment decay."""


class GPGAN(Translator, Judge):
    """A painter of whole pictures from pasted ones, and a judge."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        c, channels, side = config, schema.channels, schema.side
        self.generator = painter(channels, channels, c.width, c.latent, side)
        self.discriminator = judge(channels, c.width, side)
        self.apply(normal_002)
        self.least = 2 if c.latent else 1  # the bottleneck's batch norm has one place

    def translate(
        self, source: Images, *, mask: Masks | None = None, reference: Others | None = None
    ) -> Resized:
        """Of any size; painted at the side that was learned."""
        side, size = self.schema.side, source.shape[2:]
        painted = self._paint(resize(source, side, side)).float()
        return resize(painted, *size).clamp(-1, 1)

    def given(self, batch: Batch, rng: Generator | None = None) -> Resized:
        count, rng = len(batch.image), rng or generator(0, "given", device=self.device)
        return self._pasted(batch.image, self._parts(count, rng), self._lights(count, rng))

    def wanted(self, batch: Batch) -> Others | None:
        return batch.image

    def judge(self, images: Images) -> Logits:
        return self.discriminator(images)

    def features(self, images: Images) -> Features:
        return self.discriminator[:-2](images).flatten(1)

    def _paint(self, pasted: Images) -> Images:
        drawn = self.generator(pasted)
        return drawn.tanh() if self.config.latent else pasted + drawn

    def training_step(self, batch: Batch, index: int) -> None:
        c, (for_d, for_g), whole = self.config, self.players, batch.image
        part, light = (self.draw(make, len(whole)) for make in (self._parts, self._lights))
        painted = self._paint(self._pasted(whole, part, light))
        if c.adversarial:
            d_loss = self.descend(for_d, self._judge_loss, whole, painted.detach())
            self.tell({"loss/discriminator": d_loss})
        g_loss = self.descend(for_g, self._painter_loss, whole, painted)
        self.tell({"loss/generator": g_loss})

    def _judge_loss(self, whole: Images, painted: Images) -> Scalar:
        return GAMES[self.config.game].judge(self.judge(whole), self.judge(painted), 0.0)

    def _painter_loss(self, whole: Images, painted: Images) -> Scalar:
        c = self.config
        far = c.reconstruction * mse_loss(painted.float(), whole)
        if not c.adversarial:
            return far
        return far + c.adversarial * GAMES[c.game].painter(self.judge(painted))

    def _pasted(self, whole: Images, part: Masks, light: Tensor) -> Images:
        return torch.where(part > 0, relit(whole, light, self.config.light), whole)

    def _parts(self, count: int, rng: Generator | None = None) -> Masks:
        _, height, width = self.schema.shape
        return holes(self.config.parts, height, width)(count, rng)

    def _lights(self, count: int, rng: Generator | None = None) -> Tensor:
        return torch.rand(count, LIGHTS, device=self.device, generator=rng) * 2 - 1

    def configure_optimizers(self) -> list[Adam]:
        c = self.config
        return adams((self.discriminator, c.lr), (self.generator, c.lr), beta1=c.beta1)


RECIPES = {
    "smoke": Recipe(
        model=Config(
            parts="blocks",
            light=0.8,
            width=4,
            latent=16,
            game="least_squares",
            adversarial=0.01,
            reconstruction=1.0,
            lr=1e-3,
            beta1=0.6,
        ),
        data=Source(name="photos", side=16, count=64),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=Config(width=16, latent=0, lr=1e-3),
        data=Source(name="photos", side=64, flip=True),
        steps=6_000,
        batch=32,
        ema=0.998,
    ),
    "source": Recipe(
        model=Config(), data=Source(name="photos", side=64, flip=True), steps=100_000, batch=64
    ),
}
