"""Pyramid SVM: how an image looks from near and from far, and one flat cut through that a class.

    G0 = image in [0, 1],  G(l+1) = every second pixel of blur(Gl)      the Gaussian pyramid
    D_l = G_l - blur(G_l),  d = D_l / (0.02 + sqrt(blur(blur(D_l^2))))  differences of Gaussians
    f = all pixels of G;  where asked for, also means over squares of max(0, d) and of max(0, -d)
    s = W f + b,  t = 1 for the true class and -1 for every other
    L = sum over classes of max(0, 1 - t s), averaged over images, + (|W|^2 + |b|^2) / (2 C N)

Axes: B batch, C image channels, H height, W width, F features, K classes; N images to learn from.
Papers: Burt & Adelson (1983), https://doi.org/10.1109/TCOM.1983.1095851, for the pyramid;
Cortes & Vapnik (1995), https://doi.org/10.1007/BF00994018, for the loss.
Departures: one class against all others, as in scikit-learn's LinearSVC, with its penalty on b
too; Adam on batches in place of a solver that holds all images.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, one_hot, pad
from torch.optim import Adam

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.metrics.accuracy import accuracy
from sfumato.metrics.score import Score
from sfumato.model import Classifier
from sfumato.nn.memory import Memory
from sfumato.recipe import Published, Recipe
from sfumato.schedules import linear
from sfumato.schema import Schema
from sfumato.settings import Count, Positive
from sfumato.shapes import Features, Images, Labels, Scalar, Scores

KERNEL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
"""Burt and Adelson's generating kernel with a = 3/8, near to a Gaussian."""
FAINT = 0.02
"""Contrast below which differences fade; far above it only their sign and shape are left."""
SQUARE, FINE = 2, 16
"""Side of the squares that rectified differences are averaged over, where a level is so fine."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the pyramid SVM is or how it learns."""

    kind: Literal["pyramid", "rectified"] = "rectified"
    """The pyramid alone, or rectified differences of Gaussians beside it."""
    levels: Count = 3
    """Levels of the pyramid; each has half the side of the one before."""
    c: Positive = 1.0
    """C, the price of the margin's violations against the size of the weights."""
    images: Count = 60_000
    """N, images to learn from: C weighs their sum, and a batch holds only some."""
    lr: Positive = 2e-3
    """Adam learning rate at the first step; it falls linearly to a hundredth."""
    decay_steps: Count = 10_000
    """Steps over which the learning rate falls."""


class PyramidSVM(Classifier):
    """Features that are computed, and a linear machine that is learned."""

    needs = ("image", "label")

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        schema.need("classes", "pyramid_svm")
        least = 3 << (config.levels - 1)
        if min(schema.shape[1:]) < least:
            raise ConfigError(
                f"--model.levels {config.levels} needs images of {least} pixels or more, and "
                f"these have {min(schema.shape[1:])}."
            )
        wide = self._look(torch.zeros(1, *schema.shape, device="cpu")).shape[1]
        self._memory = Memory()
        self.answer = nn.Linear(wide, len(schema.classes))

    def features(self, images: Images) -> Features:
        return self._memory(self._look, images) if self.training else self._look(images)

    def _look(self, images: Images) -> Features:
        # small differences that are divided by small numbers: bfloat16 would make them up
        with torch.autocast(images.device.type, enabled=False):
            levels = [(images.float() + 1) / 2]
            while len(levels) < self.config.levels:
                levels.append(_blur(levels[-1])[:, :, ::2, ::2])
            parts = [level.flatten(1) for level in levels]
            if self.config.kind == "rectified":
                parts += [half for level in levels for half in _halves(level)]
            return torch.cat(parts, 1)

    def logits(self, images: Images) -> Scores:
        """Distances to the cuts, in margins: what is likeliest, not how likely it is."""
        return self.answer(self.features(images))

    def training_step(self, batch: Batch, index: int) -> None:
        [optimizer] = self.players
        loss = self.descend(optimizer, self._loss, batch.image, batch.label)
        self.tell({"loss/hinge": loss})

    def _loss(self, images: Images, labels: Labels) -> Scalar:
        sign = 2 * one_hot(labels, len(self.schema.classes)) - 1
        short = (1 - sign * self.logits(images)).relu().sum(1).mean()
        size = sum((w.square().sum() for w in self.answer.parameters()), short.new_zeros(()))
        return short + size / (2 * self.config.c * self.config.images)

    def pace(self, step: int) -> float:
        return linear(step, self.config.decay_steps)

    def configure_optimizers(self) -> Adam:
        return Adam(self.parameters(), lr=self.config.lr, fused=True)

    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`accuracy` on held-out data; its floor always answers the commonest class."""
        return {"accuracy": accuracy(*self.answers(data))}


Maps = Float[Tensor, "B C h w"]


def _blur(maps: Maps) -> Maps:
    """The generating kernel along rows and columns; images go on beyond their border mirrored."""
    kernel = maps.new_tensor(KERNEL)
    channels = maps.shape[1]
    square = torch.outer(kernel, kernel).expand(channels, 1, -1, -1)
    return conv2d(pad(maps, (2, 2, 2, 2), mode="reflect"), square, groups=channels)


def _halves(level: Maps) -> list[Features]:
    """Where a level is brighter than around, and where darker, as shares of the contrast there."""
    difference = level - _blur(level)
    contrast = (_blur(_blur(difference.square())) + 1e-12).sqrt()
    shares = difference / (contrast + FAINT)
    square = SQUARE if min(level.shape[2:]) >= FINE else 1
    return [avg_pool2d(half.relu(), square).flatten(1) for half in (shares, -shares)]


RECIPES = {
    "smoke": Recipe(
        model=Config(kind="rectified", levels=2, c=2.0, images=1_500, lr=1e-3, decay_steps=10),
        data=Source(name="digits"),
        steps=4,
        batch=8,
        every=2,
    ),
    "laptop": Recipe(
        model=Config(),
        data=Source(name="fashion-mnist"),
        steps=10_000,
        batch=256,
        every=1000,
        expects={"accuracy": 0.87},
        published={
            "accuracy": Published(0.84, "the introductory program it follows: its pyramid alone")
        },
    ),
    "source": Recipe(
        model=Config(kind="pyramid"),
        data=Source(name="fashion-mnist"),
        steps=10_000,
        batch=256,
        every=1000,
        expects={"accuracy": 0.83},
        published={
            "accuracy": Published(0.84, "the introductory program it follows, test images")
        },
    ),
}
