"""The contract that every model signs.

A model is final and described completely by one frozen `Config` and the `Schema` of its data: no
method written here is overridden below, so what you read in a model file is all that happens.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from itertools import chain
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from sfumato import conditions as asking
from sfumato import settings
from sfumato.data.dataset import Batch, Dataset
from sfumato.loop import Loop, Rules, weights
from sfumato.metrics.score import Score
from sfumato.nn.tiles import Tell
from sfumato.randomness import generator
from sfumato.schema import Axis, Schema
from sfumato.shapes import (
    Codes,
    Features,
    Images,
    Labels,
    Latents,
    Logits,
    Masks,
    Others,
    Picture,
    Resized,
    Scalar,
    Scores,
    Tags,
)


class Model(nn.Module, ABC):
    """Anything that trains: a config, a schema, one training step, one set of optimisers."""

    needs: tuple[str, ...] = ("image",)
    """Fields of a batch it cannot learn without; checked before it is built, and an instance may
    say more.
    """
    uses: tuple[str, ...] = ()
    """Further fields it looks at where the data have them; it is shown no others."""
    unnamed: bool = False
    """Whether it learns where some labels are unknown, `UNKNOWN` as `schema` calls them."""
    lacks: tuple[str, ...] = ()
    """Interfaces of its class that an instance, by its config, does not provide."""
    least: int = 1
    """Fewest images it can learn from at once."""
    conditions: tuple[str, ...] = ()
    """Fields of a batch that `generate` or `decode` takes by keyword: "label", "attributes". An
    instance may take fewer than its class.
    """

    def __init__(self, config: Any, schema: Schema) -> None:
        super().__init__()
        settings.check(config)
        self.config, self.schema = config, schema
        self.loop = Loop()
        self.rules = Rules()
        self.step = 0
        self.told: dict[str, Tensor] = {}
        self.norms: dict[str, Tensor] = {}
        self.rng: Generator | None = None

    @abstractmethod
    def training_step(self, batch: Batch, index: int) -> None:
        """One visit to one batch: `descend` each player's loss in turn, and log what happened."""

    def prepare(self) -> None:
        """Look at what it learns from beside the data; raises before a run folder is made."""

    def pace(self, step: int) -> float:
        """What every player's learning rate is multiplied by in batch `step`; see `schedules`."""
        return 1.0

    def measure(self, data: Dataset, rng: Generator) -> Mapping[str, Score]:
        """The system's own numbers on held-out `data`; none unless the system has some."""
        return {}

    def condition(
        self, count: int, rng: Generator | None = None, **asked: Any
    ) -> dict[str, Tensor]:
        """What a painter is given beside `count` codes: what is asked, and the rest drawn.

        `label` is a class's number or name, `attributes` a mapping from name to number or value;
        several of either go round. Labels that are not asked for go round the classes, attributes
        are uniform. Raises ConfigError, one line, for what this model cannot be asked.
        """
        who = type(self).__name__
        found = asking.resolve(self.conditions, self.schema, count, rng, asked, who)
        return {name: value.to(self.device) for name, value in found.items()}

    @abstractmethod
    def configure_optimizers(self) -> Any:
        """One optimiser, or a list of them: the players."""

    def memory(self) -> dict[str, Any]:
        """What a run that goes on needs beside weights and optimisers; in no bundle."""
        return {}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """As it was when `memory` said so."""

    @property
    def device(self) -> torch.device:
        """Where the weights are; the CPU without any."""
        first = next(chain(self.parameters(), self.buffers()), None)
        return torch.device("cpu") if first is None else first.device

    @property
    def players(self) -> list[Any]:
        """The optimisers, in the order of `configure_optimizers`."""
        return self.loop.players

    def begin(self, *, seed: int, step: int) -> None:
        """Enter batch `step` of the run `seed`: all that is drawn in it follows from the two."""
        self.step, self.told, self.norms = step, {}, {}
        self.rng = generator(seed, "step", step, device=self.device)

    def tell(self, losses: Mapping[str, Tensor]) -> None:
        """Say how this batch went: numbers for the bar, the table of the run and its health."""
        self.told |= losses

    def draw(self, make: Callable[[int, Generator | None], Tensor], count: int) -> Tensor:
        """Return this process's `count` rows of one draw made for all processes alike.

        So two processes with half a batch each see, together, the noise of one process with the
        whole.
        """
        return self.loop.share(make(count * self.loop.world, self.rng))

    def descend(self, optimizer: Any, loss: Callable[..., Scalar], *rows: Tensor) -> Scalar:
        """Take one step of `optimizer` down `loss(*rows)`, and return the loss, detached.

        Only the optimiser's own parameters receive gradients, also through rows that this player
        has made, such as a painter's images. With `Rules.accumulate` the rows are cut into equal
        parts and visited one after another: the gradient is the mean over all rows.
        """
        whole, total = len(rows[0]), rows[0].new_zeros((), dtype=torch.float32)
        # a single player has nobody to be kept out of its gradient
        alone = len(self.players) == 1
        with nullcontext() if alone else self.loop.turn(optimizer):
            optimizer.zero_grad(set_to_none=True)
            parts = self._shares(rows)
            for number, part in enumerate(parts, 1):
                share = loss(*part) * (len(part[0]) / whole)
                self.loop.backward(share, retain_graph=number < len(parts))
                total += share.detach()
            self._watch(optimizer)
            for group in optimizer.param_groups:
                # kept with the optimiser, under PyTorch's own name for it
                first = group.setdefault("initial_lr", group["lr"])
                group["lr"] = first * self.pace(self.step)
            optimizer.step()
            # autocast keeps the low-precision copies of weights it has made, and these are now old
            torch.clear_autocast_cache()
        return total

    def _shares(self, rows: tuple[Tensor, ...]) -> list[tuple[Tensor, ...]]:
        """The rows as `Rules.accumulate` cuts them; whole if once, as a cut copies gradients."""
        if self.rules.accumulate == 1:
            return [rows]
        times = self.rules.accumulate
        return list(zip(*(row.tensor_split(times) for row in rows), strict=True))

    def _watch(self, optimizer: Optimizer) -> None:
        """Clip the player's gradient where the rules say so; keep its norm now and then."""
        clip, look = self.rules.clip, (self.step + 1) % self.rules.every == 0
        if clip is None and not look:
            return
        own = weights(optimizer)
        norm = nn.utils.clip_grad_norm_(own, clip or float("inf"))
        if look:
            self.norms[self._player(own)] = norm.detach()

    def _player(self, own: list[Tensor]) -> str:
        """The parts of the model an optimiser owns: "generator", "encoder+decoder"."""
        owned = {id(weight) for weight in own}
        parts = [
            n for n, m in self.named_children() if any(id(w) in owned for w in m.parameters())
        ]
        return "+".join(parts)


