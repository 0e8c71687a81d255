"""AdaIN: one pass paints any picture in the style of any other.

    t_k = spread(s_k) (c_k - mean(c_k)) / spread(c_k) + mean(s_k)      at the five stages k
    h_k = conv(up(h_k+1), t_k) * (1 + a_k(v)) + b_k(v)
    output = tanh(artanh(t_0) + conv(h_1)),   t_0 the same of lightness and two colour differences
    l = 0.1 mean (F_4 - c_4)^2 + sum_k w_k mean (G_k - S_k)^2,   o the same of the content itself
    L = mean l / (o + mean o) + 0.01 smooth TV                         means over the batch

c_k, s_k and F_k are the maps of content, style and output in the embedded perceptual network, in l
as loud as VGG's (losses/style.py), G_k and S_k Gram matrices, v all means and spreads of the
style. While it learns, the style of a picture is another picture of its batch, some with other
colours.

Axes: B batch, H W image sides, V width of v.
Paper: Huang & Belongie (2017), https://arxiv.org/abs/1703.06868
Departures: statistics are exchanged at five stages and in the picture itself, on which the decoder
only adds, not at relu4_1 alone; v also modulates the decoder, as in conditional instance
normalisation (Dumoulin et al. 2017, https://arxiv.org/abs/1610.07629); the loss is that of Gatys
et al., relative to the content's own; the encoder is the embedded network, a sixteenth of VGG-19.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
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
from sfumato.nn.recolouring import Recolour, chances, recoloured
from sfumato.nn.statistics import InstanceNorm, moments
from sfumato.recipe import Recipe
from sfumato.schedules import linear
from sfumato.schema import Schema
from sfumato.settings import Count, Fraction, NonNegative, Positive
from sfumato.shapes import Column, Images, Masks, Others, Scalar

STAGES = layers("embedded")
WIDTHS = PLANS["embedded"].widths
FRAME = 16
"""Pixels added around a picture: the deepest stride, so that tiles stay where they were."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what AdaIN is or how it learns."""

    width: Count = 16
    """Maps of the decoder at full size; 2, 4, 8 and 8 times as many at half, a quarter ..."""
    content_weight: NonNegative = 0.1
    """Of the content in the loss; the style's is 1."""
    smooth: NonNegative = 1.0
    """Weight of the differences between neighbouring pixels."""
    colours: Fraction = 0.5
    """Share of the styles whose colours are changed at random."""
    lr: Positive = 1e-3
    """Adam learning rate at the first step; it falls in a straight line to a hundredth."""
    decay_steps: Count = 10_000
    """Steps over which it falls."""


