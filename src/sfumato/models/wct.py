"""WCT: a painter in any style that looks at its own painting and mends what is still apart.

    x_0 = the content in the style's colours
    d_k = S_k^(1/2) C_k^(-1/2) (f_k - mean f_k) + mean s_k - f_k      at the five stages k of x_t
    h_k = gate_k(f_k, v) * conv([up(conv(h_k+1)), d_k]);              at stage 4 also c_4 - f_4
    x_t+1 = tanh(artanh(x_t) + conv(h_1)),   t + 1 = 1 ... turns
    l = 0.1 mean (F_4 - c_4)^2 + sum_k w_k mean (G(F_k) - G(s_k))^2,   o the same of the content
    L = mean_t mean log (l / (o + 0.01 mean o) + 0.0001) + 0.03 smooth TV    means over the batch

c_k, s_k, f_k and F_k are the maps of content, style, x_t and x_t+1 in the embedded perceptual
network, in l as loud as VGG's (losses/style.py), C_k and S_k the covariances of f_k and s_k over
places, G a Gram matrix, v all means and spreads of the style. The decoder is linear in what is
apart: where nothing is, it paints nothing, and a turn is a learnt step of descent. While it
learns, the style of a picture is another picture of its batch, some with other colours; a turn
takes what it begins from as given.

Axes: B batch, H W image sides, V width of v.
Papers: whitening and colouring: Li et al. (2017), https://arxiv.org/abs/1705.08086; steps that are
learnt: Adler & Oktem (2017), https://arxiv.org/abs/1704.04058
Departures: one decoder paints all five stages at once, again and again, where the paper's five
paint one after the other; it learns the loss of Gatys et al., not to rebuild photographs; the
encoder is the embedded network, a sixteenth of VGG-19.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import interpolate, pad
from torch.optim import Adam

from sfumato.data.couples import couples
from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.losses.style import gram, seen_apart, total_variation
from sfumato.metrics.score import Score
from sfumato.metrics.style import style_loss
from sfumato.model import Translator
from sfumato.nn.perceptual import PLANS, layers, stages
from sfumato.nn.recolouring import MOST, Recolour, chances, recoloured
from sfumato.nn.whitening import Covaried, Moments, Whitening, covaried, inside
from sfumato.recipe import Recipe
from sfumato.schedules import linear
from sfumato.schema import Schema
from sfumato.settings import Count, Fraction, NonNegative, Positive
from sfumato.shapes import Column, Images, Masks, Others, Scalar

STAGES = layers("embedded")
WIDTHS = PLANS["embedded"].widths
HOLDS = STAGES.index("stage4")
"""The stage that holds the content."""
DEEP = 2
"""Stages from here on, counted from 0, convolve once more."""
FRAME = 16
"""Pixels added around a picture: the deepest stride, so that tiles stay where they were."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what WCT is or how it learns."""

    width: Count = 16
    """Maps of the decoder at full size; 2, 4, 8 and 8 times as many at half, a quarter ..."""
    turns: Count = 4
    """How often the painting is looked at and mended."""
    content_weight: NonNegative = 0.1
    """Of the content in the loss; the style's is 1."""
    smooth: NonNegative = 1.0
    """Weight of the differences between neighbouring pixels."""
    colours: Fraction = 0.5
    """Share of the styles whose colours are changed at random."""
    lr: Positive = 2e-3
    """Adam learning rate at the first step; it falls in a straight line to a hundredth."""
    decay_steps: Count = 20_000
    """Steps over which it falls."""


