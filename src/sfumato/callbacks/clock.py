"""The clock of a run: which batch this is, what is drawn in it, when to stop."""

import time
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from sfumato.module import Module
from sfumato.randomness import derive


class Clock(Callback):
    """Counts batches, seeds each of them, and ends the run in time.

    First in line of all callbacks. Lightning counts optimiser steps under manual optimisation;
    batches are counted here and nowhere else.
    """

    def __init__(self, seed: int, minutes: float | None = None) -> None:
        self.seed, self.minutes = seed, minutes
        self.visited, self.elapsed, self._since = 0, 0.0, 0.0

    @property
    def seconds(self) -> float:
        """Time spent training, earlier sessions of the run included."""
        return self.elapsed + time.monotonic() - self._since

    @property
    def expected(self) -> int | None:
        """Batches the time will allow at the present pace; None without a limit."""
        if self.minutes is None or not self.visited:
            return None
        return max(self.visited, round(self.visited * self.minutes * 60 / self.seconds))

    def on_fit_start(self, trainer: Trainer, module: Module) -> None:
        self._since = time.monotonic()

    def on_train_batch_start(
        self, trainer: Trainer, module: Module, batch: Any, index: int
    ) -> None:
        _reseed(derive(self.seed, "step", self.visited, trainer.global_rank), module.device)
        module.model.begin(seed=self.seed, step=self.visited)

    def on_train_batch_end(
        self, trainer: Trainer, module: Module, outputs: Any, batch: Any, index: int
    ) -> None:
        self.visited += 1
        if self.minutes is not None and self.seconds >= self.minutes * 60:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {"visited": self.visited, "elapsed": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.visited, self.elapsed = state["visited"], state["elapsed"]


def _reseed(seed: int, device: torch.device) -> None:
    """What `torch.manual_seed` does, for the CPU and this device alone.

    It also asks every accelerator there could be, at half a millisecond a batch.
    """
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)
