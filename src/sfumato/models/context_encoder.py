"""Context encoder: what is missing of a picture is painted from what surrounds it.

    y' = G(x (1 - m), m)                 x a picture, m 1 where it is hidden
    c  = x outside the hole, y' inside it
    L_G = reconstruction * sum w (y' - x)^2 / sum m + adversarial * game's painter of D(c)
    L_D = game's judge of D(x) and D(c)
    w  = 1 in the hole, `rim_weight` within `rim` pixels around it, 0 elsewhere

Axes: B batch, C image channels, S image side in pixels.
Paper: Pathak, Krahenbuhl, Donahue, Darrell & Efros (2016), https://arxiv.org/abs/1604.07379
Departures: the network is told the mask beside the picture, whose hole is grey rather than the
mean; a picture is always painted whole, also for a hole in its middle; the judge sees the hole in
its picture; with `latent` 0 maps reach across from the way in to the way out, and what is painted
is a change of a smooth surface over the hole; pictures may be moved a little (`jolt`) so that few
of them go further; the mean of what is painted of a picture and of its mirror image may be taken
(Timofte, Rothe & Van Gool 2016, https://arxiv.org/abs/1511.02228: enhanced prediction).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Generator
from torch.nn.functional import max_pool2d
from torch.optim import Adam

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.imaging.filling import biharmonic, pyramid
from sfumato.imaging.holes import HoleName, holes
from sfumato.losses.adversarial import GAMES, GameName
from sfumato.metrics.distortion import psnr_inside
from sfumato.metrics.pairs import others
from sfumato.metrics.score import Score
from sfumato.model import Judge, Translator
from sfumato.nn.hourglass import judge, painter
from sfumato.nn.init import normal_002
from sfumato.nn.jolt import jolting
from sfumato.nn.players import adams
from sfumato.nn.resize import resize
from sfumato.randomness import generator
from sfumato.recipe import Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, Fraction, NonNegative, Positive
from sfumato.shapes import Column, Features, Images, Logits, Masks, Others, Resized, Scalar

HELD = 256
"""Held-out pictures that `measure` looks at."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the two networks are or how they learn."""

    holes: HoleName = "centre"
    """What is hidden: the middle quarter, rectangles, strokes of a brush, or any of these."""
    width: Count = 64
    """Maps of the first rungs, in painter and judge; eight times as many at the bottom."""
    latent: Annotated[int, Ge(0)] = 4000
    """Numbers at the painter's bottleneck; 0 makes it a U-Net that changes a smooth surface."""
    game: GameName = "non_saturating"
    """What painter and judge want of each other."""
    adversarial: NonNegative = 0.001
    """Weight of the game in the painter's loss; 0 leaves the judge out."""
    reconstruction: NonNegative = 0.999
    """Weight of the squared error."""
    rim: Annotated[int, Ge(0)] = 7
    """Pixels around the hole that are to be painted right too."""
    rim_weight: NonNegative = 10.0
    """Weight of these, where one in the hole has 1."""
    mirror: bool = False
    """Whether the mirrored picture is painted too and the mean of both is taken: for things that
    look alike from either side, such as faces.
    """
    jolt: Fraction = 0.0
    """How far pictures are turned, slanted, scaled and shifted, as `nn.jolt` says."""
    lr: Positive = 2e-4
    """Adam learning rate of the painter."""
    judge_lr: Positive = 2e-5
    """Adam learning rate of the judge: a tenth of the painter's (paper, section 5)."""
    beta1: Decay = 0.5
    """Adam first-moment decay."""


