"""Codec: an autoencoder with a judge whose rounded code becomes a file, at several qualities.

    code     y = E(x), an eighth of the side;   n = round(g_q y);   x' = D(u_q n)
    bits     R = -log2 p_q(n);  while training n is g_q y + noise in [-1/2, 1/2), which has a slope
    codec    |x' - x| + w (1 - SSIM(x', x)) + a painter(x') + l_q R / pixels
    judge    judge(x, x') + (|dJ/dx| - 1)^2   on the line between x and x'

The bar over |.| is a mean over pixels in [-1, 1]; the judge sees x' cut off at these ends, as a
file does. Each quality q has its gains g_q before rounding and u_q after it, its prior p_q and its
price l_q of a bit. A colour model gives them twice: for pictures in colour, and for grey ones.

Axes: B batch, C image channels, H W image, L channels of the code, h w its places, R rows: the
qualities, then those of grey.
Papers: Balle, Laparra & Simoncelli (2017), https://arxiv.org/abs/1611.01704 (noise, rate); Theis
et al. (2017), https://arxiv.org/abs/1703.00395 (rounding); Balle et al. (2018),
https://arxiv.org/abs/1802.01436 (factorised prior); Cui et al. (2021),
https://arxiv.org/abs/2003.02012 (gains); Gulrajani et al. (2017), https://arxiv.org/abs/1704.00028
(penalty).
Departures: D is computed in whole numbers when a file is read, so that every machine paints the
same bits (nn/exact.py); a picture's code can be refined (nn/refined.py); residual layers where
Balle et al. have divisive normalisation; contexts in the prior (nn/prior.py), none with `contexts`
1; the first C channels of n, which begin as brightness and colour of a block, are told by what
their neighbours leave open (nn/neighbours.py); SSIM in the loss, at several scales with `scales`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import prod
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Generator, Tensor, nn
from torch.optim import Adam

from sfumato.data.dataset import Batch, Dataset
from sfumato.data.source import Source
from sfumato.errors import ConfigError, ForeignFile
from sfumato.io.sfu import Header, name_of, pack, unpack
from sfumato.losses.adversarial import GAMES, GameName
from sfumato.losses.distortion import distortion
from sfumato.losses.penalties import PENALTIES, Chances, PenaltyName, chances
from sfumato.metrics.rates import rates
from sfumato.metrics.score import Score
from sfumato.model import Autoencoder, Codec, Judge
from sfumato.nn import coding
from sfumato.nn.cosines import begin, cosines
from sfumato.nn.exact import MOST, ONE, exactly, settled, shown
from sfumato.nn.neighbours import residuals, restored
from sfumato.nn.prior import LOWEST, REACH, Prior, contexts
from sfumato.nn.pyramid import roomy
from sfumato.nn.refined import refined
from sfumato.nn.residual import Residual
from sfumato.nn.tiles import SHRINK, Done, Tell, enlarged, filled, places, shrunk
from sfumato.nn.together import Together
from sfumato.recipe import Recipe
from sfumato.schedules import linear
from sfumato.schema import Schema
from sfumato.settings import Count, Decay, Fraction, NonNegative, Positive
from sfumato.shapes import Codes, Column, Features, Images, Labels, Logits, Picture, Scalar

LARGEST = 2.0**14
"""Beyond this a number of the code is cut off; trained ones stay below a hundred."""
SLOPE = 0.125
"""Of the leaky layers."""
READ = ("decoder.", "ungain", "tables")
"""What of the weights reading a file depends on."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice that changes what the codec is or how it learns."""

    latent: Count = 96
    """Channels L of the code."""
    width: Count = 24
    """Maps at half the side; twice as many at a quarter, three times at an eighth."""
    blocks: Annotated[int, Ge(0)] = 1
    """Residual blocks at an eighth of the side."""
    contexts: Annotated[int, Ge(1), Le(8)] = 6
    """Tables that a channel chooses from by the channels before it; 1 is the factorised prior."""
    qualities: Annotated[int, Ge(1), Le(99)] = 8
    """How many; 1 is the roughest."""
    rough: Positive = 0.1
    """Price of a bit per pixel at quality 1."""
    fine: Positive = 0.006
    """Price at the best quality; those between are spaced evenly in the logarithm."""
    grey: Fraction = 0.2
    """Share of coloured images that a colour model learns as grey ones, as it does grey images."""
    pixel: NonNegative = 1.0
    """Weight of the absolute error of a pixel."""
    structure: NonNegative = 0.0
    """Weight of 1 - SSIM."""
    scales: Annotated[int, Ge(1), Le(5)] = 1
    """Of SSIM, as many as an image has room for."""
    adversarial: NonNegative = 0.01
    """Weight of the judge's opinion."""
    game: GameName = "wasserstein"
    """What codec and judge play for."""
    penalty: PenaltyName = "wgan_gp"
    """On the judge's gradient with respect to images."""
    penalty_weight: NonNegative = 1.0
    """Weight of the penalty in the judge's loss."""
    lr: Positive = 1e-3
    """Adam learning rate of the codec; gains and prior learn ten times as fast."""
    judge_lr: Positive = 2e-4
    """Adam learning rate of the judge."""
    beta1: Decay = 0.5
    """Adam first-moment decay of both."""
    decay_steps: Count = 30_000
    """Steps over which all learning rates fall, in a straight line, to a hundredth."""


