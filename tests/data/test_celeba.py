"""Faces go with their attributes and into the published parts."""

import subprocess
import sys
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from sfumato import data
from sfumato.data import Source
from sfumato.errors import DataError
from sfumato.schema import Attribute

NAMES = ("000001", "162770", "162771", "182637", "182638", "202599")


def jpeg(level):
    stream = BytesIO()
    Image.new("RGB", (10, 12), (level,) * 3).save(stream, "JPEG", quality=95)
    return stream.getvalue()


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("SFUMATO_DATA", str(tmp_path))
    (tmp_path / "celeba").mkdir()
    return tmp_path / "celeba"


def write(shelf, names, listed=None, form="txt"):
    with zipfile.ZipFile(shelf / "img_align_celeba.zip", "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(f"img_align_celeba/{name}.jpg", jpeg(40 * number))
    rows = [(f"{name}.jpg", -1, 1 if int(name) % 2 else -1) for name in listed or names]
    if form == "txt":
        lines = [str(len(rows)), "Bald Smiling ", *("  ".join(map(str, row)) for row in rows)]
    else:
        lines = ["image_id,Bald,Smiling", *(",".join(map(str, row)) for row in rows)]
    (shelf / f"list_attr_celeba.{form}").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("form", ["txt", "csv"])
def test_parts_are_the_published_ones_by_number(shelf, form):
    write(shelf, NAMES, form=form)
    for part, levels in {"train": [0, 40], "validation": [80, 120], "test": [160, 200]}.items():
        dataset = data.open(Source(name="celeba", split=part))
        found = dataset.columns["image"][:, 6, 5, 0].astype(int)
        assert np.abs(found - levels).max() <= 1
        smiling = [1 if int(NAMES[level // 40]) % 2 else -1 for level in levels]
        assert dataset.columns["attributes"].tolist() == [[-1, s] for s in smiling]
        assert dataset.schema.shape == (3, 12, 10)
        assert dataset.schema.attributes == tuple(
            Attribute(name=name, low=-1.0, high=1.0, values=("no", "yes"))
            for name in ("Bald", "Smiling")
        )
        assert dataset.report.notes == ()


def test_a_partition_list_decides_where_there_is_one(shelf):
    write(shelf, NAMES)
    lines = [f"{name}.jpg {number % 3}" for number, name in enumerate(NAMES)]
    (shelf / "list_eval_partition.txt").write_text("\n".join(lines))
    dataset = data.open(Source(name="celeba", split="test"))
    assert np.abs(dataset.columns["image"][:, 6, 5, 0].astype(int) - [80, 200]).max() <= 1


def test_without_the_test_part_the_last_tenth_is_held_out_and_said(shelf):
    write(shelf, [f"{n:06}" for n in range(1, 7)])
    train, test = (data.open(Source(name="celeba", split=s)) for s in ("train", "test"))
    assert (len(train), len(test)) == (5, 1)
    assert train.report.notes == (
        "no picture of the published test part is here: the last 1 are held out for it",
    )


def test_faces_without_attributes_are_left_out_and_counted(shelf):
    write(shelf, NAMES, listed=NAMES[1:])
    dataset = data.open(Source(name="celeba"))
    assert len(dataset) == 1
    assert dataset.report.notes == ("1 pictures have no attributes and were left out",)


def test_a_list_with_gaps_and_a_folder_without_faces_are_refused(shelf):
    write(shelf, NAMES)
    (shelf / "list_attr_celeba.txt").write_text("1\nBald Smiling\n000001.jpg -1\n")
    with pytest.raises(DataError, match="has rows without a value for each of its columns"):
        data.open(Source(name="celeba"))
    (shelf / "img_align_celeba.zip").unlink()
    with pytest.raises(
        DataError, match=r"celeba holds no picture; put img_align_celeba\.zip there\."
    ):
        data.open(Source(name="celeba"))


@pytest.mark.parametrize(
    ("file", "row", "said"),
    [
        ("list_attr_celeba.txt", "1\nBald\n000001.jpg no", "must hold numbers beside names"),
        ("list_eval_partition.txt", "000001.jpg train", "must hold numbers beside names"),
        ("list_eval_partition.txt", "000001.jpg 3", r"puts 000001\.jpg in 3, not in 0, 1 or 2"),
    ],
)
def test_a_slip_in_a_list_is_one_line(shelf, file, row, said):
    write(shelf, ["000001", "000002"])
    (shelf / file).write_text(row)
    with pytest.raises(DataError, match=said):
        data.open(Source(name="celeba"))


REAL = """
import numpy as np
from sfumato import data
dataset = data.open(data.Source(name="celeba", side=32, count=500))
names = [attribute.name for attribute in dataset.schema.attributes]
values = dataset.columns["attributes"]
print(*dataset.schema.shape, len(names), *np.unique(values))
print((values[:, names.index("Male")] > 0).mean())
"""


def test_the_real_ones_have_forty_attributes(real_data):
    """In a process without the checks of shapes, which take long over thousands of files."""
    done = subprocess.run([sys.executable, "-c", REAL], capture_output=True, text=True, check=True)
    facts, men = done.stdout.splitlines()
    assert facts == "3 32 32 40 -1.0 1.0"
    assert 0.3 < float(men) < 0.5