class ContextEncoder(Translator, Judge):
    """A painter of what is hidden, and a judge of whole pictures."""

    takes = ("mask",)

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        c, channels, side = config, schema.channels, schema.side
        self.least = 2 if c.latent else 1  # the bottleneck's batch norm has one place
        self.generator = painter(channels + 1, channels, c.width, c.latent, side)
        self.discriminator = judge(channels, c.width, side)
        self.apply(normal_002)

    def translate(
        self, source: Images, *, mask: Masks | None = None, reference: Others | None = None
    ) -> Resized:
        """Of any size; what is painted is painted at the side that was learned."""
        if mask is None:
            raise ConfigError("context_encoder fills holes: its verb is complete, with a --mask.")
        size, side = source.shape[2:], self.schema.side
        hidden = mask
        if size != (side, side):
            hidden = (resize(mask, side, side).abs() > 0.01).to(source)
        small = resize(source * (1 - mask), side, side)  # or what is hidden would shine through
        painted = self._paint(small, hidden).float()
        if self.config.mirror:
            painted = (painted + self._paint(small.flip(-1), hidden.flip(-1)).flip(-1)) / 2
        return torch.where(mask > 0, resize(painted, *size), source).clamp(-1, 1)

    def given(self, batch: Batch, rng: Generator | None = None) -> Resized:
        return batch.image * (1 - self.marked(batch))

    def marked(self, batch: Batch) -> Masks:
        return self._holes(len(batch.image), generator(0, "given", device=self.device))

    def judge(self, images: Images) -> Logits:
        return self.discriminator(images)

    def features(self, images: Images) -> Features:
        return self.discriminator[:-2](images).flatten(1)

    def _paint(self, images: Images, mask: Masks) -> Images:
        if self.config.latent:
            return self.generator(torch.cat([images * (1 - mask), mask], 1)).tanh()
        level = pyramid(images, mask)
        return level + self.generator(torch.cat([level, mask], 1))

    def training_step(self, batch: Batch, index: int) -> None:
        c, (for_d, for_g) = self.config, self.players
        mask = self.draw(self._holes, len(batch.image))
        real = jolting(batch.image, self.draw, c.jolt)
        painted = self._paint(real, mask)
        if c.adversarial:
            d_loss = self.descend(for_d, self._judge_loss, real, _filled(real, painted, mask))
            self.tell({"loss/discriminator": d_loss})
        g_loss = self.descend(for_g, self._painter_loss, real, painted, mask)
        self.tell({"loss/generator": g_loss})

    def _judge_loss(self, real: Images, filled: Images) -> Scalar:
        return GAMES[self.config.game].judge(self.judge(real), self.judge(filled.detach()), 0.0)

    def _painter_loss(self, real: Images, painted: Images, mask: Masks) -> Scalar:
        c = self.config
        far = c.reconstruction * self._far(real, painted, mask).mean()
        if not c.adversarial:
            return far
        verdicts = self.judge(_filled(real, painted, mask))
        return far + c.adversarial * GAMES[c.game].painter(verdicts)

    def _far(self, real: Images, painted: Images, mask: Masks) -> Column:
        """The weighted error of each picture, over the size of its hole."""
        c = self.config
        around = max_pool2d(mask, 2 * c.rim + 1, stride=1, padding=c.rim) - mask
        weights = mask + c.rim_weight * around
        wrong = (painted.float() - real).square().mean(1, keepdim=True)
        return (weights * wrong).sum((1, 2, 3)) / mask.sum((1, 2, 3))

    def _holes(self, count: int, rng: Generator | None = None) -> Masks:
        _, height, width = self.schema.shape
        return holes(self.config.holes, height, width)(count, rng)

    def configure_optimizers(self) -> list[Adam]:
        c = self.config
        return adams((self.discriminator, c.judge_lr), (self.generator, c.lr), beta1=c.beta1)

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`psnr_hole`: inside the holes; floor: the others' mean or a smooth surface."""
        real = data.batch(torch.arange(min(HELD, len(data)))).image.to(self.device)
        mask = self._holes(len(real), rng)
        rows = [part.split(32) for part in (real, mask)]
        filled = torch.cat([self.translate(x, mask=m) for x, m in zip(*rows, strict=True)])
        ones = zip(real.cpu().split(1), mask.cpu().split(1), strict=True)
        smooth = torch.cat([biharmonic(*pair) for pair in ones]).to(real)
        plain = {"mean": others(real, real.mean(0, keepdim=True), len(real)), "biharmonic": smooth}
        rest = {name: float(psnr_inside(x, real, mask).mean()) for name, x in plain.items()}
        note = ", ".join(f"{name} {value:.2f}" for name, value in rest.items())
        value = float(psnr_inside(filled, real, mask).mean())
        return {"psnr_hole": Score(value, max(rest.values()), n=len(real), note=note)}


def _filled(real: Images, painted: Images, mask: Masks) -> Images:
    return torch.where(mask > 0, painted.float(), real)


LAPTOP = Config(
    holes="any", width=32, latent=0, rim=2, rim_weight=1.0, mirror=True, jolt=0.03, lr=1e-3
)
RECIPES = {
    "smoke": Recipe(
        model=Config(
            holes="any",
            width=4,
            latent=16,
            game="least_squares",
            adversarial=0.01,
            reconstruction=1.0,
            rim=2,
            rim_weight=3.0,
            mirror=True,
            jolt=0.1,
            lr=1e-3,
            judge_lr=1e-3,
            beta1=0.6,
        ),
        data=Source(name="photos", side=16, count=64),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=LAPTOP,
        data=Source(name="celeba", side=64, crop=89, flip=True),
        steps=6_000,
        batch=32,
        ema=0.998,
    ),
    "facades": Recipe(
        model=LAPTOP,
        data=Source(name="facades", side=64, pair="photo/label", flip=True),
        steps=6_000,
        batch=32,
        ema=0.998,
    ),
    "source": Recipe(
        model=Config(),
        data=Source(name="facades", side=128, pair="photo/label", flip=True),
        steps=100_000,
        batch=64,
    ),
}
