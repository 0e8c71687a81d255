"""Stencil: a painter that takes a label and attributes, the plainest that keeps the contract."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import torch
from torch import nn

from sfumato.data.source import Source
from sfumato.model import Judge, Sampler
from sfumato.nn.attributes import encode, width
from sfumato.recipe import Recipe
from sfumato.settings import Count, Positive


@dataclass(frozen=True, kw_only=True)
class Config:
    latent: Count = 4
    """Width of the code."""
    lr: Positive = 1e-2
    """Adam learning rate."""


class Stencil(Sampler, Judge):
    needs: ClassVar[tuple[str, ...]] = ("image", "label", "attributes")
    conditions: ClassVar[tuple[str, ...]] = ("label", "attributes")

    def __init__(self, config, schema):
        super().__init__(config, schema)
        pixels = prod(schema.shape)
        self.letters = nn.Embedding(len(schema.classes), pixels)
        self.marks = nn.Linear(width(schema), pixels)
        self.noise = nn.Linear(config.latent, pixels)

    def prior(self, count, rng=None):
        return torch.randn(count, self.config.latent, generator=rng, device=self.device)

    def generate(self, latents, label, attributes):
        marks = self.marks(encode(attributes, self.schema))
        mixed = self.letters(label) + marks + self.noise(latents)
        return mixed.tanh().unflatten(1, self.schema.shape)

    def judge(self, images, label):
        return -(images.flatten(1) - self.letters(label).tanh()).square().mean(1)

    def features(self, images):
        return images.flatten(1)

    def training_step(self, batch, index):
        z = self.draw(self.prior, len(batch.image))
        rows = (batch.image, z, batch.label, batch.attributes)
        self.tell({"loss/error": self.descend(self.players[0], self._error, *rows)})

    def _error(self, images, z, label, attributes):
        return (self.generate(z, label, attributes) - images).square().mean()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.config.lr)


RECIPES = {
    "smoke": Recipe(
        model=Config(latent=3, lr=2e-2),
        data=Source(name="glyphs", side=8, count=64, attributes=("slant", "bold", "style")),
        steps=4,
        batch=16,
        every=2,
    )
}
