import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sfumato import data
from sfumato.data import gtsrb, photos
from sfumato.data.source import Source
from sfumato.data.splits import drawn
from sfumato.errors import ConfigError, UnknownName
from sfumato.evaluation.references import splits

ALL = Source(name="digits")
LEARNED = replace(ALL, holdout=0.2)
ASIDE = replace(LEARNED, split="validation")


def rows(source):
    """Each image with its label, as bytes."""
    columns = data.open(source).columns
    pairs = zip(columns["image"], columns["label"], strict=True)
    return [image.tobytes() + bytes([label]) for image, label in pairs]


def test_what_is_held_out_and_what_is_learned_from_make_up_the_training_images():
    assert len(rows(ASIDE)) == 300
    assert sorted(rows(LEARNED) + rows(ASIDE)) == sorted(rows(ALL))


def test_the_order_stays_and_the_seed_decides():
    left = iter(rows(ALL))
    assert all(row in left for row in rows(ASIDE))  # a subsequence
    assert rows(ASIDE) == rows(ASIDE)
    assert rows(ASIDE) != rows(replace(ASIDE, seed=1))


def test_the_test_split_is_whole():
    test = replace(ALL, split="test")
    assert rows(replace(test, holdout=0.2)) == rows(test)


def test_classes_are_chosen_before_images_are_held_out():
    few = replace(LEARNED, classes=("3", "5"))
    both = len(rows(few)), len(rows(replace(few, split="validation")))
    whole = len(rows(replace(few, holdout=0.0)))
    assert both == (whole - round(0.2 * whole), round(0.2 * whole))


def test_scores_of_a_model_that_held_out_are_of_what_it_held_out():
    learned, held_out = splits(LEARNED, seed=0)
    images = {array.tobytes() for array in data.open(ASIDE).columns["image"]}
    assert len(learned.data) == 1200
    assert {array.tobytes() for array in held_out.data.columns["image"]} == images
    _, usual = splits(ALL, seed=0)
    assert np.array_equal(
        usual.data.columns["image"], data.open(replace(ALL, split="test")).columns["image"]
    )


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ConfigError, match=f"holdout is a share from 0 to below 1; got {share}."):
        Source(name="digits", holdout=share)


def test_a_share_that_keeps_nothing_aside_is_refused():
    with pytest.raises(ConfigError, match=r"holdout 0.0001 keeps 0 of 1500 images aside; try 0.1"):
        data.open(replace(ALL, holdout=1e-4))


def test_validation_without_a_share_is_no_part():
    with pytest.raises(UnknownName, match="'validation' is no part of digits"):
        data.open(replace(ALL, split="validation"))


def test_what_belongs_together_is_held_out_together():
    groups = np.repeat(np.arange(20), 7)
    found = drawn(groups, replace(ALL, holdout=0.25)).reshape(20, 7)
    assert (found.all(1) | ~found.any(1)).all()
    assert found.all(1).sum() == 5
    alone = drawn(np.arange(50), replace(ALL, holdout=0.25))
    assert alone.sum() == 12


def test_squares_of_photographs_that_are_held_out_share_no_pixel_with_others():
    source = Source(name="photos", side=32, count=300, holdout=0.3)
    stock = photos.stock(source)
    edges = {True: [], False: []}
    for square, aside in zip(stock.pictures.squares, stock.aside, strict=True):
        width = photos.photo(square.photo).width
        edges[bool(aside)].append((square.left / width, (square.left + square.edge) / width))
    assert max(end for _, end in edges[False]) <= min(begin for begin, _ in edges[True]) + 0.01
    assert max(end for _, end in edges[True]) <= 2 / 3 + 0.01
    assert len(edges[True]) == 90
    test = replace(source, split="test")
    plain = photos.stock(replace(test, holdout=0.0))
    assert photos.stock(test).pictures.squares == plain.pictures.squares


def test_photographs_of_one_sign_stay_together(tmp_path):
    level = iter(range(10, 250))
    for number in ("00", "01"):
        (tmp_path / number).mkdir()
        for track, frame in itertools.product(range(9), range(4)):
            picture = Image.new("RGB", (8, 8), (next(level),) * 3)
            picture.save(tmp_path / number / f"{track:05}_{frame:05}.png")
    stock = gtsrb.read(Source(name="gtsrb", holdout=0.3), tmp_path)
    tracks = {True: set(), False: set()}
    for row, aside in enumerate(stock.aside):
        tracks[bool(aside)].add(stock.pictures.name(row).rpartition("_")[0])
    assert tracks[True]
    assert not tracks[True] & tracks[False]
