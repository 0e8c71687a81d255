"""A small ladder of convolution and pooling that looks at whole pictures and names what it sees.

Shared by the tagger and by editors that must know what a picture has before they change it.
"""

from itertools import pairwise

from torch import nn

from sfumato.nn.pyramid import doublings


def seeing(channels: int, side: int, width: int, hidden: int, dropout: float) -> nn.Sequential:
    """B C S S to B `hidden`: as many stages as the side can be halved, then one hidden layer.

    `width` maps in the first stage, twice as many in each that follows. Raises ConfigError for a
    side that cannot be halved down to 4 to 7.
    """
    bottom, halved = doublings(side)
    maps = [channels, *(width << i for i in range(halved))]
    return nn.Sequential(
        *(layer for pair in pairwise(maps) for layer in _stage(*pair)),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(maps[-1] * bottom**2, hidden),
        nn.ReLU(),
    )


def naming(hidden: int, wide: int, dropout: float) -> nn.Sequential:
    """B `hidden` to B `wide`: the answer, unnormalised."""
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, wide))


def _stage(narrow: int, wide: int) -> list[nn.Module]:
    """Convolution 3 x 3, batch norm, rectifier, and half the side."""
    convolution = nn.Conv2d(narrow, wide, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(wide), nn.ReLU(), nn.MaxPool2d(2)]
