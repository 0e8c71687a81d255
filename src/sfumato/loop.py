"""Who turns a model's losses into steps: PyTorch by itself, unless a trainer takes over."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.optim import Optimizer


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How a run treats every step of any model."""

    clip: float | None = None
    """Largest gradient norm of a player."""
    accumulate: int = 1
    """Parts a batch is cut into inside one step."""
    every: int = 400
    """Batches between two looks at the gradient norms."""


class Loop:
    """The optimisers of a model in one process, in PyTorch's own way."""

    rank: int = 0
    """Which of the processes of a run this is."""
    world: int = 1
    """How many there are."""

    def __init__(self, optimizers: Optimizer | Sequence[Optimizer] = ()) -> None:
        self._optimizers = [optimizers] if isinstance(optimizers, Optimizer) else list(optimizers)

    @property
    def players(self) -> list[Any]:
        """The optimisers, in the order of `configure_optimizers`."""
        return self._optimizers

    def backward(self, loss: Tensor, *, retain_graph: bool = False) -> None:
        """Add the gradient of `loss` to the weights'."""
        loss.backward(retain_graph=retain_graph)

    def share(self, rows: Tensor) -> Tensor:
        """Those rows of a whole batch that this process has."""
        return rows[self.rank :: self.world]

    def gather(self, rows: Tensor) -> Tensor:
        """The whole batch's rows, of which each process has its `share`; no slope goes through."""
        return rows

    def others(self, rows: Tensor) -> Tensor:
        """For each of these rows the one before it in the whole batch, the last for the first.

        No slope goes through.
        """
        return self.share(self.gather(rows).roll(1, 0))

    def of_the_first(self, value: Tensor) -> Tensor:
        """What the first process has of this, in all of them."""
        return value

    @contextmanager
    def turn(self, player: Any) -> Iterator[None]:
        """While it is this optimiser's turn, no weights but its own receive gradients."""
        own = {id(weight) for weight in weights(player)}
        rest = {id(w): w for other in self.players for w in weights(other) if w.requires_grad}
        resting = [weight for key, weight in rest.items() if key not in own]
        for weight in resting:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            for weight in resting:
                weight.requires_grad_(True)


def weights(optimizer: Any) -> list[Tensor]:
    """All weights an optimiser moves."""
    return [weight for group in optimizer.param_groups for weight in group["params"]]
