"""Inception-v3 as TensorFlow released it on 2015-12-05, batch norm folded: the network behind FID.

    x 299x299 in (p - 128) / 128  ->  stem  ->  35x35: 3 blocks  ->  17x17: 5  ->  8x8: 3  ->  2048
    features = mean over places: 64 after the first pool, 192 after the second, 768 after the last
    17x17 block, 2048 after the last

It is not torchvision's network: average pools leave the border out, and the last block pools by
maximum. Weights of all levels but 2048 are read from `$SFUMATO_DATA/weights/inception_v3_2015`;
the whole network is fetched once from a hub and must have the digest below.

Paper: Szegedy et al. (2016), https://arxiv.org/abs/1512.00567
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from sfumato.errors import ConfigError, DataError
from sfumato.nn.fetched import fetched
from sfumato.shapes import Features, Images

LEVELS = (64, 192, 768, 2048)
SIDE = 299
RESIZER = f"bilinear-antialias {SIDE}"
"""Half-pixel centres, widened when shrinking; TensorFlow 1 shifted by half a pixel and did not."""
REPOSITORY, FILE = "nikhilr01/sen-bridge-weights", "fid_inception.safetensors"
DIGEST = "b7a528bf4051f62c057bc14657865abf180a23eb1748d00ff0933d84698202ed"
PARTIAL = "weights/inception_v3_2015/inception_v3_2015_to_mixed7_f32.npz"


class Inception(nn.Module):
    """The network up to one level; a frozen measuring instrument, always in eval mode."""

    def __init__(self, level: int, weights: Mapping[str, Tensor]) -> None:
        """`weights`: "NAME.weight" and "NAME.bias" of each convolution, from `read_weights`."""
        super().__init__()
        if level not in LEVELS:
            names = ", ".join(map(str, LEVELS))
            raise ConfigError(f"inception has no level {level}; choose from {names}.")
        self.level = level
        self.stages = nn.Sequential(*_stages()[: LEVELS.index(level) + 1])
        convolutions = [m for m in self.stages.modules() if isinstance(m, nn.Conv2d)]
        for name, convolution in zip(_tensorflow_names(), convolutions, strict=False):
            for part in ("weight", "bias"):
                getattr(convolution, part).data = _fitting(weights, f"{name}.{part}", convolution)
        self.requires_grad_(False).eval()

    def forward(self, images: Images) -> Features:
        """Features, B by level, of images in [-1, 1] of any size, grey or colour."""
        images = images.expand(-1, 3, -1, -1)
        if images.shape[-2:] != (SIDE, SIDE):
            images = interpolate(images, (SIDE, SIDE), mode="bilinear", antialias=True)
        # (p - 128) / 128 of p = 127.5 (x + 1)
        pixels = (images * 127.5 - 0.5) / 128
        return self.stages(pixels.contiguous(memory_format=torch.channels_last)).mean((2, 3))


def read_weights(level: int) -> dict[str, Tensor]:
    """Folded weights that reach `level`, by TensorFlow's names; found on disk or fetched once.

    Raises DataError with one line where they are neither here nor to be had.
    """
    root = os.environ.get("SFUMATO_DATA")
    if level < LEVELS[-1] and root and (path := Path(root) / PARTIAL).is_file():
        try:
            with np.load(path, allow_pickle=False) as file:
                return {name: torch.from_numpy(file[name]) for name in file.files}
        except (ValueError, OSError) as error:
            raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}.") from None
    return _folded(_fetch(level))


def _fetch(level: int) -> Mapping[str, Tensor]:
    """The whole network from the hub's cache, or from the hub; nothing in it is unpickled."""
    from safetensors.torch import load_file

    path = fetched(
        REPOSITORY,
        FILE,
        what=f"the weights of inception-{level} (95 MB, once)",
        lacking=f"features inception-{level} need weights that are",
        instead=f"put {PARTIAL} into $SFUMATO_DATA (all but 2048), or use --features pixels-8x8",
        sha256=DIGEST,
    )
    return load_file(path)


