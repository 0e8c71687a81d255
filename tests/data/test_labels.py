"""A few labels among many images, and batches that hold both kinds."""

import json
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from PIL import Image

from sfumato import data
from sfumato.data import Source
from sfumato.data.loader import loader
from sfumato.errors import ConfigError, DataError
from sfumato.schema import UNKNOWN

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
    stream = loader(dataset, 22, 6, seed=0)._streams[1]
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


# ------------------------------------------------------------------ enough to tell apart


def folder(tmp_path, **classes):
    """Pictures of side 8 in sub-folders; `train/a` is written train__a."""
    for name, count in classes.items():
        for number in range(count):
            path = tmp_path / name.replace("__", "/") / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (8, 8), number * 20).save(path)
    return str(tmp_path)


def refused(place, **changes):
    """What training a classifier on this says."""
    from sfumato.training import train

    with pytest.raises(DataError) as caught:
        train("mlp", recipe="smoke", data={"name": place, **changes}, out=f"{place}-run")
    return str(caught.value)


def test_a_class_without_images_is_named(tmp_path):
    place = folder(tmp_path / "all", train__hat=3, train__shoe=3, test__hat=1, test__bag=2)
    assert refused(place) == (
        f"{place} has no image of class bag to learn from; add some, or leave it out: "
        "--data.classes hat,shoe."
    )


def test_one_class_only_is_refused(tmp_path):
    place = folder(tmp_path / "all", hat=3, shoe=3)
    assert refused(place, classes=("hat",)) == (
        f"mlp learns to tell classes apart, and {place} has one only, hat; give two or more."
    )


def test_classes_that_the_model_does_not_know_are_named(tmp_path):
    from sfumato.training import train

    run = train("mlp", recipe="smoke", out=tmp_path / "run", progress=False)
    from sfumato import evaluate

    place = folder(tmp_path / "other", hat=30, shoe=30)
    with pytest.raises(DataError) as caught:
        evaluate(run.path, place)
    assert str(caught.value) == (
        f"{place} has the class 'hat', and this model learned 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; "
        "leave out what it never met."
    )


@pytest.mark.parametrize("label", [0.5, "0.5", "nan", None, True, [1], {"a": 1}])
def test_a_label_that_is_neither_a_number_nor_a_name_is_refused(tmp_path, label):
    folder(tmp_path, pictures=2)
    rows = [
        {"file_name": f"pictures/{n}.png", "label": said} for n, said in ((0, "a"), (1, label))
    ]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    if label is None:  # not there is not wrong: the row is incomplete
        assert len(data.open(Source(name=str(tmp_path)))) == 1
        return
    with pytest.raises(DataError, match=r"the label of pictures/1.png is .*; it must be a whole"):
        data.open(Source(name=str(tmp_path)))


def test_numbers_and_words_are_names(tmp_path):
    folder(tmp_path, pictures=5)
    labels = [3, 3.0, "3.0", " hat ", "007"]
    rows = [{"file_name": f"pictures/{n}.png", "label": said} for n, said in enumerate(labels)]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    dataset = data.open(Source(name=str(tmp_path)))
    assert dataset.schema.classes == ("3", "007", "hat"), "numbers by their size, then words"


def test_who_learns_from_all_images_alike_sees_them_alike():
    dataset = data.open(replace(FEW, labels=20))
    batches = [batch.label for batch in loader(dataset, 100, 15, seed=0, halves=False)]
    assert sum(map(len, batches)) == len(dataset)
    assert sum(int((label != UNKNOWN).sum()) for label in batches) == 20
