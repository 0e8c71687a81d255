"""The best linear guess of one picture from another: what a network has to beat.

    y = m_y + (x - m_x) W,   W the minimum of sum |y_i - m_y - (x_i - m_x) W|^2 + penalty |W|^2

over N pairs, pixels in rows. W is never made: with K the N x N inner products of the centred x,
y = m_y + k(x) (K + penalty)^-1 (Y - m_y). The penalty is the one of `PENALTIES` whose guesses of
each pair by all the others are nearest.

Hoerl & Kennard (1970), https://doi.org/10.1080/00401706.1970.10488634; leaving out one:
Golub, Heath & Wahba (1979), https://doi.org/10.1080/00401706.1979.10489751
"""

import torch
from jaxtyping import Float
from torch import Tensor

from sfumato.errors import ConfigError

Given = Float[Tensor, "N *given"]
Wanted = Float[Tensor, "N *wanted"]
PENALTIES = tuple(10.0**power for power in range(-4, 4))
"""Shares of the mean eigenvalue of K."""
LOOKED_AT = 4096
"""Numbers of a picture that the choice of the penalty looks at."""


class Ridge:
    """Learns from pairs of pictures, any sizes; `penalty` says what it chose."""

    def __init__(self, given: Given, wanted: Wanted) -> None:
        if len(given) < 3:
            raise ConfigError(
                f"a linear guess of {len(given)} pairs is undefined; give 3 or more."
            )
        rows = given.flatten(1).float()
        self.shape = wanted.shape[1:]
        self.centre, self.mean = rows.mean(0), wanted.flatten(1).float().mean(0)
        self.rows = rows - self.centre
        target = wanted.flatten(1).float() - self.mean
        values, vectors = torch.linalg.eigh((self.rows @ self.rows.T).double())
        values = values.clamp_min(0)
        scale = max(float(values.mean()), 1e-12)
        self.penalty = scale * min(
            PENALTIES, key=lambda p: _error(values, vectors, target, p * scale)
        )
        shrunk = (vectors / (values + self.penalty)).float()
        self.dual = shrunk @ (vectors.T.float() @ target)

    def __call__(self, given: Given) -> Wanted:
        """The guess of each picture."""
        near = (given.flatten(1).float() - self.centre) @ self.rows.T
        return (self.mean + near @ self.dual).unflatten(1, self.shape)


def _error(values: Tensor, vectors: Tensor, target: Tensor, penalty: float) -> float:
    """Mean square of what is left of each pair where it is guessed by the others."""
    some = target[:, :: -(-target.shape[1] // LOOKED_AT)].double()
    # what K leaves, and the mean with it: that of all pairs holds 1 / N of each
    kept = (vectors * (values / (values + penalty))) @ vectors.T
    hat = kept.diagonal() + 1 / len(target)
    left = (some - kept @ some) / (1 - hat).clamp_min(1e-6)[:, None]
    return float(left.square().mean())
