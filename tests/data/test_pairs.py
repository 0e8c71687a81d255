"""Pairs: made of one picture, in one file, in two folders."""

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato import data
from sfumato.data.glance import glance
from sfumato.data.pairs import MADE, edges, grey
from sfumato.data.source import Source
from sfumato.data.stock import Cut
from sfumato.errors import SfumatoError
from sfumato.io.images import from_bytes


def paint(path, colour, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def test_grey_is_luma_in_every_channel():
    images = torch.rand(2, 3, 4, 4) * 2 - 1
    found = grey(images)
    want = 0.299 * images[:, 0] + 0.587 * images[:, 1] + 0.114 * images[:, 2]
    for channel in range(3):
        torch.testing.assert_close(found[:, channel], want)
    one = images[:, :1]
    assert torch.equal(grey(one), one)


def test_edges_are_black_on_white_where_it_is_steep():
    flat = torch.full((1, 3, 6, 6), 0.3)
    torch.testing.assert_close(edges(flat), torch.ones_like(flat))
    step = flat.clone()
    step[..., 3:] = -0.7
    found = edges(step)[0, 0]
    torch.testing.assert_close(found[:, 2:4], torch.full((6, 2), -1.0))
    torch.testing.assert_close(found[:, [0, 1, 4, 5]], torch.ones(6, 4))


@pytest.mark.parametrize("pair", MADE)
def test_any_source_can_be_paired_with_itself(pair):
    plain = data.open(Source(name="photos", side=16, count=12, flip=True))
    pairs = data.open(Source(name="photos", side=16, count=12, flip=True, pair=pair))
    assert "target" in pairs.fields
    assert "target" not in plain.fields
    assert plain.fingerprint != pairs.fingerprint
    rows, rng = torch.arange(12), torch.Generator()
    one = plain.batch(rows, rng.manual_seed(1))
    two = pairs.batch(rows, rng.manual_seed(1))
    assert torch.equal(one.image, two.target)
    torch.testing.assert_close(two.image, MADE[pair](one.image))


def test_halves_of_a_file_are_given_and_wanted(tmp_path):
    for number in range(3):
        both = Image.new("RGB", (16, 8), (10 * number, 0, 0))
        both.paste((0, 0, 100 + number), (8, 0, 16, 8))
        (tmp_path / "train").mkdir(exist_ok=True)
        both.save(tmp_path / "train" / f"{number}.png")
    paint(tmp_path / "train" / "odd.png", (0, 0, 0), (7, 8))
    found = data.open(Source(name=str(tmp_path), pair="beside"))
    assert found.schema.shape == (3, 8, 8)
    assert len(found) == 3
    assert found.report.skipped == (("train/odd.png", "is 7 pixels wide, which has no middle"),)
    batch = found.batch(torch.arange(3))
    for number in range(3):
        want = from_bytes(np.uint8([[[[10 * number, 0, 0]]], [[[0, 0, 100 + number]]]]))
        assert torch.equal(batch.image[number, :, 0, 0], want[0, :, 0, 0])
        assert torch.equal(batch.target[number, :, 7, 7], want[1, :, 0, 0])


def test_of_two_files_of_one_name_the_first_counts_and_the_other_is_told(tmp_path):
    for name in ("label/1.png", "label/1.bmp", "photo/1.png"):
        paint(tmp_path / name, (1, 2, 3))
    found = data.open(Source(name=str(tmp_path), pair="label/photo"))
    assert len(found) == 1
    assert found.report.notes == (
        "of a name that another has and left out: 1 pictures, label/1.png first",
    )


def test_twins_meet_by_name_whatever_their_endings(tmp_path):
    for number in range(4):
        paint(tmp_path / "label" / "a" / f"{number}.png", (number, 0, 0))
        paint(tmp_path / "photo" / "a" / f"{number}.bmp", (0, number, 0))
    paint(tmp_path / "photo" / "a" / "alone.bmp", (0, 0, 0))
    paint(tmp_path / "photo" / "a" / "3.bmp", (0, 3, 0), (9, 8))
    found = data.open(Source(name=str(tmp_path), pair="label/photo", side=4))
    assert len(found) == 3
    assert found.report.skipped == (("label/a/3.png", "is 8x8 and its twin 9x8 pixels"),)
    assert found.report.notes == (
        "without a twin and left out: 1 pictures, photo/a/alone.bmp first",
    )
    batch = found.batch(torch.arange(3))
    assert batch.image[:, 0, 0, 0].unique().numel() == 3
    assert torch.equal(batch.image[:, 0], batch.target[:, 1])
    turned = data.open(Source(name=str(tmp_path), pair="photo/label", side=4))
    assert torch.equal(turned.batch(torch.arange(3)).image, batch.target)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("sketch", "--data.pair sketch is unknown; choose from grey, edges, beside, or name two"),
        ("label/", "--data.pair label/ is unknown"),
        ("a/b", "no pictures of the same name in folders called a and b (0 and 0 pictures there)"),
    ],
)
def test_pairs_that_are_not_there(tmp_path, pair, words):
    paint(tmp_path / "photo" / "1.png", (0, 0, 0))
    with pytest.raises(SfumatoError) as caught:
        data.open(Source(name=str(tmp_path), pair=pair))
    assert words in str(caught.value)


