"""Drawn faces go with their colours, and every tenth is held out."""

import tarfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from sfumato import data
from sfumato.data import Source
from sfumato.data.glance import glance
from sfumato.errors import DataError

HAIR = ("red", "blue", "red", "black")
EYES = ("green", "green", "aqua")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("SFUMATO_DATA", str(tmp_path))
    (tmp_path / "anime_faces").mkdir()
    return tmp_path / "anime_faces"


def write(shelf, count):
    """Faces 0.png, 1.png, ... in an archive, grey level 4 times the number."""
    lines = ["file,hair,eyes"]
    with tarfile.open(shelf / "faces.tar.gz", "w:gz") as archive:
        for number in range(count):
            stream = BytesIO()
            Image.new("RGB", (6, 6), (4 * number,) * 3).save(stream, "PNG")
            about = tarfile.TarInfo(f"{number}.png")
            about.size = stream.tell()
            stream.seek(0)
            archive.addfile(about, stream)
            lines.append(f"{number}.png,{HAIR[number % 4]} hair,{EYES[number % 3]} eyes")
    (shelf / "tags.csv").write_text("\n".join(lines) + "\n")


def test_colours_are_choices_and_every_tenth_face_is_held_out(shelf):
    write(shelf, 25)
    for part, numbers in {
        "train": [n for n in range(25) if n not in (9, 19)],
        "test": [9, 19],
    }.items():
        dataset = data.open(Source(name="anime-faces", split=part))
        assert (dataset.columns["image"][:, 0, 0, 0] // 4).tolist() == numbers
        hair, eyes = dataset.schema.attributes
        assert (hair.name, hair.values) == ("hair", ("black", "blue", "red"))
        assert (eyes.name, eyes.values) == ("eyes", ("aqua", "green"))
        said = [
            (hair.values[int(a)], eyes.values[int(b)]) for a, b in dataset.columns["attributes"]
        ]
        assert said == [(HAIR[n % 4], EYES[n % 3]) for n in numbers]
        assert dataset.report.notes == ("every tenth picture is held out for the part test",)


def test_a_face_without_tags_and_tags_without_a_face_are_left_out(shelf):
    write(shelf, 5)
    table = shelf / "tags.csv"
    table.write_text(table.read_text().replace("1.png", "7.png"))
    dataset = data.open(Source(name="anime-faces"))
    assert (dataset.columns["image"][:, 0, 0, 0] // 4).tolist() == [0, 2, 3, 4]


def test_what_is_missing_is_named(shelf):
    write(shelf, 3)
    table = shelf / "tags.csv"
    table.write_text("file,hair\n0.png,red hair\n")
    with pytest.raises(DataError, match=r"tags\.csv needs file, hair and eyes in every row"):
        data.open(Source(name="anime-faces"))
    table.write_text("file,hair,eyes\nx.png,red hair,red eyes\n")
    with pytest.raises(DataError, match=r"anime_faces holds no picture that its tags\.csv names"):
        data.open(Source(name="anime-faces"))
    table.unlink()
    with pytest.raises(DataError, match=r"lacks tags\.csv with the columns file, hair, eyes\."):
        data.open(Source(name="anime-faces"))


def test_the_real_ones_are_as_a_plan_describes_them(real_data):
    if not (real_data / "anime_faces").exists():
        pytest.skip("no anime faces here")
    for split, count in (("train", 2700), ("test", 300)):
        source = Source(name="anime-faces", split=split)
        dataset = data.open(source)
        assert len(dataset) == count
        assert glance(source, look=False) == (dataset.schema, count)
    tags = dataset.columns["attributes"]
    assert np.bincount(tags[:, 0].astype(int)).argmax() == 3  # brown hair is the commonest
