"""A classifier with one class more, for what is painted: it learns from images nobody named.

    classes      p(k | x) = softmax(l(x))_k            l: K logits; the painted class has logit 0
    real         D(x) = Z(x) / (Z(x) + 1),             Z(x) = sum_k exp l_k(x)
    labelled     -log p(label | x)                                            C goes down
    the rest     (softplus(-log Z(x)) + softplus(log Z(G(z)))) / 2            C goes down
    painter      mean (E f(x) - E f(G(z)))^2           f: C's last hidden layer      G goes down

Axes: B batch, C image channels, H W image size, Z latent width, K classes.
Paper: Salimans et al. (2016), https://arxiv.org/abs/1606.03498, sections 3.1 and 5; layers, noise,
learning rates and averages are those of its program for MNIST.
Departures: classifier and painter see one and the same batch of unnamed images, where the program
draws a second; the first batch sets the scales, where it takes 500 images; in the recipes that are
shorter than the program's 300 epochs learning rates fall and images are seen askew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Adam

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.losses.adversarial import discriminator_loss
from sfumato.metrics.accuracy import error
from sfumato.metrics.score import Score
from sfumato.model import Classifier, Judge, Sampler
from sfumato.nn.jolt import jolting
from sfumato.recipe import Published, Recipe
from sfumato.schedules import linear
from sfumato.schema import UNKNOWN, Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Features, Images, Latents, Logits, Others, Scalar, Scores


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the semi-supervised GAN is or how it learns."""

    latent: Count = 100
    """Width Z of the code."""
    hidden: Count = 500
    """Units of each of the painter's two hidden layers."""
    width: Count = 1000
    """Units of the classifier's first layer; the next has a half, three more a quarter."""
    noise: NonNegative = 0.3
    """Deviation of the noise on the pixels, black 0 and white 1, that the classifier sees."""
    inner_noise: NonNegative = 0.5
    """Deviation of the noise on each of its hidden layers."""
    jolt: Decay = 0.0
    """How far what it sees is turned, slanted, scaled and shifted; 0 leaves images upright."""
    unlabelled: NonNegative = 1.0
    """Weight of telling real from painted; at 0 the classifier learns from labels alone."""
    lr: Positive = 3e-3
    """Adam learning rate of both players."""
    beta1: Decay = 0.5
    """Adam first-moment decay of both players."""
    decay_steps: Count | None = None
    """Steps over which learning rates fall, in a straight line, to a hundredth; or never."""