class Sampler(Model):
    """A model that draws images from noise, and from conditions where it takes some."""

    normal: slice = slice(None)
    """Columns of the latents that are standard normal: all. `slice(0)` where none are."""
    ends: tuple[float, float] = (-1.0, 1.0)
    """Smallest and largest number of those that are not, where they are uniform."""

    @abstractmethod
    def prior(self, count: int, rng: Generator | None = None) -> Latents:
        """Draw `count` codes; the same `rng` state gives the same codes."""

    @abstractmethod
    def generate(self, latents: Latents, *args: Any, **condition: Any) -> Images:
        """The images of these codes; a subclass writes out the `conditions` it takes."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Named coordinates of the latents; "z0", "z1" and so on unless a model knows better."""
        wide = self.prior(1, generator(0, "axes", device=self.device)).shape[1]
        normal = range(wide)[self.normal]
        ends = ((-2.0, 2.0) if column in normal else self.ends for column in range(wide))
        return tuple(Axis(f"z{c}", c, low=low, high=high) for c, (low, high) in enumerate(ends))

    @torch.no_grad()
    def sample(
        self,
        count: int,
        rng: Generator | None = None,
        *,
        seed: int | None = None,
        **asked: Any,
    ) -> Images:
        """Draw `count` images in [-1, 1]; the same `rng` state or `seed` gives the same.

        `asked` is what `condition` takes: `label=8`, `attributes={"hair": "blonde"}`.
        """
        settings.counted(count)
        if seed is not None:
            rng = generator(seed, "sample", device=self.device)
        latents = self.prior(count, rng)
        return self.generate(latents, **self.condition(count, rng, **asked)).float()


class Judge(Model):
    """A model that tells real images from painted ones."""

    @abstractmethod
    def judge(self, images: Images, *args: Any, **condition: Any) -> Logits:
        """How real each image looks, under its conditions where the judge takes some.

        Above 0 means more likely real than not.
        """

    @abstractmethod
    def features(self, images: Images, *args: Any, **condition: Any) -> Features:
        """What the judge sees just before its verdict."""


class Autoencoder(Model):
    """A model that turns images into codes and codes into images.

    Of a sampler, these codes are its latents: `generate` paints them as `decode` does.
    """

    besides: tuple[str, ...] = ()
    """Those of its `conditions` without which `decode` cannot paint a code; an instance may say
    so.
    """

    @abstractmethod
    def encode(self, images: Images) -> Codes:
        """The code of each image."""

    @abstractmethod
    def decode(self, codes: Codes, *args: Any, **condition: Any) -> Images:
        """The image of each code, under its conditions where a code alone does not say enough."""


