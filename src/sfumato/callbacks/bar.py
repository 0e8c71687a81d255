"""The progress bar, on stderr, with what the run has to say."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar

from sfumato.callbacks.clock import Clock
from sfumato.callbacks.health import Health
from sfumato.module import Module


class Bar(RichProgressBar):
    """Lightning's bar, plus the run's own count of batches, its time limit and its warnings."""

    def __init__(self, clock: Clock, health: Health) -> None:
        super().__init__(refresh_rate=5, console_kwargs={"stderr": True})
        self.clock, self.health = clock, health

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """The numbers a model logs for the bar, then what the run knows."""
        numbers = super().get_metrics(trainer, pl_module)
        numbers.pop("v_num", None)
        assert isinstance(pl_module, Module)
        numbers |= {name: f"{float(value):.3f}" for name, value in pl_module.model.told.items()}
        numbers["batch"] = str(self.clock.visited)
        if self.health.warnings:
            numbers["warning"] = self.health.warnings[-1]
        return numbers

    @property
    def total_train_batches(self) -> int | float:
        """Batches of the run, or under a time limit what the pace so far allows."""
        return super().total_train_batches if self.clock.minutes is None else 1

    def on_train_batch_end(
        self, trainer: Trainer, module: Module, outputs: Any, batch: Any, index: int
    ) -> None:
        """Move on; under a time limit, move the end as well."""
        super().on_train_batch_end(trainer, module, outputs, batch, index)
        bar = self.train_progress_bar_id
        if (expected := self.clock.expected) and self.progress is not None and bar is not None:
            # not by `update`, which forgets the pace whenever the end moves
            task = next(task for task in self.progress.tasks if task.id == bar)
            task.total = index + 1 + expected - self.clock.visited

    def _get_train_description(self, current_epoch: int) -> str:
        return "training"
