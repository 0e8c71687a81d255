"""The IDX files are read as they are published, and broken ones are refused."""

import gzip
import shutil
import struct

import numpy as np
import pytest
import torch

from sfumato import data
from sfumato.data import Source
from sfumato.data.mnist import CLASSES, read_idx
from sfumato.errors import DataError

STEMS = {"train": "train", "test": "t10k"}


def idx(array):
    return (
        struct.pack(">HBB", 0, 8, array.ndim)
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("SFUMATO_DATA", str(tmp_path))
    return tmp_path


def written(folder, packed, dotted=False):
    """A small set in the published form; gives its pixels and labels by part."""
    folder.mkdir(parents=True)
    rng, said = np.random.default_rng(0), {}
    for part, stem in STEMS.items():
        pixels = rng.integers(0, 256, (7, 28, 28), np.uint8)
        labels = rng.integers(0, 10, 7).astype(np.uint8)
        said[part] = pixels, labels
        for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            name = f"{stem}-{kind}-ubyte".replace("-idx", ".idx" if dotted else "-idx")
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (folder / name).write_bytes(idx(array))
    return said


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mnist", "mnist"),
        ("mnist", "MNIST/raw"),
        ("fashion-mnist", "fashion_mnist"),
        ("fashion-mnist", "FashionMNIST/raw"),
    ],
)
def test_every_published_form_is_found(shelf, name, folder, packed):
    said = written(shelf / folder, packed, dotted=folder == "mnist")
    for part, (pixels, labels) in said.items():
        dataset = data.open(Source(name=name, split=part))
        assert (dataset.columns["image"][..., 0] == pixels).all()
        assert dataset.columns["label"].tolist() == labels.tolist()
        assert dataset.schema.classes == CLASSES[name]
        assert not isinstance(dataset.columns["image"], np.memmap)


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_an_archive_of_them_is_read_as_the_folder_is(shelf, tmp_path_factory, ending):
    folder = tmp_path_factory.mktemp("unpacked") / "mnist"
    said = written(folder, packed=True)
    form = {"zip": "zip", "tar.gz": "gztar"}[ending]
    shutil.make_archive(str(shelf / "mnist"), form, folder.parent, "mnist")
    for part, (pixels, labels) in said.items():
        dataset = data.open(Source(name="mnist", split=part))
        assert (dataset.columns["image"][..., 0] == pixels).all()
        assert dataset.columns["label"].tolist() == labels.tolist()


def test_a_file_that_is_not_the_published_one_is_noted(shelf):
    written(shelf / "mnist", packed=True)
    notes = data.open(Source(name="mnist")).report.notes
    assert notes == (
        "train-images-idx3-ubyte.gz is not the published file",
        "train-labels-idx1-ubyte.gz is not the published file",
    )


def test_a_missing_file_is_named(shelf):
    written(shelf / "mnist", packed=True)
    (shelf / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    assert len(data.open(Source(name="mnist"))) == 7
    with pytest.raises(DataError) as caught:
        data.open(Source(name="mnist", split="test"))
    assert str(caught.value) == (
        f"{shelf / 'mnist'} lacks t10k-labels-idx1-ubyte.gz; put the four published files there."
    )


def test_broken_files_are_refused_in_one_line():
    whole = idx(np.zeros((2, 3, 3), np.uint8))
    for name, content, said in (
        ("a", whole[:-1], "a is truncated: 17 of 18 bytes."),
        ("b", b"nonsense", "b is no IDX file of bytes."),
        ("c", b"", "c is no IDX file of bytes."),
        ("d.gz", gzip.compress(whole)[:-9], "d.gz cannot be read ("),
        ("e.gz", whole, "e.gz cannot be read ("),
    ):
        with pytest.raises(DataError) as caught:
            read_idx(content, f"there/{name}")
        assert str(caught.value).startswith(f"there/{said}")


def test_the_real_ones_are_the_published_ones(real_data):
    for name in ("mnist", "fashion-mnist"):
        dataset = data.open(Source(name=name))
        assert (len(dataset), dataset.schema.shape) == (60_000, (1, 28, 28))
        assert dataset.report.notes == ()
        assert np.bincount(dataset.columns["label"]).min() >= 5421
    mean = data.open(Source(name="mnist")).columns["image"].mean() / 255
    assert mean == pytest.approx(0.1307, abs=1e-4)


def test_the_cache_serves_what_is_not_as_stored(real_data):
    source = Source(name="mnist", split="test", side=32, channels=3, count=6000)
    dataset = data.open(source)
    assert dataset.schema.shape == (3, 32, 32)
    assert isinstance(dataset.columns["image"], np.memmap)
    stored = data.open(Source(name="mnist", split="test"))
    assert dataset.columns["label"].tolist() == stored.columns["label"][:6000].tolist()
    both = [d.batch(torch.arange(200)).image.mean().item() for d in (dataset, stored)]
    assert both[0] == pytest.approx(both[1], abs=0.01)