class Codec(Model):
    """A model that keeps one picture of any size in few bytes, and gives it back."""

    @property
    @abstractmethod
    def qualities(self) -> int:
        """How many there are: 1 is the smallest file, the last the truest picture."""

    @abstractmethod
    def tabulate(self) -> None:
        """Make what coding reads follow from what was learned; done before a bundle is written.

        Does nothing where it does already: a bundle that is read and written stays the same.
        """

    @abstractmethod
    def compress(
        self, image: Picture, quality: int | None = None, *, refine: int = 0, tell: Tell = None
    ) -> bytes:
        """A file's bytes for a picture in [-1, 1]; `refine` steps look for a code that costs less.

        `tell` is told of pixels that are done, once and once a step. Raises ConfigError for a
        quality there is not, or channels the model does not code.
        """

    @abstractmethod
    def decompress(self, data: bytes, tell: Tell = None) -> Picture:
        """The picture of a file's bytes, in [-1, 1]: the same bits on every machine.

        Raises DataError, one line, for bytes that are damaged or not this model's.
        """


class Classifier(Model):
    """A model that names what an image shows."""

    at_once = 250
    """Images it is shown at a time where there are many."""

    @torch.no_grad()
    def answers(self, data: Dataset, tell: Tell = None) -> tuple[Scores, Labels]:
        """Logits of every image of `data` and its class, in this model's numbers, on the CPU.

        Classes are matched by name; `tell` is told the size of each part that is done. Raises
        DataError where `data` has no labels, or a class that this model does not know.
        """
        labels, found = self.true(data), []
        for rows in torch.arange(len(data)).split(self.at_once):
            found.append(self.logits(data.batch(rows).image.to(self.device)).float().cpu())
            if tell is not None:
                tell(len(rows))
        return torch.cat(found), labels

    def true(self, data: Dataset) -> Labels:
        """The class of every image of `data` in this model's numbers; raises as `answers` does."""
        data.require(("label",), type(self).__name__)
        label = torch.from_numpy(data.columns["label"])
        return self.schema.renumbered(label, data.schema, data.name)

    @abstractmethod
    def logits(self, images: Images) -> Scores:
        """Unnormalised log-probabilities of the schema's classes."""

    @abstractmethod
    def features(self, images: Images) -> Features:
        """What the classifier sees just before its answer."""


class Tagger(Model):
    """A model that reads the attributes of an image off it."""

    @abstractmethod
    def tags(self, images: Images) -> Tags:
        """What `nn.attributes.encode` gives for the schema's attributes; choices unnormalised."""

    @abstractmethod
    def features(self, images: Images) -> Features:
        """What the tagger sees just before its answer."""


class Editor(Model):
    """A model that paints a picture anew, with other attributes."""

    @abstractmethod
    def edit(self, images: Images, tags: Tags) -> Images:
        """The pictures with these attributes, all of them, as `nn.attributes.encode` gives them.

        Values between the ends, and beyond, are strengths.
        """


class Translator(Model):
    """A model that turns a picture into another of what it shows."""

    takes: tuple[str, ...] = ()
    """What `translate` needs beside the picture: "mask", "reference"."""
    graded: bool = False
    """Whether `translate` takes a `strength`: how far it goes, 1 all the way, as unless told."""
    scale: int = 1
    """Pixels of the output for one of the source, along each side."""
    ways: tuple[str, ...] = ()
    """Kinds of picture it makes, where there are several: `translate` takes one as `to`, the first
    unless told.
    """
    reach: int | None = None
    """How many pixels of the source around a place its output depends on; None where on all."""
    multiple: int = 1
    """Pictures are filled up at their end to sides that are multiples of this."""

    def given(self, batch: Batch, rng: Generator | None = None) -> Resized:
        """What it is shown of a batch: the image, unless it harms that, as `rng` or 0 draws."""
        return batch.image

    def wanted(self, batch: Batch) -> Others | None:
        """What it should make of that; None where nothing says."""
        return batch.target if "target" in self.needs else None

    def marked(self, batch: Batch) -> Masks:
        """Where it is asked to fill what it is shown of a batch, if it takes a mask: 1 there."""
        return (batch.image[:, :1] > 0).float()

    @abstractmethod
    def translate(
        self, source: Images, *, mask: Masks | None = None, reference: Others | None = None
    ) -> Resized:
        """The picture made of each source."""
