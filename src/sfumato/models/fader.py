"""Fader: the code of a face keeps all but its attributes, so that they can be set like sliders.

    E: image        ->  code, from which a judge J of codes shall not tell the attributes y
    D: code, y      ->  image               L_E,D = mean (D(E(x), y) - x)^2 + weight(t) * L_other
    J: code         ->  p(y | code)         L_J     = -log p(y | E(x))
    L_other = -log p(y' | E(x)),  y' another value of each attribute, drawn anew

    weight(t) grows from 0 in a straight line; sums over attributes, means over images
    a value at strength s: (1 + s) / 2 for the value, the rest of 1 shared by the others

Axes: B batch, C image channels, S image side in pixels, Z width of the code, E numbers that encode
the attributes (a choice one-hot).
Paper: Lample et al. (2017), https://arxiv.org/abs/1706.00409, equations 1 to 3, section 4
Departures: attributes may have more than two values; a reader that learns beside the three, from
real pictures alone, names the attributes of a picture that comes without them; maps grow to `most`
and sides need not be powers of two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import torch
from annotated_types import Ge, Le
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import Adam

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.errors import DataError
from sfumato.losses.attributes import attribute_loss
from sfumato.metrics.attributes import commonest, hits
from sfumato.metrics.distortion import psnr
from sfumato.metrics.pairs import others
from sfumato.metrics.score import Score
from sfumato.model import Autoencoder, Editor, Tagger
from sfumato.nn.attributes import another, columns, decode, encode, width
from sfumato.nn.players import adams
from sfumato.nn.pyramid import halvable
from sfumato.nn.stages import naming, seeing
from sfumato.recipe import Published, Recipe
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, NonNegative, Positive
from sfumato.shapes import Attributes, Codes, Features, Images, Scalar, Tags

Maps = Float[Tensor, "B D h w"]
HELD = 2000
"""Held-out pictures that `measure` looks at."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the Fader is or how it learns."""

    width: Count = 16
    """Maps after the first halving; twice as many after each that follows."""
    depth: Annotated[int, Ge(1), Le(10)] = 7
    """Halvings of the encoder, doublings of the decoder."""
    most: Count = 512
    """Maps beyond which they do not grow."""
    hidden: Count = 512
    """Maps and units of the judge of codes."""
    dropout: Decay = 0.3
    """Chance that one of their numbers is silenced during training."""
    adversarial: NonNegative = 1e-4
    """Weight of the encoder's wish to mislead the judge, once it has grown."""
    ramp: Count = 500_000
    """Steps over which that weight grows from 0."""
    reader: Count = 16
    """Maps of the reader's first stage."""
    lr: Positive = 2e-3
    """Adam learning rate of encoder and decoder."""
    judge_lr: Positive = 2e-3
    """Adam learning rate of the judge, and of the reader."""
    beta1: Decay = 0.5
    """Adam first-moment decay."""


class Fader(Editor, Tagger, Autoencoder):
    """Encoder and decoder, a judge of codes, and a reader of pictures."""

    needs = ("image", "attributes")
    conditions = ("attributes",)
    besides = ("attributes",)
    least = 2  # the judge's last batch norm has one place

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        _check(config, schema)
        c, wide = config, width(schema)
        maps = [min(c.width << step, c.most) for step in range(c.depth)]
        self.bottom = schema.side >> c.depth
        self.encoder = _encoder([schema.channels, *maps])
        self.decoder = _Decoder([*maps[::-1], schema.channels], wide)
        self.judge = _judge(maps[-1], self.bottom, c, wide)
        seen = seeing(schema.channels, schema.side, c.reader, 8 * c.reader, c.dropout)
        self.reader = nn.ModuleList([seen, naming(8 * c.reader, wide, c.dropout)])

    def edit(self, images: Images, tags: Tags) -> Images:
        return self.decoder(self.encoder(images), tags).float()

    def encode(self, images: Images) -> Codes:
        return self.encoder(images).float().flatten(1)

    def decode(self, codes: Codes, attributes: Attributes) -> Images:
        maps = codes.unflatten(1, (-1, self.bottom, self.bottom))
        return self.decoder(maps, encode(attributes, self.schema)).float()

    def features(self, images: Images) -> Features:
        return self.reader[0](images).float()

    def tags(self, images: Images) -> Tags:
        return self.reader[1](self.reader[0](images)).float()

    def training_step(self, batch: Batch, index: int) -> None:
        for_judge, for_painters, for_reader = self.players
        images, true = batch.image, batch.attributes
        other = another(true, self.draw(self._chances, len(true)), self.schema)
        codes = self.encoder(images)
        judge = self.descend(for_judge, self._judge_loss, codes.detach(), true)
        painters = self.descend(for_painters, self._painters_loss, codes, images, true, other)
        reader = self.descend(for_reader, self._reader_loss, images, true)
        self.tell({"loss/judge": judge, "loss/painters": painters, "loss/reader": reader})

    def _judge_loss(self, codes: Maps, true: Attributes) -> Scalar:
        return attribute_loss(self.judge(codes).float(), true, self.schema)

    def _painters_loss(
        self, codes: Maps, images: Images, true: Attributes, other: Attributes
    ) -> Scalar:
        painted = self.decoder(codes, encode(true, self.schema)).float()
        return mse_loss(painted, images) + self._weight(self.step) * self._judge_loss(codes, other)

    def _reader_loss(self, images: Images, true: Attributes) -> Scalar:
        return attribute_loss(self.tags(images), true, self.schema)

    def _weight(self, step: int) -> float:
        return self.config.adversarial * min(1.0, step / self.config.ramp)

    def _chances(self, count: int, rng: Generator | None = None) -> Tensor:
        shape = count, len(self.schema.attributes)
        return torch.rand(*shape, device=self.device, generator=rng)

    def configure_optimizers(self) -> list[Adam]:
        c, painters = self.config, (self.encoder, self.decoder)
        players = (self.judge, c.judge_lr), (painters, c.lr), (self.reader, c.judge_lr)
        return adams(*players, beta1=c.beta1)

    @torch.no_grad()
    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """Of held-out pictures `psnr`, painted with their own attributes, and `code_accuracy`.

        The floor of `psnr` is the mean of the other pictures. `code_accuracy` is the mean share
        of attributes that the judge names right from codes: the less the better, the ceiling
        always answers the commonest value.
        """
        data.require(("image", "attributes"), "fader's measure")
        near, mean, said, wanted = [], [], [], []
        own = columns(self.schema, data.schema)
        count = min(HELD, len(data))
        middle = data.batch(torch.arange(count)).image.mean(0, keepdim=True)
        for rows in torch.arange(count).split(200):
            batch = data.batch(rows)
            codes, attributes = self.encoder(batch.image.to(self.device)), batch.attributes[:, own]
            tags = encode(attributes, self.schema).to(self.device)
            near.append(psnr(self.decoder(codes, tags).float().cpu(), batch.image))
            mean.append(psnr(others(batch.image, middle, count), batch.image))
            said.append(decode(self.judge(codes).float().cpu(), self.schema))
            wanted.append(attributes)
        true, floor = torch.cat(wanted), float(torch.cat(mean).mean())
        read, usual = (
            float(hits(one, true, self.schema).double().mean())
            for one in (torch.cat(said), commonest(true, self.schema))
        )
        return {
            "psnr": Score(float(torch.cat(near).mean()), floor, n=len(true)),
            "code_accuracy": Score(read, 1.0, usual, n=len(true), better="lower"),
        }


