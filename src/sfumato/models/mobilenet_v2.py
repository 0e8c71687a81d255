"""MobileNetV2: a network that knows ImageNet, and a new last layer for other classes.

    f = (means over P x P parts of backbone(image, scaled and in three colours))^a    1280 P^2
    p(class | x) = softmax(W f + b),   L = -log p(label | x)

First W and b alone are learned: the backbone is frozen, and what it makes of an image is computed
once. Then, with a smaller step, its upper stages are learned too.

Axes: B batch, C image channels, S image side in pixels, K classes, P parts of a side. The backbone
holds 2,257,984 values at width 1.0, 34,112 of them running statistics; W and b make 1281 K more
where P is 1; a is 1, and 1/2 for features in the square root.
Paper: Sandler et al. (2018), https://arxiv.org/abs/1801.04381, table 2. The root of features:
Perronnin et al. (2010), https://doi.org/10.1007/978-3-642-15561-1_11, section 3.2.
Departures: images of any side are enlarged to one at which the backbone still sees something, far
below 224; means over parts of the maps, not over all of them, where `parts` says so; batch norms
keep ImageNet's statistics while the rest is tuned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, interpolate
from torch.optim import AdamW

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.metrics.accuracy import accuracy
from sfumato.metrics.score import Score
from sfumato.model import Classifier
from sfumato.nn import mobilenet
from sfumato.nn.memory import Memory
from sfumato.recipe import Published, Recipe
from sfumato.schedules import linear
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Features, Images, Labels, Scalar, Scores

Stages = Annotated[int, Ge(0), Le(19)]
Colours = Float[Tensor, "B 3 S S"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what MobileNetV2 is or how it learns."""

    width: Positive = 1.0
    """Factor on the maps of every stage."""
    seen: Count = 96
    """Side in pixels at which the backbone looks: images are scaled to it."""
    parts: Count = 1
    """Parts P of each side in which the last maps are averaged apart; 1 forgets what is where."""
    power: Positive = 1.0
    """Exponent of every feature: 1/2 makes a rare one count beside a common one."""
    frozen: Stages = 19
    """First stages that stay as they are: 19 are all, 0 none."""
    statistics: Literal["fixed", "batch"] = "fixed"
    """Batch norms that learn keep their running statistics, or take each batch's."""
    dropout: Decay = 0.2
    """Chance that a feature is silenced before the last layer during training."""
    lr: Positive = 1e-3
    """Adam learning rate at the first step; it falls linearly to a hundredth."""
    decay_steps: Count = 4_000
    """Steps over which the learning rate falls."""
    weight_decay: NonNegative = 0.0
    """Share of each weight, times the learning rate, that every step takes away."""


class MobileNetV2(Classifier):
    """Stages that may be frozen, and one layer that names what they see."""

    needs = ("image", "label")
    at_once = 32

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        schema.need("classes", "mobilenet_v2")
        if config.seen < 32:
            raise ConfigError(f"--model.seen {config.seen} leaves nothing to see; try 96.")
        _ = schema.side  # refuses what is not square and would be stretched
        self.backbone = mobilenet.backbone(config.width)
        self.backbone[: config.frozen].requires_grad_(False)
        held = len(self.backbone) if config.statistics == "fixed" else config.frozen
        for norm in self.backbone[:held].modules():
            if isinstance(norm, mobilenet.Norm):
                norm.held = True
        wide = mobilenet.channels(1280, max(1.0, config.width))
        self.dropout = nn.Dropout(config.dropout)
        self.answer = nn.Linear(wide * config.parts**2, len(schema.classes))
        self._memory = Memory()

    def features(self, images: Images) -> Features:
        known = self.training and self.config.frozen > 0
        seen = self._memory(self._lower, images) if known else self._lower(images)
        if seen.ndim == 2:
            return seen
        return self._means(self.backbone[self.config.frozen :](seen))

    def logits(self, images: Images) -> Scores:
        return self.answer(self.dropout(self.features(images)))

    def _lower(self, images: Images) -> Tensor:
        """What the frozen stages make of images: maps, or the features where all are frozen."""
        maps = self.backbone[: self.config.frozen](self._colours(images))
        return self._means(maps) if self.config.frozen == len(self.backbone) else maps

    def _means(self, maps: Tensor) -> Features:
        means, power = adaptive_avg_pool2d(maps, self.config.parts).flatten(1), self.config.power
        # ReLU6 leaves zeros, where a root has no gradient
        return means if power == 1 else means.clamp(min=1e-6) ** power

    def _colours(self, images: Images) -> Colours:
        side = self.config.seen
        images = images.expand(-1, 3, -1, -1)
        if images.shape[2] == side:
            return images
        smaller = images.shape[2] > side
        return interpolate(images, (side, side), mode="bilinear", antialias=smaller)

    def training_step(self, batch: Batch, index: int) -> None:
        [optimizer] = self.players
        loss = self.descend(optimizer, self._loss, batch.image, batch.label)
        self.tell({"loss/cross-entropy": loss})

    def _loss(self, images: Images, labels: Labels) -> Scalar:
        return cross_entropy(self.logits(images), labels)

    def pace(self, step: int) -> float:
        return linear(step, self.config.decay_steps)

    def configure_optimizers(self) -> AdamW:
        c, learned = self.config, [w for w in self.parameters() if w.requires_grad]
        return AdamW(learned, lr=c.lr, weight_decay=c.weight_decay, fused=True)

    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`accuracy` on held-out data; its floor always answers the commonest class."""
        return {"accuracy": accuracy(*self.answers(data))}


def _imagenet(model: MobileNetV2) -> dict[str, Tensor]:
    """The backbone as ImageNet left it; ConfigError at another width than 1."""
    if model.config.width != 1:
        raise ConfigError(f"--start imagenet needs --model.width 1, not {model.config.width:g}.")
    return {f"backbone.{name}": value for name, value in mobilenet.imagenet().items()}


STARTS = {"imagenet": _imagenet}

FOLLOWED = {"accuracy": Published(0.893, "the introductory program it follows, test images")}
RECIPES = {
    "smoke": Recipe(
        model=Config(
            width=0.1,
            seen=64,
            parts=2,
            power=0.5,
            frozen=0,
            statistics="batch",
            dropout=0.1,
            lr=2e-3,
            decay_steps=10,
            weight_decay=1e-4,
        ),
        data=Source(name="digits"),
        steps=4,
        batch=8,
        every=2,
    ),
    "laptop": Recipe(
        model=Config(seen=128, parts=2, power=0.5, dropout=0.5, decay_steps=8_000),
        data=Source(name="fashion-mnist"),
        start="imagenet",
        steps=8_000,
        batch=256,
        every=1000,
        published=FOLLOWED,
    ),
    "tuned": Recipe(
        model=Config(
            seen=128,
            parts=2,
            power=0.5,
            frozen=11,
            dropout=0.5,
            lr=5e-4,
            decay_steps=1_872,
            weight_decay=0.05,
        ),
        data=Source(name="fashion-mnist", flip=True),
        start="mobilenet_v2:laptop",
        steps=1_872,
        batch=256,
        every=200,
        ema=0.99,
        published=FOLLOWED,
    ),
    "source": Recipe(
        model=Config(seen=224, lr=1e-4, decay_steps=10**9),
        data=Source(name="fashion-mnist"),
        start="imagenet",
        steps=18_750,
        batch=32,
        every=1000,
    ),
}
