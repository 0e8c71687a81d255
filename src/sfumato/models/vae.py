"""VAE: an encoder squeezes an image into a Gaussian, a decoder paints it back.

    L = -log p(x | z) + beta * KL( q(z | x) || N(0, I) ),   z = mean + exp(log_var / 2) * noise

Axes: B batch, C image channels, S image side in pixels, Z latent width.
Paper: Kingma & Welling (2014), https://arxiv.org/abs/1312.6114
Departure: pixels between black and white count as the probability of white (appendix C.1 with
soft targets).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Generator, nn
from torch.optim import Adam

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.losses.likelihood import bernoulli_nll, kl_from_normal
from sfumato.metrics.score import Score
from sfumato.model import Autoencoder, Sampler
from sfumato.recipe import Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, NonNegative, Positive
from sfumato.shapes import Codes, Images, Latents, Logits, Scalar


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the VAE is or how it learns."""

    latent: Count = 16
    """Width Z of the latent code."""
    width: Count = 400
    """Units in each hidden layer."""
    beta: NonNegative = 1.0
    """Weight of the KL term; 1 is the evidence lower bound."""
    lr: Positive = 1e-3
    """Adam step size."""


class VAE(Sampler, Autoencoder):
    """An encoder, a decoder, and the bound between them."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        c, pixels = config, prod(schema.shape)
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, c.width), nn.ReLU(), nn.Linear(c.width, 2 * c.latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(c.latent, c.width),
            nn.ReLU(),
            nn.Linear(c.width, pixels),
            nn.Unflatten(1, schema.shape),
        )

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        return torch.randn(count, self.config.latent, device=self.device, generator=rng)

    def generate(self, latents: Latents) -> Images:
        return 2 * self.decoder(latents).sigmoid() - 1

    def encode(self, images: Images) -> Codes:
        return self.encoder(images).chunk(2, dim=1)[0]

    def decode(self, codes: Codes) -> Images:
        return self.generate(codes)

    def bound(self, images: Images, noise: Latents) -> tuple[Logits, Logits]:
        """Distortion and rate of each image in nats; their sum is at least -log p (eq. 10)."""
        mean, log_var = self.encoder(images).chunk(2, dim=1)
        z = mean + (log_var / 2).exp() * noise
        return bernoulli_nll(self.decoder(z), images), kl_from_normal(mean, log_var)

    def training_step(self, batch: Batch, index: int) -> None:
        noise = self.draw(self.prior, len(batch.image))
        [optimizer] = self.players
        loss = self.descend(optimizer, self._loss, batch.image, noise)
        self.tell({"loss/bound": loss})

    def _loss(self, images: Images, noise: Latents) -> Scalar:
        distortion, rate = self.bound(images, noise)
        return distortion.mean() + self.config.beta * rate.mean()

    def configure_optimizers(self) -> Adam:
        return Adam(self.parameters(), lr=self.config.lr)

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`nats`: the bound on held-out images; its floor codes every pixel by its mean alone."""
        images = data.batch(torch.arange(len(data))).image.to(self.device)
        distortion, rate = self.bound(images, self.prior(len(images), rng))
        mean = ((images.mean(0, keepdim=True) + 1) / 2).clamp(1e-3, 1 - 1e-3)
        floor = bernoulli_nll(mean.logit().expand_as(images), images).mean()
        n = len(images)
        return {
            "nats": Score(
                value=float((distortion + rate).mean()), floor=float(floor), n=n, better="lower"
            )
        }


RECIPES = {
    "smoke": Recipe(
        model=Config(width=16, latent=4, beta=0.5, lr=2e-3),
        data=Source(name="digits"),
        steps=4,
        batch=8,
        every=2,
    ),
    "laptop": Recipe(
        model=Config(),
        data=Source(name="mnist"),
        steps=12_000,
        batch=128,
    ),
}
