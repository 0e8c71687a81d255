"""How learning rates fall: pure functions of the step, from 1 towards `least`.

A model says which by `pace`; `descend` multiplies each player's learning rate by it.
"""

import math


def linear(step: int, steps: int | None, least: float = 0.01) -> float:
    """Falls evenly to `least` over `steps`, and stays there; without `steps` it stays 1."""
    return 1.0 if steps is None else max(least, 1 - step / steps)


def cosine(step: int, steps: int | None, least: float = 0.01) -> float:
    """Falls along half a cosine; Loshchilov & Hutter (2017), https://arxiv.org/abs/1608.03983."""
    if steps is None:
        return 1.0
    return least + (1 - least) * (1 + math.cos(math.pi * min(1.0, step / steps))) / 2


def drop(step: int, steps: int | None, least: float = 0.1) -> float:
    """1 for `steps`, then `least`; without `steps` it stays 1."""
    return 1.0 if steps is None or step < steps else least
