"""Averaged weights: what samples and scores use."""

from math import prod
from typing import Any

import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

from sfumato.callbacks.clock import Clock
from sfumato.model import Model
from sfumato.module import Module

WARM = 100
"""Batches at the start of a run after each of which the average moves."""


class Average(WeightAveraging):
    """An exponential moving average of weights and buffers, warmed up.

    After n batches the decay of a batch is min(decay, (1 + n) / (10 + n)): TensorFlow's
    `num_updates` rule, so that early samples are not those of the start. Past `WARM` batches the
    average moves once in a fiftieth of its window 1 / (1 - decay), by the decay of all batches
    since: weights hardly change in between, and reading them all at every batch is not free.
    """

    def __init__(self, decay: float, clock: Clock) -> None:
        super().__init__(multi_avg_fn=self._move)
        self.decay, self.clock = decay, clock
        self.gap = max(1, round(0.02 / (1 - decay)))

    @property
    def model(self) -> Model:
        """The model with the averaged weights."""
        assert self._average_model is not None
        averaged = self._average_model.module
        assert isinstance(averaged, Module)
        return averaged.model

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """Whether the average moves after this batch: a function of the run's count alone."""
        return step_idx is not None and self._before(self.clock.visited + 1) == self.clock.visited

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore but the weights: a resumed Trainer counts its steps afresh."""

    def _before(self, batch: int) -> int:
        """The last batch before `batch` after which the average moved."""
        return batch - 1 if batch <= WARM + 1 else max(WARM, (batch - 1) // self.gap * self.gap)

    @torch.no_grad()
    def _move(self, averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
        n = self.clock.visited
        since = range(self._before(n) + 1, n + 1)
        decay = prod(min(self.decay, (1 + k) / (10 + k)) for k in since)
        if torch.is_floating_point(averaged[0]):
            torch._foreach_lerp_(averaged, current, 1 - decay)
        else:
            torch._foreach_copy_(averaged, current)
