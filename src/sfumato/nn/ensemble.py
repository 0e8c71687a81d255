"""One picture seen eight ways: the mean of what a network makes of its turns and mirrors.

A picture on its side is a picture as well, but a network answers each differently; the mean of
the answers, each turned back, errs less. Paper: Timofte, Rothe & Van Gool (2016),
https://arxiv.org/abs/1511.02228: "enhanced prediction".
"""

from collections.abc import Callable

import torch
from torch import Tensor


def ensemble(change: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Mean of `change` over the eight symmetries of the square, each undone.

    From B C H W to B C h w, where h : w is H : W.
    """
    found = []
    for mirrored in (False, True):
        seen = images.flip(3) if mirrored else images
        for quarters in range(4):
            made = torch.rot90(change(torch.rot90(seen, quarters, (2, 3))), -quarters, (2, 3))
            found.append(made.flip(3) if mirrored else made)
    return torch.stack(found).mean(0)
