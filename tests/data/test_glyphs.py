"""What is said of a glyph is what is drawn."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sfumato import data
from sfumato.data import Source
from sfumato.data.captions import decode
from sfumato.data.glyphs import (
    ATTRIBUTES,
    FACES,
    HUES,
    LETTERS,
    VOCABULARY,
    Glyph,
    invent,
    outline,
)
from sfumato.errors import ConfigError, UnknownName

PLAIN = Glyph(
    letter="H",
    style="sans",
    face="DejaVuSans",
    bold=False,
    size=0.6,
    slant=0.0,
    hue=258.0,
    x=0.5,
    y=0.5,
    white=False,
)
GLYPHS = invent(300, 0)


def extent(glyph, side=128):
    """Left, right, top, bottom of the ink in parts of the side."""
    rows, columns = np.nonzero(glyph.coverage(side) > 0.5)
    edges = (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1)
    return [edge / side for edge in edges]


def test_size_and_place_are_measured_in_the_drawing():
    for glyph in GLYPHS[:60]:
        left, right, top, bottom = extent(glyph)
        assert bottom - top == pytest.approx(glyph.size, abs=0.02)
        if abs(glyph.slant) < 2:  # the ink of a slanted letter need not reach its box's corners
            assert (left + right) / 2 == pytest.approx(glyph.x, abs=0.03)
        assert (top + bottom) / 2 == pytest.approx(glyph.y, abs=0.02)


def test_slant_is_measured_in_the_drawing():
    """The stem of an H moves right by tan(slant) for every pixel upwards."""
    for slant in (-20.0, -8.0, 0.0, 13.0, 20.0):
        ink = replace(PLAIN, slant=slant, letter="I", size=0.7).coverage(128)
        rows = [row for row in range(128) if ink[row].sum() > 1][8:-8]
        middles = [(ink[row] * np.arange(128)).sum() / ink[row].sum() for row in rows]
        fall = np.polyfit(rows, middles, 1)[0]
        assert np.degrees(np.arctan(-fall)) == pytest.approx(slant, abs=0.5)


def test_bold_has_more_ink():
    thin = PLAIN.coverage(64).sum()
    assert replace(PLAIN, face="DejaVuSans-Bold", bold=True).coverage(64).sum() > 1.4 * thin


def test_nothing_is_cut_off():
    for glyph in GLYPHS:
        left, right, top, bottom = extent(glyph, 64)
        assert min(left, top) > 0
        assert max(right, bottom) < 1


@pytest.mark.parametrize("white", [False, True])
@pytest.mark.parametrize("name", HUES)
def test_ink_has_its_hue_and_paper_is_paper(name, white):
    """Judged in another colour space than the one it was made in."""
    glyph = replace(PLAIN, hue=float(HUES[name]), white=white, letter="I", face="DejaVuSans-Bold")
    image, _, _ = glyph.draw(64)
    assert glyph.colour == name
    inked = image[glyph.coverage(64) > 0.999]
    assert len(inked) > 20
    red, green, blue = inked[0] / 255
    angle = np.degrees(np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)) % 360
    expected = dict(zip(HUES, (5, 25, 50, 120, 185, 215, 265, 330), strict=True))[name]
    assert abs((angle - expected + 180) % 360 - 180) < 18
    assert (image[0, 0] == 255 * white).all()


def test_the_mask_is_where_half_of_a_pixel_is_ink():
    for glyph in GLYPHS[:20]:
        image, mask, _ = glyph.draw(32)
        paper = 255.0 * glyph.white
        most = np.abs(image - paper).max()
        share = np.abs(image - paper).max(axis=2) / most
        clear = np.abs(share - 0.5) > 0.1
        assert ((share > 0.5) == mask)[clear & (glyph.coverage(32).max() > 0.99)].all()


def test_an_outline_by_hand():
    mask = np.zeros((5, 5), bool)
    mask[1:4, 1:] = True
    expected = mask.copy()
    expected[2, 2:4] = False
    assert (outline(mask) == expected).all()


def test_every_letter_of_every_face_differs_from_every_other():
    for faces in FACES.values():
        for face, _ in faces:
            drawn = {replace(PLAIN, face=face, letter=c).coverage(32).tobytes() for c in LETTERS}
            assert len(drawn) == len(LETTERS)


def test_the_caption_says_what_the_record_says():
    glyph = replace(PLAIN, size=0.7, bold=True, hue=27.0, slant=12.0, letter="A", style="serif")
    said = "a large bold red serif A leaning right on black"
    assert " ".join(glyph.words) == said
    modest = replace(PLAIN, size=0.45, slant=-1.0, white=True)
    assert " ".join(modest.words) == "a small blue sans H on white"
    assert {word for glyph in GLYPHS for word in glyph.words} <= set(VOCABULARY)


def test_the_first_so_many_are_always_the_same():
    assert invent(10, 5) == invent(40, 5)[:10]
    assert invent(10, 5) != invent(10, 6)


def test_the_data_set_has_every_field_of_every_glyph():
    dataset = data.open(Source(name="glyphs", count=40, side=24, seed=3))
    batch = dataset.batch(torch.arange(40))
    assert {*dataset.fields} == {*batch._fields} - {"target"}
    assert batch.image.shape == (40, 3, 24, 24)
    assert dataset.schema.attributes == ATTRIBUTES
    named = {
        attribute.name: [attribute.values[index] for index in attribute.index(column)]
        for attribute, column in zip(ATTRIBUTES, batch.attributes.T, strict=True)
        if attribute.values
    }
    assert ((batch.outline <= batch.mask).all(), batch.mask.max()) == (True, 1)
    for row in range(40):
        words = decode(batch.caption[row].tolist(), dataset.schema.vocabulary).split()
        assert dataset.schema.classes[batch.label[row]] in words
        for value, attribute in zip(batch.attributes[row].tolist(), ATTRIBUTES, strict=True):
            assert attribute.low - 1e-3 <= value <= attribute.high + 1e-3, attribute.name
        said = {name: column[row] for name, column in named.items()}
        assert {said["style"], said["colour"]} <= set(words)
        assert ("bold" in words) == (said["bold"] == "yes")
        assert words[-1] == said["paper"]


def test_another_seed_or_part_gives_other_glyphs():
    prints = {
        data.open(Source(name="glyphs", count=8, seed=seed, split=split)).fingerprint
        for seed in (0, 1)
        for split in ("train", "test")
    }
    assert len(prints) == 4


def test_only_the_asked_for_letters_and_as_many_as_asked_for():
    dataset = data.open(Source(name="glyphs", classes=("Q", "7"), count=30, channels=1))
    assert (len(dataset), dataset.schema.classes) == (30, ("Q", "7"))
    assert set(dataset.columns["label"].tolist()) == {0, 1}
    assert dataset.schema.shape == (1, 32, 32)


def test_a_part_that_is_none_is_refused_however_many_are_asked_for():
    with pytest.raises(UnknownName, match=r"'tset' is no part of glyphs; did you mean 'test'"):
        data.open(Source(name="glyphs", count=4, split="tset"))


def test_what_would_make_the_truth_wrong_is_refused():
    for field in ({"crop": 20}, {"flip": True}):
        with pytest.raises(ConfigError) as caught:
            data.open(Source(name="glyphs", **field))
        assert str(caught.value) == (
            f"--data.{next(iter(field))} does not go with glyphs: their truths would be wrong."
        )
    with pytest.raises(ConfigError, match=r"--data\.side must be at least 8 for glyphs; got 7\."):
        data.open(Source(name="glyphs", side=7))
    with pytest.raises(UnknownName, match=r"--data\.classes 'a' is no class of glyphs"):
        data.open(Source(name="glyphs", classes=("a",)))
