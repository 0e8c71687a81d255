"""Tagger: a small convolutional network that names the attributes of an image.

    p(value | x) = softmax(tags(x)) for each choice, one number in [-1, 1] for each number
    L = sum over attributes of -log p(true value | x), or of the squared error of the number

Axes: B batch, C image channels, S image side in pixels, E numbers that encode the attributes.
No paper: convolution, batch norm, rectifier and pooling, as many times as the side can be halved,
then one hidden layer. It is the measuring instrument of *attribute accuracy*.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Generator
from torch.optim import AdamW

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.imaging.degradation import blurred
from sfumato.losses.attributes import attribute_loss
from sfumato.metrics.attributes import accuracies, commonest, hits
from sfumato.metrics.score import Score
from sfumato.model import Tagger
from sfumato.nn.attributes import columns, decode, width
from sfumato.nn.stages import naming, seeing
from sfumato.recipe import Recipe
from sfumato.schedules import linear
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Attributes, Column, Features, Images, Scalar, Tags


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the tagger is or how it learns."""

    width: Count = 16
    """Maps of the first stage; doubles each time the side halves."""
    hidden: Count = 128
    """Units of the hidden layer."""
    dropout: Decay = 0.0
    """Chance that a unit before each dense layer is silenced during training."""
    blur: NonNegative = 0.0
    """Widest Gaussian blur of a picture while it learns, a deviation in pixels: what a painter
    makes is seldom as sharp as what it learned from, and stroke and edge are two things.
    """
    lr: Positive = 2e-3
    """Adam learning rate at the first step; it falls linearly to a hundredth."""
    decay_steps: Count = 4_000
    """Steps over which the learning rate falls."""
    weight_decay: NonNegative = 0.0
    """Share of each weight, times the learning rate, that every step takes away."""


class TagNet(Tagger):
    """Stages of convolution and pooling, a hidden layer, and a few numbers for each attribute."""

    needs = ("image", "attributes")

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        c = config
        schema.need("attributes", "tagger")
        self.stages = seeing(schema.channels, schema.side, c.width, c.hidden, c.dropout)
        self.answer = naming(c.hidden, width(schema), c.dropout)

    def features(self, images: Images) -> Features:
        return self.stages(images)

    def tags(self, images: Images) -> Tags:
        return self.answer(self.features(images))

    def training_step(self, batch: Batch, index: int) -> None:
        [optimizer], images = self.players, batch.image
        if self.config.blur:
            images = blurred(images, self.config.blur * self.draw(self._chances, len(images)))
        loss = self.descend(optimizer, self._loss, images, batch.attributes)
        self.tell({"loss/attributes": loss})

    def _chances(self, count: int, rng: Generator | None = None) -> Column:
        return torch.rand(count, device=self.device, generator=rng)

    def _loss(self, images: Images, attributes: Attributes) -> Scalar:
        return attribute_loss(self.tags(images), attributes, self.schema)

    def pace(self, step: int) -> float:
        return linear(step, self.config.decay_steps)

    def configure_optimizers(self) -> AdamW:
        c = self.config
        return AdamW(self.parameters(), lr=c.lr, weight_decay=c.weight_decay)

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`attribute_accuracy` on held-out data, and each attribute's own.

        A choice is right where its likeliest value is the true one, a number within a tenth of its
        range. The floor always answers the commonest value, or the median.
        """
        data.require(("image", "attributes"), "attribute accuracy")
        found, true = [], []
        own = columns(self.schema, data.schema)
        for rows in torch.arange(len(data)).split(500):
            batch = data.batch(rows)
            found.append(decode(self.tags(batch.image.to(self.device)), self.schema).cpu())
            true.append(batch.attributes[:, own])
        said, wanted = torch.cat(found), torch.cat(true)
        usual = commonest(wanted, self.schema)
        right, floor = (hits(one, wanted, self.schema) for one in (said, usual))
        return accuracies(right, floor, torch.ones_like(right), self.schema)


RECIPES = {
    "smoke": Recipe(
        model=Config(
            width=4, hidden=8, dropout=0.1, blur=0.5, lr=1e-3, decay_steps=10, weight_decay=1e-3
        ),
        data=Source(name="glyphs", side=16, count=64, attributes=("slant", "bold", "style")),
        steps=4,
        batch=8,
        every=2,
    ),
    "laptop": Recipe(
        model=Config(dropout=0.1, blur=1.0, decay_steps=6_000),
        data=Source(
            name="glyphs", side=32, attributes=("style", "colour", "bold", "paper"), count=60_000
        ),
        steps=6_000,
        batch=64,
    ),
    "source": Recipe(
        model=Config(dropout=0.5, lr=1e-3, decay_steps=2_000, weight_decay=0.05),
        data=Source(name="anime-faces", side=64, attributes=("hair", "eyes"), flip=True),
        steps=2_000,
        batch=64,
    ),
}
