"""CIFAR-10 is read from each of its forms, and no pickle gets to run anything."""

import io
import pickle
import re
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image

from sfumato import data
from sfumato.data import Source
from sfumato.data.cifar10 import CLASSES
from sfumato.errors import DataError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 32, 32, 3), np.uint8)
LABELS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
PLANES = PIXELS.transpose(0, 3, 1, 2).reshape(12, 3072)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("SFUMATO_DATA", str(tmp_path))
    return tmp_path


def batches(protocol=2, **changes):
    """Two training batches and a test batch, as published."""
    said = {}
    for name, part in (
        ("data_batch_1", slice(0, 5)),
        ("data_batch_2", slice(5, 9)),
        ("test_batch", slice(9, 12)),
    ):
        content = {"data": PLANES[part], "labels": LABELS[part], "batch_label": name} | changes
        said[name] = pickle.dumps(content, protocol=protocol)
    return said


def same(split, part):
    dataset = data.open(Source(name="cifar10", split=split))
    assert (dataset.columns["image"] == PIXELS[part]).all()
    assert dataset.columns["label"].tolist() == LABELS[part]
    assert dataset.schema.classes == CLASSES


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_python_batches_in_a_folder(shelf, protocol):
    folder = shelf / "cifar-10-batches-py"
    folder.mkdir()
    for name, content in batches(protocol).items():
        (folder / name).write_bytes(content)
    same("train", slice(0, 9))
    same("test", slice(9, 12))


def test_the_published_archive(shelf):
    with tarfile.open(shelf / "cifar-10-python.tar.gz", "w:gz") as archive:
        for name, content in batches().items():
            about = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    same("train", slice(0, 9))
    same("test", slice(9, 12))


def test_binary_batches(shelf):
    folder = shelf / "CIFAR-10" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    rows = np.concatenate([np.array(LABELS, np.uint8)[:, None], PLANES], axis=1)
    for name, part in (("data_batch_1", slice(0, 9)), ("test_batch", slice(9, 12))):
        (folder / f"{name}.bin").write_bytes(rows[part].tobytes())
    same("train", slice(0, 9))
    same("test", slice(9, 12))
    (folder / "data_batch_1.bin").write_bytes(rows.tobytes()[:-1])
    with pytest.raises(
        DataError, match=r"bin is truncated: 36875 bytes are no multiple of 3073\.$"
    ):
        data.open(Source(name="cifar10"))


def test_folders_named_after_the_classes(shelf):
    for number, (pixels, label) in enumerate(zip(PIXELS, LABELS, strict=True)):
        folder = shelf / "cifar10" / "train" / CLASSES[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number:04}.png")
    dataset = data.open(Source(name="cifar10"))
    by_name = sorted({CLASSES[label] for label in LABELS})
    assert dataset.schema.classes == tuple(by_name)
    for pixels, label in zip(PIXELS, LABELS, strict=True):
        rows = np.flatnonzero((dataset.columns["image"] == pixels).all(axis=(1, 2, 3)))
        assert [by_name[dataset.columns["label"][row]] for row in rows] == [CLASSES[label]]


class Attack:
    """Unpickling this with the standard reader would run a command."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_malicious_pickle_is_refused_and_runs_nothing(shelf, tmp_path, protocol):
    harmed = tmp_path / "harmed"
    folder = shelf / "cifar10"
    folder.mkdir()
    content = batches(protocol, extra=Attack(harmed))["data_batch_1"]
    (folder / "data_batch_1").write_bytes(content)
    with pytest.raises(DataError) as caught:
        data.open(Source(name="cifar10"))
    said = r"data_batch_1 is no batch of CIFAR-10 \(it asks for \w+\.open, which is refused\)\."
    assert re.fullmatch(said, str(caught.value))
    assert not harmed.exists()
    pickle.loads(content)["extra"].close()  # the attack is a real one
    assert harmed.exists()


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"data": PLANES.astype(np.float64), "labels": LABELS}),
        pickle.dumps({"data": PLANES[:, :9], "labels": LABELS}),
        pickle.dumps({"data": PLANES, "labels": LABELS[:3]}),
        pickle.dumps({"data": PLANES, "labels": [77] * 12}),
        pickle.dumps({"labels": LABELS}),
        pickle.dumps(np.array([Attack], object)),
        pickle.dumps([1, 2]),
        batches()["test_batch"][:-20],
        b"",
        b"\x80\x04r\xff\xff\xff\xff.",
    ],
    ids=range(10),
)
def test_a_batch_that_is_none_is_refused_in_one_line(shelf, content):
    (shelf / "cifar10").mkdir()
    (shelf / "cifar10" / "data_batch_1").write_bytes(content)
    with pytest.raises(DataError, match=r"^data_batch_1 ") as caught:
        data.open(Source(name="cifar10"))
    assert "\n" not in str(caught.value)


def test_a_folder_with_neither_form_is_refused(shelf):
    (shelf / "cifar10").mkdir()
    (shelf / "cifar10" / "readme.txt").touch()
    with pytest.raises(DataError, match="neither class folders nor"):
        data.open(Source(name="cifar10"))


REAL = """
import numpy as np
from sfumato import data
dataset = data.open(data.Source(name="cifar10", split="test", count=2000))
print(*dataset.schema.classes)
print(*np.bincount(dataset.columns["label"]))
print(*dataset.columns["image"].mean(axis=(0, 1, 2)) / 255)
"""


def test_the_real_ones_are_all_there(real_data):
    """In a process without the checks of shapes, which take long over 60,000 files."""
    done = subprocess.run([sys.executable, "-c", REAL], capture_output=True, text=True, check=True)
    classes, counts, means = done.stdout.splitlines()
    assert classes.split() == list(CLASSES)
    assert counts.split() == ["200"] * 10
    assert [float(mean) for mean in means.split()] == pytest.approx(
        [0.494, 0.485, 0.450], abs=0.02
    )
