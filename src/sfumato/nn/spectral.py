"""Spectral normalisation: a layer whose weight is divided by its largest singular value.

Miyato et al. (2018), https://arxiv.org/abs/1802.05957, section 2.1 and algorithm 1.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

WEIGHED = (nn.Linear, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
FOLLOWED = 3
"""Power iterations that follow a change of weights, which is a small one."""


def spectral(layer: nn.Module) -> nn.Module:
    """Normalise `layer` and every convolution and dense layer inside it, in place; return it.

    Each visit in training mode improves the estimate of the singular value by one power iteration;
    eval mode leaves it alone. Initialise first: afterwards `weight` is computed, and what is
    written into it is lost.
    """
    with _full_precision():
        for part in list(layer.modules()):
            if isinstance(part, WEIGHED):
                spectral_norm(part)
    return layer


def follow(network: nn.Module) -> None:
    """Bring the estimates of singular values up to weights that were set from outside."""
    with _full_precision():
        for part in network.modules():
            if is_parametrized(part, "weight"):
                learning = part.training
                part.train()
                for _ in range(FOLLOWED):
                    _ = part.weight  # a visit in training mode, which improves the estimate
                part.train(learning)


@contextmanager
def _full_precision() -> Iterator[None]:
    """The estimate begins with products; a network must not depend on what was trained before."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
