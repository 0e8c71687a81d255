"""What the model paints while it learns: the same codes again and again, grids and a film."""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from PIL import Image
from torch import Tensor

from sfumato.callbacks.clock import Clock
from sfumato.callbacks.health import Health
from sfumato.data.dataset import Batch
from sfumato.io.images import grid, save, save_gif
from sfumato.model import Model, Sampler
from sfumato.runs import Run
from sfumato.sampling import layout, rounds
from sfumato.shapes import Images

COLLAPSED = 0.25
"""Share of the data's own diversity below which samples count as collapsing."""


class Pictures(Callback):
    """Saves a grid of 64 fixed codes every so often, and measures how much they differ.

    A conditional model's grid shows each class equally often, a column for each.
    """

    def __init__(
        self, run: Run, clock: Clock, health: Health, sampler: Callable[[Model], Model], every: int
    ) -> None:
        self.run, self.clock, self.health, self.sampler = run, clock, health, sampler
        self.every, self.count, self._best = every, 64, 0.0

    def on_train_batch_end(
        self, trainer: Trainer, model: Model, outputs: Any, batch: Batch, index: int
    ) -> None:
        due = self.clock.visited % self.every == 0 or trainer.is_last_batch or trainer.should_stop
        if trainer.is_global_zero and isinstance(model, Sampler) and due:
            count = rounds(model, self.count)
            images = paint(self.sampler(model), count, self.clock.seed)
            sheet = grid(images, layout(model, count), zoom=_zoom(images))
            save(sheet, self._path(self.clock.visited))
            self._judge(images, batch.image)

    def _path(self, step: int) -> Any:
        folder = self.run.path / "samples"
        folder.mkdir(exist_ok=True)
        return folder / f"step-{step:06d}.png"

    def _judge(self, images: Images, real: Tensor) -> None:
        share = diversity(images) / max(diversity(real), 1e-9)
        self._best = max(self._best, share)
        # a painter starts with one grey picture: that is no collapse until it has had its time
        begun = self._best >= COLLAPSED or self.clock.visited >= 5 * self.every
        if begun and share < COLLAPSED:
            self.health.warn(f"samples look alike: collapsing (batch {self.clock.visited})")


def paint(model: Model, count: int, seed: int) -> Images:
    """`count` samples of fixed codes; the model's mode and random state are left as they were."""
    assert isinstance(model, Sampler)
    was, state = model.training, torch.get_rng_state()
    model.eval()
    images = model.sample(count, seed=seed).cpu()
    model.train(was)
    torch.set_rng_state(state)
    return images


def diversity(images: Images) -> float:
    """Standard deviation of a pixel over the images, averaged over pixels; 0 where all are one."""
    return float(images.float().std(0).mean()) if len(images) > 1 else 0.0


def film(run: Run) -> None:
    """Write `film.gif` from the grids of a run: the samples growing."""
    paths = sorted((run.path / "samples").glob("step-*.png"))
    if paths:
        keep = paths[:: max(1, len(paths) // 60)]
        keep += [paths[-1]] if keep[-1] != paths[-1] else []
        frames = []
        for path in keep:
            with Image.open(path) as image:
                frames.append(image.convert("RGB"))
        save_gif([f for f in frames if f.size == frames[-1].size], run.path / "film.gif", fps=6)


def _zoom(images: Images) -> int:
    return max(1, 48 // images.shape[-1])
