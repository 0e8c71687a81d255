"""Images two by two: each once as the first, and once as the second of another."""

from collections.abc import Iterator

import torch
from torch import Generator

from sfumato.data.dataset import Dataset
from sfumato.shapes import Images

HELD = 400
"""Couples at most."""
PART = 8
"""Couples at a time."""


def couples(
    data: Dataset, rng: Generator, device: torch.device
) -> Iterator[tuple[Images, Images]]:
    """Images drawn from `data`, at most `HELD`, and with each another of them; on `device`."""
    rows = torch.randperm(len(data), generator=rng, device=rng.device)[:HELD].cpu()
    for first, second in zip(rows.split(PART), rows.roll(1).split(PART), strict=True):
        yield data.batch(first).image.to(device), data.batch(second).image.to(device)
