"""Lightning's Trainer as a run uses it: devices, precision and processes are its work."""

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import PassThroughProfiler

from sfumato.callbacks.bar import Bar
from sfumato.callbacks.checkpoints import signals_kept
from sfumato.data.dataset import Dataset
from sfumato.data.loader import loader
from sfumato.module import Module
from sfumato.preset import Preset
from sfumato.recipe import Recipe

FOREVER = 2**40
"""Batches in a run that only its minutes end."""


def build_trainer(
    preset: Preset, callbacks: list[Callback], loggers: list[Logger], steps: int
) -> L.Trainer:
    """The Trainer of `steps` batches on the preset's device, at its precision."""
    kind, _, number = preset.device.partition(":")
    return L.Trainer(
        accelerator=kind,
        devices=[int(number)] if number else preset.devices,
        # a player's parameters rest while the other learns, and plain `ddp` takes that for an
        # error
        strategy="ddp_find_unused_parameters_true" if preset.devices > 1 else "auto",
        precision=preset.precision,
        max_epochs=1,
        limit_train_batches=steps,
        callbacks=callbacks,
        profiler=_NoProfiler(),
        logger=loggers or False,
        log_every_n_steps=FOREVER,  # the Recorder gives the loggers their rows
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=any(isinstance(callback, Bar) for callback in callbacks),
    )


class _NoProfiler(PassThroughProfiler):
    """Lightning's own opens a context around each of eighty calls a batch, to no end."""

    def profile(self, action_name: str) -> Any:
        return nullcontext()


class Stream(L.LightningDataModule):
    """The batches of a run; asked for when the processes know their ranks."""

    def __init__(self, data: Dataset, recipe: Recipe, steps: int, start: int) -> None:
        super().__init__()
        self.data, self.recipe, self.steps, self.start = data, recipe, steps, start

    def train_dataloader(self) -> Any:
        recipe, trainer = self.recipe, self.trainer
        assert trainer is not None
        rank, world = trainer.global_rank, trainer.world_size
        network = trainer.lightning_module
        assert isinstance(network, Module)
        needs = network.model.needs
        data = self.data.only((*needs, *network.model.uses))
        # who merely names groups learns from all images alike
        halves, span = "label" in needs, (self.steps, recipe.seed, self.start)
        return loader(data, recipe.batch, *span, rank=rank, world=world, halves=halves)


class Stopwatch(Callback):
    """The least seconds any step took."""

    def __init__(self) -> None:
        self.least, self._since = float("inf"), 0.0

    def on_train_batch_start(self, *args: Any) -> None:
        self._since = time.perf_counter()

    def on_train_batch_end(self, *args: Any) -> None:
        self.least = min(self.least, time.perf_counter() - self._since)


@contextmanager
def quietly() -> Iterator[None]:
    """Silence Lightning's advice, none of which a user of Sfumato can act on."""
    logs = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), signals_kept():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
