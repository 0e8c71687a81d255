"""A check counts everything and writes nothing."""

import re

import pytest
from PIL import Image

from sfumato import data
from sfumato.data import Source, photos
from sfumato.data.check import _shape, check
from sfumato.data.glance import glance
from sfumato.data.stock import Cut
from sfumato.errors import SfumatoError


def test_sizes_classes_and_bad_files_are_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("SFUMATO_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "in"
    for name, size in (("a/1", (4, 3)), ("a/2", (4, 3)), ("b/1", (9, 9))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size).save(folder / f"{name}.png")
    (folder / "b" / "2.png").write_text("x")
    found = check(Source(name=str(folder)))
    assert found.sizes == {"4x3": 2, "9x9": 1}
    assert found.classes == {"a": 2, "b": 1}
    assert (found.report.kept, found.channels, found.fields) == (3, 1, ("image", "label"))
    assert found.report.skipped == (("b/2.png", "is no picture in a format known here"),)
    assert not (tmp_path / "cache").exists()


def test_what_is_decoded_is_let_go():
    """Thousands of photographs would not fit in memory together."""
    pictures = photos.stock(Source(name="photos")).pictures
    assert _shape(pictures, Cut(side=24, crop=None, channels=3), 0) == (24, 24, 3)


def test_the_settings_of_the_source_hold():
    found = check(Source(name="glyphs", count=20, side=16, classes=("A", "B")))
    assert found.sizes == {"16x16": 20}
    assert sum(found.classes.values()) == 20
    assert set(found.classes) == {"A", "B"}
    assert found.attributes["slant"] == (-20.0, 20.0)
    assert found.attributes["style"] == ("sans", "serif", "typewriter")
    assert found.fields == ("image", "mask", "outline", "label", "attributes", "caption")


@pytest.mark.parametrize("see", [data.open, check, glance])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"pair": "a/b"}, "--data.pair a/b needs a folder of pairs"),
        ({"patch": 99}, "--data.patch 99 is larger than the images of digits"),
        ({"other": "nosuch"}, "--data 'nosuch' is unknown"),
        ({"split": "tset"}, "--data.split 'tset' is no part of digits"),
        ({"classes": ("x",)}, "--data.classes 'x' is no class of digits"),
    ],
)
def test_what_is_refused_when_opened_is_refused_when_looked_at(see, words, said):
    with pytest.raises(SfumatoError, match=f"^{re.escape(said)}"):
        see(Source(name="digits", count=40, **words))


@pytest.mark.parametrize("words", [{}, {"pair": "grey"}, {"other": "digits"}])
def test_a_check_says_what_a_batch_holds(words):
    source = Source(name="digits", count=40, **words)
    assert check(source).fields == data.open(source).fields
