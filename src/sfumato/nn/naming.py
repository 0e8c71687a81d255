"""What to call groups that were found without labels."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sfumato.shapes import Labels, Scores

LOOK = 20
"""Batches between two looks, while a model learns, at which class each group is."""
FADE = 0.99
"""What is left, at each look, of what was seen before."""


class Naming(nn.Module):
    """How often each group met each class, as labelled images go by; nothing is learned from it.

    Without classes a group is called by its number.
    """

    met: Tensor
    """Fading counts, axes groups and classes."""

    def __init__(self, groups: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("met", torch.zeros(groups, classes))

    def look(self, groups: Labels, labels: Labels) -> None:
        """Count some images; those of a negative label are left out."""
        known = labels >= 0
        cells = groups[known] * self.met.shape[1] + labels[known]
        counts = torch.bincount(cells, minlength=self.met.numel())
        self.met.mul_(FADE).add_(counts.view_as(self.met))

    def forward(self, scores: Float[Tensor, "B G"]) -> Scores:
        """Log-probabilities of the classes from unnormalised ones of the groups.

        All classes alike as long as nothing was counted.
        """
        groups = scores.float().log_softmax(1)
        if not self.met.shape[1]:
            return groups
        names = (self.met + 1e-3).log().log_softmax(1)
        return (groups[:, :, None] + names).logsumexp(1)
