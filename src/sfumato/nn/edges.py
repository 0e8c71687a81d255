"""Pictures that go on beyond their edge, so that networks that halve them take any size."""

from collections.abc import Callable
from math import ceil

import torch
from torch import Tensor

from sfumato.shapes import Images, Resized


def completed(
    paint: Callable[[Images], Tensor], images: Images, step: int, least: int = 1
) -> Resized:
    """What `paint`, which takes sides that are multiples of `step`, makes of images of any size.

    They are mirrored at the edge up to such sides, `least` or more, and what is painted is cut.
    """
    height, width = images.shape[2:]
    spare = [max(least, ceil(side / step) * step) - side for side in (height, width)]
    return paint(mirrored(images, *spare))[..., :height, :width]


def mirrored(images: Images, below: int, beside: int) -> Tensor:
    """Images that go on mirrored by so many rows and columns, as often as it takes."""
    while below or beside:
        height, width = images.shape[2:]
        down, across = min(below, height), min(beside, width)
        rows = torch.cat([images, images.flip(2)[:, :, :down]], 2) if down else images
        images = torch.cat([rows, rows.flip(3)[..., :across]], 3) if across else rows
        below, beside = below - down, beside - across
    return images
