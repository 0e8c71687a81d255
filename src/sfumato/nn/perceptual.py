"""Perceptual networks: frozen towers of convolutions that see pictures roughly as people do.

    embedded   1 M parameters, ours, shipped; layers stage1 ... stage5
    vgg16, vgg19   as published; layers block4_conv2, or conv4_2 or relu4_2, which is the same

A layer's maps are taken after its rectifier. Between blocks the mean of 2x2 is taken, as Gatys et
al. advise, or the maximum, as VGG was trained. The tower ends at the deepest layer that is used.
The embedded tower is VGG-like, a quarter as wide, and was taught by VGG-19: docs/style.md says how
well. Each of its stages is scaled to a mean square of 1 over photographs.

Papers: Simonyan & Zisserman (2015), https://arxiv.org/abs/1409.1556; Gatys et al. (2016),
https://arxiv.org/abs/1508.06576
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

from sfumato.errors import ConfigError, DataError, UnknownName, nearest
from sfumato.nn.fetched import fetched
from sfumato.shapes import Images, Others

Maps = Float[Tensor, "B D h w"]


MEANS = (123.68, 116.779, 103.939)
"""Of ImageNet's red, green and blue in 0..255, as VGG was published."""
TORCH_MEANS, TORCH_SPREADS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the same in [0, 1], as the weights fetched from the hub want it."""


@dataclass(frozen=True)
class Plan:
    """How a tower is built."""

    convolutions: tuple[int, ...]
    """Of each block."""
    widths: tuple[int, ...]
    """Maps of each block's convolutions."""
    layer: str = "block{}_conv{}"
    """How layers are called."""
    repository: str = ""
    """Where its weights are fetched from once; shipped where empty."""
    loudness: float = 1.0
    """What its maps are to be multiplied by to be as large as VGG's: published weights of losses
    then mean the same.
    """

    @property
    def usual_content(self) -> dict[str, float]:
        """The layer that holds the content of a transfer."""
        return dict.fromkeys(self._names((4, 2)), 1.0)

    @property
    def deep_content(self) -> dict[str, float]:
        """The layer a content is rebuilt from."""
        return dict.fromkeys(self._names((5, 1)), 1.0)

    @property
    def usual_style(self) -> dict[str, float]:
        """The layers that hold the style of a transfer."""
        names = self._names(*((block, 2) for block in range(1, 6)))
        return dict(zip(names, SHARES, strict=True))

    @property
    def usual_texture(self) -> dict[str, float]:
        """The layers a texture grows from."""
        return dict.fromkeys(self._names((1, 1), (2, 1), (3, 1), (4, 1)), 1.0)

    def _names(self, *places: tuple[int, int]) -> tuple[str, ...]:
        """Of some layers, given by block and number."""
        return tuple(self.layer.format(*place) for place in places)


_VGG = (64, 128, 256, 512, 512)
PLANS = {
    "embedded": Plan((2, 2, 4, 4, 1), (16, 32, 64, 128, 128), "stage{}", loudness=128),
    "vgg16": Plan((2, 2, 3, 3, 3), _VGG, repository="timm/vgg16.tv_in1k"),
    "vgg19": Plan((2, 2, 4, 4, 4), _VGG, repository="timm/vgg19.tv_in1k"),
}
SHARES = (0.05, 0.2, 0.2, 0.25, 0.3)
"""Weights of the five blocks in the style: a widespread setting; Gatys et al. have fifths."""
FILE = "model.safetensors"
SHIPPED = Path(__file__).parents[1] / "zoo" / "perceptual" / "perceptual.safetensors"


