"""Holes in pictures, for networks that learn to fill them: masks that are 1 where nothing is seen.

    centre   the middle half of each side: a quarter of the picture
    blocks   one to five rectangles, which may overlap, of up to a quarter each
    free     one to four strokes of a round brush that turns as it goes
    any      one of the three for each picture

Papers: Pathak et al. (2016), https://arxiv.org/abs/1604.07379, section 3.3 (centre, blocks); Yu et
al. (2019), https://arxiv.org/abs/1806.03589, algorithm 1 (strokes, here fewer and shorter)
"""

from collections.abc import Callable, Iterator
from math import cos, pi, sin
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Generator

from sfumato.shapes import Masks

HoleName = Literal["centre", "blocks", "free", "any"]
Maker = Callable[[int, Generator | None], Masks]
"""Draws so many masks; the same state of the generator gives the same."""
BLOCKS, STROKES, BENDS = 5, 4, 5
"""Most rectangles, strokes, and places where a stroke turns."""
CHANCES = 2 + max(4 * BLOCKS, STROKES * (3 + 2 * BENDS))
"""Uniform numbers that one hole needs."""


def holes(kind: HoleName, height: int, width: int) -> Maker:
    """A maker of masks B 1 H W for `Model.draw`: some of each picture, never all of it."""

    def make(count: int, rng: Generator | None = None) -> Masks:
        device = rng.device if rng else None
        chances = torch.rand(count, CHANCES, generator=rng, device=device).tolist()
        masks = [_one(kind, height, width, iter(row)) for row in chances]
        return torch.from_numpy(np.stack(masks))[:, None].float().to(device or "cpu")

    return make


def _one(kind: HoleName, height: int, width: int, chances: Iterator[float]) -> np.ndarray:
    """Zeros and ones, H W."""
    pick = next(chances)
    if kind == "any":
        kind = _KINDS[int(pick * len(_KINDS))]
    mask = Image.new("1", (width, height))
    _DRAWN[kind](ImageDraw.Draw(mask), height, width, chances)
    return np.array(mask, np.uint8)


def _centre(draw: ImageDraw.ImageDraw, height: int, width: int, chances: Iterator[float]) -> None:
    top, left = height // 4, width // 4
    draw.rectangle((left, top, width - left - 1, height - top - 1), fill=1)


def _blocks(draw: ImageDraw.ImageDraw, height: int, width: int, chances: Iterator[float]) -> None:
    for _ in range(1 + int(next(chances) * BLOCKS)):
        high, wide = (max(1, int(side * (0.1 + 0.4 * next(chances)))) for side in (height, width))
        top, left = (
            int(next(chances) * (height - high + 1)),
            int(next(chances) * (width - wide + 1)),
        )
        draw.rectangle((left, top, left + wide - 1, top + high - 1), fill=1)


def _free(draw: ImageDraw.ImageDraw, height: int, width: int, chances: Iterator[float]) -> None:
    longer = max(height, width)
    for _ in range(1 + int(next(chances) * STROKES)):
        x, y = next(chances) * width, next(chances) * height
        radius = longer * (0.03 + 0.05 * next(chances))
        path = [(x, y)]
        for bend in range(BENDS):
            # every other turn goes back, so that a stroke stays near where it began
            angle = 2 * pi * (0.4 * next(chances) + 0.5 * (bend % 2))
            length = longer * (0.05 + 0.15 * next(chances))
            x, y = x + length * cos(angle), y + length * sin(angle)
            x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
            path.append((x, y))
        draw.line(path, fill=1, width=max(1, round(2 * radius)))
        for x, y in path:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)


_DRAWN = {"centre": _centre, "blocks": _blocks, "free": _free}
_KINDS: tuple[HoleName, ...] = ("centre", "blocks", "free")
