"""Adversarial autoencoder: a judge of codes makes them fill a prior that can be drawn from.

    codes        z = E(x), beside y = softmax(E'(x)) where images are named or grouped
    decoder      x' = D(z), or D(z, label), or D(z, y)
    reconstruct  -log p(x | x')                                  E and D go down
    judge        softplus(-J(real)) + softplus(J(codes))         J goes down; real ~ prior
    encoder      softplus(-J(codes))                             E goes down
    labels       -log y[label], where the label is known         E' goes down
    agreement    -sum y log y', y' of the image askew and moved  E' goes down, for clusters
    heads        -log p(x | D(0, y))                             E and D go down, where asked for

Axes: B batch, C image channels, H W image size, Z width of z, K classes or clusters.
Paper: Makhzani et al. (2015), https://arxiv.org/abs/1511.05644, sections 2, 4, 5 and 6
Departures: a code is z over the prior's deviation, so that what is drawn is standard normal; Adam
in all phases; `source` takes cross-entropy, so pixels are their grey from 0 to 1 there, where its
program shifts and scales them to mean 0 and variance 1; batch norm, noise on an input seen askew,
and averaged weights in recipes that name or group; a supervised code's judge is told the label.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.optim import Adam

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.errors import ConfigError, DataError
from sfumato.losses.adversarial import discriminator_loss, generator_loss
from sfumato.losses.likelihood import bernoulli_nll, ends
from sfumato.losses.steepest import steepest
from sfumato.metrics.accuracy import error
from sfumato.metrics.readable import linear_accuracy, nearest_accuracy
from sfumato.metrics.score import Score
from sfumato.model import Autoencoder, Classifier, Sampler
from sfumato.nn.dense import dense
from sfumato.nn.jolt import jolting
from sfumato.nn.naming import LOOK, Naming
from sfumato.nn.players import adams
from sfumato.recipe import Published, Recipe
from sfumato.schedules import linear
from sfumato.schema import UNKNOWN, Axis, Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Codes, Features, Images, Labels, Latents, Logits, Scalar, Scores

Task = Literal["unsupervised", "supervised", "semi_supervised", "clusters"]
HELD = 10_000
"""Held-out images that `measure` looks at."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the adversarial autoencoder is or how it learns."""

    task: Task = "unsupervised"
    """What else is learned: nothing; a code without the label; the label from few; groups."""
    latent: Count = 10
    """Width Z of the style code."""
    clusters: Count = 30
    """Groups, where the task is to find some."""
    hidden: Count = 392
    """Units of each hidden layer of encoder and decoder."""
    depth: Count = 2
    """Their hidden layers."""
    judge: Count = 1500
    """Units of each of a judge's two hidden layers."""
    norm: bool = False
    """Whether encoder and decoder have batch norm."""
    dropout: Decay = 0.2
    """Chance that a hidden unit of encoder or decoder is silenced during training."""
    noise: NonNegative = 0.0
    """Deviation of the noise on the pixels that the encoder sees during training."""
    jolt: Decay = 0.0
    """How far what it sees is turned, slanted, scaled and shifted then; 0.2 is a lot."""
    agree: NonNegative = 0.0
    """Weight of naming an image and the same askew alike; it is then painted from upright."""
    adversary: NonNegative = 0.0
    """How far, over all pixels, the image askew is moved to where the names part most."""
    heads: NonNegative = 0.0
    """Weight of painting an image from its kind alone, the style being 0."""
    deviation: Positive = 5.0
    """Of the normal prior."""
    lr: Positive = 1e-3
    """Adam learning rate of reconstruction, and of naming."""
    judge_lr: Positive = 1e-3
    """Adam learning rate of the judges."""
    encoder_lr: Positive = 1e-4
    """Adam learning rate of the encoder against the judges."""
    height: Positive = 8.0
    """Where clusters are sought: how far the score of the drawn one stands out of the noise."""
    growth: Count = 1
    """Steps over which it comes to that from 0."""
    beta1: Decay = 0.9
    """Adam first-moment decay of judges and of the encoder against them."""
    decay_steps: Count | None = None
    """Steps over which learning rates fall, in a straight line, to a hundredth; or never."""


