"""MobileNetV2's layers, and what they learned from ImageNet.

    inverted residual:  narrow -> 1x1 to t times as wide, relu6 -> 3x3 each map for itself, relu6
                        -> 1x1 to narrow, no rectifier;  + what entered, where the shape is kept

Weights are read from `$SFUMATO_DATA/weights/mobilenet_v2_quant`, the 8-bit network that TensorFlow
released: each kernel is scale * (stored - zero), with its batch norm folded in, so that norm here
begins as a shift alone. Else they are fetched once from a hub, in float32, batch norm apart.

Paper: Sandler et al. (2018), https://arxiv.org/abs/1801.04381, tables 1 and 2.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import batch_norm, pad

from sfumato.errors import DataError
from sfumato.io.tflite import constants
from sfumato.nn.fetched import fetched

EPS = 1e-3
"""Of every batch norm, as in TensorFlow."""
STAGES = (
    (1, 16, 1), (6, 24, 2), (6, 24, 1), (6, 32, 2), (6, 32, 1), (6, 32, 1), (6, 64, 2),
    *[(6, 64, 1)] * 3, *[(6, 96, 1)] * 3, (6, 160, 2), *[(6, 160, 1)] * 2, (6, 320, 1),
)  # fmt: skip
"""Of each inverted residual: expansion t, maps, stride."""
FILE = "weights/mobilenet_v2_quant/mobilenet_v2_1.0_224_quant.tflite"
REPOSITORY, REMOTE = "google/mobilenet_v2_1.0_224", "model.safetensors"


class Norm(nn.BatchNorm2d):
    """Batch norm; while it is `held` its statistics stay, in training too."""

    held = False

    def forward(self, maps: Tensor) -> Tensor:
        """Each map by its mean and deviation, then by the gain and shift that are learned."""
        if not self.held:
            return super().forward(maps)
        mean, variance = self.running_mean, self.running_var
        return batch_norm(maps, mean, variance, self.weight, self.bias, eps=self.eps)


class Convolution(nn.Sequential):
    """Convolution, batch norm and, where asked for, a rectifier that ends at 6."""

    def __init__(
        self, ins: int, outs: int, size: int = 1, stride: int = 1, *, each: bool, relu: bool = True
    ) -> None:
        """`each`: every map is convolved by itself."""
        groups = ins if each else 1
        convolution = nn.Conv2d(ins, outs, size, stride, groups=groups, bias=False)
        norm = Norm(outs, eps=EPS, momentum=0.01)
        super().__init__(convolution, norm, *([nn.ReLU6()] if relu else []))
        self.size, self.stride = size, stride

    def forward(self, maps: Tensor) -> Tensor:
        """TensorFlow pads so that the stride's last window ends at the border or beyond it."""
        if self.size > 1:
            edges = [self._edges(side) for side in (maps.shape[3], maps.shape[2])]
            maps = pad(maps, (*edges[0], *edges[1]))
        return super().forward(maps)

    def _edges(self, side: int) -> tuple[int, int]:
        windows = -(-side // self.stride)
        missing = max(0, (windows - 1) * self.stride + self.size - side)
        return missing // 2, missing - missing // 2


class Inverted(nn.Module):
    """Wide between narrow ends; what entered is added where the shape is kept."""

    def __init__(self, ins: int, outs: int, widen: int, stride: int) -> None:
        super().__init__()
        wide = ins * widen
        self.layers = nn.Sequential(
            *([Convolution(ins, wide, each=False)] if widen > 1 else []),
            Convolution(wide, wide, 3, stride, each=True),
            Convolution(wide, outs, each=False, relu=False),
        )
        self.kept = stride == 1 and ins == outs

    def forward(self, maps: Tensor) -> Tensor:
        """A change to the maps, or new maps."""
        return maps + self.layers(maps) if self.kept else self.layers(maps)


def backbone(width: float) -> nn.Sequential:
    """The 19 stages from three colours to 1280 maps; `width` is a factor on all other maps."""
    ins = channels(32, width)
    stages: list[nn.Module] = [Convolution(3, ins, 3, 2, each=False)]
    for widen, maps, stride in STAGES:
        outs = channels(maps, width)
        stages.append(Inverted(ins, outs, widen, stride))
        ins = outs
    return nn.Sequential(*stages, Convolution(ins, channels(1280, max(1.0, width)), each=False))


def channels(maps: int, width: float) -> int:
    """So many maps times `width`, to the nearest multiple of 8 that loses at most a tenth."""
    wanted = maps * width
    found = max(8, int(wanted + 4) // 8 * 8)
    return found + 8 if found < 0.9 * wanted else found


def imagenet() -> dict[str, Tensor]:
    """State of `backbone(1.0)` as it was trained on ImageNet; found on disk or fetched once.

    Raises DataError with one line where it is neither here nor to be had.
    """
    root = os.environ.get("SFUMATO_DATA")
    path = Path(root, FILE) if root else None
    layers = _folded(path) if path is not None and path.is_file() else _apart()
    net = backbone(1.0)
    state: dict[str, Tensor] = {}
    names = [name for name, layer in net.named_modules() if isinstance(layer, Convolution)]
    for name, (kernel, norm) in zip(names, layers, strict=True):
        state[f"{name}.0.weight"] = kernel
        state |= {f"{name}.1.{part}": value for part, value in norm.items()}
    for name, value in net.state_dict().items():
        if name in state and state[name].shape != value.shape:
            raise DataError(f"ImageNet's weights do not fit at {name}; fetch them anew.")
    return state


Layer = tuple[Tensor, Mapping[str, Tensor]]
"""A kernel, and its batch norm's weight, bias, running_mean and running_var."""


def _folded(path: Path) -> Iterator[Layer]:
    """Layers of the 8-bit file, each norm a shift: gain sqrt(1 + eps) over a variance of 1."""
    held = [arrays for arrays in constants(path) if len(arrays) == 2 and arrays[0].ndim == 4]
    if len(held) != 53:
        raise DataError(f"{path} holds {len(held)} convolutions, not MobileNetV2's 53.")
    for kernel, bias in held[:-1]:  # the last names ImageNet's classes
        # stored as out, height, width, in, and where each map has its own as 1, height, width, out
        each = kernel.shape[0] == 1
        weight = torch.from_numpy(kernel.transpose((3, 0, 1, 2) if each else (0, 3, 1, 2)).copy())
        one, shift = torch.ones(len(bias)), torch.from_numpy(bias)
        still = {"running_mean": 0 * one, "running_var": one.clone()}
        yield weight, {"weight": one * (1 + EPS) ** 0.5, "bias": shift, **still}


def _apart() -> Iterator[Layer]:
    """Layers of the hub's file, norms as they were trained."""
    path = fetched(
        REPOSITORY,
        REMOTE,
        what="MobileNetV2's weights (14 MB, once)",
        lacking="ImageNet's weights are",
        instead=f"put {FILE} into $SFUMATO_DATA, or begin without them: --start none",
    )
    held = load_file(path)
    blocks = [f"layer.{n}.{part}" for n in range(16) for part in _PARTS]
    stem = [f"conv_stem.{part}" for part in ("first_conv", *_PARTS[1:])]
    for name in (*stem, *blocks, "conv_1x1"):
        place = f"mobilenet_v2.{name}"
        try:
            kernel = held[f"{place}.convolution.weight"]
            norm = {part: held[f"{place}.normalization.{part}"] for part in _NORM}
        except KeyError as error:
            raise DataError(f"{REPOSITORY} lacks {error.args[0]}; fetch it anew.") from None
        yield kernel, norm


_PARTS = ("expand_1x1", "conv_3x3", "reduce_1x1")
_NORM = ("weight", "bias", "running_mean", "running_var")
