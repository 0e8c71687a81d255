"""Conditional GAN: painter and judge are both told the label, so that it can be asked for.

    G: z, label      ->  image in [-1, 1]          L_G = painter's side of the game, D(G(z, y), y)
    D: image, label  ->  logit, high means real    L_D = judge's side + weight * penalty

Axes: B batch, C image channels, S image side in pixels, Z latent width, K classes.
Paper: Mirza & Osindero (2014), https://arxiv.org/abs/1411.1784, section 4.1
Departures: tanh where the paper's painter ends in a sigmoid, as images are in [-1, 1]; painted
images carry the labels of the batch's real ones; z is normal unless `noise` says uniform; the
paper does not say where it drops units, over how many steps its momentum grows (here 150,000: 250
epochs of 600 batches) nor how it begins (here as torch does). The convolutional layout is a
DCGAN's with dense layers: noise and label meet before the first, maps and label before the last.
"""

from dataclasses import dataclass
from math import prod
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import SGD, Adam, Optimizer

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.losses.adversarial import GAMES, GameName
from sfumato.losses.penalties import PENALTIES, Chances, PenaltyName, chances
from sfumato.model import Judge, Sampler
from sfumato.nn.init import normal_002
from sfumato.nn.ladder import falling, rising
from sfumato.nn.pyramid import doublings
from sfumato.recipe import Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Features, Images, Labels, Latents, Logits, Scalar


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the conditional GAN is or how it learns."""

    layout: Literal["convolutional", "dense"] = "convolutional"
    """Dense is the paper's, with maxout in the judge; convolutional sees strokes sooner."""
    latent: Count = 100
    """Width Z of the noise vector."""
    noise: Literal["normal", "uniform"] = "normal"
    """Where z is drawn: N(0, 1), or the unit cube as in the paper."""
    width: Count = 64
    """Feature maps at half resolution in the convolutional layout; they double downwards."""
    hidden: Annotated[int, Ge(24)] = 1200
    """Units of the layer in which noise and label have met; all dense layers keep the paper's
    proportions to it.
    """
    dropout: Decay = 0.0
    """Chance that a unit of either network's dense layers is silenced during training."""
    game: GameName = "non_saturating"
    """What painter and judge want of each other."""
    penalty: PenaltyName = "none"
    """On the judge's gradient with respect to images."""
    penalty_weight: NonNegative = 1.0
    """Weight of the penalty in the judge's loss."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """Of both players."""
    lr: Positive = 2e-4
    """Learning rate at the first step."""
    decay: Annotated[float, Ge(1)] = 1.0
    """What the learning rate is divided by at every step."""
    least_lr: NonNegative = 1e-6
    """Learning rate below which it does not fall."""
    momentum: Decay = 0.5
    """Momentum of SGD, first-moment decay of Adam, at the first step."""
    last_momentum: Decay = 0.5
    """The same once it has grown, linearly, over `momentum_steps`."""
    momentum_steps: Count = 150_000
    """Steps over which it grows."""


class CGAN(Sampler, Judge):
    """Two networks that are told the same label, and the game between them."""

    needs = ("image", "label")
    conditions = ("label",)

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        schema.need("classes", "cgan")
        if config.noise == "uniform":
            self.normal, self.ends = slice(0), (0.0, 1.0)
        build = {"dense": _dense, "convolutional": _convolutional}[config.layout]
        self.generator, self.discriminator = build(config, schema)

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        make = torch.randn if self.config.noise == "normal" else torch.rand
        return make(count, self.config.latent, device=self.device, generator=rng)

    def generate(self, latents: Latents, label: Labels) -> Images:
        return self.generator(latents, self._code(label))

    def judge(self, images: Images, label: Labels) -> Logits:
        return self.discriminator(images, self._code(label)).flatten()

    def features(self, images: Images, label: Labels) -> Features:
        return self.discriminator.hidden(images, self._code(label))

    def _code(self, label: Labels) -> Tensor:
        return one_hot(label.long(), len(self.schema.classes)).float()

    def training_step(self, batch: Batch, index: int) -> None:
        for_d, for_g = self.players
        self._lean(for_d, for_g)
        real, label = batch.image, batch.label
        fake = self.generate(self.draw(self.prior, len(real)), label)
        draws = self.draw(chances(self.schema.shape), len(real))
        d_loss = self.descend(for_d, self._judge_loss, real, fake.detach(), label, draws)
        g_loss = self.descend(for_g, self._painter_loss, fake, label)
        self.tell({"loss/discriminator": d_loss, "loss/generator": g_loss})

    def _judge_loss(self, real: Images, fake: Images, label: Labels, draws: Chances) -> Scalar:
        c = self.config
        loss = GAMES[c.game].judge(self.judge(real, label), self.judge(fake, label), 0.0)
        slope = PENALTIES[c.penalty](lambda x: self.judge(x, label), real, fake, draws)
        return loss + c.penalty_weight * slope

    def _painter_loss(self, fake: Images, label: Labels) -> Scalar:
        return GAMES[self.config.game].painter(self.judge(fake, label))

    def pace(self, step: int) -> float:
        return max(self.config.least_lr / self.config.lr, self.config.decay**-step)

    def _lean(self, *players: Optimizer) -> None:
        """The momentum of this step, a function of its number alone."""
        c = self.config
        grown = min(1, self.step / c.momentum_steps)
        momentum = c.momentum + grown * (c.last_momentum - c.momentum)
        for group in (group for player in players for group in player.param_groups):
            group |= {"betas": (momentum, 0.999)} if "betas" in group else {"momentum": momentum}

    def configure_optimizers(self) -> list[Optimizer]:
        players = [self.discriminator.parameters(), self.generator.parameters()]
        if self.config.optimizer == "sgd":
            return [SGD(weights, lr=self.config.lr, momentum=0.5) for weights in players]
        return [Adam(weights, lr=self.config.lr, fused=True) for weights in players]


class _Meeting(nn.Module):
    """Two inputs, each through layers of its own, then side by side through the rest."""

    def __init__(
        self, left: nn.Module, right: nn.Module, joint: nn.Module, last: nn.Module
    ) -> None:
        super().__init__()
        self.left, self.right, self.joint, self.last = left, right, joint, last

    def hidden(self, one: Tensor, other: Tensor) -> Tensor:
        return self.joint(torch.cat([self.left(one), self.right(other)], 1))

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return self.last(self.hidden(one, other))


class _Maxout(nn.Linear):
    """The largest of so many linear pieces, for each unit."""

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__(inputs, units * pieces)
        self.pieces = pieces

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).unflatten(1, (-1, self.pieces)).amax(2)


def _dense(c: Config, schema: Schema) -> tuple[_Meeting, _Meeting]:
    """The paper's layers, at hidden 1200: 200 + 1000 -> 1200; 240 x 5 + 50 x 5 -> 240 x 4."""
    classes, pixels = len(schema.classes), prod(schema.shape)
    of_noise, units, of_label = c.hidden // 6, c.hidden // 5, c.hidden // 24
    generator = _Meeting(
        nn.Sequential(nn.Linear(c.latent, of_noise), nn.ReLU(), nn.Dropout(c.dropout)),
        nn.Sequential(nn.Linear(classes, c.hidden - of_noise), nn.ReLU(), nn.Dropout(c.dropout)),
        nn.Sequential(nn.Linear(c.hidden, c.hidden), nn.ReLU(), nn.Dropout(c.dropout)),
        nn.Sequential(nn.Linear(c.hidden, pixels), nn.Tanh(), nn.Unflatten(1, schema.shape)),
    )
    discriminator = _Meeting(
        nn.Sequential(nn.Flatten(), _Maxout(pixels, units, 5), nn.Dropout(c.dropout)),
        nn.Sequential(_Maxout(classes, of_label, 5), nn.Dropout(c.dropout)),
        nn.Sequential(_Maxout(units + of_label, units, 4), nn.Dropout(c.dropout)),
        nn.Linear(units, 1),
    )
    return generator, discriminator