class ImageCodec(Codec, Autoencoder, Judge):
    """Encoder, decoder, prior and judge."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        c, rows = config, config.qualities * (2 if schema.channels == 3 else 1)
        roomy(schema, 4, "codec")
        self.encoder = _encoder(c, schema.channels)
        self.decoder = _decoder(c, schema.channels)
        self.discriminator = _discriminator(c, schema.channels)
        self.prior = Prior(rows, c.latent, c.contexts)
        # where a step of rounding costs in pixels what it saves in bits
        gain = 1 / (17 * self._prices())[:, None].repeat(1, c.latent)
        self.gain, self.ungain = nn.Parameter(gain), nn.Parameter(1 / gain)
        self.tables: Tensor
        shape = (rows, c.latent, c.contexts, len(LOWEST) + 1)
        self.register_buffer("tables", torch.zeros(shape, dtype=torch.int32))
        self.tabled: Tensor
        self.register_buffer("tabled", torch.zeros((), dtype=torch.int64))

    @property
    def qualities(self) -> int:
        return self.config.qualities

    def judge(self, images: Images) -> Logits:
        return self.discriminator(images).mean((1, 2, 3))

    def features(self, images: Images) -> Features:
        return self.discriminator[:-1](images).flatten(1)

    def encode(self, images: Images) -> Codes:
        return self._values(images, self.qualities - 1).flatten(1)

    def decode(self, codes: Codes) -> Images:
        size = self.schema.shape[1:]
        values = codes.unflatten(1, (self.config.latent, *places(*size)))
        return self._painted(values, self.qualities - 1, size).clamp(-1, 1)

    # ------------------------------------------------------------------ learning

    def training_step(self, batch: Batch, index: int) -> None:
        for_d, for_c = self.players
        count = len(batch.image)
        real, row = self._as_coded(batch.image, self.draw(self._rows, count))
        values, noise = self._values(real, row), self.draw(self._noise, count)
        fake, bits = self._coded(values, noise, row, real.shape[2:])
        draws = self.draw(chances(self.schema.shape), count)
        d_loss = self.descend(for_d, self._judge_loss, real, fake.detach().clamp(-1, 1), draws)
        c_loss = self.descend(for_c, self._codec_loss, real, fake, bits, row)
        error = (fake.detach() - real).abs().mean()
        self.tell({"loss/discriminator": d_loss, "loss/codec": c_loss})
        self.tell({"loss/pixel": error, "loss/bits": bits.detach().mean()})

    def _coded(
        self, values: Tensor, noise: Tensor, row: Labels, size: Sequence[int]
    ) -> tuple[Images, Column]:
        """What is painted of noisy codes at these qualities, and the bits per pixel."""
        noisy, whole = values + noise, values.detach().round()
        told = residuals(whole, self.schema.channels)
        bits = self.prior.bits(noisy + (told - whole), contexts(told, self.config.contexts), row)
        return self._painted(noisy, row, size), bits / prod(size)

    def _judge_loss(self, real: Images, fake: Images, draws: Chances) -> Scalar:
        c = self.config
        game = GAMES[c.game].judge(self.judge(real), self.judge(fake), 0.0)
        return game + c.penalty_weight * PENALTIES[c.penalty](self.judge, real, fake, draws)

    def _codec_loss(self, real: Images, fake: Images, bits: Column, row: Labels) -> Scalar:
        painter = GAMES[self.config.game].painter(self.judge(fake.clamp(-1, 1)))
        return self._cost(real, fake, bits, row) + self.config.adversarial * painter

    def _cost(self, real: Images, fake: Images, bits: Column, row: Labels) -> Scalar:
        """The same without the judge: what is painted could be moved to please it alone."""
        c = self.config
        apart = distortion(fake, real, pixel=c.pixel, structure=c.structure, scales=c.scales)
        return apart + (self._prices()[row] * bits).mean()

    def _prices(self) -> Tensor:
        """Of a bit per pixel in each row."""
        c, kinds = self.config, 2 if self.schema.channels == 3 else 1
        share = torch.linspace(0, 1, c.qualities, device=self.device)
        return (c.rough * (c.fine / c.rough) ** share).repeat(kinds)

    def _rows(self, count: int, rng: Generator | None = None) -> Labels:
        """A quality for each image, and for some of a colour model that of grey."""
        c, where = self.config, self.device
        row = torch.randint(c.qualities, (count,), device=where, generator=rng)
        grey = c.grey if self.schema.channels == 3 else 0
        return row + c.qualities * (torch.rand(count, device=where, generator=rng) < grey)

    def _as_coded(self, images: Images, row: Labels) -> tuple[Images, Labels]:
        """Images in the colours of their rows; a grey one has a row of grey, as in a file."""
        grey = (images == images[:, :1]).flatten(1).all(1) & (self.schema.channels == 3)
        row = torch.where(grey, row % self.qualities + self.qualities, row)
        coloured = (row < self.qualities)[:, None, None, None]
        return torch.where(coloured, images, images.mean(1, keepdim=True)), row

    def _noise(self, count: int, rng: Generator | None = None) -> Tensor:
        shape = (count, self.config.latent, *places(*self.schema.shape[1:]))
        return torch.rand(shape, device=self.device, generator=rng) - 0.5

    def pace(self, step: int) -> float:
        return linear(step, self.config.decay_steps)

    def configure_optimizers(self) -> list[Adam]:
        c, betas = self.config, (self.config.beta1, 0.99)
        nets = [*self.encoder.parameters(), *self.decoder.parameters()]
        quick = [self.gain, self.ungain, self.prior.mixtures]
        groups = [{"params": nets}, {"params": quick, "lr": 10 * c.lr}]
        judge = Adam(self.discriminator.parameters(), lr=c.judge_lr, betas=betas)
        return [judge, Adam(groups, lr=c.lr, betas=betas)]

    def _values(self, images: Images, row: Labels | int) -> Tensor:
        """B L h w in steps of rounding, of images filled up by repeating their edge."""
        with self._precisely():
            latents = self.encoder(filled(images)).clamp(-LARGEST, LARGEST)
            return latents * self.gain[row][..., None, None]

    def _painted(self, values: Tensor, row: Labels | int, size: Sequence[int]) -> Images:
        with self._precisely():
            images = self.decoder(values * self.ungain[row][..., None, None])
        return images[..., : size[0], : size[1]]

    def _precisely(self) -> torch.autocast:
        """In float32 always: bfloat16 would add more noise to fine codes than rounding does."""
        return torch.autocast(self.device.type, enabled=False)

    # ------------------------------------------------------------------ coding

    def tabulate(self) -> None:
        learned = self.prior.mixtures.detach().cpu().numpy().tobytes()
        name = int.from_bytes(blake2b(learned, digest_size=8).digest(), "big", signed=True)
        if int(self.tabled) != name:
            self.tables.copy_(self.prior.tables())
            self.tabled.fill_(name)

    @torch.no_grad()
    def compress(
        self, image: Picture, quality: int | None = None, *, refine: int = 0, tell: Tell = None
    ) -> bytes:
        self.tabulate()
        channels, height, width = image.shape
        row = self._row(channels, (self.qualities + 1) // 2 if quality is None else quality)
        header = Header(self._name(), channels, row % self.qualities + 1, width, height)
        told = residuals(self.numbers(image, row, tell, refine=refine), self.schema.channels)
        return pack(header, coding.write(told, self.tables[row].cpu().numpy()))

    @torch.no_grad()
    def decompress(self, data: bytes, tell: Tell = None) -> Picture:
        self.tabulate()
        header, payload = unpack(data)
        if header.model != self._name():
            raise ForeignFile(
                f"it was made by the model {header.model.hex()}, and this is the model "
                f"{self._name().hex()}; name the one it was made by with --model."
            )
        tables = self.tables[self._row(header.channels, header.quality)].cpu().numpy()
        told = coding.read(payload, tables, *places(header.height, header.width))
        return self.paint(restored(told, self.schema.channels), header, tell)

    @torch.no_grad()
    def paint(self, numbers: Tensor, header: Header, tell: Tell = None) -> Picture:
        """The picture of these whole numbers, computed in whole numbers on the CPU."""
        ungain = self.ungain[self._row(header.channels, header.quality), :, None, None]
        step = settled(ungain.cpu().double() * ONE)

        def painted(piece: Tensor) -> Picture:
            maps = exactly(self.decoder, (piece.double() * step).clamp_(-MOST, MOST))
            return shown(maps, header.channels)

        size = (header.channels, header.height, header.width)
        return enlarged(painted, numbers, size, self._around, tell)

    @torch.no_grad()
    def numbers(self, image: Picture, row: int, tell: Tell = None, *, refine: int = 0) -> Tensor:
        """L h w: the whole numbers of a picture's code, after so many steps downhill."""
        rows = torch.tensor([row], device=self.device)

        def whole(piece: Picture, done: Done) -> Tensor:
            real = piece.expand(1, self.schema.channels, -1, -1).to(self.device)

            def cost(values: Tensor, noise: Tensor) -> Scalar:
                return self._cost(real, *self._coded(values, noise, rows, real.shape[2:]), rows)

            found = refined(self._values(real, row), cost, refine, done)[0].round()
            return found.clamp(-REACH / 2, REACH / 2).cpu()  # so residuals reach as far

        return shrunk(whole, image, self._around, tell)

    @property
    def _around(self) -> int:
        """Places that a pixel, or a number of the code, depends on in each direction."""
        return 4 + 2 * self.config.blocks

    def _row(self, channels: int, quality: int) -> int:
        if not (most := self.qualities) >= quality >= 1:
            raise ConfigError(f"--quality {quality} is not there; this model has 1 to {most}.")
        if channels not in (1, self.schema.channels):
            raise ConfigError(
                "the picture is in colour, and this model codes grey ones only; make it grey, or "
                "name a model of colour with --model."
            )
        return quality - 1 + self.qualities * (channels < self.schema.channels)

    def _name(self) -> bytes:
        """Four bytes that change with anything that reading a file depends on."""
        read = {n: w for n, w in self.state_dict().items() if n.startswith(READ)}
        return name_of(f"{self.config.contexts} {self.schema.channels}", read)

    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """`bpp`, `psnr` and `ms_ssim` of each quality on up to 64 held-out images."""
        images = data.batch(torch.arange(min(64, len(data)))).image
        return rates(self.compress, self.decompress, self.qualities, images)


