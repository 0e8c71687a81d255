"""Pictures through a bottleneck and back, and judges built like their first half.

    ladder     C S S halved down to 8 W maps, bottom x bottom of them
    hourglass  a ladder, `latent` numbers, and a ladder upwards to a picture of the same side
    painter    an hourglass, or with `latent` 0 a U-Net, whose maps reach across

W is the width: the last four rungs hold W, 2 W, 4 W and 8 W maps, those before them W each, as in
the programs published with both papers.

Pathak et al. (2016), https://arxiv.org/abs/1604.07379; Wu et al. (2019),
https://arxiv.org/abs/1703.07195
"""

from itertools import pairwise

from torch import nn

from sfumato.nn.pyramid import doublings
from sfumato.nn.unet import UNet


def rungs(width: int, side: int) -> tuple[list[int], int]:
    """Maps of each halving of such a picture, and the side that is left; raises ConfigError."""
    bottom, count = doublings(side)
    return [width << max(0, step - max(0, count - 4)) for step in range(count)], bottom


def ladder(channels: int, width: int, side: int, out: int) -> nn.Sequential:
    """B C S S to B `out` 1 1."""
    maps, bottom = rungs(width, side)
    layers: list[nn.Module] = [nn.Conv2d(channels, maps[0], 4, stride=2, padding=1)]
    layers += [nn.LeakyReLU(0.2)]
    for narrow, wide in pairwise(maps):
        layers += [nn.Conv2d(narrow, wide, 4, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(wide), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(maps[-1], out, bottom))


def hourglass(channels: int, out: int, width: int, latent: int, side: int) -> nn.Sequential:
    """B C S S to B `out` S S, without a last activation."""
    maps, bottom = rungs(width, side)
    layers = [ladder(channels, width, side, latent), nn.BatchNorm2d(latent), nn.LeakyReLU(0.2)]
    layers += [nn.ConvTranspose2d(latent, maps[-1], bottom, bias=False)]
    for wide, narrow in pairwise(maps[::-1]):
        layers += [nn.BatchNorm2d(wide), nn.ReLU()]
        layers += [nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1, bias=False)]
    layers += [nn.BatchNorm2d(maps[0]), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(maps[0], out, 4, stride=2, padding=1))


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
