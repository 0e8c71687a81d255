"""FastStyle: a network that learned one style paints any picture in it in one pass.

    conv 9, two convs of stride 2, residual blocks, twice up, conv 9, each standardised:
    n(x) = g (x - mean x) / sqrt(var x + eps) + b,     output = 20 / 17 tanh(n(...))
    l = c mean (F_4 - c_4)^2 + sum_k w_k mean (G_k - S_k)^2,   o the same of the content itself
    L = mean l / (o + 1) + 0.01 smooth TV                        the mean over the batch

F_4 and c_4 are the maps of output and content at stage4 of the embedded perceptual network, as
loud as VGG's (losses/style.py), G_k and S_k Gram matrices of output and style at its five stages.

Axes: B batch, H W image sides.
Papers: Johnson et al. (2016), https://arxiv.org/abs/1603.08155; standardising each map of each
picture: Ulyanov et al. (2017), https://arxiv.org/abs/1701.02096
Departures: `width` 32 is the published network, 16 takes less than half the time (docs/style.md);
the perceptual network is the embedded one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad
from torch.optim import Adam

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.photos import PHOTOS, photo
from sfumato.data.source import Source
from sfumato.errors import ConfigError, DataError
from sfumato.io.images import from_picture, read
from sfumato.losses.style import gram, seen_apart, total_variation
from sfumato.metrics.score import Score
from sfumato.metrics.style import style_loss
from sfumato.model import Translator
from sfumato.nn.doubled import doubled
from sfumato.nn.perceptual import stages
from sfumato.nn.statistics import InstanceNorm
from sfumato.recipe import Recipe
from sfumato.schedules import linear
from sfumato.schema import Schema
from sfumato.settings import Count, NonNegative, Positive
from sfumato.shapes import Column, Images, Masks, Others, Scalar

HELD = 400
"""Held-out pictures that `measure` paints."""
REACH = 20 / 17
"""The published output is 150 tanh(x) around mid-grey in bytes: it leaves the range a little."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what FastStyle is or how it learns."""

    style: str = "coffee"
    """The picture whose style is learnt: a file, or a photograph of the source `photos`."""
    style_side: Count = 256
    """Its longer side in pixels while it is learnt: how large its strokes are."""
    width: Count = 16
    """Maps at full size; twice and four times as many below."""
    blocks: Count = 5
    """Residual blocks."""
    up: Literal["nearest", "transposed"] = "nearest"
    """How maps grow: enlarged and convolved, or by transposed convolution as published."""
    content_weight: NonNegative = 0.1
    """Of the content in the loss; the style's is 1."""
    smooth: NonNegative = 0.5
    """Weight of the differences between neighbouring pixels."""
    lr: Positive = 2e-3
    """Adam learning rate at the first step; it falls in a straight line to a hundredth."""
    decay_steps: Count = 2_000
    """Steps over which it falls."""


