"""Pictures beside the ones that were wanted, and what trivial answers score on the same pairs.

    copy    the given picture, at the wanted one's size
    mean    the mean of the wanted pictures that were learned from
    ridge   the best linear guess of the wanted picture by the given one

The floor of a score is the best of them; all three are named beside it.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from sfumato.metrics.distortion import EQUAL, WINDOW, psnr, psnr_y, ssim, ssim_y
from sfumato.metrics.linear import Ridge
from sfumato.metrics.perceptual import distance
from sfumato.metrics.score import Score
from sfumato.nn.resize import resize
from sfumato.shapes import Column, Images, Others, Pictures


def others(images: Images, mean: Pictures, count: int) -> Images:
    """For each image the mean of the `count` that `mean` is of, but for itself; alone grey.

    What can be said of a held-out image without a look at it.
    """
    return (count * mean - images) / (count - 1) if count > 1 else torch.zeros_like(images)


class Measure(NamedTuple):
    """A number for each pair."""

    apart: Callable[[Images, Images], Column]
    better: Literal["higher", "lower"]
    ceiling: float | None
    """What equal pictures score; none where it is infinite."""
    features: str = ""
    least: int = 1
    """Shortest side it is defined for."""


def measures(border: int = 0) -> dict[str, Measure]:
    """By name; of pictures in [-1, 1]. Those of luma leave out `border` pixels at each edge."""
    window = WINDOW + 2 * border
    return {
        "psnr": Measure(lambda x, y: psnr(x, y).clamp(max=EQUAL), "higher", None),
        "ssim": Measure(ssim, "higher", 1.0, least=WINDOW),
        "psnr_y": Measure(
            lambda x, y: psnr_y(x, y, border=border).clamp(max=EQUAL),
            "higher",
            None,
            least=2 * border + 1,
        ),
        "ssim_y": Measure(lambda x, y: ssim_y(x, y, border=border), "higher", 1.0, least=window),
        "perceptual": Measure(lambda x, y: distance()(x, y), "lower", 0.0, "embedded"),
    }


class Trivial:
    """The answers that need no network, learned from `given` and `wanted` pictures."""

    def __init__(self, given: Others, wanted: Pictures) -> None:
        self.mean = wanted.mean(0, keepdim=True)
        self.ridge = Ridge(given, wanted)

    def __call__(self, given: Images) -> dict[str, Others]:
        """Each answer's picture for each given one."""
        height, width = self.mean.shape[2:]
        return {
            "copy": resize(given, height, width).clamp(-1, 1),
            "mean": self.mean.expand(len(given), -1, -1, -1),
            "ridge": self.ridge(given).clamp(-1, 1),
        }


class Tally:
    """Adds up what `measures` say of batches of pairs, for several makers of pictures."""

    def __init__(self, border: int = 0) -> None:
        self.measures = measures(border)
        self.found: dict[str, dict[str, list[Tensor]]] = {}

    def add(self, made: Mapping[str, Images], wanted: Images) -> None:
        """One batch of each maker's pictures, and the wanted ones."""
        side = min(wanted.shape[2:])
        for name, measure in self.measures.items():
            if side >= measure.least:
                rows = self.found.setdefault(name, {})
                for maker, images in made.items():
                    rows.setdefault(maker, []).append(measure.apart(images, wanted).cpu())

    def means(self, name: str) -> dict[str, float]:
        """Of each maker."""
        return {who: float(torch.cat(rows).mean()) for who, rows in self.found[name].items()}

    def scores(self, maker: str) -> dict[str, Score]:
        """That maker's scores; all others are trivial, and the best of them is the floor."""
        scores = {}
        for name in self.found:
            measure, means = self.measures[name], self.means(name)
            value = means.pop(maker)
            best = max if measure.better == "higher" else min
            scores[name] = Score(
                value,
                floor=best(means.values(), default=None),
                ceiling=measure.ceiling,
                n=sum(len(rows) for rows in self.found[name][maker]),
                better=measure.better,
                features=measure.features,
                note=", ".join(f"{who} {mean:.4g}" for who, mean in means.items()),
            )
        return scores