class Perceptual(nn.Module):
    """A frozen tower; `forward` gives the maps of the layers asked for."""

    gain: Tensor
    shift: Tensor

    def __init__(self, name: str, deepest: str | None = None, pooling: str = "average") -> None:
        super().__init__()
        plan = planned(name)
        if pooling not in ("average", "max"):
            raise ConfigError(f"pooling must be average or max; got {pooling!r}.")
        self.name, self.pooling = name, pooling
        places = _places(name)
        last = len(places) if deepest is None else self.place(deepest) + 1
        blocks = places[:last]
        wide = 3
        convolutions = []
        for block, _ in blocks:
            convolutions.append(nn.Conv2d(wide, plan.widths[block], 3, padding=1))
            wide = plan.widths[block]
        self.convolutions = nn.ModuleList(convolutions)
        # a pool stands before the first convolution of every block but the first
        self.pools = {i for i, (a, b) in enumerate(pairwise(blocks), 1) if a[0] != b[0]}
        # what stands before the first convolution: gain * x + shift
        self.register_buffer("gain", torch.ones(3, 1, 1))
        self.register_buffer("shift", torch.zeros(3, 1, 1))
        self.requires_grad_(False).eval()

    @property
    def plan(self) -> Plan:
        """How it is built."""
        return PLANS[self.name]

    def stride(self, layer: str) -> int:
        """Pixels between two places of a layer's maps."""
        return 1 << _places(self.name)[self.place(layer)][0]

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of all layers this kind of network has."""
        return layers(self.name)

    def place(self, layer: str) -> int:
        """Number of the convolution a layer's name stands for; UnknownName says the nearest."""
        return place(self.name, layer)

    def forward(self, images: Images, wanted: Sequence[str]) -> dict[str, Tensor]:
        """Maps of each wanted layer, of colour images in [-1, 1], in the weights' precision."""
        places = {self.place(name): name for name in wanted}
        found = self._maps(images, set(places))
        return {name: found[self.place(name)] for name in wanted}

    def after(self, images: Images, number: int) -> Others:
        """Maps after the convolution of that number, counted from 0."""
        return self._maps(images, {number})[number]

    def _maps(self, images: Images, places: set[int]) -> dict[int, Tensor]:
        dtype = next(self.convolutions.parameters()).dtype
        maps = images.expand(-1, 3, -1, -1)
        if self.name != "embedded":
            maps = self.gain.float() * maps + self.shift.float()
        maps = maps.to(dtype, memory_format=torch.channels_last)
        found = {}
        for number in range(max(places) + 1):
            if number in self.pools:
                maps = _halved(maps, self.pooling)
            maps = self.convolutions[number](maps).relu_()
            if number in places:
                found[number] = maps
        return found


def planned(name: str) -> Plan:
    """How a network is built; UnknownName says the nearest."""
    if name not in PLANS:
        raise UnknownName(f"there is no perceptual network {name!r}; {nearest(name, PLANS)}")
    return PLANS[name]


def layers(name: str) -> tuple[str, ...]:
    """Names of the layers of a network."""
    if name == "embedded":
        return tuple(f"stage{n + 1}" for n in range(len(PLANS[name].widths)))
    return tuple(f"block{block + 1}_conv{number + 1}" for block, number in _places(name))


def place(name: str, layer: str) -> int:
    """Number of the convolution that a layer of a network ends; UnknownName says the nearest."""
    return _places(name).index(_block_and_number(name, layer))


# also for those who ask in inference mode: what is kept serves others, who need gradients
@torch.inference_mode(False)
def load(
    name: str = "embedded",
    wanted: Iterable[str] = (),
    *,
    weights: str | Path | None = None,
    pooling: str = "average",
    fast: bool = False,
) -> Perceptual:
    """A network with its weights, cut at the deepest of the `wanted` layers.

    `weights` is a .safetensors file of VGG in torchvision's, Keras's or Caffe's names. Without it
    VGG is fetched once. `fast` computes in bfloat16. Raises DataError with one line where the
    weights are neither here nor to be had, or do not fit.
    """
    planned(name)
    deepest = max(wanted, key=lambda layer: place(name, layer), default=None)
    network = Perceptual(name, deepest, pooling)
    held = _read(Path(weights)) if weights else _found(name)
    network.load_state_dict(_fitted(network, held, str(weights or name)))
    # channels-last weights keep the maps channels-last, which convolves faster on every device
    for weight in network.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return network.bfloat16() if fast else network


def known(
    name: str,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    *,
    pooling: str = "average",
    weights: str | Path | None = None,
) -> Perceptual:
    """A network, whole; one for all who look through it there, so a file is read once.

    Raises what `load` does.
    """
    return _known(name, device, dtype, pooling, weights)