class FastStyle(Translator):
    """The residual network of one style."""

    multiple = 4

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        if schema.channels != 3:
            raise ConfigError("fast_style paints in colour; add --data.channels 3.")
        w = config.width
        # the published eps is for maps of bytes, which at the first layer are so much larger
        down = [_Layer(3, w, 9, eps=6e-8), _Layer(w, 2 * w, 3, 2), _Layer(2 * w, 4 * w, 3, 2)]
        middle = [_Residual(4 * w) for _ in range(config.blocks)]
        rise = [_Up(4 * w, 2 * w, config.up), _Up(2 * w, w, config.up), _Layer(w, 3, 9)]
        self.network = nn.Sequential(*down, *middle, *rise)
        self._wanted: dict[str, Tensor] = {}

    def translate(
        self, source: Images, *, mask: Masks | None = None, reference: Others | None = None
    ) -> Images:
        """Pictures of `source` in the style that was learnt, of any size."""
        return self._painted(source).clamp(-1, 1)

    def _painted(self, source: Images) -> Images:
        """The same before it is clipped: what is cut off has a slope too."""
        high, wide = source.shape[-2:]
        # black is 0 before the first convolution, as what it pads with is
        maps = (source.expand(-1, 3, -1, -1) + 1).to(next(self.parameters()).dtype)
        # halving an odd side pads its front, so that what comes back begins that much earlier
        top, left = (side % 2 + 2 * (-(-side // 2) % 2) for side in (high, wide))
        painted = self.network(maps)[:, :, top : top + high, left : left + wide]
        return REACH * painted.float().tanh()

    def training_step(self, batch: Batch, index: int) -> None:
        [optimizer] = self.players
        self.tell({"loss": self.descend(optimizer, self._loss, batch.image)})

    def prepare(self) -> None:
        try:
            style_picture(self.config.style, self.config.style_side)
        except DataError as error:
            raise ConfigError(
                f"--model.style {self.config.style!r} is no picture: {error}"
            ) from None

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`style_loss`: the loss of a pass over that of the content itself, so its floor is 1.

        Nothing where the picture of the style is not at hand.
        """
        try:
            self._style(data.batch(torch.arange(1)).image.to(self.device))
        except DataError:
            return {}
        rows = torch.randperm(len(data), generator=rng, device=rng.device)[:HELD].cpu()
        parts = (data.batch(part).image.to(self.device) for part in rows.split(8))
        return style_loss(self._apart(images)[:2] for images in parts)

    def _loss(self, images: Images) -> Scalar:
        apart, own, painted = self._apart(images)
        return (apart / (own + 1)).mean() + self.config.smooth * 0.01 * total_variation(painted)

    def _apart(self, images: Images) -> tuple[Column, Column, Images]:
        """The loss of each painting, that of its content as it is, and the paintings."""
        weight, grams = self.config.content_weight, self._style(images)
        with torch.no_grad():
            seen = stages(images)
            own = seen_apart(seen, seen, grams, weight)
        painted = self._painted(images)
        return seen_apart(stages(painted), seen, grams, weight), own, painted

    def _style(self, images: Images) -> dict[str, Tensor]:
        """Gram matrices of the style, looked at once and kept out of the model's state."""
        if not self._wanted or next(iter(self._wanted.values())).device != images.device:
            style = style_picture(self.config.style, self.config.style_side).to(images.device)
            with torch.no_grad():
                self._wanted = {name: gram(maps) for name, maps in stages(style).items()}
        return self._wanted

    def pace(self, step: int) -> float:
        return linear(step, self.config.decay_steps)

    def configure_optimizers(self) -> Adam:
        return Adam(self.parameters(), lr=self.config.lr, fused=True)


class _Layer(nn.Module):
    """Convolution, each map standardised, gain and shift; the rectifier is its user's."""

    def __init__(self, ins: int, outs: int, size: int, stride: int = 1, eps: float = 1e-3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(ins, outs, size, stride, bias=False)
        self.standard = InstanceNorm(eps=eps)
        self.gain = nn.Parameter(torch.ones(outs, 1, 1))
        self.shift = nn.Parameter(torch.zeros(outs, 1, 1))

    def forward(self, maps: Tensor) -> Tensor:
        found = self.normal(maps)
        return found if self.conv.out_channels == 3 else found.relu_()

    def normal(self, maps: Tensor) -> Tensor:
        """The layer without its rectifier."""
        size, stride = self.conv.kernel_size[0], self.conv.stride[0]
        # TensorFlow's "same": as little as there can be, and the odd one at the end
        more = [
            max(0, (-(-side // stride) - 1) * stride + size - side) for side in maps.shape[-2:]
        ]
        if any(edge % 2 for edge in more):
            maps = pad(maps, (0, more[1] % 2, 0, more[0] % 2))
        both = more[0] // 2, more[1] // 2
        return self._standardised(conv2d(maps, self.conv.weight, None, stride, both))

    def _standardised(self, maps: Tensor) -> Tensor:
        return self.standard(maps, self.gain.flatten(), self.shift.flatten())


class _Residual(nn.Module):
    """Two layers, the second without a rectifier, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _Layer(width, width, 3), _Layer(width, width, 3)

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.second.normal(self.first(maps))


class _Up(_Layer):
    """Twice the size, half the maps."""

    def __init__(self, ins: int, outs: int, how: str) -> None:
        super().__init__(ins, outs, 3)
        self.transposed = how == "transposed"

    def forward(self, maps: Tensor) -> Tensor:
        if not self.transposed:
            return self._standardised(doubled(maps, self.conv.weight)).relu_()
        high, wide = maps.shape[-2:]
        # the transpose of a convolution of stride 2 that is padded at the end
        kernel = self.conv.weight.transpose(0, 1)
        found = conv_transpose2d(maps, kernel, stride=2)[..., : 2 * high, : 2 * wide]
        return self._standardised(found).relu_()


def published(path: str | Path) -> FastStyle:
    """The network of Engstrom's `fast-style-transfer`, from its variables in an .npz, in order.

    Raises DataError with one line where the file is not that.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            variables = [
                torch.from_numpy(file[f"Variable_{n}" if n else "Variable"]).float()
                for n in range(48)
            ]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} cannot be read as a style network: {error}.") from None
    config = Config(width=variables[0].shape[-1], up="transposed", style=Path(path).stem)
    model = FastStyle(config, Schema(shape=(3, 256, 256)))
    found = [layer for layer in model.modules() if isinstance(layer, _Layer)]
    for number, layer in enumerate(found):
        kernel, shift, gain = variables[3 * number : 3 * number + 3]
        # stored as height, width, in, out; of transposed ones as height, width, out, in
        order = (2, 3, 0, 1) if isinstance(layer, _Up) else (3, 2, 0, 1)
        layer.conv.weight.data = kernel.permute(*order).contiguous()
        layer.shift.data, layer.gain.data = shift[:, None, None], gain[:, None, None]
    return model.eval().requires_grad_(False)


def style_picture(place: str, side: int) -> Float[Tensor, "1 3 h w"]:
    """The style, its longer side so many pixels."""
    image = photo(place) if place in PHOTOS else read(place, channels=3)
    share = side / max(image.size)
    wide, high = (max(1, round(n * share)) for n in image.size)
    return from_picture(image.resize((wide, high)))


RECIPES = {
    "smoke": Recipe(
        model=Config(
            style="cat", style_side=48, width=4, blocks=1, up="transposed", content_weight=0.2,
            smooth=0.1, lr=1e-3, decay_steps=10,
        ),
        data=Source(name="photos", side=32, count=40),
        steps=4,
        batch=4,
        every=2,
    ),
    "laptop": Recipe(
        model=Config(),
        data=Source(name="photos", side=128, flip=True),
        steps=2_000,
        batch=4,
    ),
    "source": Recipe(
        model=Config(width=32, up="transposed", decay_steps=40_000, lr=1e-3),
        data=Source(name="photos", side=256, flip=True),
        steps=40_000,
        batch=4,
    ),
}  # fmt: skip
