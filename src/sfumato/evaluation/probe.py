"""A linear probe: what the features of a judge, which never saw a label, know of the classes.

Every activation of the judge is looked at. Maps are pooled to 4 x 4 by their largest values, all
are put side by side, and a linear classifier with an L2 penalty learns the classes from them. The
same is done for raw pixels and for the same network with random weights, so that it can be seen
what learning has added to the shape of the network.

Radford, Metz & Chintala (2016), https://arxiv.org/abs/1511.06434, section 5.1. Departures:
logistic regression for the support vector machine, with its penalty chosen on a fifth of the
images it learns from; at most 8,192 features, for which maps are pooled further where need be.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.pipeline import Pipeline
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d

from sfumato.conditions import taken
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.evaluation.references import Split, splits
from sfumato.io.bars import bar
from sfumato.metrics.readable import linear
from sfumato.metrics.score import Score, of_share
from sfumato.model import Judge, Model
from sfumato.randomness import derive
from sfumato.shapes import Features, Images

Seeing = Callable[[Images], Features]
ACTIVATIONS = (nn.LeakyReLU, nn.ReLU, nn.Tanh, nn.ELU, nn.SiLU, nn.GELU, nn.PReLU)
GRIDS = (4, 2, 1)
"""Sides to which maps are pooled; the first that keeps the features to `WIDEST`."""
WIDEST = 8192
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
"""Inverse weights of the L2 penalty."""


def probe(
    model: Model, source: Source, *, n: int = 10_000, seed: int = 0, batch: int = 250
) -> dict[str, Score]:
    """Accuracies on held-out images: of the judge, of raw pixels, and of random weights.

    Each classifier learns from at most `n` images and names at most `n` others. Floor is the
    commonest class. Raises ConfigError where `model` is no judge or its judge is told the label,
    DataError where the data have none.
    """
    if not isinstance(model, Judge):
        raise ConfigError(f"a probe needs a Judge, and {type(model).__name__} is none.")
    learned, held_out = (part.told() for part in splits(source, seed))
    learned.data.require(("image", "label"), "a probe")
    if told := taken(model.judge, learned.data.batch(learned.rows[:1])):
        raise ConfigError(
            f"the judge of {type(model).__name__} is told the {' and '.join(told)} of an image; "
            "a probe needs one that sees the image alone."
        )
    if len(learned.data.schema.classes) < 2:
        raise ConfigError(f"a probe needs two classes or more, and {source.name} has one.")
    ways: dict[str, Seeing] = {
        "probe": looking(model),
        "probe_pixels": lambda images: images.flatten(1),
        "probe_random": looking(untrained(model, seed)),
    }
    with bar() as progress:
        task = progress.add_task("probe", total=len(ways))
        found = {}
        for name, seeing in ways.items():
            found[name] = _score(seeing, learned, held_out, n, seed, batch)
            progress.advance(task)
    return found


def looking(model: Judge) -> Seeing:
    """A function from images to all that the judge's activations say, pooled, N D.

    The last features alone, where the judge has no such layers.
    """

    def see(images: Images) -> Features:
        with torch.inference_mode(), _overheard(model) as said:
            model.judge(images.to(model.device))
            return pooled(said) if said else model.features(images.to(model.device)).cpu()

    return see


def pooled(maps: list[Tensor]) -> Features:
    """Maps N C H W and rows N D side by side; maps by the largest value of each cell of a grid."""
    wide = sum(layer.shape[1] for layer in maps if layer.ndim == 4)
    rows = sum(layer.shape[1] for layer in maps if layer.ndim == 2)
    grid = next((g for g in GRIDS if wide * g**2 + rows <= WIDEST), GRIDS[-1])
    flat = [
        adaptive_max_pool2d(layer, grid).flatten(1) if layer.ndim == 4 else layer for layer in maps
    ]
    return torch.cat([layer.float().cpu() for layer in flat], dim=1)


def untrained(model: Judge, seed: int) -> Judge:
    """The same network with the weights that it would begin with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "probe"))
        fresh = type(model)(model.config, model.schema)
    return fresh.to(model.device).eval()


@contextmanager
def _overheard(model: Judge) -> Iterator[list[Tensor]]:
    """What the activations say while the block runs, in order."""
    said: list[Tensor] = []

    def keep(layer: nn.Module, given: object, answer: Tensor) -> None:
        if answer.ndim in (2, 4):
            said.append(answer)

    handles = [
        layer.register_forward_hook(keep)
        for layer in model.modules()
        if isinstance(layer, ACTIVATIONS)
    ]
    try:
        yield said
    finally:
        for handle in handles:
            handle.remove()


def _score(
    seeing: Seeing, learned: Split, held_out: Split, n: int, seed: int, batch: int
) -> Score:
    """Learn from one split, name the other."""
    x, y = _table(seeing, learned, n, batch)
    answer = _fitted(x, y, seed)
    x, y = _table(seeing, held_out, n, batch)
    right = float((answer.predict(x) == y).mean())
    return Score(
        value=right,
        floor=float(np.bincount(y).max() / len(y)),
        ceiling=1.0,
        n=len(y),
        error=of_share(right, len(y)),
        seed=seed,
        note=f"{x.shape[1]:,} features, a linear classifier",
    )


def _table(seeing: Seeing, split: Split, n: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Features N D and labels N of the first `n` images of a split."""
    features, labels = list[Tensor](), list[Tensor]()
    for rows in split.rows[:n].split(batch):
        given = split.data.batch(rows)
        features.append(seeing(given.image))
        labels.append(given.label)
    return torch.cat(features).numpy(), torch.cat(labels).numpy()


def _fitted(x: np.ndarray, y: np.ndarray, seed: int) -> Pipeline:
    """The classifier whose penalty does best on a fifth of the images, learned from all."""
    order = np.random.default_rng(seed).permutation(len(x))
    kept, tried = np.split(order, [len(x) - len(x) // 5])
    shares = {
        strength: linear(x[kept], y[kept], strength).score(x[tried], y[tried])
        for strength in STRENGTHS
    }
    return linear(x, y, max(shares, key=lambda strength: shares[strength]))
