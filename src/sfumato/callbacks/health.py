"""What goes wrong in training, said while it goes wrong."""

from math import isfinite
from statistics import median
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from sfumato.callbacks.checkpoints import Checkpoints
from sfumato.model import Model
from sfumato.module import Module
from sfumato.preset import PRECISIONS, quick_in_half

VANISHED = 1e-3
"""Share of its median so far below which a player's gradient norm counts as vanishing."""
EXPLODED = 1e3
"""Times its median so far above which it counts as exploding."""
SLOW = "this processor computes bfloat16 many times slower than float32: leave --precision out"


class Health(Callback):
    """Stops at a number that is not finite; warns of a player whose gradient vanishes or explodes.

    So it does of bfloat16 on a processor without it. Collapse of the samples is seen where the
    samples are drawn, and told here through `warn`.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.checkpoints = checkpoints
        self.warnings: list[str] = []
        self._norms: dict[str, list[float]] = {}

    def warn(self, text: str) -> None:
        """Keep a warning for the progress bar and the card, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def on_train_start(self, trainer: Trainer, module: Module) -> None:
        half = str(trainer.precision) == PRECISIONS["bf16"]
        if half and module.model.device.type == "cpu" and not quick_in_half():
            self.warn(SLOW)

    def on_train_batch_end(
        self, trainer: Trainer, module: Module, outputs: Any, batch: Any, index: int
    ) -> None:
        model = module.model
        look = (model.step + 1) % model.rules.every == 0
        # reading a number off a GPU stops its queue, so it is done now and then there, always on a
        # CPU
        if look or model.device.type == "cpu":
            self._stop_at_nan(model)
        if look:
            self._compare_gradients(model)

    def _stop_at_nan(self, model: Model) -> None:
        for name, value in model.told.items():
            if not isfinite(float(value)):
                self.checkpoints.give_up(f"{name} became {float(value)} at batch {model.step + 1}")

    def _compare_gradients(self, model: Model) -> None:
        for who, value in model.norms.items():
            norms = self._norms.setdefault(who, [])
            usual = median(norms) if len(norms) >= 3 else float(value)
            if float(value) < VANISHED * usual:
                self.warn(f"the gradient of the {who} vanishes (batch {model.step + 1})")
            if float(value) > EXPLODED * usual:
                self.warn(f"the gradient of the {who} explodes (batch {model.step + 1})")
            norms.append(float(value))

    def state_dict(self) -> dict[str, Any]:
        return {"warnings": self.warnings, "norms": self._norms}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.warnings, self._norms = state["warnings"], state["norms"]