def _convolution(inside: int, outside: int) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, 3, padding=1)


def _residual(maps: int) -> Residual:
    return Residual(_convolution(maps, maps), nn.LeakyReLU(SLOPE), _convolution(maps, maps))


def _encoder(c: Config, channels: int) -> Together:
    """The cosines of a block, and what is learned beside them: w, 2w, 3w maps, then L."""
    w, blocks = c.width, nn.Conv2d(channels * SHRINK**2, c.latent, 1)
    deep = nn.Sequential(
        *(nn.PixelUnshuffle(2), _convolution(4 * channels, w), nn.LeakyReLU(SLOPE)),
        *(nn.PixelUnshuffle(2), _convolution(4 * w, 2 * w), nn.LeakyReLU(SLOPE)),
        _residual(2 * w),
        *(nn.PixelUnshuffle(2), _convolution(8 * w, 3 * w), nn.LeakyReLU(SLOPE)),
        *(_residual(3 * w) for _ in range(c.blocks)),
        _convolution(3 * w, c.latent),
    )
    begin(blocks, cosines(channels, c.latent), deep, SLOPE)
    return Together([nn.Sequential(nn.PixelUnshuffle(SHRINK), blocks), deep])


def _decoder(c: Config, channels: int) -> Together:
    """The encoder's mirror image, of layers that nn/exact.py knows."""
    w, blocks = c.width, nn.Conv2d(c.latent, channels * SHRINK**2, 1)
    deep = nn.Sequential(
        *(_convolution(c.latent, 3 * w), nn.LeakyReLU(SLOPE)),
        *(_residual(3 * w) for _ in range(c.blocks)),
        *(_convolution(3 * w, 8 * w), nn.LeakyReLU(SLOPE), nn.PixelShuffle(2)),
        _residual(2 * w),
        *(_convolution(2 * w, 4 * w), nn.LeakyReLU(SLOPE), nn.PixelShuffle(2)),
        *(_convolution(w, 4 * channels), nn.PixelShuffle(2)),
    )
    begin(blocks, cosines(channels, c.latent).T, deep, SLOPE)
    return Together([nn.Sequential(blocks, nn.PixelShuffle(SHRINK)), deep])


def _discriminator(c: Config, channels: int) -> nn.Sequential:
    """A verdict for each patch."""
    w = c.width
    return nn.Sequential(
        *(nn.Conv2d(channels, w, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(w, 2 * w, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),
        _convolution(2 * w, 1),
    )


RECIPES = {
    "smoke": Recipe(
        model=Config(latent=6, width=4, contexts=3, qualities=2, structure=0.1, game="minimax"),
        data=Source(name="photos", side=20, count=64),
        steps=4,
        batch=8,
        every=2,
    ),
    "laptop": Recipe(
        model=Config(structure=0.2, decay_steps=7_000),
        data=Source(name="cifar10", side=28, flip=True),
        steps=7_000,
        batch=32,
        ema=0.999,
        expects={"ms_ssim_4": 0.98, "bpp_4": 2.3},
    ),
    "source": Recipe(
        model=Config(adversarial=1.0, qualities=1, grey=0.0),
        data=Source(name="cifar10"),
        steps=100_000,
        batch=64,
    ),
}
