"""CycleGAN: two painters turn two kinds of pictures into each other, and back to where they were.

    F: A -> B, G: B -> A       D_A, D_B judge patches of pictures of each kind
    L_F,G = weight * (game's painter of D_B(F(a)) + of D_A(G(b)))
          + cycle * (mean |G(F(a)) - a| + mean |F(G(b)) - b|)
          + cycle * identity * (mean |G(a) - a| + mean |F(b) - b|)
    L_D   = game's judge of D_B(b, F(a)) + of D_A(a, G(b)), painted ones out of a pool
            + penalty_weight * the penalty of each

Axes: B batch, C image channels, H W image sides; a judge gives a logit for each patch.
Papers: Zhu, Park, Isola & Efros (2017), https://arxiv.org/abs/1703.10593, sections 3, 4 and 7.1;
game `wasserstein` with penalty `wgan_gp`: Gulrajani et al. (2017),
https://arxiv.org/abs/1704.00028
Departures: the family's least squares are half the painter's published ones, which the weight 2
makes good; no bias where a norm takes it away; any size is translated, mirrored at the edge up to
what can be halved.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Generator, nn
from torch.nn.functional import l1_loss
from torch.optim import Adam

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.errors import DataError
from sfumato.losses.adversarial import GAMES, GameName
from sfumato.losses.penalties import PENALTIES, Chances, PenaltyName, chances
from sfumato.metrics.distortion import psnr
from sfumato.metrics.pairs import others
from sfumato.metrics.score import Score
from sfumato.model import Translator
from sfumato.nn.edges import completed
from sfumato.nn.init import normal_002
from sfumato.nn.patches import Patch, Verdicts, patches, room_for
from sfumato.nn.players import adams
from sfumato.nn.pool import Pool
from sfumato.nn.residual import Residual
from sfumato.recipe import Recipe
from sfumato.schedules import linear
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Images, Logits, Masks, Others, Resized, Scalar

HELD = 256
"""Held-out pictures of each kind that `measure` looks at."""
LEAST = 8
"""Smallest side that the painters can be shown."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the four networks are or how they learn."""

    width: Count = 64
    """Maps of a painter at full size, and of a judge's first layer."""
    blocks: Count = 9
    """Residual blocks; the paper takes 6 up to 128 pixels."""
    patch: Patch = 70
    """Side in pixels of the patches that are judged."""
    game: GameName = "least_squares"
    """What painters and judges want of each other."""
    penalty: PenaltyName = "none"
    """What a judge pays for on its gradient; `wgan_gp` belongs to the game `wasserstein`."""
    penalty_weight: NonNegative = 10.0
    """How much it pays."""
    adversarial: NonNegative = 2.0
    """Weight of the game in the painters' loss."""
    cycle: NonNegative = 10.0
    """Weight of the way there and back."""
    identity: NonNegative = 0.5
    """Share of that for leaving alone what is of the right kind already."""
    pool: Annotated[int, Ge(0)] = 50
    """Painted pictures of each kind that are kept to be judged later."""
    turns: Count = 1
    """Batches the judges learn from until the painters learn too, from the last of them."""
    lr: Positive = 2e-4
    """Adam learning rate of all."""
    beta1: Decay = 0.5
    """Adam first-moment decay."""
    hold: Annotated[int, Ge(0)] = 100_000
    """Steps before the learning rate begins to fall."""
    fade: Count = 100_000
    """Steps over which it falls to nothing, in a straight line."""


