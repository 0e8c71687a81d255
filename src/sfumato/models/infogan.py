"""InfoGAN: part of the noise must be readable in the picture, and comes to mean something.

    c = category, codes      category one of K, codes ~ U[-1, 1], beside unstructured noise z
    G: z, c   ->  image      L_G = painter's side of the game         + information * R
    D: image  ->  logit      L_D = judge's side + weight * penalty    + information * R
    Q: image  ->  p(c)       R   = E[-log Q(c | G(z, c))],   I(c; G(z, c)) >= H(c) - R

Axes: B batch, C image channels, S image side in pixels, Z latent width (noise, category, codes),
K categories, V codes.
Paper: Chen et al. (2016), https://arxiv.org/abs/1606.03657, equations 5 and 6, appendix C.1
Departures: z is normal where the paper's is uniform; tanh ends the painter where the paper's has a
sigmoid, as images are in [-1, 1]; layers before a batch norm have no bias; a gradient penalty.
Labels, where the data has some, give the categories the names of classes, and teach nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import e, log, pi
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.optim import Adam

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.losses.adversarial import GAMES, GameName
from sfumato.losses.penalties import PENALTIES, Chances, PenaltyName, chances
from sfumato.metrics.clusters import confusion, matched_error
from sfumato.metrics.score import Score
from sfumato.metrics.strokes import breadth, slant, thickness
from sfumato.model import Classifier, Judge, Sampler
from sfumato.nn.init import normal_002
from sfumato.nn.ladder import falling, rising
from sfumato.nn.naming import LOOK, Naming
from sfumato.nn.players import adams
from sfumato.nn.pyramid import doublings
from sfumato.recipe import Published, Recipe
from sfumato.schema import Axis, Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Codes, Features, Images, Labels, Latents, Logits, Scalar, Scores

SLOPE = 0.1
"""Of the judge's leaky ReLU (appendix C)."""
FACTORS = (slant, thickness, breadth)
"""What a continuous code may move, as numbers."""
PAINTED = 4000
"""Images whose codes `measure` reads."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what InfoGAN is or how it learns."""

    noise: Count = 62
    """Width of the unstructured noise."""
    categories: Annotated[int, Ge(2)] = 10
    """Values of the categorical code."""
    codes: Count = 2
    """Continuous codes."""
    width: Count = 64
    """Feature maps at half resolution; doubles each time the side halves."""
    hidden: Count = 1024
    """Units of the dense layers of painter and judge."""
    reader: Count = 128
    """Units of the layer that only the reading of codes has."""
    information: NonNegative = 1.0
    """Weight of the mutual information between codes and image."""
    codes_weight: NonNegative = 1.0
    """Share of the continuous codes in it."""
    deviation: Literal["fixed", "learned"] = "fixed"
    """Of a code, given the image: 1, as in the authors' program, or read from the image too."""
    game: GameName = "non_saturating"
    """What painter and judge want of each other."""
    penalty: PenaltyName = "wgan_gp"
    """On the judge's gradient with respect to images."""
    penalty_weight: NonNegative = 1.0
    """Weight of the penalty in the judge's loss."""
    lr: Positive = 1e-3
    """Adam learning rate of the painter."""
    judge_lr: Positive = 2e-4
    """Adam learning rate of the judge and the reader."""
    beta1: Decay = 0.5
    """Adam first-moment decay."""


