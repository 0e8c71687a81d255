"""A sampler that learned nothing: what it draws is known, so scores of it are too."""

from dataclasses import dataclass

import torch

from sfumato.model import Sampler
from sfumato.schema import Schema


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Replay(Sampler):
    """Draws from images it was given, in an order the rng decides."""

    def __init__(self, images):
        super().__init__(Config(), Schema(shape=tuple(images.shape[1:])))
        self.images = images

    def prior(self, count, rng=None):
        return torch.randint(len(self.images), (count, 1), generator=rng).float()

    def generate(self, latents):
        return self.images[latents[:, 0].long()]

    def training_step(self, batch, index):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)])