class AdaIN(Translator):
    """A decoder behind the frozen embedded perceptual network."""

    takes = ("reference",)
    graded = True
    least = 2

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        if schema.channels != 3:
            raise ConfigError("adain paints in colour; add --data.channels 3.")
        wide = [config.width * k for k in (1, 2, 4, 8, 8)]
        self.standard = nn.ModuleList(InstanceNorm() for _ in STAGES)
        self.recolour = Recolour()
        self.rise = nn.ModuleList(_conv(a, b) for a, b in zip(wide[1:], wide, strict=False))
        self.join = nn.ModuleList(_conv(w + s, w) for w, s in zip(wide, WIDTHS, strict=True))
        self.modulate = nn.ModuleList(nn.Linear(2 * sum(WIDTHS), 2 * w) for w in wide)
        self.paint = _conv(wide[0], 3)
        for weight in self.modulate.parameters():
            nn.init.zeros_(weight)
        self.join[-1] = _conv(WIDTHS[-1], wide[-1])
        self.paint.weight.data *= 0.1  # at first the picture is the content in the style's colours

    def translate(
        self,
        source: Images,
        *,
        mask: Masks | None = None,
        reference: Others | None = None,
        strength: float = 1.0,
    ) -> Images:
        """Pictures of `source` in the styles of `reference`, of any size, one or one each.

        `strength` 0 leaves the content's own statistics, 1 takes the style's.
        """
        if reference is None:
            raise ConfigError("adain needs a style: give it a reference.")
        # a frame that is cut off again, since convolutions pad with nothing at the border
        source = pad(source, (FRAME,) * 4, mode="replicate")
        ground = self.recolour(source, reference, strength)
        seen, statistics = self._see(source), self._statistics(reference)
        return self._decode(ground, seen, statistics, strength)[..., FRAME:-FRAME, FRAME:-FRAME]

    def training_step(self, batch: Batch, index: int) -> None:
        [optimizer] = self.players
        chance = self.draw(chances, len(batch.image))
        styles = recoloured(self.loop.others(batch.image), chance, self.config.colours)
        self.tell({"loss": self.descend(optimizer, self._loss, batch.image, styles)})

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`style_loss`: the loss of a pass over that of the content itself, so its floor is 1."""
        return style_loss(self._paired(*pair)[:2] for pair in couples(data, rng, self.device))

    def _loss(self, images: Images, styles: Images) -> Scalar:
        apart, own, painted = self._paired(images, styles)
        # a style that the content has already may not count without end
        relative = apart / (own + self.loop.gather(own).mean())
        return relative.mean() + self.config.smooth * 0.01 * total_variation(painted)

    def _paired(self, images: Images, styles: Images) -> tuple[Column, Column, Images]:
        """The loss of each painting, that of its content as it is, and the paintings."""
        weight = self.config.content_weight
        with torch.no_grad():
            seen, wanted = self._see(images), self._see(styles)
            grams = {name: gram(maps) for name, maps in wanted.items()}
            own = seen_apart(seen, seen, grams, weight)
        ground = self.recolour(images, styles)
        painted = self._decode(ground, seen, [moments(maps) for maps in wanted.values()], 1.0)
        return seen_apart(self._see(painted), seen, grams, weight), own, painted

    def _see(self, images: Images) -> dict[str, Tensor]:
        return stages(images, self.paint.weight.dtype)

    def _statistics(self, styles: Images) -> list[tuple[Tensor, Tensor]]:
        return [moments(maps) for maps in self._see(styles).values()]

    def _decode(
        self,
        ground: Images,
        seen: dict[str, Tensor],
        style: list[tuple[Tensor, Tensor]],
        strength: float,
    ) -> Images:
        first = next(iter(seen.values()))
        v = torch.cat([part.flatten(1) for pair in style for part in pair], 1).to(first.dtype)
        h = None
        for k in reversed(range(len(STAGES))):
            content = seen[STAGES[k]]
            mean, spread = (part.flatten(1) for part in style[k])
            t = self.standard[k](content, spread, mean)
            t = t if strength == 1 else content.lerp(t, strength)
            if h is not None:
                up = interpolate(self.rise[k](h).relu_(), scale_factor=2.0, mode="nearest")
                t = torch.cat([up[..., : t.shape[2], : t.shape[3]], t], 1)
            scale, shift = self.modulate[k](v)[:, :, None, None].chunk(2, 1)
            h = torch.addcmul(shift, self.join[k](t), 1 + scale).relu_()
        return (ground.atanh() + self.paint(h).float()).tanh()

    def pace(self, step: int) -> float:
        return linear(step, self.config.decay_steps)

    def configure_optimizers(self) -> Adam:
        return Adam(self.parameters(), lr=self.config.lr, fused=True)


def _conv(ins: int, outs: int) -> nn.Conv2d:
    return nn.Conv2d(ins, outs, 3, padding=1)


RECIPES = {
    "smoke": Recipe(
        model=Config(
            width=4, content_weight=0.2, smooth=0.5, colours=0.6, lr=2e-3, decay_steps=10
        ),
        data=Source(name="photos", side=32, count=40),
        steps=4,
        batch=4,
        every=2,
    ),
    "laptop": Recipe(
        model=Config(),
        data=Source(name="photos", side=128, flip=True),
        steps=10_000,
        batch=8,
    ),
    "source": Recipe(
        model=Config(lr=1e-4, decay_steps=160_000),
        data=Source(name="photos", side=256, flip=True),
        steps=160_000,
        batch=8,
    ),
}