class SemiGAN(Sampler, Judge, Classifier):
    """A painter, and a classifier that also says how real an image looks."""

    needs = ("image", "label")
    unnamed = True
    normal = slice(0)
    ends = 0.0, 1.0

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        c, pixels = config, prod(schema.shape)
        schema.need("classes", "semi_gan")
        self.painter = nn.Sequential(
            *_plump(c.latent, c.hidden),
            *_plump(c.hidden, c.hidden),
            _WeightNormed(c.hidden, pixels, trained=True),
            nn.Sigmoid(),
            nn.Unflatten(1, schema.shape),
        )
        widths = [pixels, c.width, *(max(1, c.width // part) for part in (2, 4, 4, 4))]
        layers: list[nn.Module] = [nn.Flatten(), _Grain(c.noise)]
        for inputs, units in pairwise(widths):
            layers += [_WeightNormed(inputs, units), nn.ReLU(), _Grain(c.inner_noise)]
        self.judging = nn.Sequential(*layers[:-1])
        self.naming = nn.Sequential(
            layers[-1], _WeightNormed(widths[-1], len(schema.classes), trained=True)
        )

        self.settled: Tensor
        self.register_buffer("settled", torch.tensor(False))

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        return torch.rand(count, self.config.latent, device=self.device, generator=rng)

    def generate(self, latents: Latents) -> Images:
        return 2 * self.painter(latents) - 1

    def features(self, images: Images) -> Features:
        return self.judging((images + 1) / 2)

    def logits(self, images: Images) -> Scores:
        return self.naming(self.features(images))

    def judge(self, images: Images) -> Logits:
        return self.logits(images).float().logsumexp(1)

    def training_step(self, batch: Batch, index: int) -> None:
        classifier, painter = self.players
        images, label = jolting(batch.image, self.draw, self.config.jolt), batch.label
        if not self.settled:
            self._set_scales(self.loop.gather(images))
        known, loose = label != UNKNOWN, label == UNKNOWN
        # batch norm of the painter needs two in each part
        unnamed = images[loose] if loose.sum() >= 2 * self.rules.accumulate else images
        painted = self.generate(self.draw(self.prior, len(unnamed)))
        rows = unnamed, painted.detach(), images[known], label[known]
        learned = self.descend(classifier, self._classifier_loss, *rows)
        missed = self.descend(painter, self._feature_matching, unnamed, painted)
        self.tell({"loss/classifier": learned, "loss/painter": missed})

    def _classifier_loss(
        self, real: Images, painted: Images, named: Others, label: Tensor
    ) -> Scalar:
        """What the classifier brings down: unlikely labels, and real taken for painted."""
        parts = [len(real), len(painted), len(named)]
        scores = self.logits(torch.cat([real, painted, named])).float()
        of_real, of_painted, of_named = scores.split(parts)
        apart = discriminator_loss(of_real.logsumexp(1), of_painted.logsumexp(1)) / 2
        loss = self.config.unlabelled * apart
        return loss + cross_entropy(of_named, label) if len(named) else loss

    def _feature_matching(self, real: Images, painted: Images) -> Scalar:
        """What the painter brings down: how far the mean features of its images lie off."""
        wish = self.features(real).float().mean(0).detach()
        return (self.features(painted).float().mean(0) - wish).square().mean()

    @torch.no_grad()
    def _set_scales(self, images: Images) -> None:
        """Let every unit of the classifier answer these images with mean 0 and deviation 1."""
        seen = (images + 1) / 2
        for layer in (*self.judging, *self.naming):
            if isinstance(layer, _WeightNormed):
                layer.settle(seen)
                for found in (layer.scale, layer.bias):
                    found.copy_(self.loop.of_the_first(found))
            seen = layer(seen)
        self.settled.fill_(True)

    def pace(self, step: int) -> float:
        return linear(step, self.config.decay_steps)

    def configure_optimizers(self) -> list[Adam]:
        c, classifier = self.config, [*self.judging.parameters(), *self.naming.parameters()]
        players = (classifier, [w for w in self.painter.parameters() if w.requires_grad])
        # the program adds 1e-8 below the root: without that floor the painter is soon left behind
        pace = {"lr": c.lr, "betas": (c.beta1, 0.999), "eps": 1e-4}
        return [Adam(weights, **pace, fused=True) for weights in players]

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`error`, the share of held-out images named wrong; floor the commonest class."""
        return {"error": error(*self.answers(data))}


class _WeightNormed(nn.Linear):
    """A dense layer whose weights of a unit have a length of their own, learned or set once."""

    scale: Tensor

    def __init__(self, inputs: int, units: int, *, trained: bool = False) -> None:
        super().__init__(inputs, units)
        nn.init.normal_(self.weight, std=0.1)
        nn.init.zeros_(self.bias)
        if trained:
            self.scale = nn.Parameter(torch.ones(units))
        else:
            self.register_buffer("scale", torch.ones(units))

    def forward(self, input: Tensor) -> Tensor:
        length = (self.weight.square().sum(1) + 1e-12).sqrt()
        # scaling what comes out touches fewer numbers than scaling the weights
        return nn.functional.linear(input, self.weight) * (self.scale / length) + self.bias

    def settle(self, input: Tensor) -> None:
        """Choose scale and bias such that the units' answers to `input` are standardised."""
        answers = self.forward(input).float() - self.bias
        deviation = answers.std(0, correction=0).clamp_min(1e-6)
        self.scale.div_(deviation)
        self.bias.copy_(-answers.mean(0) / deviation)


class _Grain(nn.Module):
    """Normal noise during training."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, input: Tensor) -> Tensor:
        if not (self.training and self.deviation):
            return input
        return input + self.deviation * torch.randn_like(input)


def _plump(inputs: int, units: int) -> list[nn.Module]:
    """A layer of the painter: batch norm that shifts but does not scale, then softplus."""
    norm = nn.BatchNorm1d(units, eps=1e-6)
    norm.weight.requires_grad_(False)
    layer = nn.Linear(inputs, units, bias=False)
    nn.init.xavier_uniform_(layer.weight)
    return [layer, norm, nn.Softplus()]


_PUBLISHED = "Salimans et al., table 1: test images, 100 labels, 10 draws of them"
_LAPTOP = Recipe(
    model=Config(width=500, jolt=0.1, decay_steps=30_000),
    data=Source(name="mnist", labels=100),
    steps=30_000,
    batch=200,
    every=1000,
    ema=0.999,
    expects={"error": 0.025},
    published={"error": Published(0.0093, _PUBLISHED)},
)
_ALONE = replace(
    _LAPTOP,
    model=replace(_LAPTOP.model, unlabelled=0.0, decay_steps=3_000),
    steps=3_000,
    expects={"error": 0.2},
    published={},
)
_MORE = Source(name="mnist", labels=1000)
RECIPES = {
    "smoke": Recipe(
        model=Config(
            latent=8, hidden=12, width=16, noise=0.2, inner_noise=0.1, jolt=0.1, decay_steps=10
        ),
        data=Source(name="digits", labels=20),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": _LAPTOP,
    "laptop1000": replace(_LAPTOP, data=_MORE, published={}),
    "alone": _ALONE,
    "alone1000": replace(_ALONE, data=_MORE),
    "source": replace(_LAPTOP, model=Config(), steps=180_000, ema=0.9999, expects={}),
}
