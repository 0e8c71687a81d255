"""Pix2Pix: a U-Net turns pictures into pictures, a judge of patches says which look real.

    y' = G(x)                 x what is given, y what is wanted
    L_G = game's painter of D(x, y') + reconstruction * mean |y' - y|
    L_D = half the game's judge of D(x, y) and D(x, y')

Axes: B batch, C image channels, S image side in pixels; the judge gives a logit for each patch.
Paper: Isola, Zhu, Zhou & Efros (2017), https://arxiv.org/abs/1611.07004, section 3, appendix 6.1
Departures: what comes out of a trained network repeats, so dropout noise acts while it learns and
not after; any size is translated, mirrored at the edge up to what can be halved; batches of more
than one picture may be normalised together, and are then by kept statistics once it has learned; a
picture alone is normalised by its own, also after, as the paper does.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from torch import Generator, Tensor, nn
from torch.nn.functional import l1_loss
from torch.optim import Adam

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.losses.adversarial import GAMES, GameName
from sfumato.model import Translator
from sfumato.nn.augment import AugmentName, Maps, augmenting
from sfumato.nn.edges import completed
from sfumato.nn.init import normal_002
from sfumato.nn.patches import Patch, Verdicts, patches, room_for
from sfumato.nn.players import adams
from sfumato.nn.pyramid import halvable
from sfumato.nn.resize import resize
from sfumato.nn.unet import Norm, UNet
from sfumato.recipe import Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Images, Masks, Others, Resized, Scalar

INSTANCE = partial(nn.InstanceNorm2d, affine=True)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the two networks are or how they learn."""

    width: Count = 64
    """Maps after the first halving, in painter and judge; up to eight times as many further in."""
    depth: Annotated[int, Ge(2), Le(10)] = 8
    """Halvings of the painter."""
    patch: Patch = 70
    """Side in pixels of the patches that are judged."""
    norm: Literal["batch", "instance"] = "batch"
    """What is normalised together: a batch, which may be one picture, or a picture."""
    dropout: Decay = 0.5
    """Chance that a number of the three innermost doublings is silenced while learning."""
    game: GameName = "non_saturating"
    """What painter and judge want of each other."""
    adversarial: NonNegative = 1.0
    """Weight of the game in the painter's loss; 0 leaves the plain network."""
    reconstruction: NonNegative = 100.0
    """Weight of the mean absolute error."""
    jitter: Annotated[float, Ge(1), Le(2)] = 1.0
    """How much pictures are enlarged before a part of the old size is cut out at random."""
    augment: AugmentName = "none"
    """How pictures are changed before they are judged, so that few are not learned by heart."""
    lr: Positive = 2e-4
    """Adam learning rate of the painter."""
    judge_lr: Positive | None = None
    """Adam learning rate of the judge; the painter's unless named."""
    beta1: Decay = 0.5
    """Adam first-moment decay."""


