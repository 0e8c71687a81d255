"""SRGAN: SRResNet goes on learning from what a perceptual network sees, and from a judge.

    x = y made smaller                    y a sharp image, x what is given
    L_G = content * mean (F(G(x)) - F(y))^2 + adversarial * game's painter of D(G(x))
          + pixel * mean |G(x) - y|
    L_D = game's judge of D(y) and D(G(x))

F the maps of a layer of the perceptual network, or of several, whose terms add up.
Axes: B batch, C image channels, S image side in pixels; x has side S / scale.
Paper: Ledig et al. (2017), https://arxiv.org/abs/1609.04802, equations 2, 3, 5, 6 and figure 4
Departures: the small images are rounded to 8 bits, as a file would be; the perceptual network may
be the embedded one, at several layers; the judge may give a logit for each place of its last maps,
so that it takes any side and is small; `pixel` may hold colours in place.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Generator, nn
from torch.nn.functional import l1_loss, mse_loss
from torch.optim import Adam

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.io.images import rounded
from sfumato.losses.adversarial import GAMES, GameName
from sfumato.model import Judge, Translator
from sfumato.nn.perceptual import Perceptual, known, place
from sfumato.nn.players import adams
from sfumato.nn.resize import shrink
from sfumato.nn.subpixel import Base, Normed, Shuffles, Subpixel, conv, divides, planned
from sfumato.recipe import Recipe
from sfumato.schedules import drop
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Features, Images, Logits, Masks, Others, Resized, Scalar

HALVINGS = 4
"""Of the judge's maps."""
DENSE = 1024
"""Units before the published judge's verdict."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the two networks are or how they learn."""

    scale: Literal[2, 4] = 4
    """How many times larger each side of the result is."""
    width: Count = 64
    """Feature maps of the painter."""
    blocks: Count = 16
    """Residual blocks."""
    norm: Normed = "batch"
    """Batch norm behind each convolution of a block, or nothing."""
    kernel: Literal[3, 5, 9] = 9
    """Side of the painter's first and last kernel."""
    shuffles: Shuffles = "doublings"
    """Whether maps become pixels by doubling the side, time and again, or all at once."""
    base: Base = "nothing"
    """What the painter's drawing is added to."""
    judge_width: Count = 64
    """Maps after the judge's first convolution; eight times as many after the last."""
    verdict: Literal["dense", "places"] = "dense"
    """One logit from two dense layers, for images of the side that was learned from, or one for
    each place of the judge's last maps.
    """
    network: Literal["embedded", "vgg19"] = "vgg19"
    """The perceptual network of the content."""
    layers: str = "block5_conv4"
    """Its layers that are compared, with commas between."""
    content: NonNegative = 0.006
    """Weight of their squared differences; the paper divides VGG's maps by 12.75."""
    adversarial: NonNegative = 1e-3
    """Weight of the game in the painter's loss."""
    pixel: NonNegative = 0.0
    """Weight of the mean absolute error."""
    game: GameName = "non_saturating"
    """What painter and judge want of each other."""
    lr: Positive = 1e-4
    """Adam learning rate of both at the first step."""
    beta1: Decay = 0.9
    """Adam first-moment decay."""
    drop_steps: Count | None = None
    """Steps after which it is a tenth; none leaves it."""


