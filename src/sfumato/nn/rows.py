"""From feature maps to rows for a dense layer, and back, pixel by pixel with channels innermost.

`nn.Flatten` puts channels outermost. Where memory holds channels innermost, as the fast kernels
want them, that costs a copy, and leaves gradients that every layer below has to read across the
grain. In this order it is the same memory, read by another name.
"""

from jaxtyping import Float
from torch import Tensor, nn


class ToRows(nn.Module):
    """B C H W to B H*W*C."""

    def forward(self, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N"]:
        """One row an image."""
        return maps.permute(0, 2, 3, 1).flatten(1)


class ToMaps(nn.Module):
    """B S*S*C to B C S S."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.channels, self.side = channels, side

    def forward(self, rows: Float[Tensor, "B N"]) -> Float[Tensor, "B C H W"]:
        """Square maps of `side`; undoes `ToRows`."""
        maps = rows.unflatten(1, (self.side, self.side, self.channels))
        return maps.permute(0, 3, 1, 2)