class WCT(Translator):
    """A decoder of what is apart, behind the frozen embedded perceptual network."""

    takes = ("reference",)
    graded = True
    least = 2

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        if schema.channels != 3:
            raise ConfigError("wct paints in colour; add --data.channels 3.")
        wide = [config.width * k for k in (1, 2, 4, 8, 8)]
        self.recolour = Recolour()
        # statistics may be held, those of the content and of each turn and stage apart
        self.own = nn.ModuleList(Covaried() for _ in STAGES)
        self.whiten = nn.ModuleList(Whitening() for _ in range(config.turns * len(STAGES)))
        self.stages = nn.ModuleList(
            _Stage(
                WIDTHS[k] * (1 + (k == HOLDS)), WIDTHS[k], wide[k], wide[k + 1 : k + 2], k >= DEEP
            )
            for k in range(len(STAGES))
        )
        self.paint = _conv(wide[0], 3)
        self.paint.weight.data *= 0.3  # at first a turn changes little

    def translate(
        self,
        source: Images,
        *,
        mask: Masks | None = None,
        reference: Others | None = None,
        strength: float = 1.0,
    ) -> Images:
        """Pictures of `source` in the styles of `reference`, of any size, one or one each.

        `strength` 0 asks for the content's own statistics, 1 for the style's.
        """
        if reference is None:
            raise ConfigError("wct needs a style: give it a reference.")
        # a frame that is cut off again, since convolutions pad with nothing at the border
        ground = _framed(self.recolour(source, reference, strength))
        seen = self._see(_framed(source))
        wanted = [covaried(maps) for maps in self._see(reference).values()]
        if strength != 1:
            own = (self.own[k](maps, FRAME >> k) for k, maps in enumerate(seen.values()))
            wanted = [o.towards(w, strength) for o, w in zip(own, wanted, strict=True)]
        *_, painted = self._turns(ground, seen[STAGES[HOLDS]], wanted, FRAME)
        return inside(painted, FRAME)

    def training_step(self, batch: Batch, index: int) -> None:
        [optimizer] = self.players
        chance = self.draw(chances, len(batch.image))
        styles = recoloured(self.loop.others(batch.image), chance, self.config.colours)
        self.tell({"loss": self.descend(optimizer, self._loss, batch.image, styles)})

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`style_loss`: the loss of a pass over that of the content itself, so its floor is 1."""
        told = (self._told(*pair) for pair in couples(data, rng, self.device))
        return style_loss((list(turns)[-1][0], own) for turns, own in told)

    def _loss(self, images: Images, styles: Images) -> Scalar:
        turns, own = self._told(images, styles)
        usual, loss = self.loop.gather(own).mean(), own.new_zeros(())
        for apart, painted in turns:
            # a style that the content has already may not count without end
            relative = apart / (own + 0.01 * usual)
            rough = self.config.smooth * 0.03 * total_variation(painted)
            loss = loss + (relative + 1e-4).log().mean() + rough
        return loss / self.config.turns

    def _told(
        self, images: Images, styles: Images
    ) -> tuple[Iterator[tuple[Column, Images]], Column]:
        """Of each turn the losses and the paintings; and the losses of contents as they are."""
        weight = self.config.content_weight
        with torch.no_grad():
            seen, style = self._see(images), self._see(styles)
            grams = {name: gram(maps) for name, maps in style.items()}
            own = seen_apart(seen, seen, grams, weight)
            wanted = [covaried(maps) for maps in style.values()]
            ground = self.recolour(images, styles)
        turns = self._turns(ground, seen[STAGES[HOLDS]], wanted)
        return ((seen_apart(self._see(x), seen, grams, weight), x) for x in turns), own

    def _turns(
        self, ground: Images, content: Tensor, wanted: list[Moments], frame: int = 0
    ) -> Iterator[Images]:
        """The painting after each turn; its frame, in pixels, does not count for statistics."""
        v = torch.cat([n for w in wanted for n in (w.mean.flatten(1), w.spread())], 1)
        v, colours = v.to(content.dtype), [w.coloured() for w in wanted]
        painted = ground
        whiten = iter(self.whiten)
        for _ in range(self.config.turns):
            begun = painted.detach().clamp(-MOST, MOST)
            with torch.no_grad():
                seen = self._see(begun)
            h = None
            for k in reversed(range(len(STAGES))):
                maps = seen[STAGES[k]]
                apart = [next(whiten)(maps, colours[k], frame >> k)]
                apart += [content - maps] if k == HOLDS else []
                h = self.stages[k](apart, maps, v, h)
            painted = (begun.atanh() + self.paint(h).float()).tanh()
            yield painted

    def _see(self, images: Images) -> dict[str, Tensor]:
        return stages(images, self.paint.weight.dtype)

    def pace(self, step: int) -> float:
        return linear(step, self.config.decay_steps)

    def configure_optimizers(self) -> Adam:
        return Adam(self.parameters(), lr=self.config.lr, fused=True)


class _Stage(nn.Module):
    """A stage on the way to the pixels: linear in what is apart, gated by what is seen."""

    def __init__(self, apart: int, sees: int, wide: int, below: list[int], deep: bool) -> None:
        super().__init__()
        self.rise = nn.ModuleList(_conv(deeper, wide) for deeper in below)
        self.join = _conv(apart + wide * len(below), wide)
        self.more = nn.ModuleList(_conv(wide, wide) for _ in range(deep))
        gates = wide * (1 + deep)
        self.look, self.style = nn.Conv2d(sees, gates, 1), nn.Linear(2 * sum(WIDTHS), gates)
        for layer in (*self.more, self.style):
            for weight in layer.parameters():
                nn.init.zeros_(weight)

    def forward(
        self, apart: list[Tensor], maps: Tensor, v: Float[Tensor, "B V"], h: Tensor | None
    ) -> Tensor:
        for rise in self.rise:
            up = interpolate(rise(h), scale_factor=2.0, mode="nearest")
            apart = [up[..., : maps.shape[2], : maps.shape[3]], *apart]
        gates = self.look(maps).add_(self.style(v)[:, :, None, None]).sigmoid_()
        first, *rest = gates.split(self.join.out_channels, 1)
        h = self.join(torch.cat(apart, 1)) * first
        for more, gate in zip(self.more, rest, strict=True):
            h = torch.addcmul(h, more(h), gate)
        return h


def _framed(images: Images) -> Others:
    return pad(images, (FRAME,) * 4, mode="replicate")


def _conv(ins: int, outs: int) -> nn.Conv2d:
    """Without a bias: nothing comes of nothing."""
    return nn.Conv2d(ins, outs, 3, padding=1, bias=False)


RECIPES = {
    "smoke": Recipe(
        model=Config(
            width=4, turns=2, content_weight=0.2, smooth=0.5, colours=0.6, lr=1e-3, decay_steps=10
        ),
        data=Source(name="photos", side=32, count=40),
        steps=4,
        batch=4,
        every=2,
    ),
    "laptop": Recipe(
        model=Config(decay_steps=1_500),
        data=Source(name="photos", side=128, flip=True),
        steps=1_500,
        batch=4,
        clip=1.0,
    ),
    "source": Recipe(
        model=Config(lr=1e-3, decay_steps=160_000),
        data=Source(name="photos", side=256, flip=True),
        steps=160_000,
        batch=8,
        clip=1.0,
    ),
}