def test_single_pictures_lie_beside_nothing():
    with pytest.raises(SfumatoError, match=r"--data\.pair beside needs a folder of pairs"):
        data.open(Source(name="digits", pair="beside"))


def test_facades_are_maps_and_photographs(real_data):
    found = data.open(Source(name="facades", side=32))
    held = data.open(Source(name="facades", side=32, split="test"))
    assert (len(found), len(held)) == (341, 37)
    assert found.schema.shape == (3, 32, 32)
    batch = held.batch(torch.arange(8))
    for split, opened in (("train", found), ("test", held)):
        source = Source(name="facades", side=32, split=split)
        assert glance(source, look=False) == (opened.schema, len(opened))
    turned = data.open(Source(name="facades", side=32, split="test", pair="photo/label"))
    assert torch.equal(turned.batch(torch.arange(8)).image, batch.target)
    for side in (None, 48):  # no colour comes of two
        whole = data.open(Source(name="facades", split="test", side=side))
        colours = whole.batch(torch.arange(1)).image[0].flatten(1).T
        assert len(colours.unique(dim=0)) <= 12
    lines = data.open(Source(name="facades", side=32, split="test", pair="edges"))
    assert torch.equal(lines.batch(torch.arange(8)).target, batch.target)


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_maps_are_cut_by_most_of_the_area_and_never_blended(mode):
    rng = np.random.default_rng(0)
    kinds = np.array([(0, 0, 170), (255, 0, 0), (10, 200, 3)], np.uint8)
    kind = rng.integers(0, 3, (40, 40))
    image = Image.fromarray(kinds[kind]).convert("L" if mode == "L" else "RGB")
    if mode == "P":
        image = Image.fromarray(kind.astype(np.uint8)).convert("P")
        image.putpalette(kinds.flatten().tolist())
    colours = np.asarray(image.convert("L" if mode == "L" else "RGB")).reshape(40, 40, -1)
    cut = Cut(side=8, crop=None, channels=colours.shape[2])
    found, counts = cut.fit_map(image), np.zeros((3, 8, 8))
    for number in range(3):
        counts[number] = (kind == number).reshape(8, 5, 8, 5).sum((1, 3))
    for y, x in np.ndindex(8, 8):
        chosen = {n for n in range(3) if counts[n, y, x] == counts[:, y, x].max()}
        wanted = {tuple(colours[kind == n][0]) for n in chosen}
        assert tuple(found[y, x]) in wanted
    assert (
        cut.fit_map(image.resize((8, 8), 0)).tolist()
        == np.asarray(image.resize((8, 8), 0).convert("L" if mode == "L" else "RGB"))
        .reshape(8, 8, -1)
        .tolist()
    )
