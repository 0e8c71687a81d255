"""Pictures of which some have a label, as a metadata.csv tells it."""

from shutil import copytree

import numpy as np
import pytest
import torch
from PIL import Image

import sfumato
from sfumato import data
from sfumato.classifying import known, trial
from sfumato.data import Source
from sfumato.data.check import check
from sfumato.data.labels import labelled
from sfumato.errors import DataError
from sfumato.evaluation import evaluate, feature_net, held_out
from sfumato.evaluation.references import references_of, splits


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Digits: 200 to train with every tenth named, 60 to test with every third; of three kinds."""
    folder = tmp_path_factory.mktemp("few")
    lines = ["file_name,label"]
    for split, count, step in (("train", 200, 10), ("test", 60, 3)):
        real = data.open(Source(name="digits", split=split, side=28, classes=("0", "1", "2")))
        for number in range(count if split == "train" else min(count, len(real))):
            name = f"{split}/{number:03d}.png"
            (folder / split).mkdir(exist_ok=True)
            Image.fromarray(real.columns["image"][number, :, :, 0]).save(folder / name)
            kind = real.columns["label"][number]
            lines.append(f"{name},{kind if number % step == 0 else -1}")
    (folder / "metadata.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def run(few, tmp_path_factory):
    """One that learned from few labels."""
    place = tmp_path_factory.mktemp("runs") / "semi"
    sfumato.train("semi_gan", recipe="smoke", data=Source(name=str(few), side=28), out=place)
    return place


def test_minus_one_is_no_class(few):
    dataset = data.open(Source(name=str(few)))
    label = dataset.columns["label"]
    assert dataset.schema.classes == ("0", "1", "2")
    assert len(dataset) == 200
    assert int((label >= 0).sum()) == 20
    assert set(label.tolist()) == {-1, 0, 1, 2}
    assert not labelled(dataset)


def test_names_go_with_the_pictures(few):
    dataset = data.open(Source(name=str(few)))
    some = dataset.take(np.array([7, 2]))
    assert some.names.tolist() == dataset.names[[7, 2]].tolist()
    with Image.open(few / str(some.names[0])) as image:
        assert (np.asarray(image) == some.columns["image"][0, ..., 0]).all()


def test_a_check_counts_the_named(few):
    found = check(Source(name=str(few)))
    assert sum(found.classes.values()) == 20
    assert found.unlabelled == 180


def test_of_some_classes_no_unknown_picture_is_taken(few):
    dataset = data.open(Source(name=str(few), classes=("2", "1")))
    whole = data.open(Source(name=str(few))).columns["label"]
    assert dataset.schema.classes == ("2", "1")
    counts = np.bincount(dataset.columns["label"]).tolist()
    assert counts == [int((whole == 2).sum()), int((whole == 1).sum())]


def test_without_any_name_there_are_no_labels(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "metadata.csv").write_text("file_name,label\na.png,-1\n")
    assert data.open(Source(name=str(tmp_path))).fields == ("image",)


def test_who_needs_every_label_says_what_would_do(few, tmp_path):
    with pytest.raises(DataError) as caught:
        sfumato.train("mlp", recipe="smoke", data=str(few), out=tmp_path / "run")
    assert str(caught.value) == (
        f"mlp needs the label of every image, and {few} has only 20 of 200; leave out the others, "
        "or take a model that learns from few labels, such as semi_gan or aae --recipe semi."
    )


def test_answers_are_held_against_known_labels_alone(few, run):
    model = sfumato.load(run)
    split = known(model, Source(name=str(few), split="test", side=28), place=run)
    found = trial(run, split)
    named = data.open(Source(name=str(few), split="test", side=28)).columns["label"] >= 0
    assert len(found.labels) == int(named.sum())
    assert (found.labels >= 0).all()
    scores = evaluate(run, count=30, features="lenet5-digits", metrics=("fid",))
    assert scores["error"].n == int(named.sum())


def test_samples_are_compared_with_all_images(few):
    source = Source(name=str(few), side=28)
    found = references_of(source, feature_net("lenet5-digits"), 1000, 0, 50)
    assert found.count == len(splits(source, 0)[1].rows) > 20
    assert "label_accuracy" not in found.ceiling
    assert found.real.classes is not None
    # the network's own answers, of which a third are twos
    assert 0.1 < float((found.real.classes.labels == 2).double().mean()) < 0.6


def test_held_out_images_are_the_named_or_all_where_none_is(few, run, tmp_path):
    model = sfumato.load(run)
    split = held_out(model, Source(name=str(few), side=28))
    assert (torch.from_numpy(split.data.columns["label"])[split.rows] >= 0).all()
    table = (few / "metadata.csv").read_text().splitlines()
    bare = [line if "train" in line else line.rpartition(",")[0] + ",-1" for line in table[1:]]
    copytree(few, tmp_path, dirs_exist_ok=True)
    (tmp_path / "metadata.csv").write_text("\n".join([table[0], *bare]))
    split = held_out(model, Source(name=str(tmp_path), side=28))
    assert len(split.rows) == len(split.data)
    assert split.data.fields == ("image",)