class InfoGAN(Sampler, Judge, Classifier):
    """A painter, and a judge that shares its layers with a reader of the code."""

    uses = ("label",)
    unnamed = True

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        c, (bottom, doubled) = config, doublings(schema.side)
        maps = [c.width << i for i in range(doubled)]
        self.normal = slice(0, c.noise)
        self.generator = _generator(c, maps[::-1], bottom, schema.channels)
        self.discriminator = _discriminator(c, maps, bottom, schema.channels)
        self.verdict = nn.Linear(c.hidden, 1)
        self.reader = _reader(c)
        self.naming = Naming(c.categories, len(schema.classes))
        self.apply(normal_002)

    @property
    def axes(self) -> tuple[Axis, ...]:
        c = self.config
        first = c.noise + c.categories
        codes = (Axis(f"code{i + 1}", first + i) for i in range(c.codes))
        return (Axis("category", c.noise, c.categories), *codes)

    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        c, device = self.config, self.device
        noise = torch.randn(count, c.noise, device=device, generator=rng)
        category = torch.randint(c.categories, (count,), device=device, generator=rng)
        codes = torch.rand(count, c.codes, device=device, generator=rng)
        return torch.cat([noise, one_hot(category, c.categories), 2 * codes - 1], 1)

    def generate(self, latents: Latents) -> Images:
        return self.generator(latents)

    def judge(self, images: Images) -> Logits:
        return self.verdict(self.features(images)).flatten()

    def features(self, images: Images) -> Features:
        return self.discriminator(images)

    def logits(self, images: Images) -> Scores:
        """Of the classes that the categories were seen to be, or of these where there are none."""
        return self.naming(self.read(images)[0])

    def read(self, images: Images) -> tuple[Scores, Codes, Codes]:
        """Q: unnormalised log-probabilities of the categories; each code's mean and deviation."""
        return self._read(self.features(images))

    def _read(self, seen: Features) -> tuple[Scores, Codes, Codes]:
        c = self.config
        answer = self.reader(seen).float()
        scores, codes = answer[:, : c.categories], answer[:, c.categories :]
        mean, *spread = codes.split(c.codes, 1)
        return scores, mean, spread[0].exp() if spread else torch.ones_like(mean)

    def training_step(self, batch: Batch, index: int) -> None:
        for_d, for_g = self.players
        latents = self.draw(self.prior, len(batch.image))
        draws = self.draw(chances(self.schema.shape), len(batch.image))
        fake = self.generate(latents)
        rows = batch.image, fake.detach(), latents, draws
        d_loss = self.descend(for_d, self._judge_loss, *rows)
        g_loss = self.descend(for_g, self._painter_loss, fake, latents)
        self.tell({"loss/discriminator": d_loss, "loss/generator": g_loss})
        if batch.label is not None and (self.step + 1) % LOOK == 0:
            self._look(batch.image, batch.label)

    def _judge_loss(self, real: Images, fake: Images, latents: Latents, draws: Chances) -> Scalar:
        c = self.config
        seen = self.features(fake)
        loss = GAMES[c.game].judge(self.judge(real), self.verdict(seen).flatten(), 0.0)
        slope = PENALTIES[c.penalty](self.judge, real, fake, draws)
        return loss + c.penalty_weight * slope + self._unread(seen, latents)

    def _painter_loss(self, fake: Images, latents: Latents) -> Scalar:
        seen = self.features(fake)
        loss = GAMES[self.config.game].painter(self.verdict(seen).flatten())
        return loss + self._unread(seen, latents)

    def _unread(self, seen: Features, latents: Latents) -> Scalar:
        """-log Q(c | image) in nats, weighed: what both players bring down (equation 6)."""
        c = self.config
        scores, mean, deviation = self._read(seen)
        _, category, codes = self._parts(latents)
        missed = ((codes - mean) / deviation).square() / 2 + deviation.log() + log(2 * pi) / 2
        category_nats, code_nats = cross_entropy(scores, category), missed.sum(1).mean()
        return c.information * (category_nats + c.codes_weight * code_nats)

    def _parts(self, latents: Latents) -> tuple[Tensor, Tensor, Tensor]:
        """Unstructured noise, the category one-hot, and the codes."""
        c = self.config
        noise, category, codes = latents.split([c.noise, c.categories, c.codes], 1)
        return noise, category, codes

    @torch.no_grad()
    def _look(self, images: Images, labels: Labels) -> None:
        """Count which classes each category is read from."""
        self.eval()
        found = self.read(images)[0].argmax(1)
        self.train()
        self.naming.look(found, labels)

    def configure_optimizers(self) -> list[Adam]:
        c, judging = self.config, (self.discriminator, self.verdict, self.reader)
        return adams((judging, c.judge_lr), (self.generator, c.lr), beta1=c.beta1)

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """What the codes tell of painted images, what they move, and whether they are classes."""
        latents = self.prior(PAINTED, rng)
        images = torch.cat([self.generate(part).float() for part in latents.split(500)])
        return self._told(latents, images) | self._moved(latents, images) | self._matched(data)

    def _told(self, latents: Latents, images: Images) -> dict[str, Score]:
        """`information`: the bound of equation 5 for all codes, in nats; of the category alone."""
        _, category, codes = self._parts(latents)
        read = [self.read(part)[:2] for part in images.split(500)]
        scores, mean = (torch.cat(part) for part in zip(*read, strict=True))
        whole = log(self.config.categories)
        nats = {"category": whole - float(cross_entropy(scores, category))}
        # of a Gaussian around the mean read, as wide as what is missed; H(code) is log 2
        missed = (codes - mean).square().mean(0)
        left = log(2) - (2 * pi * e * missed).log() / 2
        nats |= {f"code{i + 1}": float(value) for i, value in enumerate(left)}
        parts, n = ", ".join(f"{name} {value:.2f}" for name, value in nats.items()), len(images)
        return {
            "information": Score(sum(nats.values()), floor=0.0, n=n, note=parts),
            "category_information": Score(nats["category"], floor=0.0, ceiling=whole, n=n),
        }

    def _moved(self, latents: Latents, images: Images) -> dict[str, Score]:
        """`code1` and so on: how closely a factor of handwriting follows each, for grey images.

        The size of their correlation within a category, each code with a factor of its own; the
        floor is what that factor has to do with a number of the unstructured noise.
        """
        if self.schema.channels != 1:
            return {}
        noise, category, codes = self._parts(latents)
        factors = torch.stack([measure(images) for measure in FACTORS], 1)
        from scipy.optimize import linear_sum_assignment  # slow to import

        follows = _correlation(codes, factors, category).abs().cpu()
        idle = _correlation(noise, factors, category).abs().mean(0).cpu()
        found = {}
        for code, own in zip(*linear_sum_assignment(follows, maximize=True), strict=True):
            each = zip(FACTORS, follows[code], strict=True)
            note = ", ".join(f"{factor.__name__} {float(r):.2f}" for factor, r in each)
            value, floor = float(follows[code, own]), float(idle[own])
            found[f"code{code + 1}"] = Score(value, floor, 1.0, n=len(images), note=note)
        return found

    def _matched(self, data: Dataset) -> dict[str, Score]:
        """`code_error`: held-out images outside the class matched to the category read."""
        if "label" not in data.fields:
            return {}
        table = torch.zeros(self.config.categories, len(data.schema.classes), dtype=torch.long)
        for rows in torch.arange(len(data)).split(1000):
            batch = data.batch(rows)
            found = self.read(batch.image.to(self.device))[0].argmax(1).cpu()
            table += confusion(found, batch.label, (table.shape[0], table.shape[1]))
        floor = 1 - int(table.sum(0).max()) / len(data)
        error = Score(matched_error(table), floor, 0.0, n=len(data), better="lower")
        return {"code_error": error}