def stages(images: Images, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Maps of all stages of the shipped network, which computes in `dtype`."""
    return known("embedded", images.device, dtype)(images, layers("embedded"))


# behind `known`, which says every argument: the cache takes what is left out for something else
@cache
@torch.inference_mode(False)
def _known(
    name: str,
    device: torch.device,
    dtype: torch.dtype,
    pooling: str,
    weights: str | Path | None,
) -> Perceptual:
    return load(name, pooling=pooling, weights=weights).to(device, dtype)


def _halved(maps: Maps, pooling: str) -> Others:
    """The mean or maximum of 2x2; a last odd row or column stands alone, so 1 pixel stays 1."""
    if pooling == "max":
        return max_pool2d(maps, 2, ceil_mode=True)
    return avg_pool2d(maps, 2, ceil_mode=True, count_include_pad=False)


def _places(name: str) -> list[tuple[int, int]]:
    """Block and number within it of each convolution."""
    return [(b, n) for b, count in enumerate(PLANS[name].convolutions) for n in range(count)]


def _block_and_number(network: str, layer: str) -> tuple[int, int]:
    spelt = re.fullmatch(r"stage(\d+)", layer)
    if network == "embedded":
        place = (int(spelt[1]) - 1, 0) if spelt else None
    else:
        spelt = re.fullmatch(r"block(\d+)_conv(\d+)|(?:conv|relu)(\d+)_(\d+)", layer)
        numbers = [int(n) - 1 for n in spelt.groups() if n] if spelt else []
        place = (numbers[0], numbers[1]) if numbers else None
    if place not in _places(network):
        known = list(layers(network))
        if layer.startswith(("conv", "relu")) and network != "embedded":
            known = [f"{layer[:4]}{b + 1}_{n + 1}" for b, n in _places(network)]
        raise UnknownName(f"{network} has no layer {layer!r}; {nearest(layer, known)}")
    return place


# ---- weights ----------------------------------------------------------------------------------


def _found(name: str) -> Mapping[str, Tensor]:
    if not PLANS[name].repository:
        return _read(SHIPPED)
    path = fetched(
        PLANS[name].repository,
        FILE,
        what=f"the weights of {name} (550 MB, once)",
        lacking=f"{name} needs weights that are",
        instead="name a .safetensors file with --network-weights, or use --network embedded",
    )
    return _read(path)


def _read(path: Path) -> Mapping[str, Tensor]:
    if path.suffix != ".safetensors":
        raise DataError(f"{path} must be a .safetensors file; other kinds can run code.")
    try:
        return load_file(path)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.") from None
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}.") from None


def _fitted(network: Perceptual, held: Mapping[str, Tensor], place: str) -> dict[str, Tensor]:
    """The tower's own state from weights under anybody's names, with the input they expect."""
    spelling = next((s for s in _spellings(network.name) if f"{s[0]}.weight" in held), None)
    if spelling is None:
        raise DataError(f"{place} holds no weights of {network.name} under a name known here.")
    state: dict[str, Tensor] = {}
    for number, convolution in enumerate(network.convolutions):
        for part in ("weight", "bias"):
            name, wanted = f"{spelling[number]}.{part}", getattr(convolution, part).shape
            if name not in held or held[name].shape != wanted:
                size = tuple(held[name].shape) if name in held else "absent"
                raise DataError(f"{place}: {name} is {size}, not {tuple(wanted)}.")
            state[f"convolutions.{number}.{part}"] = held[name].float()
    gain, shift = torch.ones(3), torch.zeros(3)
    if spelling[0] == "features.0":
        means, spreads = torch.tensor(TORCH_MEANS), torch.tensor(TORCH_SPREADS)
        gain, shift = 0.5 / spreads, (0.5 - means) / spreads
    elif network.name != "embedded":
        gain, shift = torch.full((3,), 127.5), 127.5 - torch.tensor(MEANS)
        # as published its first convolution takes blue, green, red
        state["convolutions.0.weight"] = state["convolutions.0.weight"].flip(1)
    return state | {"gain": gain[:, None, None], "shift": shift[:, None, None]}


def _spellings(name: str) -> list[list[str]]:
    """The convolutions' names, in order: ours, torchvision's, Keras's, Caffe's."""
    places = _places(name)
    return [
        [f"convolutions.{i}" for i in range(len(places))],
        [f"features.{2 * i + block}" for i, (block, _) in enumerate(places)],
        [f"block{b + 1}_conv{n + 1}" for b, n in places],
        [f"conv{b + 1}_{n + 1}" for b, n in places],
    ]
