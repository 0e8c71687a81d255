"""The progress bar, on stderr, with what the run has to say."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar

from sfumato.callbacks.clock import Clock
from sfumato.callbacks.health import Health


class Bar(RichProgressBar):
    """Lightning's bar, plus the run's own count of batches, its time limit and its warnings."""

    def __init__(self, clock: Clock, health: Health) -> None:
        super().__init__(refresh_rate=5, console_kwargs={"stderr": True})
        self.clock, self.health = clock, health

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """The numbers a model logs for the bar, then what the run knows."""
        numbers = super().get_metrics(trainer, pl_module)
        numbers.pop("v_num", None)
        numbers["batch"] = str(self.clock.visited)
        if self.clock.expected:
            numbers["of about"] = str(self.clock.expected)
        if self.health.warnings:
            numbers["warning"] = self.health.warnings[-1]
        return numbers

    def _get_train_description(self, current_epoch: int) -> str:
        return "training"
