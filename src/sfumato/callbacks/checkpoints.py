"""Saving: the state to resume from, the bundle to share, and the orderly end on a signal."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from sfumato.errors import RunError
from sfumato.io.files import atomic
from sfumato.model import Model
from sfumato.module import Module
from sfumato.runs import FORMAT, Run, save_bundle

SIGNALS = (signal.SIGINT, signal.SIGTERM)
HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""A terminal that was closed; Windows does not say so."""


@contextmanager
def signals_kept() -> Iterator[None]:
    """Leave signals as they were: Lightning's answer to SIGTERM, to do nothing, outlives it."""
    held = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in held.items():
                signal.signal(number, handler)


class Checkpoints(Callback):
    """Writes `last.ckpt` and the bundle now and then, at the end, and when asked to stop.

    The first ^C, SIGTERM or SIGHUP finishes the batch, saves and ends; the second ^C ends at once.
    Either way what was saved before stays whole: a file is renamed into place only when it is
    complete.
    """

    def __init__(
        self, run: Run, sampler: Callable[[Model], Model], *, seconds: float = 60.0
    ) -> None:
        self.run, self.sampler, self.seconds = run, sampler, seconds
        self.asked: signal.Signals | None = None
        self.healthy = True
        self._saved = time.monotonic()
        self._before: dict[signal.Signals, Any] = {}

    def on_train_start(self, trainer: Trainer, module: Module) -> None:
        # after Lightning has put its own handlers in place, whose SIGTERM ends without a save
        if threading.current_thread() is threading.main_thread():
            self._before = {s: signal.signal(s, self._ask) for s in SIGNALS}
            if HANGUP and signal.getsignal(HANGUP) != signal.SIG_IGN:  # as nohup has it
                self._before[HANGUP] = signal.signal(HANGUP, self._ask)

    def on_train_batch_end(
        self, trainer: Trainer, module: Module, outputs: Any, batch: Any, index: int
    ) -> None:
        late = time.monotonic() - self._saved >= self.seconds
        # processes see a signal or a clock at different times, and must save and end together
        trainer.should_stop = _any(trainer, trainer.should_stop or self.asked is not None)
        due = _any(trainer, late)
        if self.healthy and (trainer.should_stop or trainer.is_last_batch or due):
            self.save(trainer, module.model)

    def save(self, trainer: Trainer, model: Model) -> None:
        """Write the checkpoint and the bundle now; RunError where a weight is not finite."""
        for name, weight in model.state_dict().items():
            if not bool(weight.isfinite().all()):
                self.give_up(f"{name} is not finite after batch {model.step + 1}")
        path = self.run.checkpoint
        if trainer.is_global_zero:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path) as temporary:
                trainer.save_checkpoint(temporary)
            save_bundle(self.sampler(model), self.run.bundle)
        else:
            trainer.save_checkpoint(path)  # it takes part, and writes nothing
        self._saved = time.monotonic()

    def give_up(self, why: str) -> NoReturn:
        """Save nothing more, and raise RunError that says why and what is left."""
        self.healthy = False
        last = self.run.checkpoint
        kept = f"the last good state is {last}" if last.exists() else "nothing was saved yet"
        raise RunError(f"{why}; {kept}. Try a smaller --model.lr, --clip 1, or --precision 32.")

    def on_save_checkpoint(
        self, trainer: Trainer, module: Module, checkpoint: dict[str, Any]
    ) -> None:
        # a resumed run is a fresh loop over the batches that are left, so Lightning's counters
        # stay out
        checkpoint.pop("loops", None)
        checkpoint["sfumato"] = {"format": FORMAT}

    def teardown(self, trainer: Trainer, module: Module, stage: str) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = signal.Signals(number)


@dataclass(frozen=True)
class Reached:
    """How far a run has come."""

    visited: int = 0
    """Batches."""
    elapsed: float = 0.0
    """Seconds."""


def reached(run: Run, model: Model | None = None) -> Reached:
    """What the last checkpoint has seen: nothing where there is none.

    Raises RunError where it cannot be read, or is not of a model like the one that is given.
    """
    if not run.checkpoint.exists():
        return Reached()
    try:
        saved = torch.load(run.checkpoint, map_location="cpu", weights_only=True, mmap=True)
        made_by, clock = saved["sfumato"]["format"], Reached(**saved["callbacks"]["Clock"])
        shapes = {name: weight.shape for name, weight in saved["state_dict"].items()}
    except Exception as error:
        raise RunError(
            f"{run.checkpoint} is damaged ({type(error).__name__}); delete it to begin again."
        ) from error
    if made_by > FORMAT:
        raise RunError(f"{run.checkpoint} was made by a newer Sfumato; pip install -U sfumato.")
    own = shapes if model is None else {k: v.shape for k, v in model.state_dict().items()}
    for name in {**own, **shapes}:
        if own.get(name) != shapes.get(name):
            said = f"{name} is {_size(shapes.get(name))} there and {_size(own.get(name))} by"
            raise RunError(
                f"{run.checkpoint} does not fit: {said} {run.path / 'run.yaml'}; one of the two "
                "was changed or is of another run."
            )
    return clock


def _size(shape: Sequence[int] | None) -> str:
    """A weight's shape in words."""
    if shape is None:
        return "absent"
    return "x".join(map(str, shape)) or "one number"


def _any(trainer: Trainer, mine: bool) -> bool:
    """Whether any of the processes says so."""
    if trainer.world_size == 1:
        return mine
    return bool(trainer.strategy.reduce_boolean_decision(mine, all=False))
