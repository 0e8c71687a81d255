"""What a frozen function made of images, kept by their content: computed once, learned from often.

    memory(make, images) = make(images), made only of images that are not remembered

Images are made in parts of one size, the last part filled up: so a row depends on its image and on
nothing else, and a run that is resumed, with nothing remembered, goes on bit for bit.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import torch
from torch import Tensor

from sfumato.shapes import Images

LIMIT = 3 * 2**30
"""Bytes of rows that are kept; what comes later is made anew each time."""
PART = 32
"""Images made at a time."""


class Memory:
    """Rows by image, no part of a model's state."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self.held = limit, 0
        self._rows: dict[bytes, Tensor] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __deepcopy__(self, memo: Any) -> "Memory":
        return Memory(self.limit)  # a copy of a model does not see the same images

    @torch.no_grad()
    def __call__(self, make: Callable[[Images], Tensor], images: Images) -> Tensor:
        """`make(images)`, one row an image, without gradients."""
        pixels = images.cpu().contiguous().numpy()
        keys = [blake2b(image.data, digest_size=16).digest() for image in pixels]
        new = list(
            {key: place for place, key in enumerate(keys) if key not in self._rows}.values()
        )
        fresh: dict[bytes, Tensor] = {}
        for begin in range(0, len(new), PART):
            part = new[begin : begin + PART]
            made = make(images[(part * PART)[:PART]])[: len(part)]
            fresh |= {keys[place]: row for place, row in zip(part, made, strict=True)}
        for key, row in fresh.items():
            size = row.numel() * row.element_size()
            if self.held + size <= self.limit:
                self._rows[key] = row.clone()
                self.held += size
        return torch.stack([fresh[key] if key in fresh else self._rows[key] for key in keys])
