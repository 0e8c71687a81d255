"""Averaged weights: what samples and scores use."""

from math import prod
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

from sfumato.callbacks.clock import Clock
from sfumato.model import Model
from sfumato.module import Module
from sfumato.nn.spectral import follow

WARM = 100
"""Batches at the start of a run after each of which the average moves."""


class Average(WeightAveraging):
    """An exponential moving average of weights and buffers, warmed up.

    After n batches the decay of a batch is min(decay, (1 + n) / (10 + n)): TensorFlow's
    `num_updates` rule, so that early samples are not those of the start. Past `WARM` batches the
    average moves once in a twentieth of its window 1 / (1 - decay), by the decay of all batches
    since: weights hardly change in between, and reading them all at every batch is not free.
    """

    def __init__(self, decay: float, clock: Clock) -> None:
        super().__init__()
        self.decay, self.clock = decay, clock
        self.gap = max(1, round(0.05 / (1 - decay)))

    @property
    def model(self) -> Model:
        """The model with the averaged weights."""
        assert self._average_model is not None
        averaged = self._average_model.module
        assert isinstance(averaged, Module)
        return averaged.model

    def on_fit_start(self, trainer: Trainer, module: Module) -> None:
        # Lightning makes the average before it moves the network to its device
        assert self._average_model is not None
        self._average_model.to(module.device)

    def on_train_batch_end(
        self, trainer: Trainer, module: Module, outputs: Any, batch: Any, index: int
    ) -> None:
        n = self.clock.visited
        since = range(self._before(n) + 1, n + 1)
        if self._before(n + 1) == n:
            self._move(module, prod(min(self.decay, (1 + k) / (10 + k)) for k in since))

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """Never, by Lightning's own count of steps: the run's counts."""
        return False

    def _before(self, batch: int) -> int:
        """The last batch before `batch` after which the average moved."""
        return batch - 1 if batch <= WARM + 1 else max(WARM, (batch - 1) // self.gap * self.gap)

    @torch.no_grad()
    def _move(self, module: Module, decay: float) -> None:
        """Everything at once: PyTorch's `update_parameters` takes three times as long to sort."""
        pairs = list(zip(_held(self.model), _held(module.model), strict=True))
        moving = [pair for pair in pairs if pair[0].is_floating_point()]
        averaged, current = zip(*moving, strict=True)
        torch._foreach_lerp_(averaged, current, 1 - decay)
        for one, other in pairs:
            if not one.is_floating_point():
                one.copy_(other)
        # the mean of two estimates of a singular vector is none of the mean weight
        follow(self.model)


def _held(model: Model) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
