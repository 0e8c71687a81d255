"""A model as Lightning wants it.

Only what trains imports Lightning, which takes twice as long as PyTorch: a model that is applied
does without.
"""

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from sfumato.data.dataset import Batch
from sfumato.loop import Loop
from sfumato.model import Model

PART = "model."


class Module(L.LightningModule):
    """Hands Lightning's optimisers, precision and processes to the model.

    In a checkpoint the weights have the names they have in the model.
    """

    def __init__(self, model: Model, channels_last: bool = False) -> None:
        super().__init__()
        self.model = model
        if channels_last:
            self.to(memory_format=torch.channels_last)
        self.automatic_optimization = False
        self.register_state_dict_post_hook(_without)
        self.register_load_state_dict_pre_hook(_within)

    def on_fit_start(self) -> None:
        self.model.loop = _Lightning(self)

    def training_step(self, batch: Batch, index: int) -> None:
        self.model.training_step(batch, index)
        self._tell_all()

    def _tell_all(self) -> None:
        """What the model told becomes the mean over all processes, so that they judge it alike."""
        told = self.model.told
        if told and self.trainer.world_size > 1:
            mine = torch.stack([value.detach().to(self.device) for value in told.values()])
            means = self.trainer.strategy.reduce(mine, reduce_op="mean")
            self.model.told = dict(zip(told, means, strict=True))

    def configure_optimizers(self) -> Any:
        return self.model.configure_optimizers()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["memory"] = self.model.memory()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.model.recall(checkpoint["memory"])


class _Lightning(Loop):
    """The optimisers as Lightning wraps them, and its way to a gradient."""

    def __init__(self, module: Module) -> None:
        super().__init__()
        self._module = module
        self.rank, self.world = module.global_rank, module.trainer.world_size

    @property
    def players(self) -> list[Any]:
        found = self._module.optimizers()
        return found if isinstance(found, list) else [found]

    def backward(self, loss: Tensor, *, retain_graph: bool = False) -> None:
        self._module.manual_backward(loss, retain_graph=retain_graph)

    def gather(self, rows: Tensor) -> Tensor:
        if self.world == 1:
            return rows
        shares = self._module.trainer.strategy.all_gather(rows.detach())
        return shares.transpose(0, 1).flatten(0, 1)

    def of_the_first(self, value: Tensor) -> Tensor:
        return self._module.trainer.strategy.broadcast(value)


def _without(module: nn.Module, state: dict[str, Any], prefix: str, meta: dict[str, Any]) -> None:
    for name in [name for name in state if name.startswith(prefix + PART)]:
        state[prefix + name.removeprefix(prefix + PART)] = state.pop(name)


def _within(module: nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    for name in [name for name in state if name.startswith(prefix)]:
        state[prefix + PART + name.removeprefix(prefix)] = state.pop(name)
