"""Pixels: every image is the mean image and some noise, the plainest thing that learns."""

from dataclasses import dataclass

import torch

from sfumato.data.source import Source
from sfumato.model import Sampler
from sfumato.recipe import Recipe
from sfumato.settings import Positive


@dataclass(frozen=True, kw_only=True)
class Config:
    lr: Positive = 0.05
    """Adam learning rate."""


class Pixels(Sampler):
    def __init__(self, config, schema):
        super().__init__(config, schema)
        self.mean = torch.nn.Parameter(torch.zeros(schema.shape))

    def prior(self, count, rng=None):
        return torch.randn(count, self.mean.numel(), generator=rng, device=self.device)

    def generate(self, latents):
        return (self.mean + 0.1 * latents.unflatten(1, self.schema.shape)).clamp(-1, 1)

    def training_step(self, batch, index):
        self.tell({"loss/error": self.descend(self.players[0], self._error, batch.image)})

    def _error(self, images):
        return (images - self.mean).square().mean()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.config.lr)


RECIPES = {"smoke": Recipe(model=Config(lr=0.1), data=Source(name="digits"), steps=50, batch=32)}
