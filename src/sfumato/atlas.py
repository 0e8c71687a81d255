"""Maps of the codes: a plane, real images as points, what codes keep, styles under every label.

Every function takes a model, or a place that holds one (a run folder, a bundle, a zoo name) and is
read to `device`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.encoding import (
    Shown,
    as_told,
    autoencoder,
    encoded,
    few_enough,
    fitted,
    paint,
    painted_under,
)
from sfumato.errors import ConfigError
from sfumato.evaluation import held_out, source_of
from sfumato.evaluation.references import Split
from sfumato.metrics.distortion import psnr
from sfumato.model import Model, Sampler
from sfumato.sampling import begin, sampler
from sfumato.settings import Count, Several
from sfumato.shapes import Codes, Column, Images

FEWEST = 10
"""Images that are worth laying out."""
QUANTILES = (0.05, 0.95)
"""Ends of the plane, as quantiles of the normal prior."""


@torch.no_grad()
def manifold(
    place: Model | str | Path,
    side: Several = 15,
    *,
    seed: int = 0,
    device: str = "cpu",
    **asked: Any,
) -> Images:
    """`side` x `side` images, row by row: the plane of a code with two normal coordinates.

    The first grows to the right and the second upwards, by equal steps of the prior's
    probability, so each picture stands for as many codes as any other. All else is as in `seed`'s
    image. Raises ConfigError where the code has more or fewer normal coordinates.
    """
    model = sampler(place, "manifold", device)
    few_enough(model, side * side)
    code, condition = begin(model, 1, seed, None, asked)
    wide = code[:, model.normal].shape[1]
    if wide != 2:
        raise ConfigError(
            f"manifold needs a code of two normal coordinates, and that of {type(model).__name__} "
            f"has {wide}; train one with --model.latent 2."
        )
    steps = torch.linspace(*QUANTILES, side, dtype=torch.float64)
    line = (2**0.5 * (2 * steps - 1).erfinv()).to(code)
    codes = code.repeat(side * side, 1)
    up, right = torch.meshgrid(line.flip(0), line, indexing="ij")
    codes[:, model.normal] = torch.stack([right.flatten(), up.flatten()], 1)
    given = {name: row.expand(len(codes), *row.shape[1:]) for name, row in condition.items()}
    return paint(model, codes, given)


@dataclass(frozen=True)
class Points:
    """Real images as points of a plane."""

    where: Float[Tensor, "N 2"]
    """Their places."""
    codes: Codes
    """Their codes."""
    labels: Int[Tensor, " N"] | None
    """Their classes; None where the data has none."""
    classes: tuple[str, ...]
    """Names of the classes."""
    axes: tuple[str, str]
    """What the two directions are; t-SNE's are nothing of their own."""


def scatter(
    place: Model | str | Path,
    data: str | Path | Source | None = None,
    *,
    count: Annotated[int, Ge(FEWEST)] = 2000,
    seed: int = 0,
    device: str = "cpu",
) -> Points:
    """The codes of `count` held-out images; t-SNE brings those wider than 2 into a plane.

    Of a sampler's code only the normal coordinates are looked at: a kind beside them is not
    style. t-SNE keeps neighbours together and says nothing by the distances between groups (van
    der Maaten & Hinton 2008, https://jmlr.org/papers/v9/vandermaaten08a.html).
    """
    model = autoencoder(place, "scatter", device)
    split = held_out(model, source_of(place, data), seed=seed)
    if len(split.rows) < FEWEST:
        raise ConfigError(
            f"scatter needs at least {FEWEST} held-out images, and {split.data.name} has "
            f"{len(split.rows)}."
        )
    batch = split.data.batch(split.rows[:count])
    codes = encoded(model, batch.image)
    if isinstance(model, Sampler) and codes[:, model.normal].shape[1]:
        codes = codes[:, model.normal]
    wide = codes.shape[1] > 2
    where = _embedded(codes, seed) if wide else torch.nn.functional.pad(codes, (0, 2))[:, :2]
    axes = ("t-SNE", "") if wide else ("z0", "z1")
    return Points(where, codes, batch.label, split.data.schema.classes, axes)


@dataclass(frozen=True)
class Reconstructed:
    """Images, and what is painted from their codes."""

    images: Images
    """As the model takes them."""
    painted: Images
    """The image of the code of each."""
    psnr: Column
    """How near it comes, in decibels."""


def reconstruct(
    place: Model | str | Path,
    pictures: Shown | None = None,
    *,
    data: str | Path | Source | None = None,
    count: Count = 16,
    seed: int = 0,
    device: str = "cpu",
    **asked: Any,
) -> Reconstructed:
    """Each picture, and the picture of its code.

    `pictures` are files, or images as the model takes them; unless given, `count` held-out ones,
    whose own labels and attributes the decoder is told where it cannot do without.
    """
    model = autoencoder(place, "reconstruct", device)
    seen: Batch | None = None
    if pictures is None:
        split = held_out(model, source_of(place, data), seed=seed)
        seen = as_told(model, split.data.batch(split.rows[:count]), split.data, *model.besides)
        images = seen.image
    else:
        images = fitted(model, pictures)
    given = painted_under(model, len(images), asked, seen)
    painted = paint(model, encoded(model, images), given)
    return Reconstructed(images, painted, psnr(painted, images))


@dataclass(frozen=True)
class Relabelled:
    """Images, and each of them under every label."""

    images: Images
    """As they are."""
    painted: Float[Tensor, "N K C H W"]
    """The code of each under each label."""
    classes: tuple[str, ...]
    """Names of the labels."""


@torch.no_grad()
def relabel(
    place: Model | str | Path,
    images: Shown | None = None,
    *,
    data: str | Path | Source | None = None,
    count: Count = 10,
    seed: int = 0,
    device: str = "cpu",
) -> Relabelled:
    """The code of each image decoded with every label in turn: its style, and another content.

    `images` are pictures as the model takes them, or paths; unless given, `count` held-out ones,
    of each class in turn. Raises ConfigError where the decoder is not told a label.
    """
    model = autoencoder(place, "relabel", device)
    classes = model.schema.classes
    if not (isinstance(model, Sampler) and "label" in model.conditions):
        raise ConfigError(
            f"relabel needs a decoder that is told the label, and that of {type(model).__name__} "
            "as it was trained here is not; aae's recipes supervised and semi give one."
        )
    if images is None:
        shown = _of_each_class(held_out(model, source_of(place, data), seed=seed), count)
    else:
        shown = fitted(model, images)
    codes = encoded(model, shown)
    label = torch.arange(len(classes), device=model.device).repeat(len(codes))
    again = codes.repeat_interleave(len(classes), 0)
    painted = paint(model, again, {"label": label})
    return Relabelled(shown, painted.unflatten(0, (len(codes), -1)), classes)


def _embedded(codes: Codes, seed: int) -> Float[Tensor, "N 2"]:
    from sklearn.manifold import TSNE  # slow to import

    reach = min(30.0, (len(codes) - 1) / 3)
    found = TSNE(init="pca", perplexity=reach, random_state=seed).fit_transform(codes.numpy())
    return torch.from_numpy(found).float()


def _of_each_class(split: Split, count: int) -> Images:
    """`count` images, of each class in turn; the split's order decides which."""
    split.data.require(("label",), "relabel")
    label = torch.from_numpy(split.data.columns["label"])[split.rows]
    turn = torch.zeros_like(label)
    for number in label.unique():
        turn[label == number] = torch.arange(int((label == number).sum()))
    order = torch.argsort(turn * (int(label.max()) + 1) + label)
    return split.data.batch(split.rows[order[:count]]).image
