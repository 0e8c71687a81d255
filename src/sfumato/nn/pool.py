"""Painted pictures kept for a while, so that a judge is also shown what painters did before.

Shrivastava et al. (2017), https://arxiv.org/abs/1612.07828, section 2.3; with chances of one half
as in Zhu et al. (2017), https://arxiv.org/abs/1703.10593, section 4.
"""

import torch
from torch import Generator, Tensor

from sfumato.shapes import Images


class Pool:
    """Up to `size` pictures; with `size` 0 it keeps none."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept: list[Tensor] = []

    def exchange(self, images: Images, rng: Generator | None = None) -> Images:
        """Each picture itself, or by a chance of one half an older one whose place it takes.

        While there is room, every picture is kept and given back.
        """
        chances = torch.rand(len(images), 2, generator=rng, device=rng.device if rng else None)
        shown = []
        for image, (coin, place) in zip(images, chances.tolist(), strict=True):
            if len(self.kept) < self.size:
                self.kept.append(image.clone())  # not a view, which holds its batch
                shown.append(image)
            elif coin < 0.5 or not self.size:
                shown.append(image)
            else:
                index = int(place * self.size)
                shown.append(self.kept[index].to(image))
                self.kept[index] = image.clone()
        return torch.stack(shown)
