"""A few labels among many images, and batches that hold both kinds."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from PIL import Image

from sfumato import data
from sfumato.data import Source
from sfumato.data.labels import UNKNOWN
from sfumato.data.loader import loader
from sfumato.errors import ConfigError, DataError

FEW = Source(name="digits", labels=23)


def known(dataset):
    return np.flatnonzero(dataset.columns["label"] != UNKNOWN)


def test_each_class_keeps_as_many_labels_as_any_other_or_one_more():
    dataset, whole = data.open(FEW), data.open(replace(FEW, labels=None))
    rows = known(dataset)
    assert np.bincount(dataset.columns["label"][rows]).tolist() == [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]
    assert (dataset.columns["label"][rows] == whole.columns["label"][rows]).all()
    assert (dataset.columns["image"] == whole.columns["image"]).all()
    assert dataset.schema == whole.schema


def test_the_seed_says_which_and_fewer_are_some_of_more():
    first, again = known(data.open(FEW)), known(data.open(FEW))
    assert first.tolist() == again.tolist()
    assert known(data.open(replace(FEW, seed=1))).tolist() != first.tolist()
    assert set(first) <= set(known(data.open(replace(FEW, labels=100))))


def test_the_fingerprint_knows_which_labels_are_left():
    prints = {data.open(replace(FEW, labels=labels)).fingerprint for labels in (None, 23, 24)}
    assert len(prints) == 3


def test_a_prepared_set_is_shared_by_all_numbers_of_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("SFUMATO_CACHE", str(tmp_path))
    source = Source(name="glyphs", side=12, count=80, classes=("A", "B"), labels=20)
    one, other = data.open(source), data.open(replace(source, labels=30))
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1
    assert one.fingerprint != other.fingerprint
    assert (len(known(one)), len(known(other))) == (20, 30)


def test_half_of_a_batch_has_labels_and_the_other_half_comes_from_all():
    dataset = data.open(FEW)
    batches = [batch.label for batch in loader(dataset, 20, 12, seed=0)]
    for label in batches:
        assert (label[10:] != UNKNOWN).all()
    first_halves = list(chain(*(label[:10].tolist() for label in batches)))
    assert 0 < first_halves.count(UNKNOWN) < len(first_halves) + 1
    assert first_halves.count(UNKNOWN) > 0.9 * len(first_halves)
    seen = {int(row) for row in chain(*(label[10:] for label in batches))}
    assert seen == set(range(10))


def test_an_epoch_of_the_labelled_stream_shows_no_image_twice():
    dataset = replace(data.open(FEW), columns=data.open(FEW).columns)
    stream = loader(dataset, 22, 6, seed=0).dataset._streams[1]
    epochs = [[*stream.rows(2 * e).tolist(), *stream.rows(2 * e + 1).tolist()] for e in range(3)]
    for rows in epochs:
        assert len(set(rows)) == 22
        assert set(rows) <= set(known(dataset))
    assert epochs[0] != epochs[1]


def test_a_batch_of_two_streams_is_shared_out_to_processes():
    dataset = data.open(FEW)
    whole = [batch.label.tolist() for batch in loader(dataset, 20, 3, seed=0)]
    shares = [
        [b.label.tolist() for b in loader(dataset, 20, 3, seed=0, rank=rank, world=2)]
        for rank in range(2)
    ]
    for step, label in enumerate(whole):
        assert shares[0][step] == label[::2]
        assert shares[1][step] == label[1::2]


@pytest.mark.parametrize("labels", [9, 1500])
def test_too_few_and_too_many_are_answered_with_what_works(labels):
    with pytest.raises(ConfigError) as caught:
        data.open(replace(FEW, labels=labels))
    assert str(caught.value).startswith(f"--data.labels {labels} wants ")
    assert str(caught.value).endswith("; give 10 to 1460.")


def test_a_class_that_was_left_out_is_named():
    with pytest.raises(ConfigError) as caught:
        data.open(replace(FEW, count=4, labels=10))
    words = "--data.labels 10 wants 1 of class 4, and digits has 0; keep more images."
    assert str(caught.value) == words


def test_labels_of_images_without_labels_are_refused(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "one.png")
    with pytest.raises(DataError, match=r"--data.labels 10 needs label of every image"):
        data.open(Source(name=str(tmp_path), labels=10))