def _folded(port: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights in pytorch-fid's layout, batch norm (eps 0.001) folded into each convolution."""
    weights = {}
    for name, ported in zip(_tensorflow_names(), _port_names(), strict=True):
        try:
            gain, shift, mean, variance = (
                port[f"{ported}.bn.{part}"].double()
                for part in ("weight", "bias", "running_mean", "running_var")
            )
            kernel = port[f"{ported}.conv.weight"].double()
        except KeyError as error:
            raise DataError(
                f"the Inception weights lack {error.args[0]}; fetch them anew."
            ) from None
        scale = gain / (variance + 0.001).sqrt()
        weights[f"{name}.weight"] = (kernel * scale[:, None, None, None]).float()
        weights[f"{name}.bias"] = (shift - mean * scale).float()
    return weights


def _fitting(weights: Mapping[str, Tensor], name: str, convolution: nn.Conv2d) -> Tensor:
    wanted = getattr(convolution, name.rpartition(".")[2]).shape
    if name not in weights or weights[name].shape != wanted:
        size = tuple(weights[name].shape) if name in weights else "absent"
        raise DataError(f"Inception weight {name} is {size}, not {tuple(wanted)}; fetch it anew.")
    found = weights[name].float()
    # channels-last weights keep the maps channels-last, which convolves faster on every device
    return found.contiguous(memory_format=torch.channels_last) if found.ndim == 4 else found


# ---- the layers, in TensorFlow's order; names below follow this order -------------------------


class _Conv(nn.Conv2d):
    """Convolution and rectifier; the size stays unless it says `stride` 2 (or `valid`)."""

    def __init__(
        self,
        ins: int,
        outs: int,
        size: int | tuple[int, int],
        stride: int = 1,
        valid: bool = False,
    ) -> None:
        sides = (size, size) if isinstance(size, int) else size
        pad = (0, 0) if valid or stride == 2 else (sides[0] // 2, sides[1] // 2)
        super().__init__(ins, outs, sides, stride, pad)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).relu_()


class _Pool(nn.Module):
    """A 3x3 pool: "mean" and "max" keep the size and leave the border out, "halve" halves it."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, maps: Tensor) -> Tensor:
        if self.kind == "mean":
            return avg_pool2d(maps, 3, 1, 1, count_include_pad=False)
        return max_pool2d(maps, 3, 2) if self.kind == "halve" else max_pool2d(maps, 3, 1, 1)


class _Join(nn.ModuleList):
    """Branches side by side: every one sees the same maps, and their outputs are stacked."""

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([branch(maps) for branch in self], 1)


def _chain(ins: int, *steps: tuple[int, int | tuple[int, int]]) -> nn.Sequential:
    """Convolutions in a row, each given as (maps, size)."""
    widths = [ins, *(width for width, _ in steps)]
    return nn.Sequential(*(_Conv(w, *step) for w, step in zip(widths, steps, strict=False)))


def _pooled(kind: str, ins: int, outs: int) -> nn.Sequential:
    return nn.Sequential(_Pool(kind), _Conv(ins, outs, 1))


def _stages() -> list[nn.Sequential]:
    """Four stretches of the network; each ends at a level."""
    return [
        nn.Sequential(
            _Conv(3, 32, 3, 2), _Conv(32, 32, 3, valid=True), _Conv(32, 64, 3), _Pool("halve")
        ),
        nn.Sequential(_Conv(64, 80, 1), _Conv(80, 192, 3, valid=True), _Pool("halve")),
        nn.Sequential(
            _wide(192, 32), _wide(256, 64), _wide(288, 64), _shrink_35(),
            *(_long(width) for width in (128, 160, 160, 192)),
        ),
        nn.Sequential(_shrink_17(), _forked(1280, "mean"), _forked(2048, "max")),
    ]  # fmt: skip


def _wide(ins: int, pooled: int) -> _Join:
    """35x35: 1x1, 5x5, twice 3x3, pool."""
    return _Join(
        [
            _chain(ins, (64, 1)),
            _chain(ins, (48, 1), (64, 5)),
            _chain(ins, (64, 1), (96, 3), (96, 3)),
            _pooled("mean", ins, pooled),
        ]
    )


def _shrink_35() -> _Join:
    double = nn.Sequential(*_chain(288, (64, 1), (96, 3)), _Conv(96, 96, 3, stride=2))
    return _Join([_Conv(288, 384, 3, stride=2), double, _Pool("halve")])


def _long(width: int) -> _Join:
    """17x17: 1x1, 1x7 and 7x1, the same twice over, pool."""
    row, column = (1, 7), (7, 1)
    twice = ((width, 1), (width, column), (width, row), (width, column), (192, row))
    return _Join(
        [
            _chain(768, (192, 1)),
            _chain(768, (width, 1), (width, row), (192, column)),
            _chain(768, *twice),
            _pooled("mean", 768, 192),
        ]
    )


def _shrink_17() -> _Join:
    row_column = _chain(768, (192, 1), (192, (1, 7)), (192, (7, 1)))
    return _Join(
        [
            nn.Sequential(_Conv(768, 192, 1), _Conv(192, 320, 3, stride=2)),
            nn.Sequential(*row_column, _Conv(192, 192, 3, stride=2)),
            _Pool("halve"),
        ]
    )


def _forked(ins: int, pool: str) -> _Join:
    """8x8: 1x1; 1x3 beside 3x1 after a 1x1, and after a 1x1 and a 3x3; pool."""

    def fork() -> _Join:
        return _Join([_Conv(384, 384, (1, 3)), _Conv(384, 384, (3, 1))])

    return _Join(
        [
            _chain(ins, (320, 1)),
            nn.Sequential(*_chain(ins, (384, 1)), fork()),
            nn.Sequential(*_chain(ins, (448, 1), (384, 3)), fork()),
            _pooled(pool, ins, 192),
        ]
    )


def _tensorflow_names() -> list[str]:
    """Scope names of the convolutions, "/" written "_"; the numbers after a name count from 1."""

    def numbered(scope: str, count: int) -> Iterator[str]:
        return (f"{scope}conv" + (f"_{i}" if i else "") for i in range(count))

    towers = ("", "tower_", "tower_1_", "tower_2_")
    blocks = [(1, 2, 3, 1)] * 3 + [(1, 3)] + [(1, 3, 5, 1)] * 4 + [(0, 2, 4)] + [(1, 3, 4, 1)] * 2
    names = list(numbered("", 5))
    for index, counts in enumerate(blocks):
        scope = f"mixed_{index}_" if index else "mixed_"
        for tower, count in zip(towers, counts, strict=False):
            names += numbered(scope + tower, count)
    return names


def _port_names() -> list[str]:
    """The names pytorch-fid's port gives the same convolutions, in the same order."""
    stem = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"]
    wide = "1x1 5x5_1 5x5_2 3x3dbl_1 3x3dbl_2 3x3dbl_3 _pool"
    long = "1x1 7x7_1 7x7_2 7x7_3 7x7dbl_1 7x7dbl_2 7x7dbl_3 7x7dbl_4 7x7dbl_5 _pool"
    forked = "1x1 3x3_1 3x3_2a 3x3_2b 3x3dbl_1 3x3dbl_2 3x3dbl_3a 3x3dbl_3b _pool"
    blocks = {f"Mixed_5{letter}": wide for letter in "bcd"}
    blocks["Mixed_6a"] = "3x3 3x3dbl_1 3x3dbl_2 3x3dbl_3"
    blocks |= {f"Mixed_6{letter}": long for letter in "bcde"}
    blocks["Mixed_7a"] = "3x3_1 3x3_2 7x7x3_1 7x7x3_2 7x7x3_3 7x7x3_4"
    blocks |= {f"Mixed_7{letter}": forked for letter in "bc"}
    return stem + [f"{b}.branch{part}" for b, parts in blocks.items() for part in parts.split()]
