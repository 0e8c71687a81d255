"""LeNet-5: convolution and pooling, twice, then three dense layers that name the image.

    p(class | x) = softmax(logits(x)),   L = -log p(label | x)

Axes: B batch, C image channels, S image side in pixels, K classes.
Paper: LeCun, Bottou, Bengio & Haffner (1998), section II.B,
http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf
Departures: max pooling for trainable averaging, full connections between the maps, softmax and
cross-entropy for the radial-basis outputs, Adam for stochastic diagonal Levenberg-Marquardt. Many
copies of it end in softmax and hand that to a loss that expects logits, so softmax is taken twice,
the gradient fades and no answer is ever sure; here the loss is given logits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Generator, nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.metrics.accuracy import accuracy
from sfumato.metrics.score import Score
from sfumato.model import Classifier
from sfumato.nn.jolt import jolting
from sfumato.nn.pyramid import roomy
from sfumato.recipe import Published, Recipe
from sfumato.schedules import linear
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Features, Images, Labels, Scalar, Scores


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what LeNet-5 is or how it learns."""

    width: Count = 6
    """Maps of the first convolution; the second has 16/6 as many."""
    dropout: Decay = 0.0
    """Chance that a unit before each dense layer is silenced during training."""
    jolt: Decay = 0.0
    """How far images are turned, slanted, scaled and shifted during training; 0.1 is little."""
    lr: Positive = 1e-3
    """Adam learning rate at the first step; it falls linearly to a hundredth."""
    decay_steps: Count = 4_000
    """Steps over which the learning rate falls."""
    weight_decay: NonNegative = 0.0
    """Share of each weight, times the learning rate, that every step takes away."""


class LeNet5(Classifier):
    """Two stages of convolution, tanh and pooling, and a classifier of 120, 84 and K units."""

    needs = ("image", "label")

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        c, side, wide = config, schema.side, round(config.width * 16 / 6)
        schema.need("classes", "lenet5")
        roomy(schema, 16, "two 5x5 stages")
        last = (side // 2 - 4) // 2
        # tanh rises, so the largest of four is found before it: the same for a quarter of the work
        self.stages = nn.Sequential(
            nn.Conv2d(schema.channels, c.width, 5, padding=2),
            nn.MaxPool2d(2),
            nn.Tanh(),
            nn.Conv2d(c.width, wide, 5),
            nn.MaxPool2d(2),
            nn.Tanh(),
            nn.Flatten(),
            nn.Dropout(c.dropout),
            nn.Linear(wide * last * last, 120),
            nn.Tanh(),
            nn.Dropout(c.dropout),
            nn.Linear(120, 84),
            nn.Tanh(),
        )
        self.answer = nn.Linear(84, len(schema.classes))

    def features(self, images: Images) -> Features:
        return self.stages(images)

    def logits(self, images: Images) -> Scores:
        return self.answer(self.features(images))

    def training_step(self, batch: Batch, index: int) -> None:
        [optimizer] = self.players
        images = jolting(batch.image, self.draw, self.config.jolt)
        loss = self.descend(optimizer, self._loss, images, batch.label)
        self.tell({"loss/cross-entropy": loss})

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


FOLLOWED = {"accuracy": Published(0.891, "the introductory program it follows, test images")}
RECIPES = {
    "smoke": Recipe(
        model=Config(width=3, dropout=0.1, jolt=0.1, lr=2e-3, decay_steps=10, weight_decay=1e-5),
        data=Source(name="digits", side=16),
        steps=4,
        batch=8,
        every=2,
    ),
    "laptop": Recipe(
        model=Config(dropout=0.1, decay_steps=5_600),
        data=Source(name="mnist"),
        steps=5_600,
        batch=128,
        expects={"accuracy": 0.985},
        published={
            "accuracy": Published(0.9905, "LeCun et al., section III.B: test images, undistorted")
        },
    ),
    "clothes": Recipe(
        model=Config(dropout=0.1, lr=3e-3, decay_steps=14_000, weight_decay=0.05),
        data=Source(name="fashion-mnist", flip=True),
        steps=14_000,
        batch=128,
        every=1000,
        ema=0.999,
        expects={"accuracy": 0.905},
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
