"""How like each other the images of a batch are: told to a judge, so that it sees a collapse.

    m_i = rows_i T                       T: features x kernels x dims
    o_ik = sum over j != i of exp(-|m_ik - m_jk|_1),    appended to rows_i

Axes: B batch, F features of a row, K kernels, C dims of each.
Paper: Salimans et al. (2016), https://arxiv.org/abs/1606.03498, section 3.2
Departures: an image is not like itself; after training the means that were seen take the place of
the sums, so that a judgement is of one image.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.init import xavier_uniform_

DIMS = 5
"""C: what each kernel measures distances in, as the paper's digits have it."""
MOMENTUM = 0.1
"""Share of the last batch in the means that are kept: batch norm's."""


class MinibatchDiscrimination(nn.Module):
    """Rows, and beside each its closeness to the others by each kernel."""

    usual: Tensor
    parts = 1
    """So many equal parts of the batch are compared within themselves: `nn.apart.each` sets it."""

    def __init__(self, features: int, kernels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features, kernels * DIMS))
        self.register_buffer("usual", torch.zeros(kernels))
        xavier_uniform_(self.weight)

    def forward(self, rows: Float[Tensor, "B F"]) -> Float[Tensor, "B more"]:
        """B x F becomes B x (F + K)."""
        if not self.training:
            return torch.cat([rows, self.usual.to(rows).expand(len(rows), -1)], 1)
        close = torch.cat([self._closeness(part) for part in rows.chunk(self.parts)])
        return torch.cat([rows, close.to(rows)], 1)

    def _closeness(self, rows: Float[Tensor, "B F"]) -> Float[Tensor, "B K"]:
        measured = (rows @ self.weight).unflatten(1, (-1, DIMS))
        # not cdist, whose gradient has none: penalties ask for it
        apart = (measured[:, None] - measured).abs().sum(3)
        close = torch.exp(-apart).sum(1) - 1
        with torch.no_grad():
            self.usual.lerp_(close.mean(0).to(self.usual), MOMENTUM)
        return close