class Pix2Pix(Translator):
    """A painter that is shown a picture, and a judge that is shown it too."""

    needs = ("image", "target")

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        c, channels = config, schema.channels
        halvable(schema, c.depth, "pix2pix")
        room_for(c.patch, min(schema.shape[1:]))
        norm: Norm = nn.BatchNorm2d if c.norm == "batch" else INSTANCE
        self.generator = UNet(channels, channels, c.width, c.depth, norm, c.dropout)
        self.discriminator = patches(2 * channels, c.width, c.patch, norm)
        self.apply(normal_002)

    def translate(
        self, source: Images, *, mask: Masks | None = None, reference: Others | None = None
    ) -> Resized:
        return completed(self._paint, source, 2**self.config.depth).float()

    def _paint(self, given: Images) -> Images:
        return self.generator(given).tanh()

    def judge(self, pairs: Maps) -> Verdicts:
        """How real each patch looks beside what was given, whose maps come first; all in a row."""
        return self.discriminator(pairs).flatten()

    def training_step(self, batch: Batch, index: int) -> None:
        for_d, for_g = self.players
        given, wanted = self._jittered(batch.image, batch.target)
        painted = self._paint(given)
        if not self.config.adversarial:
            self.tell({"loss/generator": self.descend(for_g, self._far, wanted, painted)})
            return
        seen = partial(augmenting, draw=self.draw, name=self.config.augment, shown=given)
        pair = seen(wanted), seen(painted.detach())
        d_loss = self.descend(for_d, self._judge_loss, *pair)
        g_loss = self.descend(for_g, self._painter_loss, wanted, painted, seen(painted))
        self.tell({"loss/discriminator": d_loss, "loss/generator": g_loss})

    def _judge_loss(self, real: Maps, fake: Maps) -> Scalar:
        return GAMES[self.config.game].judge(self.judge(real), self.judge(fake), 0.0) / 2

    def _painter_loss(self, wanted: Images, painted: Images, seen: Maps) -> Scalar:
        c = self.config
        fooled = c.adversarial * GAMES[c.game].painter(self.judge(seen))
        return fooled + self._far(wanted, painted)

    def _far(self, wanted: Images, painted: Images) -> Scalar:
        return self.config.reconstruction * l1_loss(painted.float(), wanted)

    def _jittered(self, given: Images, wanted: Images) -> tuple[Images, Images]:
        """Both pictures enlarged, and the same part of them cut out: another for each pair."""
        height, width = given.shape[2:]
        large = (round(height * self.config.jitter), round(width * self.config.jitter))
        room = torch.tensor([large[0] - height, large[1] - width], device=given.device) + 1
        chances = self.draw(self._corners, len(given))
        corners = (chances * room).long().tolist()
        both = resize(torch.cat([given, wanted], 1), *large)
        parts = [
            whole[:, top : top + height, left : left + width]
            for whole, (top, left) in zip(both, corners, strict=True)
        ]
        first, second = torch.stack(parts).clamp(-1, 1).chunk(2, 1)
        return first, second

    def _corners(self, count: int, rng: Generator | None = None) -> Tensor:
        return torch.rand(count, 2, device=self.device, generator=rng)

    def configure_optimizers(self) -> list[Adam]:
        c = self.config
        return adams(
            (self.discriminator, c.judge_lr or c.lr), (self.generator, c.lr), beta1=c.beta1
        )


RECIPES = {
    "smoke": Recipe(
        model=Config(
            width=4,
            depth=3,
            patch=16,
            norm="instance",
            dropout=0.1,
            game="least_squares",
            adversarial=0.5,
            reconstruction=10.0,
            jitter=1.25,
            augment="colour+translation+cutout",
            lr=1e-3,
            judge_lr=5e-4,
            beta1=0.6,
        ),
        data=Source(name="photos", side=16, count=64, pair="grey"),
        steps=4,
        batch=4,
        every=2,
        ema=0.5,
    ),
    "l1": Recipe(
        model=Config(width=32, depth=7, game="least_squares", adversarial=0.0, jitter=286 / 256),
        data=Source(name="facades", side=128, flip=True),
        steps=1_600,
        batch=4,
        ema=0.999,
    ),
    "laptop": Recipe(
        model=Config(
            width=32,
            depth=7,
            patch=16,
            game="least_squares",
            reconstruction=2.0,
            jitter=286 / 256,
            judge_lr=1e-4,
        ),
        data=Source(name="facades", side=128, flip=True),
        steps=24_000,
        batch=2,
        ema=0.999,
        start="pix2pix:l1",
        expects={"pixel_accuracy": 0.65, "perceptual": 1.7},
    ),
    "source": Recipe(
        model=Config(norm="instance", reconstruction=1.0, jitter=286 / 256),
        data=Source(name="facades", side=256, flip=True),
        steps=68_000,
        batch=1,
    ),
    "paper": Recipe(
        model=Config(norm="instance", jitter=286 / 256),
        data=Source(name="facades", side=256, flip=True),
        steps=68_000,
        batch=1,
    ),
}
