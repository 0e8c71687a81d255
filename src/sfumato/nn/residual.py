"""Layers that are learned as a change to what enters them.

He, Zhang, Ren & Sun (2016), https://arxiv.org/abs/1512.03385, equation 1.
"""

from torch import Tensor, nn


class Residual(nn.Module):
    """x + layers(x): the layers keep the shape."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """What entered, changed by what the layers make of it."""
        return x + self.layers(x)
