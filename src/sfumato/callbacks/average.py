"""Averaged weights: what samples and scores use."""

from typing import Any

import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

from sfumato.model import Model


class Average(WeightAveraging):
    """An exponential moving average of weights and buffers, warmed up.

    After n batches the decay is min(decay, (1 + n) / (10 + n)): TensorFlow's `num_updates` rule,
    so that early samples are not those of the start.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(multi_avg_fn=_mean(decay))

    @property
    def model(self) -> Model:
        """The model with the averaged weights."""
        assert self._average_model is not None
        averaged = self._average_model.module
        assert isinstance(averaged, Model)
        return averaged

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore but the weights: a resumed Trainer counts its steps afresh."""


def _mean(decay: float) -> Any:
    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
        n = int(count)
        weight = 1 - min(decay, (1 + n) / (10 + n))
        if torch.is_floating_point(averaged[0]):
            torch._foreach_lerp_(averaged, current, weight)
        else:
            torch._foreach_copy_(averaged, current)

    return update
