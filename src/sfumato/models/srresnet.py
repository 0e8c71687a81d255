"""SRResNet: residual blocks at the small side, then sub-pixel enlargement; or repair.

    x = degraded(y)           y a sharp image, x what is left of it
    seen = head(folded(x));   G(x) = enlarged(x) * base + tail(shuffles(seen + blocks(seen)))
    L = |G(x) - y|^2, or |G(x) - y|, mean over pixels

Axes: B batch, C image channels, S image side in pixels; x has side S / scale.
Paper: Ledig et al. (2017), SRGAN, https://arxiv.org/abs/1609.04802, figure 4, section 3.2;
blocks without batch norm, absolute error, quarter turns: Lim et al. (2017),
https://arxiv.org/abs/1707.02921; `fold`: Zhang et al. (2018), FFDNet,
https://arxiv.org/abs/1710.04026, section III.A
Departures: the small images are rounded to 8 bits, as a file would be; `base` adds the bicubic
enlargement, so that the network draws only what that misses; `shuffles` may enlarge in one go; at
scale 1 the same network takes away what JPEG or a blur did.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import l1_loss, mse_loss
from torch.optim import Adam

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.imaging.degradation import blurred, compressed
from sfumato.io.images import rounded
from sfumato.model import Translator
from sfumato.nn.resize import shrink
from sfumato.nn.subpixel import Base, Normed, Shuffles, Subpixel, divides, planned
from sfumato.randomness import generator
from sfumato.recipe import Recipe
from sfumato.schedules import cosine
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Images, Labels, Masks, Resized, Scalar

Chances = Float[Tensor, "B 2"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the network is or how it learns."""

    scale: Literal[1, 2, 4] = 4
    """How many times larger each side of the result is; 1 repairs."""
    blur: NonNegative = 0.0
    """Widest Gaussian blur of an image before it is shrunk, a deviation in pixels; the faintest
    is a quarter of it.
    """
    worst: Annotated[int, Ge(1), Le(100)] = 100
    """Lowest JPEG quality of what is left; 100 leaves it uncompressed."""
    best: Annotated[int, Ge(1), Le(100)] = 100
    """Highest JPEG quality."""
    width: Count = 64
    """Feature maps."""
    blocks: Count = 16
    """Residual blocks."""
    norm: Normed = "batch"
    """Batch norm behind each convolution of a block, or nothing."""
    kernel: Literal[3, 5, 9] = 9
    """Side of the first and the last kernel."""
    shuffles: Shuffles = "doublings"
    """Whether maps become pixels by doubling the side, time and again, or all at once."""
    base: Base = "nothing"
    """What the network's drawing is added to."""
    fold: Literal[1, 2, 4] = 1
    """Side of the squares of pixels that enter as one place: wider looks further for less."""
    loss: Literal["squared", "absolute"] = "squared"
    """Of a pixel."""
    turn: bool = False
    """Whether each image that is learned from is turned by quarters, drawn anew; one that is not
    square by halves.
    """
    lr: Positive = 1e-4
    """Adam learning rate at the first step."""
    beta1: Decay = 0.9
    """Adam first-moment decay."""
    decay_steps: Count | None = None
    """Steps over which it falls, along half a cosine, to a hundredth; none leaves it."""


class SRResNet(Translator):
    """A network that never sees more than it must draw."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        _check(config, schema)
        self.scale = config.scale
        self.generator = Subpixel(planned(config, schema.channels))
        self.reach, self.multiple = self.generator.reach, config.fold

    def translate(
        self, source: Images, *, mask: Masks | None = None, reference: Images | None = None
    ) -> Resized:
        return self.generator(source).clamp(-1, 1).float()

    def given(self, batch: Batch, rng: Generator | None = None) -> Resized:
        rng = rng or generator(0, "given", device=self.device)
        return self.degrade(batch.image, self._chances(len(batch.image), rng))

    def wanted(self, batch: Batch) -> Images:
        return batch.image

    def degrade(self, images: Images, chances: Chances) -> Resized:
        """What is left of sharp images: smaller, blurred or compressed, and rounded to 8 bits.

        `chances` in [0, 1) say of each image how much it is blurred, and how well it is kept.
        """
        c, (blur, quality) = self.config, chances.unbind(1)
        if c.blur:
            # a fainter one harms so little that any repair is worse
            images = blurred(images, c.blur * (1 + 3 * blur) / 4)
        images = rounded(shrink(images, c.scale))
        if c.worst < 100:
            images = compressed(images, (c.worst + (c.best - c.worst) * quality).round().int())
        return images

    def _chances(self, count: int, rng: Generator | None = None) -> Chances:
        return torch.rand(count, 2, device=self.device, generator=rng)

    def training_step(self, batch: Batch, index: int) -> None:
        [optimizer] = self.players
        sharp = self._turned(batch.image) if self.config.turn else batch.image
        small = self.degrade(sharp, self.draw(self._chances, len(sharp)))
        loss = self.descend(optimizer, self._loss, small, sharp)
        self.tell({"loss/generator": loss})

    def _turned(self, images: Images) -> Images:
        """By quarters; images that are not square by halves, so that they still fit together."""
        step = 1 if images.shape[2] == images.shape[3] else 2
        turns = self.draw(self._quarters, len(images)).tolist()
        pairs = zip(images, turns, strict=True)
        return torch.stack([torch.rot90(image, step * turn, (1, 2)) for image, turn in pairs])

    def _quarters(self, count: int, rng: Generator | None = None) -> Labels:
        return torch.randint(4, (count,), device=self.device, generator=rng)

    def pace(self, step: int) -> float:
        return cosine(step, self.config.decay_steps)

    def _loss(self, small: Images, sharp: Resized) -> Scalar:
        measure = mse_loss if self.config.loss == "squared" else l1_loss
        return measure(self.generator(small).float(), sharp)

    def configure_optimizers(self) -> Adam:
        c = self.config
        return Adam(self.parameters(), lr=c.lr, betas=(c.beta1, 0.999), fused=True)


def _check(c: Config, schema: Schema) -> None:
    if c.scale == 1 and not c.blur and c.worst == 100:
        raise ConfigError(
            "--model.scale 1 leaves nothing to do; ask for --model.blur or --model.worst too."
        )
    if c.worst > c.best:
        raise ConfigError(f"--model.worst must be at most --model.best; got {c.worst}, {c.best}.")
    divides(schema, c.scale, "srresnet")


LAPTOP = Config(
    width=48,
    blocks=8,
    norm="none",
    kernel=3,
    shuffles="once",
    base="bicubic",
    loss="absolute",
    lr=5e-4,
    decay_steps=8_000,
)
RECIPES = {
    "smoke": Recipe(
        model=Config(
            scale=2,
            blur=1.0,
            worst=20,
            best=60,
            width=8,
            blocks=2,
            kernel=3,
            shuffles="once",
            base="bicubic",
            fold=2,
            loss="absolute",
            turn=True,
            lr=1e-3,
            beta1=0.5,
            decay_steps=10,
        ),
        data=Source(name="photos", side=16, count=64),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=LAPTOP,
        data=Source(name="photos", side=96, flip=True),
        steps=8_000,
        batch=8,
        ema=0.999,
    ),
    "paper": Recipe(
        model=Config(),
        data=Source(name="photos", side=96, flip=True),
        steps=1_000_000,
        batch=16,
    ),
}
