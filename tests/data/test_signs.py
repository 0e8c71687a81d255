"""Drawn and photographed signs: kinds by name, fair parts, no sign in both parts."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato import data
from sfumato.data import Source
from sfumato.data.gtsrb import NAMES
from sfumato.data.signs import KINDS, drawn
from sfumato.errors import ConfigError, DataError


def test_every_kind_is_drawn_alike_often_and_is_one_of_gtsrb():
    stream = data.open(Source(name="signs", side=16, count=60))
    assert stream.schema.classes == tuple(KINDS)
    assert set(KINDS) < set(NAMES)
    assert np.bincount(stream.columns["label"]).tolist() == [3] * 20
    two = data.open(Source(name="signs", side=16, count=10, classes=("stop", "ahead")))
    assert len(two) == 10
    assert two.schema.classes == ("stop", "ahead")


@pytest.mark.parametrize("count", [6, 7, 10])
@pytest.mark.parametrize("classes", [("right", "left", "keep-left"), ("stop",)])
def test_as_many_are_drawn_as_are_asked_for(count, classes):
    assert len(data.open(Source(name="signs", side=16, count=count, classes=classes))) == count


def test_kinds_look_different_and_repeat():
    middle = np.full(9, 0.5)
    pictures = {kind: np.asarray(drawn(kind, middle, 32), float) for kind in KINDS}
    for kind, picture in pictures.items():
        assert np.array_equal(picture, np.asarray(drawn(kind, middle, 32), float))
        others = [np.abs(picture - other).mean() for k, other in pictures.items() if k != kind]
        assert min(others) > 1


def test_left_is_right_mirrored():
    middle = np.full(9, 0.5)
    for left, right in (("left", "right"), ("keep-left", "keep-right")):
        one, other = (np.asarray(drawn(kind, middle, 32), float) for kind in (left, right))
        assert np.abs(one[:, ::-1] - other).mean() < 6


@pytest.mark.parametrize(
    ("field", "value"), [("crop", 20), ("flip", True), ("patch", 8), ("side", 4)]
)
def test_what_would_make_signs_wrong(field, value):
    with pytest.raises(ConfigError, match=f"--data.{field} "):
        data.open(Source(name="signs", **{field: value}))


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Photographs of two classes: four tracks of two frames each."""
    monkeypatch.setenv("SFUMATO_DATA", str(tmp_path))
    for number in (0, 14):
        for track in range(4):
            for frame in (3, 9):
                path = tmp_path / "gtsrb" / f"{number:02}" / f"{track:05}_{frame:05}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (32, 32), (10 * track, frame, number)).save(path)
    return tmp_path / "gtsrb"


def test_whole_tracks_are_held_out(shelf):
    train, test = (data.open(Source(name="gtsrb", split=part)) for part in ("train", "test"))
    assert (len(train), len(test)) == (12, 4)
    tracks = [
        {round(float(image[0, 0, 0]), 3) for image in one.batch(torch.arange(len(one))).image}
        for one in (train, test)
    ]
    assert not tracks[0] & tracks[1]
    stop = data.open(Source(name="gtsrb", classes=("stop",)))
    assert (len(stop), stop.schema.classes) == (6, ("stop",))
    assert "every third track" in train.report.line()


def test_other_pictures_are_refused(shelf, tmp_path, monkeypatch):
    (tmp_path / "more" / "gtsrb" / "cats").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "more" / "gtsrb" / "cats" / "1.png")
    monkeypatch.setenv("SFUMATO_DATA", str(tmp_path / "more"))
    with pytest.raises(DataError, match="holds no picture in folders 00 to 42"):
        data.open(Source(name="gtsrb"))


@pytest.mark.skipif("SFUMATO_DATA" not in os.environ, reason="needs the photographs")
def test_the_photographs_have_all_classes():
    if not (Path(os.environ["SFUMATO_DATA"]) / "gtsrb").exists():
        pytest.skip("no gtsrb there")
    train, test = (data.open(Source(name="gtsrb", split=part)) for part in ("train", "test"))
    assert len(train) + len(test) == 2108
    for part in (train, test):
        assert np.bincount(part.columns["label"], minlength=43).min() >= 8