class _Decoder(nn.Module):
    """Doublings, each of which is shown the attributes at every place."""

    def __init__(self, maps: list[int], wide: int) -> None:
        super().__init__()
        steps = list(pairwise(maps))
        self.layers = nn.ModuleList(
            _doubling(narrow + wide, out, last=place == len(steps))
            for place, (narrow, out) in enumerate(steps, 1)
        )

    def forward(self, maps: Tensor, tags: Tensor) -> Tensor:
        for layer in self.layers:
            spread = tags[:, :, None, None].expand(-1, -1, *maps.shape[2:])
            maps = layer(torch.cat([maps, spread.to(maps)], 1))
        return maps


def _check(c: Config, schema: Schema) -> None:
    names = [a.name for a in schema.attributes if a.values]
    if numbers := [a.name for a in schema.attributes if not a.values]:
        some = (
            f"--data.attributes {','.join(names[:3])}" if names else "such as smiling, yes or no"
        )
        raise DataError(
            f"fader learns attributes with named values, and {numbers[0]} is a number; "
            f"keep {some}."
        )
    schema.need("attributes", "fader")
    halvable(schema, c.depth, "fader")


def _encoder(maps: list[int]) -> nn.Sequential:
    """Halvings by convolutions of kernel 4 and stride 2."""
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(maps):
        layers += [nn.Conv2d(narrow, wide, 4, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(wide), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)


def _doubling(wide: int, narrow: int, *, last: bool) -> nn.Sequential:
    up = nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1, bias=last)
    return (
        nn.Sequential(up, nn.Tanh())
        if last
        else nn.Sequential(up, nn.BatchNorm2d(narrow), nn.ReLU())
    )


def _judge(maps: int, bottom: int, c: Config, wide: int) -> nn.Sequential:
    """Halvings of the code down to one place, and two dense layers."""
    layers: list[nn.Module] = []
    while bottom > 1:
        layers += [nn.Conv2d(maps, c.hidden, 4, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(c.hidden), nn.LeakyReLU(0.2), nn.Dropout(c.dropout)]
        maps, bottom = c.hidden, bottom // 2
    layers += [nn.Flatten(), nn.Linear(maps, c.hidden), nn.LeakyReLU(0.2), nn.Dropout(c.dropout)]
    return nn.Sequential(*layers, nn.Linear(c.hidden, wide))


PEOPLE = "table 1: people who saw swapped faces at 256 px, learned from 162,770"

RECIPES = {
    "smoke": Recipe(
        model=Config(
            width=4,
            depth=2,
            most=6,
            hidden=8,
            dropout=0.1,
            adversarial=1e-2,
            ramp=2,
            reader=2,
            lr=1e-3,
            judge_lr=1e-3,
            beta1=0.6,
        ),
        data=Source(name="glyphs", side=16, count=64, attributes=("paper", "style")),
        steps=4,
        batch=8,
        every=2,
        ema=0.5,
    ),
    "laptop": Recipe(
        model=Config(depth=4, hidden=192, adversarial=6.0, ramp=1_000, reader=8, judge_lr=1e-3),
        data=Source(name="glyphs", side=32, attributes=("bold", "colour"), count=20_000),
        steps=12_500,
        batch=64,
        ema=0.999,
    ),
    "faces": Recipe(
        model=Config(width=32, depth=5, most=256, hidden=256, adversarial=0.3, ramp=1_500),
        data=Source(
            name="celeba", side=64, crop=89, attributes=("Eyeglasses", "Smiling"), flip=True
        ),
        steps=6_000,
        batch=32,
        ema=0.999,
        published={
            "Eyeglasses_flips": Published(0.766, PEOPLE),
            "Smiling_flips": Published(0.971, PEOPLE),
        },
    ),
    "source": Recipe(
        model=Config(),
        data=Source(
            name="celeba", side=256, crop=178, attributes=("Eyeglasses", "Smiling"), flip=True
        ),
        steps=1_000_000,
        batch=32,
    ),
}
