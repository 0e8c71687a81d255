"""Feature networks: what images are turned into before they are compared.

lenet5-mnist, lenet5-fashion      grey 28x28; the 84 units before the answer; shipped
inception-64, -192, -768, -2048   colour 299x299; the network behind FID; weights fetched
pixels-8x8                        192 means over squares; no weights, no understanding
a run, bundle or zoo name         any classifier's own features
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from sfumato import registry, runs
from sfumato.errors import ConfigError, UnknownName, nearest
from sfumato.io.images import from_bytes, to_bytes
from sfumato.model import Classifier
from sfumato.nn import inception
from sfumato.nn.channels import in_channels
from sfumato.schema import Schema
from sfumato.shapes import Features, Images, Scores

NAMES = (
    "lenet5-mnist",
    "lenet5-fashion",
    "lenet5-digits",
    *(f"inception-{level}" for level in inception.LEVELS),
    "pixels-8x8",
)
ENOUGH = 10_000
"""Images to measure with, unless the user says how many."""


@dataclass(frozen=True)
class Reading:
    """What a network says of some images."""

    features: Features
    """N D: what FID, KID, precision, recall, density and coverage compare."""
    logits: Scores | None = None
    """N K: its answer, where it classifies."""
    maps: Float[Tensor, "N M"] | None = None
    """N M: what its first dense layer sees, where it classifies; nearness of *recognisable*."""

    def head(self, count: int) -> "Reading":
        """The first `count` rows, on the CPU."""
        logits = None if self.logits is None else self.logits[:count].cpu()
        maps = None if self.maps is None else self.maps[:count].cpu()
        return Reading(self.features[:count].cpu(), logits, maps)

    @staticmethod
    def join(readings: Sequence["Reading"]) -> "Reading":
        """One reading of all rows."""

        def of(parts: list[Tensor | None]) -> Tensor | None:
            held = [part for part in parts if part is not None]
            return torch.cat(held) if held else None

        return Reading(
            torch.cat([reading.features for reading in readings]),
            of([reading.logits for reading in readings]),
            of([reading.maps for reading in readings]),
        )


class FeatureNet(ABC):
    """A frozen measuring instrument. Images are rounded to 8 bits first, as a picture file is."""

    name: str
    dim: int
    resizer: str
    classes: tuple[str, ...] = ()
    nearness: int = 0
    """Width of `Reading.maps`, where it classifies."""
    enough: int = ENOUGH
    """The same of this network; fewer where so many would take the better part of an hour."""

    def __init__(self, network: nn.Module, device: str) -> None:
        self.network = network.to(device).eval().requires_grad_(False)
        self.device = device

    @torch.inference_mode()
    def read(self, images: Images) -> Reading:
        """Everything the network says of images in [-1, 1] of any size, grey or colour."""
        return self._read(from_bytes(to_bytes(images)).to(self.device))

    def features(self, images: Images) -> Features:
        """Features, N by `dim`."""
        return self.read(images).features

    def logits(self, images: Images) -> Scores | None:
        """The network's answers; None where it does not classify."""
        return self.read(images).logits

    @property
    def fingerprint(self) -> str:
        """Digest of the weights: references measured with others are not reused."""
        state = blake2b(digest_size=8)
        for name, weight in self.network.state_dict().items():
            state.update(name.encode())
            state.update(weight.detach().cpu().contiguous().numpy().tobytes())
        return state.hexdigest()

    @abstractmethod
    def _read(self, images: Images) -> Reading: ...


class _Inception(FeatureNet):
    enough = 2_000

    def __init__(self, level: int, device: str) -> None:
        super().__init__(inception.Inception(level, inception.read_weights(level)), device)
        self.name, self.dim, self.resizer = f"inception-{level}", level, inception.RESIZER

    def _read(self, images: Images) -> Reading:
        return Reading(self.network(images))


class _Pixels(FeatureNet):
    name, dim, resizer = "pixels-8x8", 192, "area 8"

    def __init__(self, device: str) -> None:
        super().__init__(nn.Identity(), device)

    def _read(self, images: Images) -> Reading:
        small = interpolate(images.expand(-1, 3, -1, -1), (8, 8), mode="area")
        return Reading(small.flatten(1))


class _Classifying(FeatureNet):
    """A classifier of the house; its `features`, its answers, and what its first dense layer sees.

    The dense layers saturate: in LeNet-5's last 84 units most Gaussian noise lies close to some
    "8", before the first of them none does.
    """

    def __init__(self, place: str, device: str) -> None:
        model = runs.load(place, device)
        if not isinstance(model, Classifier) or "Classifier" in model.lacks:
            raise ConfigError(f"features {place} is no classifier; {nearest(place, NAMES)}")
        super().__init__(model, device)
        self.model, self.name, self.classes = model, place, model.schema.classes
        self.resizer = f"bilinear-antialias {model.schema.side}"
        self._seen: dict[str, Tensor] = {}
        dense = self._first_dense(place)
        dense.register_forward_pre_hook(self._look)
        self.nearness = dense.in_features
        self.dim = self.features(torch.zeros(1, *model.schema.shape)).shape[1]

    def _first_dense(self, place: str) -> nn.Linear:
        """The first that answers go through; others may be those of a painter."""
        found: list[nn.Linear] = []
        hooks = [
            layer.register_forward_pre_hook(lambda layer, given: found.append(layer))
            for layer in self.model.modules()
            if isinstance(layer, nn.Linear)
        ]
        self.model.logits(torch.zeros(1, *self.model.schema.shape, device=self.model.device))
        for hook in hooks:
            hook.remove()
        if not found:
            raise ConfigError(f"features {place} has no dense layer; {nearest(place, NAMES)}")
        return found[0]

    def _look(self, layer: nn.Module, given: tuple[Any, ...]) -> None:
        self._seen["maps"] = given[0]

    def _read(self, images: Images) -> Reading:
        images = _fitted(images, self.model.schema)
        logits, features = self.model.logits(images), self.model.features(images)
        return Reading(features, logits, self._seen.pop("maps").flatten(1))


def feature_net(name: str, device: str = "cpu") -> FeatureNet:
    """The network called `name`, on `device`; raises UnknownName or DataError with one line."""
    if name == "pixels-8x8":
        return _Pixels(device)
    if name.startswith("inception-") and name in NAMES:
        return _Inception(int(name.removeprefix("inception-")), device)
    if name in registry.shipped() or Path(name).exists():
        return _Classifying(name, device)
    raise UnknownName(
        f"--features {name} is unknown; {nearest(name, NAMES)} A classifier's run will do too."
    )


def default_features(data: str) -> str:
    """The network that suits a data set best; the scores name it, so this is never silent."""
    own = {"mnist": "lenet5-mnist", "fashion-mnist": "lenet5-fashion", "digits": "lenet5-digits"}
    return own.get(data, "inception-768")


def fitted(images: Images, schema: Schema) -> Float[Tensor, "B c h w"]:
    """Images in [-1, 1] as a network of this schema sees them: 8 bits, its colours, its side."""
    return _fitted(from_bytes(to_bytes(images)), schema)


def _fitted(images: Images, schema: Schema) -> Float[Tensor, "B c h w"]:
    images, side = in_channels(images, schema.channels), schema.side
    if images.shape[-2:] == (side, side):
        return images
    return interpolate(images, (side, side), mode="bilinear", antialias=True)
