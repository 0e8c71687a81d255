"""What the model paints while it learns: the same codes again and again, grids and a film."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from PIL import Image
from torch import Tensor

from sfumato.callbacks.clock import Clock
from sfumato.callbacks.health import Health
from sfumato.conditions import taken
from sfumato.data.dataset import Batch, Dataset
from sfumato.io.clips import save_gif
from sfumato.io.images import grid, save
from sfumato.model import Autoencoder, Editor, Model, Sampler, Translator
from sfumato.module import Module
from sfumato.nn.attributes import encode
from sfumato.runs import Run
from sfumato.sampling import layout, rounds
from sfumato.shapes import Images, Resized

COLLAPSED = 0.25
"""Share of the data's own diversity below which samples count as collapsing."""
EXAMPLES = 8
"""Pictures whose answers are shown."""


class Pictures(Callback):
    """Saves a grid every so often.

    Of a sampler: what 64 fixed codes give, each class equally often, a column for each; and how
    much they differ is watched. Of a translator and an autoencoder: the first pictures of the data
    as they are given, what is made of them, and what is wanted; of an editor a row for each
    attribute, changed; of a translator with two ways both kinds, each above what becomes of it.
    """

    def __init__(
        self,
        run: Run,
        clock: Clock,
        health: Health,
        sampler: Callable[[Model], Model],
        every: int,
        data: Dataset,
    ) -> None:
        self.run, self.clock, self.health, self.sampler = run, clock, health, sampler
        self.every, self.count, self.data, self._best = every, 64, data, 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best = state["best"]

    def on_train_batch_end(
        self, trainer: Trainer, module: Module, outputs: Any, batch: Batch, index: int
    ) -> None:
        model = module.model
        due = self.clock.visited % self.every == 0 or trainer.is_last_batch or trainer.should_stop
        if not (trainer.is_global_zero and due):
            return
        if isinstance(model, Sampler):
            count = rounds(model, self.count)
            images = paint(self.sampler(model), count, self.clock.seed)
            self._save(images, layout(model, count))
            self._judge(images, batch.image)
        elif isinstance(model, Translator | Autoencoder | Editor):
            examples = self.data.batch(torch.arange(min(EXAMPLES, len(self.data))))
            self._save(answers(self.sampler(model), examples), len(examples.image))

    def _save(self, images: Images, columns: int | None) -> None:
        save(grid(images, columns, zoom=_zoom(images)), self._path(self.clock.visited))

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
    with looking(model):
        return model.sample(count, seed=seed).cpu()


def answers(model: Model, examples: Batch) -> Images:
    """Rows: pictures as they are given, what `model` makes of them, what is wanted."""
    assert isinstance(model, Translator | Autoencoder | Editor)
    examples = examples.to(model.device)
    with looking(model), torch.no_grad():
        if isinstance(model, Editor):
            rows = [examples.image, *edited(model, examples)]
        elif isinstance(model, Autoencoder):
            painted = model.decode(model.encode(examples.image), **taken(model.decode, examples))
            rows = [examples.image, painted]
        elif model.ways:
            rows = [examples.image, model.translate(examples.image, **_to(model, 0))]
            rows += [examples.target, model.translate(examples.target, **_to(model, 1))]
        else:
            given, reference = model.given(examples), examples.image.roll(1, 0)
            beside = {"mask": model.marked(examples), "reference": reference}
            made = model.translate(given, **{name: beside[name] for name in model.takes})
            wanted = model.wanted(examples)
            beheld = examples.image if wanted is None else wanted
            last = reference if "reference" in model.takes else beheld
            rows = [_as_large(given, made), made, last]
    return torch.cat([row.float().cpu() for row in rows])


def _to(model: Translator, way: int) -> dict[str, Any]:
    return {"to": model.ways[way]}


def edited(model: Editor, examples: Batch) -> list[Images]:
    """The pictures as they are, then with the next value of one attribute after the other."""
    found = [model.edit(examples.image, encode(examples.attributes, model.schema))]
    for place, attribute in enumerate(model.schema.attributes):
        changed = examples.attributes.clone()
        column, count = changed[:, place], max(2, len(attribute.values))
        step = (attribute.high - attribute.low) / (count - 1)
        number = ((column - attribute.low) / step).round()
        changed[:, place] = attribute.low + step * ((number + 1) % count)
        found.append(model.edit(examples.image, encode(changed, model.schema)))
    return found


@contextmanager
def looking(model: Model) -> Iterator[None]:
    """The model's mode and random state are left as they were."""
    was, state = model.training, torch.get_rng_state()
    try:
        model.eval()
        yield
    finally:
        model.train(was)
        torch.set_rng_state(state)


def _as_large(images: Resized, others: Images) -> Images:
    """Each pixel as a block, so that what was given lies beside what was made of it."""
    factor = others.shape[-1] // images.shape[-1]
    return images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)


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
