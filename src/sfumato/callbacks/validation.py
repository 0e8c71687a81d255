"""The model's own scores on held-out images, while it learns."""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from sfumato.callbacks.clock import Clock
from sfumato.callbacks.pictures import looking
from sfumato.data.dataset import Dataset
from sfumato.evaluation.references import splits
from sfumato.model import Model
from sfumato.module import Module
from sfumato.randomness import generator
from sfumato.recipe import Recipe


class Validation(Callback):
    """Adds to some rows what `measure` finds, of the averaged weights where there are such."""

    def __init__(self, clock: Clock, sampler: Callable[[Model], Model], recipe: Recipe) -> None:
        self.clock, self.sampler = clock, sampler
        self.every, self.recipe = recipe.validate * recipe.every, recipe
        self.data: Dataset | None = None

    def on_train_start(self, trainer: Trainer, module: Module) -> None:
        self.data = splits(self.recipe.data, self.recipe.seed)[1].told().alone()

    def on_train_batch_end(
        self, trainer: Trainer, module: Module, outputs: Any, batch: Any, index: int
    ) -> None:
        if self.clock.visited % self.every or not trainer.is_global_zero:
            return
        assert self.data is not None
        model = self.sampler(module.model)
        rng = generator(self.clock.seed, "measure", device=model.device)
        with looking(model), torch.inference_mode():
            scores = model.measure(self.data, rng)
        found = {f"held-out/{name}": score.value for name, score in scores.items()}
        for logger in trainer.loggers:
            logger.log_metrics(found, self.clock.visited)
            logger.save()