def _convolutional(c: Config, schema: Schema) -> tuple[_Meeting, _Meeting]:
    """A ladder of kernels 4 and stride 2 between the image and the dense layers."""
    bottom, doubled = doublings(schema.side)
    classes, maps = len(schema.classes), [c.width << i for i in range(doubled)]
    widest = maps[-1] * bottom**2
    generator = _Meeting(
        nn.Identity(),
        nn.Identity(),
        nn.Sequential(*_normed(c.latent + classes, c.hidden, nn.ReLU(), c.dropout)),
        nn.Sequential(
            nn.Linear(c.hidden, widest, bias=False),
            nn.Unflatten(1, (maps[-1], bottom, bottom)),
            *rising(maps[::-1], schema.channels, bias=True),
            nn.Tanh(),
        ),
    )
    discriminator = _Meeting(
        nn.Sequential(*falling(schema.channels, maps), nn.Flatten()),
        nn.Identity(),
        nn.Sequential(*_normed(widest + classes, c.hidden, nn.LeakyReLU(0.2), c.dropout)),
        nn.Linear(c.hidden, 1),
    )
    return generator.apply(normal_002), discriminator.apply(normal_002)


def _normed(inputs: int, units: int, activation: nn.Module, dropout: float) -> list[nn.Module]:
    layers = [nn.Linear(inputs, units, bias=False), nn.BatchNorm1d(units)]
    return [*layers, activation, nn.Dropout(dropout)]


RECIPES = {
    "smoke": Recipe(
        model=Config(width=4, latent=8, hidden=24, dropout=0.1, penalty="r1", lr=1e-3),
        data=Source(name="digits", side=16),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=Config(latent=16, width=32, hidden=512, lr=5e-4),
        data=Source(name="mnist"),
        steps=8_000,
        batch=64,
        ema=0.999,
        expects={"label_accuracy": 0.97},
    ),
    "source": Recipe(
        model=Config(
            layout="dense",
            noise="uniform",
            dropout=0.5,
            optimizer="sgd",
            lr=0.1,
            decay=1.00004,
            last_momentum=0.7,
        ),
        data=Source(name="mnist"),
        steps=288_000,
        batch=100,
    ),
}