class CycleGAN(Translator):
    """Two painters and two judges."""

    needs = ("image", "target")
    ways = ("B", "A")

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        c, channels = config, schema.channels
        _check(schema)
        room_for(c.patch, min(schema.shape[1:]))
        self.painters = nn.ModuleDict({way: _painter(c, channels) for way in self.ways})
        self.judges = nn.ModuleDict(
            {way: patches(channels, c.width, c.patch, nn.InstanceNorm2d) for way in self.ways}
        )
        self.pools = {way: Pool(c.pool) for way in self.ways}
        self.apply(normal_002)

    def wanted(self, batch: Batch) -> None:
        """Nothing says what a picture should become: targets belong to other pictures."""

    def translate(
        self,
        source: Images,
        *,
        mask: Masks | None = None,
        reference: Others | None = None,
        to: str = "B",
    ) -> Resized:
        return completed(partial(self._paint, to), source, 4, least=LEAST).float()

    def judge(self, kind: str, images: Images) -> Verdicts:
        """How much each patch looks like pictures of that kind; all patches in a row."""
        return self.judges[kind](images).flatten()

    def training_step(self, batch: Batch, index: int) -> None:
        for_judges, for_painters = self.players
        real = {"A": batch.image, "B": batch.target}
        painted = {"B": self._paint("B", real["A"]), "A": self._paint("A", real["B"])}
        rows = [real["A"], real["B"], painted["A"], painted["B"]]
        if (self.step + 1) % self.config.turns == 0:
            loss = self.descend(for_painters, self._painters_loss, *rows)
            self.tell({"loss/painters": loss})
        old = [self._older(way, painted[way].detach()) for way in ("A", "B")]
        draws = self.draw(chances(self.schema.shape), len(batch.image))
        loss = self.descend(for_judges, self._judges_loss, *rows[:2], *old, draws)
        self.tell({"loss/judges": loss})

    def _older(self, kind: str, painted: Images) -> Images:
        """What the pool, the same in all processes, shows a judge instead of these."""
        whole = self.loop.gather(painted)
        return self.loop.share(self.pools[kind].exchange(whole, self.rng))

    def _paint(self, to: str, images: Images) -> Images:
        return self.painters[to](images).tanh()

    def _painters_loss(self, a: Images, b: Images, like_a: Images, like_b: Images) -> Scalar:
        c, game = self.config, GAMES[self.config.game]
        fooled = game.painter(self.judge("A", like_a)) + game.painter(self.judge("B", like_b))
        back = l1_loss(self._paint("A", like_b).float(), a)
        back = back + l1_loss(self._paint("B", like_a).float(), b)
        loss = c.adversarial * fooled + c.cycle * back
        if not c.identity:
            return loss
        kept = l1_loss(self._paint("A", a).float(), a) + l1_loss(self._paint("B", b).float(), b)
        return loss + c.cycle * c.identity * kept

    def _judges_loss(
        self, a: Images, b: Images, like_a: Images, like_b: Images, draws: Chances
    ) -> Scalar:
        c, total = self.config, a.new_zeros(())
        for way, real, painted in (("A", a, like_a), ("B", b, like_b)):
            verdicts = self.judge(way, real), self.judge(way, painted)
            penalty = PENALTIES[c.penalty](self._mean(way), real, painted, draws)
            total = total + GAMES[c.game].judge(*verdicts, 0.0) + c.penalty_weight * penalty
        return total

    def _mean(self, kind: str) -> Any:
        """A judge's mean verdict on each picture, for penalties."""

        def judging(images: Images) -> Logits:
            return self.judges[kind](images).mean((1, 2, 3))

        return judging

    def pace(self, step: int) -> float:
        return linear(max(0, step - self.config.hold), self.config.fade, least=0.0)

    def configure_optimizers(self) -> list[Adam]:
        c = self.config
        return adams((self.judges, c.lr), (self.painters, c.lr), beta1=c.beta1)

    def memory(self) -> dict[str, Any]:
        """The pools."""
        return {way: list(pool.kept) for way, pool in self.pools.items()}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Fill the pools as they were."""
        for way, pool in self.pools.items():
            pool.kept = list(memory[way])

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`cycle_A` and `cycle_B`: PSNR of held-out pictures there and back.

        Their floor is the mean of the other pictures.

        High where the way back finds in a translation all it needs, seen or unseen.
        """
        batch = data.batch(torch.arange(min(HELD, len(data))))
        found = {}
        for kind, way, images in (("A", "B", batch.image), ("B", "A", batch.target)):
            there = [self.translate(part.to(self.device), to=way) for part in images.split(16)]
            back = torch.cat([self.translate(part, to=kind).cpu() for part in there])
            mean = others(images, images.mean(0, keepdim=True), len(images))
            value, floor = (float(psnr(one, images).mean()) for one in (back, mean))
            found[f"cycle_{kind}"] = Score(value, floor, n=len(images))
        return found


