"""VAE: an encoder squeezes an image into a Gaussian, a decoder paints it back.

    z = mean + exp(log_var / 2) * noise,   noise ~ N(0, I)
    L = -log p(x | z) + beta * KL( q(z | x) || N(0, I) )
    or, of several z,  -log mean_z p(x | z) * (p(z) / q(z | x))^beta

Axes: B batch, C image channels, S image side in pixels, Z latent width, K codes of one image.
Papers: Kingma & Welling (2014), https://arxiv.org/abs/1312.6114; several codes of each image and
the measured likelihood: Burda et al. (2016), https://arxiv.org/abs/1509.00519, equation 8
Departures: unless `binarise` throws them, pixels between black and white count as the chance of
white (appendix C.1 with soft targets); a Gaussian decoder has one learned scale for all pixels
(appendix C.2 gives each its own); recipe `source` lets z spread by exp(log_var / 2), where the
programs it follows forget the half.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import log, prod
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.optim import Adam, Optimizer, RMSprop

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.losses.likelihood import (
    bernoulli_nll,
    ends,
    gaussian_nll,
    importance_nll,
    kl_from_normal,
)
from sfumato.metrics.score import Score
from sfumato.model import Autoencoder, Sampler
from sfumato.nn.dense import dense
from sfumato.nn.pyramid import doublings
from sfumato.nn.residual import Residual
from sfumato.nn.rows import ToMaps, ToRows
from sfumato.recipe import Published, Recipe
from sfumato.schedules import linear
from sfumato.schema import Schema
from sfumato.settings import Count, NonNegative, Positive
from sfumato.shapes import Codes, Column, Images, Latents, Nats, Scalar

SAMPLES = 5000
"""Codes of each image from which `measure` estimates its likelihood."""
HELD = 10_000
"""Held-out images that `measure` looks at."""
WEIGHED = 200
"""Images whose likelihood `measure` estimates."""
PART = 2000
"""Codes decoded at a time there, to bound the memory."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the VAE is or how it learns."""

    layout: Literal["dense", "convolutional", "residual"] = "dense"
    """Dense layers; four convolutions, one of them of stride 2; or a ladder of residual blocks."""
    latent: Count = 16
    """Width Z of the latent code."""
    width: Count = 400
    """Units in each dense hidden layer, or feature maps of the first convolution."""
    hidden: Count = 256
    """Units of the dense layer next to the code."""
    depth: Annotated[int, Ge(0)] = 1
    """Dense layers of `width` units before that one, or residual blocks at each side."""
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    """Of a pixel, given the code."""
    binarise: bool = False
    """Whether each pixel is thrown black or white, by its grey as a chance, anew at every step."""
    reduction: Literal["sum", "mean"] = "sum"
    """Over pixels and over coordinates of the code; only the sum is the bound."""
    beta: NonNegative = 1.0
    """Weight of the KL term; 1 is the evidence lower bound."""
    warmup: Count = 1
    """Steps over which that weight grows from 0."""
    samples: Count = 1
    """Codes K of each image whose weighed likelihoods are averaged; 1 is the bound."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """What takes the steps."""
    lr: Positive = 1e-3
    """Learning rate at the first step."""
    decay_steps: Count | None = None
    """Steps over which it falls, in a straight line, to a hundredth; none leaves it."""


class VAE(Sampler, Autoencoder):
    """An encoder, a decoder, and the bound between them."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        _check(config)
        layers = {"dense": _dense, "convolutional": _convolutional, "residual": _residual}
        self.encoder, self.decoder = layers[config.layout](config, schema)
        if config.likelihood == "gaussian":
            self.log_scale = nn.Parameter(torch.zeros(()))

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        return torch.randn(count, self.config.latent, device=self.device, generator=rng)

    def generate(self, latents: Latents) -> Images:
        return 2 * self.decoder(latents).sigmoid() - 1

    def encode(self, images: Images) -> Codes:
        return self._gaussian(images)[0]

    def decode(self, codes: Codes) -> Images:
        return self.generate(codes)

    def _gaussian(self, images: Images) -> tuple[Latents, Latents]:
        """Mean and log-variance of q(z | x)."""
        mean, log_var = self.encoder(images).float().chunk(2, dim=1)
        return mean, log_var

    def bound(self, images: Images, noise: Latents) -> tuple[Column, Column]:
        """Distortion and rate of each image in nats; their sum is at least -log p (eq. 10)."""
        mean, log_var = self._gaussian(images)
        z = mean + (log_var / 2).exp() * noise
        return self._distortion(z, images), kl_from_normal(mean, log_var)

    def weigh(self, images: Images, noise: Float[Tensor, "B K Z"]) -> tuple[Nats, Nats]:
        """The same of K codes of each image, the rate as log q(z | x) / p(z) of the very code."""
        mean, log_var = (half[:, None] for half in self._gaussian(images))
        z = mean + (log_var / 2).exp() * noise
        again = images.repeat_interleave(noise.shape[1], 0)
        distortion = self._distortion(z.flatten(0, 1), again).unflatten(0, noise.shape[:2])
        return distortion, (z.square() - noise.square() - log_var).sum(2) / 2

    def _distortion(self, z: Latents, images: Images) -> Column:
        """-log p(x | z) of each image in nats."""
        painted = self.decoder(z).float()
        if self.config.likelihood == "bernoulli":
            return bernoulli_nll(painted, images)
        return gaussian_nll(2 * painted.sigmoid() - 1, images, self.log_scale)

    def training_step(self, batch: Batch, index: int) -> None:
        [optimizer] = self.players
        images = batch.image
        if self.config.binarise:
            images = thrown(images, self.draw(self._coins, len(images)))
        loss = self.descend(optimizer, self._loss, images, self.draw(self._noise, len(images)))
        self.tell({"loss/bound": loss})

    def _loss(self, images: Images, noise: Float[Tensor, "B K Z"]) -> Scalar:
        c = self.config
        beta = c.beta * min(1, (self.step + 1) / c.warmup)
        if c.samples > 1:
            distortion, rate = self.weigh(images, noise)
            return importance_nll(distortion + beta * rate).mean()
        missed, spent = (nats.mean() for nats in self.bound(images, noise[:, 0]))
        if c.reduction == "mean":
            missed, spent = missed / prod(self.schema.shape), spent / c.latent
        return missed + beta * spent

    def pace(self, step: int) -> float:
        return linear(step, self.config.decay_steps)

    def _noise(self, count: int, rng: Generator | None = None) -> Float[Tensor, "B K Z"]:
        return self.prior(count * self.config.samples, rng).unflatten(0, (count, -1))

    def _coins(self, count: int, rng: Generator | None = None) -> Images:
        return torch.rand(count, *self.schema.shape, device=self.device, generator=rng)

    def configure_optimizers(self) -> Optimizer:
        c = self.config
        if c.optimizer == "rmsprop":
            return RMSprop(self.parameters(), lr=c.lr, alpha=0.9, eps=1e-7)
        return Adam(self.parameters(), lr=c.lr, fused=True)

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`bound` and `nats` of held-out images: -log p of each, bounded and estimated.

        For a Bernoulli decoder pixels are thrown black or white first. The floor codes each pixel
        by its mean over the data; the ceiling pays for the throws alone, and a density has none.
        """
        images = data.batch(torch.arange(min(len(data), HELD))).image.to(self.device)
        floor, ceiling = self._ends(images)
        if self.config.likelihood == "bernoulli":
            images = thrown(images, self._coins(len(images), rng))
        bounds = torch.cat([self._bounded(part, rng) for part in images.split(500)])
        chosen = torch.randperm(len(images), generator=rng, device=self.device)[:WEIGHED]
        gaps = bounds[chosen] - self.likelihood(images[chosen], SAMPLES, rng)
        note = f"from {SAMPLES:,} codes of each of {len(chosen):,} images, and the bound of all"
        values = {
            "bound": (bounds.mean(), None, ""),
            "nats": (bounds.mean() - gaps.mean(), float(gaps.std() / len(gaps) ** 0.5), note),
        }
        return {
            name: Score(float(value), floor, ceiling, len(images), "lower", error=error, note=said)
            for name, (value, error, said) in values.items()
        }

    @torch.no_grad()
    def likelihood(self, images: Images, samples: int, rng: Generator) -> Column:
        """-log p of each image in nats, estimated from so many codes of each.

        Above the truth on average, and closer the more codes. Memory does not grow with them.
        """
        found = []
        for part in images.split(max(1, PART // samples)):
            total = images.new_full((len(part),), float("-inf"))
            for start in range(0, samples, PART):
                count = min(PART, samples - start)
                noise = self.prior(len(part) * count, rng).unflatten(0, (len(part), count))
                distortion, rate = self.weigh(part, noise)
                total = torch.logaddexp(total, (-distortion - rate).logsumexp(1))
            found.append(log(samples) - total)
        return torch.cat(found)

    def _bounded(self, images: Images, rng: Generator) -> Column:
        distortion, rate = self.bound(images, self.prior(len(images), rng))
        return distortion + rate

    def _ends(self, images: Images) -> tuple[float, float | None]:
        """What these images cost without a code, and what they cost at least."""
        if self.config.likelihood == "bernoulli":
            return ends(images)
        mean = images.mean(0, keepdim=True).expand_as(images)
        scale = (images - mean).square().mean().sqrt()
        return float(gaussian_nll(mean, images, scale.log()).mean()), None


def thrown(images: Images, coins: Images) -> Images:
    """Black or white in place of grey: white where the coin, uniform in [0, 1), falls below it."""
    return 2 * (coins < (images + 1) / 2).to(images) - 1


def _check(c: Config) -> None:
    """Raise ConfigError for settings that contradict each other."""
    if c.binarise and c.likelihood == "gaussian":
        raise ConfigError(
            "--model.binarise true makes pixels black or white, which a gaussian likelihood "
            "cannot say; set --model.likelihood bernoulli."
        )
    if c.samples > 1 and c.reduction == "mean":
        raise ConfigError(
            f"--model.samples {c.samples} weighs whole likelihoods, and --model.reduction mean "
            "has none; set it to sum."
        )


def _dense(c: Config, schema: Schema) -> tuple[nn.Module, nn.Module]:
    """Layers of `width` units, one of `hidden`, the code; and back."""
    pixels, down = prod(schema.shape), [*[c.width] * c.depth, c.hidden]
    encoder = nn.Sequential(nn.Flatten(), *dense([pixels, *down, 2 * c.latent]))
    decoder = nn.Sequential(*dense([c.latent, *down[::-1], pixels]), nn.Unflatten(1, schema.shape))
    return encoder, decoder


def _convolutional(c: Config, schema: Schema) -> tuple[nn.Module, nn.Module]:
    """The source's: convolutions of 3 x 3, the second of them halving; back in one doubling."""
    half, odd = divmod(schema.side, 2)
    if odd:
        raise ConfigError(f"--data.side {schema.side} cannot be halved; try {schema.side + 1}.")
    narrow, wide = c.width, 2 * c.width
    encoder = nn.Sequential(
        *(nn.Conv2d(schema.channels, narrow, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(narrow, wide, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv2d(wide, wide, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(wide, wide, 3, padding=1), nn.ReLU(), ToRows()),
        *(nn.Linear(wide * half**2, c.hidden), nn.ReLU(), nn.Linear(c.hidden, 2 * c.latent)),
    )
    decoder = nn.Sequential(
        *(nn.Linear(c.latent, wide * half**2), nn.ReLU(), ToMaps(wide, half)),
        *(nn.ConvTranspose2d(wide, narrow, 3, 2, padding=1, output_padding=1), nn.ReLU()),
        nn.Conv2d(narrow, schema.channels, 3, padding=1),
    )
    return encoder, decoder


def _residual(c: Config, schema: Schema) -> tuple[nn.Module, nn.Module]:
    """Halvings down to 4..7 pixels, `depth` blocks at each side, one dense layer; and back."""
    bottom, doubled = doublings(schema.side)
    maps = [c.width << rung for rung in range(doubled)]
    down: list[nn.Module] = []
    for narrow, wide in pairwise([schema.channels, *maps]):
        down += [nn.Conv2d(narrow, wide, 4, stride=2, padding=1), *_blocks(c, wide), nn.ELU()]
    rows = maps[-1] * bottom**2
    down += [ToRows(), nn.Linear(rows, c.hidden), nn.ELU(), nn.Linear(c.hidden, 2 * c.latent)]
    up: list[nn.Module] = [nn.Linear(c.latent, c.hidden), nn.ELU(), nn.Linear(c.hidden, rows)]
    up += [ToMaps(maps[-1], bottom)]
    for wide, narrow in pairwise([*maps[::-1], schema.channels]):
        up += [*_blocks(c, wide), nn.ELU()]
        up += [nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1)]
    return nn.Sequential(*down), nn.Sequential(*up)


def _blocks(c: Config, maps: int) -> list[nn.Module]:
    """Each begins as if it were not there."""
    blocks: list[nn.Module] = []
    for _ in range(c.depth):
        last = nn.Conv2d(maps, maps, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        blocks += [Residual(nn.ELU(), nn.Conv2d(maps, maps, 3, padding=1), nn.ELU(), last)]
    return blocks


RECIPES = {
    "smoke": Recipe(
        model=Config(
            latent=4,
            width=16,
            hidden=8,
            depth=2,
            binarise=True,
            beta=0.5,
            warmup=3,
            samples=3,
            lr=2e-3,
            decay_steps=10,
        ),
        data=Source(name="digits"),
        steps=4,
        batch=8,
        every=2,
    ),
    "laptop": Recipe(
        model=Config(layout="residual", latent=40, width=32, binarise=True, decay_steps=20_000),
        data=Source(name="mnist"),
        steps=20_000,
        batch=128,
        ema=0.999,
        expects={"nats": 88.0},
        published={
            "nats": Published(86.76, "Burda et al., table 1: dynamically binarised, 5,000 samples")
        },
    ),
    "manifold": Recipe(
        model=Config(latent=2, width=512, depth=2, decay_steps=12_000),
        data=Source(name="mnist"),
        steps=12_000,
        batch=128,
    ),
    "source": Recipe(
        model=Config(
            layout="convolutional",
            latent=2,
            width=32,
            hidden=32,
            reduction="mean",
            beta=5e-4,
            optimizer="rmsprop",
        ),
        data=Source(name="mnist"),
        steps=37_500,
        batch=16,
    ),
}