class SRGAN(Translator, Judge):
    """A painter of large images, and a judge of whether they are painted."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        _check(config, schema)
        self.scale = config.scale
        self.generator = Subpixel(planned(config, schema.channels))
        self.reach = self.generator.reach
        self.discriminator = _judge(config, schema)
        self.least = 2 if max(schema.shape[1:]) <= 2**HALVINGS else 1  # batch norm of one place

    def translate(
        self, source: Images, *, mask: Masks | None = None, reference: Others | None = None
    ) -> Resized:
        return self.generator(source).clamp(-1, 1).float()

    def given(self, batch: Batch, rng: Generator | None = None) -> Resized:
        return rounded(shrink(batch.image, self.scale))

    def wanted(self, batch: Batch) -> Images:
        return batch.image

    def judge(self, images: Images) -> Logits:
        """How real each image looks: the mean over places where each has a verdict."""
        return self.discriminator(images).flatten(1).mean(1)

    def features(self, images: Images) -> Features:
        """The mean over places of the last maps."""
        return self.discriminator[0](images).mean((2, 3))

    def training_step(self, batch: Batch, index: int) -> None:
        for_d, for_g = self.players
        sharp = batch.image
        painted = self.generator(self.given(batch))
        d_loss = self.descend(for_d, self._judge_loss, sharp, painted.detach())
        g_loss = self.descend(for_g, self._painter_loss, sharp, painted)
        self.tell({"loss/discriminator": d_loss, "loss/generator": g_loss})

    def _judge_loss(self, sharp: Images, painted: Resized) -> Scalar:
        real, fake = (self.discriminator(images).flatten() for images in (sharp, painted))
        return GAMES[self.config.game].judge(real, fake, 0.0)

    def _painter_loss(self, sharp: Images, painted: Resized) -> Scalar:
        c = self.config
        fooled = GAMES[c.game].painter(self.discriminator(painted).flatten())
        loss = c.adversarial * fooled + c.pixel * l1_loss(painted.float(), sharp)
        return loss + c.content * self._content(sharp, painted) if c.content else loss

    def _content(self, sharp: Images, painted: Resized) -> Scalar:
        """How far apart the two look to the perceptual network."""
        names, network = _names(self.config), self._network(sharp.device)
        with torch.no_grad():
            wanted = network(sharp, names)
        seen = network(painted, names)
        return sum(
            (mse_loss(seen[name].float(), wanted[name].float()) for name in names),
            start=sharp.new_zeros(()),
        )

    def _network(self, device: torch.device) -> Perceptual:
        """Kept out of the model's state: it is frozen, and shared by all who look through it."""
        name = self.config.network
        return known(name, device, pooling="average" if name == "embedded" else "max")

    def pace(self, step: int) -> float:
        return drop(step, self.config.drop_steps)

    def configure_optimizers(self) -> list[Adam]:
        c = self.config
        return adams((self.discriminator, c.lr), (self.generator, c.lr), beta1=c.beta1)


def _names(c: Config) -> list[str]:
    return [name.strip() for name in c.layers.split(",")]


def _check(c: Config, schema: Schema) -> None:
    divides(schema, c.scale, "srgan")
    for name in _names(c):
        place(c.network, name)
    if not (c.content or c.pixel):
        raise ConfigError(
            "--model.content 0 and --model.pixel 0 leave nothing that ties the painter to what it "
            "is given; set one of them."
        )


def _judge(c: Config, schema: Schema) -> nn.Sequential:
    """The judge of figure 4: eight convolutions, and a verdict."""
    maps = [schema.channels, *(c.judge_width << step // 2 for step in range(2 * HALVINGS))]
    layers: list[nn.Module] = []
    for step, (narrow, wide) in enumerate(pairwise(maps)):
        layers += [nn.Conv2d(narrow, wide, 3, stride=1 + step % 2, padding=1)]
        layers += [nn.BatchNorm2d(wide)] if step else []
        layers += [nn.LeakyReLU(0.2)]
    seen = nn.Sequential(*layers)
    if c.verdict == "places":
        return nn.Sequential(seen, conv(maps[-1], 1, 1))
    height, width = (-(-side // 2**HALVINGS) for side in schema.shape[1:])
    dense = [nn.Linear(maps[-1] * height * width, DENSE), nn.LeakyReLU(0.2), nn.Linear(DENSE, 1)]
    return nn.Sequential(seen, nn.Flatten(), *dense)


LAPTOP = Config(
    width=48,
    blocks=8,
    norm="none",
    kernel=3,
    shuffles="once",
    base="bicubic",
    judge_width=16,
    verdict="places",
    network="embedded",
    layers="stage1,stage2,stage3,stage4",
    content=1.0,
    adversarial=0.05,
    pixel=1.0,
    lr=2e-4,
    drop_steps=4_000,
)
RECIPES = {
    "smoke": Recipe(
        model=Config(
            scale=2,
            width=8,
            blocks=2,
            norm="none",
            kernel=3,
            shuffles="once",
            base="bicubic",
            judge_width=4,
            verdict="places",
            network="embedded",
            layers="stage1,stage2",
            content=0.1,
            adversarial=0.01,
            pixel=0.5,
            game="least_squares",
            lr=1e-3,
            beta1=0.5,
            drop_steps=2,
        ),
        data=Source(name="photos", side=16, count=64),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=LAPTOP,
        data=Source(name="photos", side=96, flip=True),
        steps=5_000,
        batch=4,
        start="srresnet-x4",
        ema=0.999,
    ),
    "source": Recipe(
        model=Config(drop_steps=100_000),
        data=Source(name="photos", side=96, flip=True),
        steps=200_000,
        batch=16,
        start="srresnet:paper",
    ),
}
