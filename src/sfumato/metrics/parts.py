"""Whether a painted front has its parts where they were asked for: an FCN score of facades.

A segmenter that learned from photographs names the part at each pixel of a picture; the map that
was given says which it should be. Over all pixels of all pictures, n_ij of part i named j:

    pixel accuracy  sum_i n_ii / sum_ij n_ij
    class accuracy  mean_i n_ii / sum_j n_ij
    class IoU       mean_i n_ii / (sum_j n_ij + sum_j n_ji - n_ii)

means over the parts that occur. Real photographs score what the segmenter knows: the ceiling.

Isola et al. (2017), https://arxiv.org/abs/1611.07004, section 4.1; the three shares: Long,
Shelhamer & Darrell (2015), https://arxiv.org/abs/1411.4038, section 5
"""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file
from torch import Tensor, nn

from sfumato.metrics import clusters
from sfumato.metrics.score import Score
from sfumato.nn.resize import resize
from sfumato.nn.unet import UNet
from sfumato.shapes import Images, Others

Parts = Int[Tensor, "B H W"]
Scaled = Int[Tensor, "B h w"]
"""At another side."""
Verdicts = Float[Tensor, "B K H W"]
NAMES = (
    *("background", "facade", "window", "door", "cornice", "sill"),
    *("balcony", "blind", "deco", "molding", "pillar", "shop"),
)
"""The twelve parts, in the order of the CMP facade database."""
_STEPS = (
    *((0, 0, 2), (0, 0, 3), (0, 1, 3), (0, 2, 3), (0, 3, 3), (1, 3, 2)),
    *((2, 3, 1), (3, 3, 0), (3, 2, 0), (3, 1, 0), (3, 0, 0), (2, 0, 0)),
)
"""Thirds of red, green and blue that each is drawn in."""
SIDE = 128
"""Pixels of the pictures that the segmenter looks at."""
WIDTH, DEPTH = 12, 5
"""Of the segmenter."""
SHIPPED = Path(__file__).parents[1] / "zoo" / "facade-parts" / "facade-parts.safetensors"


class Segmenter(nn.Module):
    """A U-Net that gives the logit of each part at each pixel of colour pictures."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        norm = partial(nn.BatchNorm2d, momentum=0.01)
        self.network = UNet(3, len(NAMES), WIDTH, DEPTH, norm, dropout)

    def forward(self, images: Images) -> Verdicts:
        """Sides must be multiples of 32."""
        return self.network(images)


@cache
@torch.inference_mode(False)  # kept for those who need gradients as well
def shipped(device: torch.device) -> Segmenter:
    """The segmenter with its weights, frozen; one for all who look through it there."""
    segmenter = Segmenter()
    state = {name: weight.float() for name, weight in load_file(SHIPPED).items()}
    segmenter.load_state_dict(state)
    return segmenter.to(device).eval().requires_grad_(False)


def drawn(maps: Images) -> Parts:
    """The part at each pixel of maps in colours: the one whose colour is nearest."""
    colours = palette().to(maps)
    return (
        torch.cdist(maps.permute(0, 2, 3, 1).flatten(1, 2), colours)
        .argmin(2)
        .unflatten(1, maps.shape[2:])
    )


def palette() -> Tensor:
    """Colour of each part, K 3 in [-1, 1]."""
    thirds = torch.tensor(_STEPS, dtype=torch.float32) / 3
    return 2 * thirds - 1


def named(segmenter: Segmenter, images: Images) -> Scaled:
    """The part that the segmenter sees at each pixel, at its own side."""
    return segmenter(resize(images, SIDE, SIDE).clamp(-1, 1)).argmax(1)


class PartsTally:
    """Adds up confusions over batches of painted fronts, for several makers of pictures."""

    def __init__(self, segmenter: Segmenter | None = None) -> None:
        """The shipped one where none is given."""
        self.segmenter = segmenter
        self.counts: dict[str, Tensor] = {}

    def add(self, made: Mapping[str, Images], maps: Others) -> None:
        """One batch of each maker's pictures, and the maps they were asked for by."""
        segmenter, wanted = self.segmenter or shipped(maps.device), _at(drawn(maps), SIDE)
        for maker, images in made.items():
            found = confusion(named(segmenter, images), wanted)
            self.counts[maker] = self.counts.get(maker, 0) + found

    def scores(self, maker: str, real: str, n: int) -> dict[str, Score]:
        """That maker's; `real` is the ceiling, and the best of all others the floor."""
        found = {who: shares(counts) for who, counts in self.counts.items()}
        trivial = {who: values for who, values in found.items() if who not in (maker, real)}
        return {
            name: Score(
                value,
                floor=max((values[name] for values in trivial.values()), default=None),
                ceiling=found[real][name],
                n=n,
                features="facade-parts",
                note=", ".join(f"{who} {values[name]:.4g}" for who, values in trivial.items()),
            )
            for name, value in found[maker].items()
        }


def _at(parts: Parts, side: int) -> Scaled:
    """At another side, the nearest pixel's."""
    rows, columns = (
        (torch.arange(side) * 2 + 1) * length // (2 * side) for length in parts.shape[1:]
    )
    return parts[:, rows][:, :, columns]


def confusion(found: Parts, wanted: Parts) -> Tensor:
    """K K counts: row what a pixel should be, column what it is named."""
    return clusters.confusion(wanted.flatten(), found.flatten(), (len(NAMES), len(NAMES)))


def shares(counts: Tensor) -> dict[str, float]:
    """The three scores."""
    counts = counts.double()
    right, asked, said = counts.diagonal(), counts.sum(1), counts.sum(0)
    occurs = asked > 0
    return {
        "pixel_accuracy": float(right.sum() / counts.sum()),
        "class_accuracy": float((right / asked)[occurs].mean()),
        "class_iou": float((right / (asked + said - right))[occurs].mean()),
    }
