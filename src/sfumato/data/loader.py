"""Batches addressed by step: each depends on the seed and the step, on nothing that came before.

Within an epoch the order is a permutation drawn from (seed, epoch), and an incomplete last batch
is left out. A source smaller than one batch is read round and round: its batches run on across
epochs, so that every image is seen equally often.

Where some labels are unknown, half of every batch is drawn from the images whose label is known,
in an order of their own, and the other half from all: two streams, labelled and unlabelled.
What stands opposite without pairs has an order of its own as well.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from sfumato.data.dataset import Batch, Dataset
from sfumato.errors import ConfigError, DataError
from sfumato.randomness import generator
from sfumato.schema import UNKNOWN

AHEAD = 2**21
"""Bytes of batches that are read at a time."""


def loader(
    dataset: Dataset,
    batch: int,
    steps: int,
    seed: int,
    start: int = 0,
    rank: int = 0,
    world: int = 1,
    halves: bool = True,
) -> "Batches":
    """Batches of steps `start` to `steps` - 1; its length is `steps` whatever `start` is.

    A batch of `batch` images is drawn whole, with its augmentation, and then shared out: process
    `rank` of `world` gets every `world`-th image of it. With `halves`, half of each batch has
    labels where only some images do.
    """
    if batch < 1 or batch % world:
        raise ConfigError(
            f"--batch must be a positive multiple of {world} (one share per process); got {batch}."
        )
    if len(dataset) == 0:
        raise DataError(f"{dataset.name} has no images to train on.")
    return Batches(dataset, batch, seed, range(start, steps), slice(rank, None, world), halves)


class Batches:
    """The batch of each step, in turn or by number.

    PyTorch's DataLoader would do the same at twice the price: images are taken from memory whole
    batches at a time, so there is nothing for it to collate and no worker to keep.
    """

    def __init__(
        self, data: Dataset, size: int, seed: int, steps: range, share: slice, halves: bool
    ) -> None:
        self.data, self.size, self.seed, self.steps, self.share = data, size, seed, steps, share
        known = _known(data) if halves else None
        second = 0 if known is None else size // 2
        self._streams = [_Order(len(data), size - second, seed, "epoch")]
        if known is not None and second:
            self._streams.append(_Order(len(known), second, seed, "labelled", known))
        self._others = data.other and _Order(len(data.other), size, seed, "other")

    def __len__(self) -> int:
        return self.steps.stop

    def __iter__(self) -> Iterator[Batch]:
        done, few = 0, 1
        while done < len(self.steps):
            read = [self[step] for step in self.steps[done : done + few]]
            yield from read
            done += few
            # a training step leaves nothing of the source in the caches, so the first of several
            # batches costs ten times as much as those read with it
            few = max(1, AHEAD // sum(part.nbytes for part in read[0] if part is not None))

    def __getitem__(self, step: int) -> Batch:
        rng = generator(self.seed, "augment", step) if self.data.changing else None
        changes = self.data.changes(self.size, rng).share(self.share)
        rows = torch.cat([stream.rows(step) for stream in self._streams])[self.share]
        others = self._others.rows(step)[self.share] if self._others else None
        return self.data.gather(rows, changes, others)


class _Order:
    """The rows of each step, out of some images: a permutation an epoch, `size` rows a step."""

    def __init__(
        self, count: int, size: int, seed: int, name: str, among: Tensor | None = None
    ) -> None:
        self.count, self.size, self.seed, self.name = count, size, seed, name
        self.among = among
        self._latest: tuple[int, Tensor] = (-1, torch.empty(0))

    def rows(self, step: int) -> Tensor:
        """Whole batches out of an epoch; across epochs where one holds less than a batch."""
        count, size = self.count, self.size
        whole = count // size
        if whole:
            first = step % whole * size
            return self._epoch(step // whole)[first : first + size]
        begin, end = step * size, (step + 1) * size
        epochs = range(begin // count, (end - 1) // count + 1)
        joined = torch.cat([self._epoch(epoch) for epoch in epochs])
        return joined[begin - epochs[0] * count :][:size]

    def _epoch(self, epoch: int) -> Tensor:
        if self._latest[0] != epoch:
            rng = generator(self.seed, self.name, epoch)
            order = torch.randperm(self.count, generator=rng)
            self._latest = epoch, order if self.among is None else self.among[order]
        return self._latest[1]


def _known(data: Dataset) -> Tensor | None:
    """Rows whose label is known; None where all are, or there are no labels."""
    if "label" not in data.columns:
        return None
    known = torch.from_numpy(data.columns["label"]) != UNKNOWN
    return None if known.all() else known.nonzero().flatten()