class AAE(Sampler, Autoencoder, Classifier):
    """An encoder, a decoder, and a judge for each kind of code."""

    needs: tuple[str, ...] = ("image",)
    uses = ("label",)
    conditions: tuple[str, ...] = ("label",)

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        c, pixels, hidden = config, prod(schema.shape), [config.hidden] * config.depth
        labelled, classes = c.task in ("supervised", "semi_supervised"), len(schema.classes)
        if labelled and not classes:
            raise DataError(
                f"aae needs labels to be {c.task}, and this data has none; name sub-folders, or "
                "set --model.task unsupervised."
            )
        self.needs = ("image", "label") if labelled else ("image",)
        self.conditions = ("label",) if labelled else ()
        self.besides = ("label",) if c.task == "supervised" else ()
        self.kinds = {"semi_supervised": classes, "clusters": c.clusters}.get(c.task, 0)
        # half of a batch has labels, and batch norm needs two of them
        self.least = (4 if c.norm else 2) if c.task == "semi_supervised" else 1
        self.unnamed = c.task != "supervised"
        self.lacks = () if self.kinds else ("Classifier",)
        self.normal = slice(0, c.latent)
        self.encoder = nn.Sequential(nn.Flatten(), *_hidden(c, [pixels, *hidden]))
        self.style = nn.Linear(c.hidden, c.latent)
        self.decoder = nn.Sequential(
            *_hidden(c, [c.latent + (classes if labelled else self.kinds), *hidden]),
            nn.Linear(c.hidden, pixels),
            nn.Unflatten(1, schema.shape),
        )
        self.style_judge = _judge(c, c.latent + (classes if c.task == "supervised" else 0))
        if self.kinds:
            self.kind, self.kind_judge = nn.Linear(c.hidden, self.kinds), _judge(c, self.kinds)
        if c.task == "clusters":
            self.naming = Naming(self.kinds, classes)

    @property
    def axes(self) -> tuple[Axis, ...]:
        c = self.config
        name = "label" if c.task == "semi_supervised" else "cluster"
        kind = (Axis(name, c.latent, self.kinds),) if self.kinds else ()
        return (*kind, *(Axis(f"z{column}", column) for column in range(c.latent)))

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        style = torch.randn(count, self.config.latent, device=self.device, generator=rng)
        if not self.kinds:
            return style
        kind = torch.randint(self.kinds, (count,), device=self.device, generator=rng)
        return torch.cat([style, one_hot(kind, self.kinds)], 1)

    def encode(self, images: Images) -> Codes:
        """Style, in units of the prior's deviation, and beside it the chances of each kind."""
        hidden = self.encoder(images)
        style = self.style(hidden).float() / self.config.deviation
        return torch.cat([style, self._chances(hidden)], 1) if self.kinds else style

    def decode(self, codes: Codes, label: Labels | None = None) -> Images:
        """The image of each code; `label` takes the place of the kind, except where negative.

        Raises ConfigError where the code alone does not say what to paint.
        """
        return 2 * self._painted(codes, label).sigmoid() - 1

    def generate(self, latents: Latents, label: Labels | None = None) -> Images:
        return self.decode(latents, label)

    def _painted(self, codes: Codes, label: Labels | None) -> Tensor:
        """Logits of white."""
        style, kind = codes.split([self.config.latent, self.kinds], 1)
        if "label" in self.conditions and label is not None:
            told = one_hot(label.clamp_min(0), len(self.schema.classes)).to(codes)
            kind = torch.where(label[:, None] >= 0, told, kind) if self.kinds else told
        elif self.config.task == "supervised":
            raise ConfigError("a supervised aae paints a code under a label, and none was given.")
        return self.decoder(torch.cat([self.config.deviation * style, kind], 1)).float()

    def _chances(self, hidden: Features) -> Scores:
        return self.kind(hidden).float().softmax(1)

    def features(self, images: Images) -> Features:
        return self.encoder(images)

    def logits(self, images: Images) -> Scores:
        """Of the classes; of a clustering, by the classes that its clusters were seen to be."""
        if not self.kinds:
            task = self.config.task
            raise ConfigError(f"an aae of task {task} names nothing; train one semi_supervised.")
        scores = self.kind(self.encoder(images)).float()
        return self.naming(scores) if self.config.task == "clusters" else scores

    def training_step(self, batch: Batch, index: int) -> None:
        painter, judge, encoder, *namer = self.players
        images, label = batch.image, batch.label
        blurred = self._blurred(images)
        told = () if self.config.task != "supervised" else (label,)
        missed = self.descend(painter, self._missed, images, blurred, *told)
        codes, real = self._judged(blurred), self.draw(self._real, len(images))
        if told:  # so that the codes of each class, and not only of all, fill the prior
            mark = one_hot(label, len(self.schema.classes)).to(codes)
            codes, real = torch.cat([codes, mark], 1), torch.cat([real, mark], 1)
        caught = self.descend(judge, self._judge_loss, real, codes.detach())
        askew = (self._askew(images),) if self.config.agree and self.kinds else ()
        fooled = self.descend(encoder, self._encoder_loss, codes, *askew)
        losses = {"reconstruction": missed, "judge": caught, "encoder": fooled}
        known = [] if label is None else (label != UNKNOWN).nonzero().flatten()
        if namer and len(known):
            losses["labels"] = self.descend(namer[0], self._unnamed, blurred[known], label[known])
        if self.config.task == "clusters" and len(known) and (self.step + 1) % LOOK == 0:
            self.naming.look(codes[:, self.config.latent :].argmax(1), label)
        self.tell({f"loss/{name}": loss for name, loss in losses.items()})

    def _judged(self, images: Images) -> Codes:
        """What judges see: codes; of clusters scores, for sure chances leave no slope to climb."""
        if self.config.task != "clusters":
            return self.encode(images)
        hidden = self.encoder(images)
        return torch.cat([self.style(hidden) / self.config.deviation, self.kind(hidden)], 1)

    def _real(self, count: int, rng: Generator | None = None) -> Codes:
        """The same of the prior: there a score is normal, and that of the one drawn stands out."""
        c, codes = self.config, self.prior(count, rng)
        height = c.height * min(1, (self.step + 1) / c.growth)
        if c.task != "clusters":
            return codes
        style, kind = codes.split([c.latent, self.kinds], 1)
        noise = torch.randn(kind.shape, device=self.device, generator=rng)
        return torch.cat([style, height * kind + noise], 1)

    def _missed(self, images: Images, blurred: Images, label: Labels | None = None) -> Scalar:
        """-log p of a pixel, a mean over pixels and images."""
        c, codes = self.config, self.encode(blurred)
        missed = bernoulli_nll(self._painted(codes, label), images).mean()
        if c.heads:
            heads = torch.cat([0 * codes[:, : c.latent], codes[:, c.latent :]], 1)
            missed += c.heads * bernoulli_nll(self._painted(heads, label), images).mean()
        return missed / prod(self.schema.shape)

    def _judge_loss(self, real: Codes, codes: Codes) -> Scalar:
        pairs = zip(self._verdicts(real), self._verdicts(codes), strict=True)
        return torch.stack([discriminator_loss(*pair) for pair in pairs]).sum()

    def _encoder_loss(self, codes: Codes, askew: Images | None = None) -> Scalar:
        loss = torch.stack([generator_loss(verdict) for verdict in self._verdicts(codes)]).sum()
        if askew is None:
            return loss
        upright = codes[:, self.config.latent :].detach()
        chances = upright.softmax(1) if self.config.task == "clusters" else upright
        unlike = partial(self._unnamed, label=chances)
        return loss + self.config.agree * unlike(steepest(unlike, askew, self.config.adversary))

    def _verdicts(self, codes: Codes) -> list[Logits]:
        """How likely each part of a code is drawn from its prior; a label beside it is told."""
        style, rest = codes.tensor_split([self.config.latent], 1)
        style = self.config.deviation * style
        if self.kinds:
            return [self.style_judge(style).float(), self.kind_judge(rest).float()]
        return [self.style_judge(torch.cat([style, rest], 1)).float()]

    def _unnamed(self, images: Images, label: Labels | Scores) -> Scalar:
        return cross_entropy(self.kind(self.encoder(images)).float(), label)

    def _blurred(self, images: Images) -> Images:
        """What the encoder is given to see of images that the decoder has to paint."""
        images = images if self.config.agree else self._askew(images)
        return images + self.draw(self._grain, len(images))

    def _askew(self, images: Images) -> Images:
        return jolting(images, self.draw, self.config.jolt)

    def _grain(self, count: int, rng: Generator | None = None) -> Images:
        grain = torch.randn(count, *self.schema.shape, device=self.device, generator=rng)
        return self.config.noise * grain

    def pace(self, step: int) -> float:
        return linear(step, self.config.decay_steps)

    def configure_optimizers(self) -> list[Adam]:
        c, kind = self.config, [self.kind] if self.kinds else []
        judges = [self.style_judge, *([self.kind_judge] if self.kinds else [])]
        encoding, naming = [self.encoder, self.style, *kind], [self.encoder, *kind]
        painter = adams(([*encoding, self.decoder], c.lr), beta1=0.9)
        against = adams((judges, c.judge_lr), (encoding, c.encoder_lr), beta1=c.beta1)
        namer = adams((naming, c.lr), beta1=0.9) if c.task == "semi_supervised" else []
        return [*painter, *against, *namer]

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`reconstruction` of held-out images, and what their codes tell of their classes.

        `error` where the task is to name them; else `nearest` and `linear`, how well the class is
        read from the code, which is badly where the decoder is told the label.
        """
        batch = data.batch(torch.arange(min(len(data), HELD)))
        images, label = batch.image.to(self.device), batch.label
        codes = torch.cat([self.encode(part) for part in images.split(500)])
        if label is not None and self.schema.classes and (self.kinds or self.besides):
            label = self.true(data)[: len(label)]
        found = {"reconstruction": self._reconstruction(images, codes, label)}
        if label is None or (self.kinds and not self.schema.classes):
            return found
        n, commonest = len(label), int(label.bincount().max()) / len(label)
        if self.kinds:
            scores = torch.cat([self.logits(part) for part in images.split(500)]).cpu()
            return found | {"error": error(scores, label)}
        order = torch.randperm(n, generator=rng, device=rng.device).cpu()  # it may be sorted
        pixels, codes, label = images.flatten(1).cpu()[order], codes.cpu()[order], label[order]
        for name, read in (("nearest", nearest_accuracy), ("linear", linear_accuracy)):
            value, plain = read(codes, label), read(pixels, label)
            note = f"{name}: {plain:.3f} from the pixels themselves"
            told = Score(value, plain, commonest, n, "lower")
            found[name] = told if self.besides else Score(value, commonest, 1.0, n, note=note)
        return found

    def _reconstruction(self, images: Images, codes: Codes, label: Labels | None) -> Score:
        """Cross-entropy of an image in nats; floor the mean image, ceiling the image itself."""
        told = None if label is None else label.to(self.device)
        nats = 0.0
        for rows in torch.arange(len(images), device=self.device).split(500):
            given = told[rows] if told is not None and self.config.task == "supervised" else None
            nats += float(bernoulli_nll(self._painted(codes[rows], given), images[rows]).sum())
        return Score(nats / len(images), *ends(images), len(images), "lower")


def _hidden(c: Config, widths: list[int]) -> list[nn.Module]:
    """Hidden layers, the last of them with its rectifier too."""
    return dense([*widths, 1], norm=c.norm, dropout=c.dropout)[:-1]


def _judge(c: Config, width: int) -> nn.Module:
    """Two hidden layers and a verdict."""
    return nn.Sequential(*dense([width, c.judge, c.judge, 1]), nn.Flatten(0))


_STYLE = Config(judge=400, dropout=0.0, norm=True, encoder_lr=1e-3, beta1=0.5, decay_steps=4000)
_NAMING = replace(
    _STYLE,
    task="semi_supervised",
    hidden=400,
    noise=0.3,
    jolt=0.2,
    agree=1.0,
    adversary=2.0,
    deviation=1.0,
    decay_steps=3000,
)
_WIDE = replace(_NAMING, hidden=1000, decay_steps=12_000)
_SEMI = Recipe(
    model=_NAMING, data=Source(name="mnist", labels=100), steps=3000, batch=200, ema=0.99
)
_PLAIN = Recipe(
    model=replace(_STYLE, jolt=0.2, encoder_lr=1e-4),
    data=Source(name="mnist"),
    steps=4000,
    batch=128,
)
RECIPES = {
    "smoke": Recipe(
        model=replace(
            _NAMING, lr=2e-3, latent=3, heads=0.5, hidden=16, depth=1, judge=12, decay_steps=10
        ),
        data=Source(name="digits", labels=20),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    # every: an epoch
    "source": replace(_PLAIN, model=Config(), steps=30_000, batch=100, every=600, validate=5),
    "laptop": replace(_PLAIN, expects={"nearest": 0.95}),
    "supervised": replace(
        _PLAIN,
        model=replace(_STYLE, task="supervised", noise=0.3, decay_steps=5000),
        steps=5000,
        ema=0.999,
        expects={"linear": 0.3, "nearest": 0.4},
    ),
    "semi": replace(
        _SEMI, published={"error": Published(0.019, "its paper, table 2: 100 labels")}
    ),
    "semi1000": replace(
        _SEMI,
        data=Source(name="mnist", labels=1000),
        published={"error": Published(0.016, "its paper, table 2: 1,000 labels")},
    ),
    "paper": replace(_SEMI, model=replace(_WIDE, judge=1000, decay_steps=30_000), steps=30_000),
    "clusters": replace(
        _SEMI,
        model=replace(_WIDE, task="clusters", latent=2, agree=3.0, heads=0.3, growth=4500),
        data=Source(name="mnist"),
        steps=12_000,
        batch=100,
        ema=0.999,
        published={"error": Published(0.041, "its paper, table 3: 30 clusters")},
    ),
}