def _check(schema: Schema) -> None:
    _, height, width = schema.shape
    if height % 4 or width % 4 or min(height, width) < LEAST:
        fits = max(LEAST, min(height, width) // 4 * 4)
        raise DataError(
            f"cyclegan halves sides twice, so they must be multiples of 4 from {LEAST} on, not "
            f"{width}x{height}; try --data.side {fits}."
        )


def _painter(c: Config, channels: int) -> nn.Sequential:
    """7 x 7, two halvings, residual blocks, two doublings, 7 x 7 (section 7.1); no last tanh."""
    w = c.width
    return nn.Sequential(
        *_normed(w, nn.ReflectionPad2d(3), nn.Conv2d(channels, w, 7, bias=False)),
        *_normed(2 * w, nn.Conv2d(w, 2 * w, 3, stride=2, padding=1, bias=False)),
        *_normed(4 * w, nn.Conv2d(2 * w, 4 * w, 3, stride=2, padding=1, bias=False)),
        *(_block(4 * w) for _ in range(c.blocks)),
        *_normed(2 * w, _doubling(4 * w)),
        *_normed(w, _doubling(2 * w)),
        nn.ReflectionPad2d(3),
        nn.Conv2d(w, channels, 7),
    )


def _normed(maps: int, *layers: nn.Module) -> Iterator[nn.Module]:
    """The layers, each map of each picture normalised, and a rectifier."""
    return chain(layers, [nn.InstanceNorm2d(maps), nn.ReLU()])


def _block(maps: int) -> Residual:
    first = _normed(maps, nn.ReflectionPad2d(1), nn.Conv2d(maps, maps, 3, bias=False))
    second = nn.ReflectionPad2d(1), nn.Conv2d(maps, maps, 3, bias=False), nn.InstanceNorm2d(maps)
    return Residual(*first, *second)


def _doubling(maps: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(
        maps, maps // 2, 3, stride=2, padding=1, output_padding=1, bias=False
    )


SIGNS = (
    *("limit-20", "limit-30", "limit-50", "limit-60", "limit-70", "limit-80", "limit-100"),
    *("limit-120", "priority", "yield", "stop", "no-vehicles", "no-entry", "caution"),
    *("limits-end", "right", "left", "ahead", "keep-right", "keep-left"),
)
"""Kinds of traffic signs that are drawn."""

RECIPES = {
    "smoke": Recipe(
        model=Config(
            width=4,
            blocks=1,
            patch=16,
            game="non_saturating",
            penalty="wgan_gp",
            penalty_weight=5.0,
            adversarial=1.0,
            cycle=5.0,
            identity=0.1,
            pool=6,
            turns=2,
            lr=1e-3,
            beta1=0.4,
            hold=2,
            fade=4,
        ),
        data=Source(name="signs", side=16, count=60, other="photos"),
        steps=4,
        batch=4,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=Config(width=24, blocks=3, hold=2_500, fade=2_500),
        data=Source(name="signs", side=32, other="gtsrb", classes=SIGNS),
        steps=5_000,
        batch=4,
        ema=0.999,
    ),
    "wasserstein": Recipe(
        model=Config(
            width=24,
            blocks=3,
            game="wasserstein",
            penalty="wgan_gp",
            adversarial=1.0,
            hold=2_500,
            fade=2_500,
        ),
        data=Source(name="signs", side=32, other="gtsrb", classes=SIGNS),
        steps=5_000,
        batch=4,
        ema=0.999,
    ),
    "source": Recipe(
        model=Config(),
        data=Source(name="signs", side=256, other="gtsrb"),
        steps=200_000,
        batch=1,
    ),
}
