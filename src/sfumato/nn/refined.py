"""A code moved until it costs less: one network codes all pictures, and none of them best.

    y <- y - Adam(d cost(y + u_t) / dy)
    u_t = (1 - t) u + t (round(y) - y),     u uniform in [-1/2, 1/2), t from 0 to 1

The cost is the one that encoder and decoder learned by, here with respect to the code of a single
picture. The noise stands for rounding as it did in training, and becomes rounding itself, whose
slope is taken to be 1. Who reads the code needs nothing new.

Campos et al. (2019), https://arxiv.org/abs/1906.01223 (the code of one picture optimised); Yang,
Bamler & Mandt (2020), https://arxiv.org/abs/2006.04240 (what rounding leaves to gain, annealing).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Adam

from sfumato.errors import ConfigError
from sfumato.schedules import linear
from sfumato.shapes import Scalar

TRAVEL = 0.35
"""How far a number can go in all, in steps of rounding; further, and noise alone moves those that
hardly matter.
"""


@torch.no_grad()
def refined(
    values: Tensor,
    cost: Callable[[Tensor, Tensor], Scalar],
    steps: int,
    done: Callable[[], None],
) -> Tensor:
    """Values that cost less once they are rounded, or `values` where `steps` found none.

    `cost` takes values and what rounding or noise adds to them; `done` is called after each step.
    The noise is the same for the same shape, so a picture always becomes the same file.
    """
    if steps < 0:
        raise ConfigError(f"--refine {steps} is not there; it is 0 or more steps.")
    if steps == 0:
        return values
    rng = torch.Generator().manual_seed(0)
    moved = values.clone()
    adam = Adam([moved])
    for step in range(steps):
        adam.param_groups[0]["lr"] = 2 * TRAVEL / steps * linear(step, steps)
        noise = torch.rand(values.shape, generator=rng).to(values.device) - 0.5
        noise = noise.lerp(moved.round() - moved, step / steps)
        with torch.enable_grad():
            moved.requires_grad_()
            (moved.grad,) = torch.autograd.grad(cost(moved, noise), moved)
        adam.step()
        done()
    moved.requires_grad_(False)
    before, after = (cost(some, some.round() - some) for some in (values, moved))
    return moved if after < before else values
