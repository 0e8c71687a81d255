"""How far apart two pictures look, to a frozen network.

    d(x, y) = sum_l mean_places sum_d w_ld (u_ld(x) - u_ld(y))^2

u the maps of layer l, of length 1 over d at each place; w a weight of each map.

    embedded   the five stages of the shipped network, all w = 1: a perceptual distance
    vgg16      conv1_2, 2_2, 3_3, 4_3, 5_3 and the published w, which people's answers taught:
               LPIPS v0.1, and called so only where the published examples come out

Paper: Zhang, Isola, Efros, Shechtman & Wang (2018), https://arxiv.org/abs/1801.03924, equation 1
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from sfumato.errors import ConfigError
from sfumato.io.images import from_picture, read
from sfumato.metrics.distortion import Originals, comparable
from sfumato.nn.perceptual import PLANS, Perceptual, known, layers
from sfumato.shapes import Column, Images, Others

PUBLISHED = {"ex_p0": 0.569, "ex_p1": 0.422}
"""LPIPS v0.1 with VGG-16 of the authors' example pictures, from `ex_ref`."""
NEAR = 0.002
"""How far from them a distance may lie that is called LPIPS."""
SHIPPED = Path(__file__).parents[1] / "zoo" / "lpips"
LEARNED = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3")


@dataclass(frozen=True, eq=False)
class Distance:
    """A frozen measuring instrument; `name` says what its numbers may be called."""

    network: Callable[[torch.device], Perceptual]
    """The one on a device."""
    weights: Mapping[str, Tensor]
    """Of the maps of each layer that is compared."""
    name: str = "perceptual"

    def __call__(self, images: Images, originals: Originals) -> Column:
        """One distance per image, colour or grey in [-1, 1], 0 where both are equal.

        Gradients reach the images. Raises ConfigError for images of two shapes.
        """
        comparable(images, originals)
        network = self.network(images.device)
        ours, theirs = (network(x, list(self.weights)) for x in (images, originals))
        total = images.new_zeros(len(images), dtype=torch.float32)
        for layer, weights in self.weights.items():
            apart = (_unit(ours[layer]) - _unit(theirs[layer])).square()
            total = total + torch.einsum("bdhw,d->bhw", apart, weights.to(apart)).mean((1, 2))
        return total


@torch.inference_mode(False)  # weights that others use, who need gradients as well
def distance(name: str = "embedded", weights: str | Path | None = None) -> Distance:
    """The distance in what network `name` sees: `embedded` or `vgg16`.

    `weights` is a file of VGG-16 as `nn.perceptual.load` takes it; without it VGG-16 is fetched
    once. Its distance is named `lpips` where the published examples come out, `perceptual_vgg16`
    where not. Raises ConfigError for another name, DataError where the weights are not to be had.
    """
    if name == "embedded":
        widths = dict(zip(layers(name), PLANS[name].widths, strict=True))
        ones = {layer: torch.ones(width) for layer, width in widths.items()}
        return Distance(partial(known, name), ones)
    if name != "vgg16":
        raise ConfigError(f"a perceptual distance needs embedded or vgg16; got {name!r}.")
    network = partial(known, name, pooling="max", weights=weights)
    heads = load_file(SHIPPED / "vgg16.safetensors")
    learned = {layer: heads[f"head{number}"] for number, layer in enumerate(LEARNED, 1)}
    plain = Distance(network, learned, "perceptual_vgg16")
    return Distance(network, learned, "lpips") if _as_published(plain) else plain


@torch.no_grad()
def _as_published(found: Distance) -> bool:
    """Whether the authors' examples lie as far apart as they publish."""
    example = {name: _example(name) for name in ("ex_ref", *PUBLISHED)}
    return all(
        abs(float(found(example[name], example["ex_ref"])) - wanted) < NEAR
        for name, wanted in PUBLISHED.items()
    )


def _example(name: str) -> Images:
    return from_picture(read(SHIPPED / f"{name}.png", channels=3))


def _unit(maps: Others) -> Others:
    """Length 1 over the maps at each place; 0 where all are."""
    maps = maps.float()
    return maps / (maps.square().sum(1, keepdim=True) + 1e-20).sqrt()
