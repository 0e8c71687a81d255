"""The contract that every model signs.

A model is final and described completely by one frozen `Config` and the `Schema` of its data: no
method written here is overridden below, so what you read in a model file is all that happens.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import lightning as L
import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from sfumato import settings
from sfumato.data.dataset import Batch, Dataset
from sfumato.metrics.score import Score
from sfumato.randomness import generator
from sfumato.schema import Schema
from sfumato.shapes import Codes, Features, Images, Latents, Logits, Scalar, Scores


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How a run treats every step of any model."""

    clip: float | None = None
    """Largest gradient norm of a player."""
    accumulate: int = 1
    """Parts a batch is cut into inside one step."""
    every: int = 400
    """Batches between two looks at the gradient norms."""


class Model(L.LightningModule, ABC):
    """Anything that trains: a config, a schema, one training step, one set of optimisers."""

    needs: ClassVar[tuple[str, ...]] = ("image",)
    """Fields of a batch this model reads."""

    def __init__(self, config: Any, schema: Schema) -> None:
        super().__init__()
        settings.check(config)
        self.config, self.schema = config, schema
        self.automatic_optimization = False
        self.rules = Rules()
        self.step = 0
        self.norms: dict[str, Tensor] = {}
        self.rng: Generator | None = None

    @abstractmethod
    def training_step(self, batch: Batch, index: int) -> None:
        """One visit to one batch: `descend` each player's loss in turn, and log what happened."""

    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """The system's own numbers on held-out `data`; none unless the system has some."""
        return {}

    @property
    def players(self) -> list[Any]:
        """The optimisers, in the order of `configure_optimizers`."""
        found = self.optimizers()
        return found if isinstance(found, list) else [found]

    def begin(self, *, seed: int, step: int) -> None:
        """Enter batch `step` of the run `seed`: all that is drawn in it follows from the two."""
        self.step = step
        self.rng = generator(seed, "step", step, device=self.device)

    def draw(self, make: Callable[[int, Generator | None], Tensor], count: int) -> Tensor:
        """Return this process's `count` rows of one draw made for all processes alike.

        So two processes with half a batch each see, together, the noise of one process with the
        whole.
        """
        world = self._trainer.world_size if self._trainer else 1
        return make(count * world, self.rng)[self.global_rank :: world]

    def descend(self, optimizer: Any, loss: Callable[..., Scalar], *rows: Tensor) -> Scalar:
        """Take one step of `optimizer` down `loss(*rows)`, and return the loss, detached.

        Only the optimiser's own parameters receive gradients. With `Rules.accumulate` the rows are
        cut into equal parts and visited one after another: the gradient is the mean over all rows.
        """
        whole, total = len(rows[0]), rows[0].new_zeros((), dtype=torch.float32)
        # a single player has nobody to be kept out of its gradient
        alone = len(self.players) == 1
        with nullcontext() if alone else self.toggled_optimizer(optimizer):
            optimizer.zero_grad(set_to_none=True)
            for part in zip(*(row.chunk(self.rules.accumulate) for row in rows), strict=True):
                share = loss(*part) * (len(part[0]) / whole)
                self.manual_backward(share)
                total += share.detach()
            self._watch(optimizer)
            optimizer.step()
            # autocast keeps the low-precision copies of weights it has made, and these are now old
            torch.clear_autocast_cache()
        return total

    def _watch(self, optimizer: Optimizer) -> None:
        """Clip the player's gradient where the rules say so; keep its norm now and then."""
        clip, look = self.rules.clip, (self.step + 1) % self.rules.every == 0
        if clip is None and not look:
            return
        weights = [w for group in optimizer.param_groups for w in group["params"]]
        norm = nn.utils.clip_grad_norm_(weights, clip or float("inf"))
        if look:
            self.norms[self._player(weights)] = norm.detach()

    def _player(self, weights: list[Tensor]) -> str:
        """The parts of the model an optimiser owns: "generator", "encoder+decoder"."""
        owned = {id(weight) for weight in weights}
        parts = [
            n for n, m in self.named_children() if any(id(w) in owned for w in m.parameters())
        ]
        return "+".join(parts)


class Sampler(Model):
    """A model that draws images from noise."""

    @abstractmethod
    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        """Draw `count` codes; the same `rng` state gives the same codes."""

    @abstractmethod
    def generate(self, latents: Latents) -> Images:
        """The images of these codes."""

    @torch.no_grad()
    def sample(
        self,
        count: int,
        rng: Generator | None = None,
        *,
        seed: int | None = None,
        **condition: Any,
    ) -> Images:
        """Draw `count` images in [-1, 1]; the same `rng` state or `seed` gives the same."""
        if seed is not None:
            rng = generator(seed, "sample", device=self.device)
        return self.generate(self.prior(count, rng), **condition).float()


class Judge(Model):
    """A model that tells real images from painted ones."""

    @abstractmethod
    def judge(self, images: Images) -> Logits:
        """How real each image looks: above 0 means more likely real than not."""

    @abstractmethod
    def features(self, images: Images) -> Features:
        """What the judge sees just before its verdict."""


class Autoencoder(Model):
    """A model that turns images into codes and codes into images."""

    @abstractmethod
    def encode(self, images: Images) -> Codes:
        """The code of each image."""

    @abstractmethod
    def decode(self, codes: Codes) -> Images:
        """The image of each code."""


class Classifier(Model):
    """A model that names what an image shows."""

    @abstractmethod
    def logits(self, images: Images) -> Scores:
        """Unnormalised log-probabilities of the schema's classes."""

    @abstractmethod
    def features(self, images: Images) -> Features:
        """What the classifier sees just before its answer."""
