"""Several paths from one input to one output."""

from torch import Tensor, nn


class Together(nn.ModuleList):
    """The sum of what each path makes of the same input."""

    def forward(self, x: Tensor) -> Tensor:
        """All paths keep to one shape."""
        first, *others = (path(x) for path in self)
        for other in others:
            first = first + other
        return first