def _correlation(ones: Tensor, others: Tensor, category: Tensor) -> Tensor:
    """Pearson's, of each column of `ones` with each of `others`, category means taken off."""

    def rest(columns: Tensor) -> Tensor:
        means = category.T @ columns / category.sum(0).clamp_min(1)[:, None]
        left = columns - category @ means
        return left / left.norm(dim=0).clamp_min(1e-12)

    return rest(ones).T @ rest(others)


def _generator(c: Config, maps: list[int], bottom: int, channels: int) -> nn.Sequential:
    """Latents, two dense layers, then doublings up to C x S x S."""
    latent = c.noise + c.categories + c.codes
    layers: list[nn.Module] = [*_normed(latent, c.hidden), nn.ReLU()]
    layers += [nn.Linear(c.hidden, maps[0] * bottom**2, bias=False)]
    layers += [nn.Unflatten(1, (maps[0], bottom, bottom))]
    return nn.Sequential(*layers, *rising(maps, channels), nn.Tanh())


def _discriminator(c: Config, maps: list[int], bottom: int, channels: int) -> nn.Sequential:
    """C x S x S, halvings, one dense layer: all that verdict and reader share."""
    return nn.Sequential(
        *(*falling(channels, maps, slope=SLOPE), nn.Flatten()),
        *(*_normed(maps[-1] * bottom**2, c.hidden), nn.LeakyReLU(SLOPE)),
    )


def _reader(c: Config) -> nn.Sequential:
    """What the shared layers saw: scores of the categories, means of codes, log deviations."""
    answers = c.categories + c.codes * (2 if c.deviation == "learned" else 1)
    layers = [*_normed(c.hidden, c.reader), nn.LeakyReLU(SLOPE), nn.Linear(c.reader, answers)]
    return nn.Sequential(*layers)


def _normed(inputs: int, units: int) -> list[nn.Module]:
    return [nn.Linear(inputs, units, bias=False), nn.BatchNorm1d(units)]


RECIPES = {
    "smoke": Recipe(
        model=Config(
            noise=6,
            categories=4,
            codes=3,
            width=4,
            hidden=16,
            reader=8,
            codes_weight=0.5,
            deviation="learned",
        ),
        data=Source(name="digits", side=16),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=Config(noise=16, width=32, hidden=512, penalty="none", judge_lr=5e-4),
        data=Source(name="mnist"),
        steps=6_000,
        batch=64,
        ema=0.999,
        published={
            "code_error": Published(0.05, "Chen et al., section 7.2: digits by their category")
        },
    ),
    "source": Recipe(
        model=Config(),
        data=Source(name="mnist"),
        steps=5_000,
        batch=128,
    ),
}
