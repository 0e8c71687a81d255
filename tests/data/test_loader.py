"""The batch of a step is a function of the seed and the step, and fast to come by."""

import subprocess
import sys
from collections import Counter
from itertools import chain, pairwise

import numpy as np
import pytest
import torch

from sfumato.data.dataset import Dataset, patched
from sfumato.data.loader import loader
from sfumato.errors import ConfigError, DataError
from sfumato.schema import Schema


def numbered(count, flip=False, side=2):
    """Images that are told apart by their label."""
    rng = np.random.default_rng(0)
    return Dataset(
        name="numbered",
        schema=Schema(shape=(1, side, side)),
        columns={
            "image": rng.integers(0, 256, (count, side, side, 1), np.uint8),
            "label": np.arange(count),
        },
        flip=flip,
    )


def labels(**options):
    given = {"batch": 4, "steps": 12, "seed": 0} | options
    return [b.label.tolist() for b in loader(given.pop("dataset", numbered(18)), **given)]


def test_each_epoch_shows_every_image_at_most_once_and_in_its_own_order():
    epochs = [list(chain(*labels()[i : i + 4])) for i in (0, 4, 8)]  # 18 // 4 batches an epoch
    for seen in epochs:
        assert len(set(seen)) == 16
    assert all(one != other for one, other in pairwise(epochs))


def test_the_seed_decides():
    assert labels(seed=1) == labels(seed=1)
    assert labels(seed=1) != labels(seed=2)


@pytest.mark.parametrize("start", [0, 1, 4, 7, 11, 12])
def test_iteration_may_begin_anywhere(start):
    assert labels(start=start) == labels()[start:]
    assert len(loader(numbered(18), 4, 12, 0, start=start)) == 12


def test_steps_may_be_visited_in_any_order():
    steps = loader(numbered(18), 4, 12, 0)
    backwards = [steps[step].label.tolist() for step in reversed(range(12))]
    assert backwards[::-1] == labels()


@pytest.mark.parametrize("count", [1, 3, 5, 7])
def test_a_source_smaller_than_a_batch_is_seen_evenly(count):
    batches = labels(dataset=numbered(count), batch=8, steps=count)
    assert [len(batch) for batch in batches] == [8] * count
    seen = list(chain(*batches))
    assert set(Counter(seen).values()) == {8}
    for epoch in range(8):  # each run through the source is a permutation
        assert sorted(seen[epoch * count : (epoch + 1) * count]) == list(range(count))
    assert labels(dataset=numbered(count), batch=8, steps=count, start=1) == batches[1:]


@pytest.mark.parametrize(("count", "world"), [(18, 2), (18, 4), (3, 2)])
@pytest.mark.parametrize("patch", [None, 3])
def test_the_shares_of_all_processes_are_the_whole_batch(count, world, patch):
    def batches(**share):
        dataset = patched(numbered(count, flip=True, side=5), patch)
        return list(loader(dataset, 8, 5, 0, **share))

    shares = [batches(rank=rank, world=world) for rank in range(world)]
    for step, whole in enumerate(batches()):
        for rank in range(world):
            assert torch.equal(shares[rank][step].label, whole.label[rank::world])
            assert torch.equal(shares[rank][step].image, whole.image[rank::world])


def test_mirroring_is_decided_by_the_step():
    def images(start):
        return [b.image for b in loader(numbered(18, flip=True), 4, 12, 0, start=start)]

    assert all(torch.equal(a, b) for a, b in zip(images(5), images(0)[5:], strict=True))
    plain = [b.image for b in loader(numbered(18), 4, 12, 0)]
    mirrored = [
        not torch.equal(one, other)
        for a, b in zip(images(0), plain, strict=True)
        for one, other in zip(a, b, strict=True)
    ]
    assert 12 <= sum(mirrored) <= 36


def test_batches_may_be_read_ahead_or_one_at_a_time(monkeypatch):
    ahead = labels(start=3)
    monkeypatch.setattr("sfumato.data.loader.AHEAD", 1)
    assert labels(start=3) == ahead == labels()[3:]


def test_only_what_is_asked_for_is_read():
    given = loader(numbered(18).only(("image",)), 4, 12, 0)[5]
    assert given.label is None
    assert torch.equal(given.image, loader(numbered(18), 4, 12, 0)[5].image)


def test_batches_that_cannot_be_shared_are_refused():
    with pytest.raises(ConfigError) as caught:
        loader(numbered(9), 5, 1, 0, world=2)
    said = "--batch must be a positive multiple of 2 (one share per process); got 5."
    assert str(caught.value) == said
    with pytest.raises(ConfigError, match="got 0"):
        loader(numbered(9), 0, 1, 0)
    with pytest.raises(DataError, match="numbered has no images to train on"):
        loader(numbered(0), 1, 1, 0)


SPEED = """
import time
import numpy as np
from sfumato.data.dataset import Dataset
from sfumato.data.loader import loader
from sfumato.schema import Schema
pixels = np.zeros((20_000, 28, 28, 1), np.uint8)
data = Dataset(name="n", schema=Schema(shape=(1, 28, 28)), columns={"image": pixels})
best = 0.0
for _ in range(5):
    began, count = time.perf_counter(), 0
    for batch in loader(data, 256, 2 * 78, 0):
        count += len(batch.image)
    best = max(best, count / (time.perf_counter() - began))
print(best)
"""


def test_the_loader_is_never_the_slow_part():
    """300,000 images of 28x28 a second, in a process without the checks of shapes."""
    done = subprocess.run(
        [sys.executable, "-c", SPEED], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) > 300_000
