"""MLP: one hidden layer of rectifiers between the pixels and the names.

    p(class | x) = softmax(W2 max(0, W1 x + b1) + b2),   L = -log p(label | x)

Axes: B batch, C image channels, H height, W width, K classes. 784 pixels, 128 units and 10 classes
make 101,770 parameters.
Paper: Rumelhart, Hinton & Williams (1986), https://doi.org/10.1038/323533a0; the widths are those
of the introductory examples that teach with pictures of clothing.
Departures: a rectifier for the logistic unit, cross-entropy for the squared error, Adam.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from torch import Generator, nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.metrics.accuracy import accuracy
from sfumato.metrics.score import Score
from sfumato.model import Classifier
from sfumato.recipe import Published, Recipe
from sfumato.schedules import linear
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Features, Images, Labels, Scalar, Scores


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the MLP is or how it learns."""

    hidden: Count = 128
    """Units of the hidden layer."""
    dropout: Decay = 0.0
    """Chance that a hidden unit is silenced during training."""
    lr: Positive = 1e-3
    """Adam learning rate at the first step; it falls linearly to a hundredth."""
    decay_steps: Count = 4_000
    """Steps over which the learning rate falls."""
    weight_decay: NonNegative = 0.0
    """Share of each weight, times the learning rate, that every step takes away."""
    noise: NonNegative = 0.0
    """Standard deviation of the even noise that is added to every pixel during training."""


class MLP(Classifier):
    """Pixels, hidden units, classes, each seeing all of the one before."""

    needs = ("image", "label")

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        schema.need("classes", "mlp")
        pixels = schema.channels * schema.shape[1] * schema.shape[2]
        self.hidden = nn.Sequential(
            nn.Flatten(),
            nn.Linear(pixels, config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
        )
        self.answer = nn.Linear(config.hidden, len(schema.classes))

    def features(self, images: Images) -> Features:
        return self.hidden(images)

    def logits(self, images: Images) -> Scores:
        return self.answer(self.features(images))

    def training_step(self, batch: Batch, index: int) -> None:
        [optimizer] = self.players
        images = batch.image
        if self.config.noise:
            images = images + self.draw(partial(self._even, images), len(images))
        loss = self.descend(optimizer, self._loss, images, batch.label)
        self.tell({"loss/cross-entropy": loss})

    def _even(self, like: Images, count: int, rng: Generator | None = None) -> Images:
        # even noise in [-h, h] has the standard deviation h / sqrt(3)
        h = 3**0.5 * self.config.noise
        return like.new_empty(count, *like.shape[1:]).uniform_(-h, h, generator=rng)

    def _loss(self, images: Images, labels: Labels) -> Scalar:
        return cross_entropy(self.logits(images), labels)

    def pace(self, step: int) -> float:
        return linear(step, self.config.decay_steps)

    def configure_optimizers(self) -> AdamW:
        c = self.config
        return AdamW(self.parameters(), lr=c.lr, weight_decay=c.weight_decay, fused=True)

    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`accuracy` on held-out data; its floor always answers the commonest class."""
        return {"accuracy": accuracy(*self.answers(data))}


FOLLOWED = {"accuracy": Published(0.886, "the introductory program it follows, test images")}
RECIPES = {
    "smoke": Recipe(
        model=Config(
            hidden=16, dropout=0.1, lr=2e-3, decay_steps=10, weight_decay=1e-5, noise=0.05
        ),
        data=Source(name="digits"),
        steps=4,
        batch=8,
        every=2,
    ),
    "laptop": Recipe(
        model=Config(dropout=0.1, lr=4e-3, decay_steps=12_000, weight_decay=0.05, noise=0.2),
        data=Source(name="fashion-mnist"),
        steps=12_000,
        batch=256,
        every=1000,
        ema=0.999,
        published=FOLLOWED,
    ),
    "source": Recipe(
        model=Config(decay_steps=10**9),
        data=Source(name="fashion-mnist"),
        steps=18_750,
        batch=32,
        every=1000,
        published=FOLLOWED,
    ),
}
