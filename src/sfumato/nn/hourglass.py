"""Pictures through a bottleneck and back, and judges built like their first half.

    ladder     C S S halved down to 8 W maps, bottom x bottom of them
    hourglass  a ladder, `latent` numbers, and a ladder upwards to a picture of the same side
    painter    an hourglass, or with `latent` 0 a U-Net, whose maps reach across

W is the width: the last four rungs hold W, 2 W, 4 W and 8 W maps, those before them W each, as in
the programs published with both papers.

Pathak et al. (2016), https://arxiv.org/abs/1604.07379; Wu et al. (2019),
https://arxiv.org/abs/1703.07195
"""

from torch import nn

from sfumato.nn.ladder import falling, rising
from sfumato.nn.pyramid import doublings
from sfumato.nn.unet import UNet


def rungs(width: int, side: int) -> tuple[list[int], int]:
    """Maps of each halving of such a picture, and the side that is left; raises ConfigError."""
    bottom, count = doublings(side)
    return [width << max(0, step - max(0, count - 4)) for step in range(count)], bottom


def ladder(channels: int, width: int, side: int, out: int) -> nn.Sequential:
    """B C S S to B `out` 1 1."""
    maps, bottom = rungs(width, side)
    return nn.Sequential(*falling(channels, maps), nn.Conv2d(maps[-1], out, bottom))


def hourglass(channels: int, out: int, width: int, latent: int, side: int) -> nn.Sequential:
    """B C S S to B `out` S S, without a last activation."""
    maps, bottom = rungs(width, side)
    layers = [ladder(channels, width, side, latent), nn.BatchNorm2d(latent), nn.LeakyReLU(0.2)]
    layers += [nn.ConvTranspose2d(latent, maps[-1], bottom, bias=False)]
    return nn.Sequential(*layers, *rising(maps[::-1], out))


def painter(channels: int, out: int, width: int, latent: int, side: int) -> nn.Module:
    """B C S S to B `out` S S, without a last activation."""
    if latent:
        return hourglass(channels, out, width, latent, side)
    bottom, halvings = doublings(side)
    depth = halvings + (bottom % 2 == 0)
    return UNet(channels, out, width, depth, nn.BatchNorm2d, dropout=0.0)


def judge(channels: int, width: int, side: int) -> nn.Sequential:
    """B C S S to a logit each."""
    return nn.Sequential(*ladder(channels, width, side, 1), nn.Flatten(0))
