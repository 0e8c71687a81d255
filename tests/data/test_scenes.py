"""Scenes: as many letters as the label says, none touching another."""

import numpy as np
import pytest
import torch
from scipy.ndimage import label

from sfumato import data as sources
from sfumato.data import Source
from sfumato.data.scenes import NUMBERS, SIDE, _letters, _placed
from sfumato.errors import ConfigError, UnknownName


def opened(**fields):
    return sources.open(Source(name="scenes", **fields))


def test_the_label_is_how_many_there_are():
    """Letters of one part: joined over gaps inside their boxes, they are as many as the label."""
    data = opened(count=300)
    counts = [label(pixels[..., 0] > 0, np.ones((3, 3)))[1] for pixels in data.columns["image"]]
    more = np.array(counts) - (data.columns["label"] + 1)
    assert (more == 0).mean() > 0.9  # thin strokes of a letter may fall apart
    assert more.min() >= 0


def test_letters_keep_a_pixel_between_their_boxes():
    rng = np.random.default_rng(0)
    for _ in range(100):
        canvas, taken = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE), bool)
        boxes = []
        for _ in range(5):
            before = canvas.copy()
            if _placed(canvas, taken, rng):
                rows, columns = np.nonzero(canvas != before)
                boxes.append((rows.min(), rows.max(), columns.min(), columns.max()))
        for one in range(len(boxes)):
            for other in range(one):
                a, b = boxes[one], boxes[other]
                apart = max(a[0] - b[1], b[0] - a[1], a[2] - b[3], b[2] - a[3])
                assert apart >= 2


def test_numbers_are_even_and_may_be_chosen():
    labels = opened(count=3000).columns["label"]
    assert np.bincount(labels).min() > 430
    three = opened(count=50, classes=("3",))
    assert three.schema.classes == ("3",)
    assert set(three.columns["label"]) == {0}


def test_scenes_follow_from_the_seed():
    first, again, other = (opened(count=20, seed=seed).columns["image"] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    held = opened(count=20, split="test").columns["image"]
    assert not np.array_equal(first, held)


def test_more_letters_are_more_ink():
    ink = {
        name: opened(count=100, classes=(name,)).batch(torch.arange(100)).image.mean()
        for name in NUMBERS
    }
    assert sorted(ink, key=lambda name: ink[name]) == list(NUMBERS)


def test_letters_fit_with_room_to_spare():
    sizes = np.array([letter.shape for letter in _letters()])
    assert sizes.max() <= 12
    assert 7 <= np.median(sizes[:, 0]) <= 9


def test_what_cannot_be_is_refused():
    with pytest.raises(UnknownName, match="'7' is no class of scenes"):
        opened(classes=("7",))
    with pytest.raises(ConfigError, match=r"--data\.crop does not go with scenes"):
        opened(crop=16)
    with pytest.raises(ConfigError, match=r"--data\.patch does not go with scenes"):
        opened(patch=16)
    with pytest.raises(UnknownName, match=r"'tset' is no part of scenes; did you mean 'test'"):
        opened(split="tset", count=4)
