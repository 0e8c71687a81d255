"""The numbers of a run: `metrics.csv`, TensorBoard events, and whatever logger is added."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from sfumato.callbacks.clock import Clock
from sfumato.io.files import atomic
from sfumato.module import Module
from sfumato.runs import Run


class Recorder(Callback):
    """Gives the loggers a row every so many batches: losses as means since the row before.

    Rows fall on multiples of `every` counted over the whole run, and half a row travels in the
    checkpoint; so a resumed run writes the rows of one never stopped.
    """

    def __init__(self, clock: Clock, every: int) -> None:
        self.clock, self.every = clock, every
        self._told: dict[str, list[Tensor]] = {}

    def on_train_batch_end(
        self, trainer: Trainer, module: Module, outputs: Any, batch: Any, index: int
    ) -> None:
        model = module.model
        for name, value in model.told.items():
            self._told.setdefault(name, []).append(value.detach())
        if self.clock.visited % self.every == 0 or trainer.is_last_batch or trainer.should_stop:
            told = self.state_dict()["told"]
            means = {name: float(values.double().mean()) for name, values in told.items()}
            norms = {f"gradient/{name}": float(norm) for name, norm in model.norms.items()}
            for logger in trainer.loggers:
                logger.log_metrics(means | norms, self.clock.visited)
                logger.save()
        if self.clock.visited % self.every == 0:
            self._told = {}

    def state_dict(self) -> dict[str, Any]:
        # what an earlier session was told has come back on the CPU
        rows = {name: [value.cpu() for value in values] for name, values in self._told.items()}
        return {"told": {name: torch.stack(values) for name, values in rows.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._told = {name: list(values) for name, values in state["told"].items()}


class Ledger(Logger):
    """One row per logged batch, one column per number, in `metrics.csv`.

    Written whole, so a kill leaves no half row. Rows a resumed run will write again are dropped.
    """

    def __init__(self, path: Path, start: int, every: int) -> None:
        super().__init__()
        self.path = path
        self.rows = [r for r in rows(path) if r["step"] <= start and r["step"] % every == 0]

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add a row for `step` batches, or to the one there is."""
        if not self.rows or self.rows[-1]["step"] != step:
            self.rows.append({"step": step or 0})
        self.rows[-1] |= metrics

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """`run.yaml` holds them."""

    @rank_zero_only
    def save(self) -> None:
        """Write the file."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with (
            atomic(self.path, durable=False) as path,
            path.open("w", newline="", encoding="utf-8") as file,
        ):
            table = csv.DictWriter(file, names)
            table.writeheader()
            table.writerows(self.rows)


class Events(TensorBoardLogger):
    """TensorBoard's events, straight into the run folder."""

    def __init__(self, run: Run) -> None:
        super().__init__(run.path, name="", version="", default_hp_metric=False)

    def save(self) -> None:
        """Leave out the hyperparameter file: `run.yaml` holds them."""


def rows(path: Path) -> list[dict[str, int | float]]:
    """Rows of a `metrics.csv`: numbers by column, empty cells left out; [] without a file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        table = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    return [{**row, "step": int(row["step"])} for row in table]
