"""Squares come from where they say, and train and test share no pixel."""

import numpy as np
import pytest

from sfumato import data
from sfumato.data import Source
from sfumato.data.photos import PHOTOS, photo, stock
from sfumato.errors import ConfigError


def test_every_photograph_is_here():
    assert {name: photo(name).mode for name in PHOTOS} == dict.fromkeys(PHOTOS, "RGB")


def test_parts_lie_on_different_sides_of_a_line():
    ends = {
        split: [
            (s.photo, s.left, s.left + s.edge)
            for s in stock(Source(name="photos", split=split)).pictures.squares
        ]
        for split in ("train", "test")
    }
    for name in PHOTOS:
        line = round(photo(name).width * 2 / 3)
        assert max(right for n, _, right in ends["train"] if n == name) <= line
        assert min(left for n, left, _ in ends["test"] if n == name) >= line
        assert max(right for n, _, right in ends["test"] if n == name) <= photo(name).width


def test_with_crop_equal_to_side_the_pixels_are_the_photographs():
    source = Source(name="photos", count=20, crop=48, side=48)
    dataset = data.open(source)
    squares = stock(source).pictures.squares
    for row, square in enumerate(squares):
        box = (square.left, square.top, square.left + 48, square.top + 48)
        original = np.asarray(photo(square.photo).crop(box))
        assert (dataset.columns["image"][row] == original).all()
        assert dataset.schema.classes[dataset.columns["label"][row]] == square.photo


def test_side_is_64_unless_asked_and_counts_hold():
    dataset = data.open(Source(name="photos", count=25))
    assert (dataset.schema.shape, len(dataset)) == ((3, 64, 64), 25)
    one = data.open(Source(name="photos", classes=("cat",), count=7, side=16, channels=1))
    assert (one.schema.shape, len(one), one.schema.classes) == ((1, 16, 16), 7, ("cat",))


def test_a_square_larger_than_a_photograph_is_refused():
    with pytest.raises(
        ConfigError, match=r"--data\.crop must be at most \d+ for train photos; got 900"
    ):
        data.open(Source(name="photos", crop=900))
