"""Pictures that go on beyond their edge, so that networks that halve them take any size."""

import torch
from torch import Tensor

from sfumato.shapes import Images


def mirrored(images: Images, below: int, beside: int) -> Tensor:
    """Images that go on mirrored by so many rows and columns, as often as it takes."""
    while below or beside:
        height, width = images.shape[2:]
        down, across = min(below, height), min(beside, width)
        rows = torch.cat([images, images.flip(2)[:, :, :down]], 2) if down else images
        images = torch.cat([rows, rows.flip(3)[..., :across]], 3) if across else rows
        below, beside = below - down, beside - across
    return images
