"""Rows of numbers: losses as means since the row before."""

from unittest.mock import create_autospec

import pytest
import torch
from lightning.pytorch import Trainer

from sfumato.callbacks.clock import Clock
from sfumato.callbacks.ledger import Ledger, Recorder, rows
from sfumato.models.mlp import MLP, Config
from sfumato.module import Module
from sfumato.schema import Schema


def test_a_row_has_the_mean_of_the_losses_since_the_row_before(tmp_path):
    """Of 1 to 5, two a row: 1.5, 3.5, and the last by itself; half a row travels along."""
    module = Module(MLP(Config(hidden=2), Schema(shape=(1, 2, 2), classes=("a", "b"))))
    ledger, clock = Ledger(tmp_path / "metrics.csv", 0, every=2), Clock(0)
    trainer = create_autospec(Trainer, instance=True)
    trainer.loggers, trainer.should_stop = [ledger], False
    recorder = Recorder(clock, every=2)
    for loss in range(1, 6):
        module.model.told = {"loss": torch.tensor(float(loss))}
        module.model.norms = {"all": torch.tensor(10.0 * loss)}
        clock.visited, trainer.is_last_batch = loss, loss == 5
        recorder.on_train_batch_end(trainer, module, None, None, 0)
        again = Recorder(clock, every=2)
        again.load_state_dict(recorder.state_dict())
        recorder = again
    found = rows(tmp_path / "metrics.csv")
    assert [row["step"] for row in found] == [2, 4, 5]
    assert [row["loss"] for row in found] == pytest.approx([1.5, 3.5, 5])
    assert [row["gradient/all"] for row in found] == [20, 40, 50]
