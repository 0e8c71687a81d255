"""Several batches through one network in one pass, each as if it were alone.

    each(D, x, y) = D(x), D(y)

One pass reads the weights once, and their gradient is one sum: a judge that learns from real and
painted images takes less time so. Batch norm would mix the batches (Ioffe & Szegedy 2015,
https://arxiv.org/abs/1502.03167, algorithm 1 is over one of them), so the norms here take them
apart again, and so does minibatch discrimination. What is drawn or iterated in a pass, as by
dropout or a spectral norm, is so once.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sfumato.nn.minibatch import MinibatchDiscrimination


class _Apart(_BatchNorm):
    """Batch norm over each of so many equal parts of the batch."""

    parts = 1

    def forward(self, input: Tensor) -> Tensor:
        """Each part by its own mean and deviation; running statistics see one after another."""
        if self.parts == 1:
            return super().forward(input)
        return torch.cat([super(_Apart, self).forward(part) for part in input.chunk(self.parts)])


class Norm1d(_Apart, nn.BatchNorm1d):
    """PyTorch's, of rows."""


class Norm2d(_Apart, nn.BatchNorm2d):
    """PyTorch's, of maps."""


def each(network: nn.Module, *batches: Tensor) -> tuple[Tensor, ...]:
    """What `network` makes of each of several batches of one length.

    A network with another batch norm than those of this file is asked for one after another.
    """
    mixing = _BatchNorm, MinibatchDiscrimination
    layers: list[Any] = [layer for layer in network.modules() if isinstance(layer, mixing)]
    if not all(hasattr(layer, "parts") for layer in layers):
        return tuple(network(batch) for batch in batches)
    try:
        for layer in layers:
            layer.parts = len(batches)
        return network(torch.cat(batches)).chunk(len(batches))
    finally:
        for layer in layers:
            layer.parts = 1
