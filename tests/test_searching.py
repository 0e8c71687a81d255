"""An index finds the nearest codes, and encodes nothing twice."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato import data as sources
from sfumato import searching
from sfumato.data import Source
from sfumato.errors import ConfigError, DataError
from sfumato.models.dcgan import DCGAN
from sfumato.models.dcgan import Config as DCGANConfig
from sfumato.models.lenet5 import Config as LeNetConfig
from sfumato.models.lenet5 import LeNet5
from sfumato.models.vae import VAE, Config
from sfumato.schema import Schema
from sfumato.searching import described, index, search

SCHEMA = Schema(shape=(1, 8, 8), classes=tuple("0123456789"))


@pytest.fixture(autouse=True)
def own_indices(tmp_path, monkeypatch):
    monkeypatch.setenv("SFUMATO_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def model():
    torch.manual_seed(1)
    return VAE(Config(latent=3, width=8, hidden=8), SCHEMA).eval()


@pytest.fixture
def folder(tmp_path):
    """Twenty pictures of noise."""
    place = tmp_path / "pictures"
    place.mkdir()
    for number in range(20):
        picture(place / f"{number:02}.png", number)
    return place


@pytest.fixture
def seen(monkeypatch):
    """How many pictures each call of the encoder was shown."""
    counts = []

    def watched(model, images):
        counts.append(len(images))
        return described(model, images)

    monkeypatch.setattr(searching, "described", watched)
    return counts


def picture(path, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def names(held):
    return [item.name for item in held.items]


def test_one_picture_is_sought_at_a_time(model, folder):
    with pytest.raises(ConfigError, match=r"^search takes one picture at a time; got 2\.$"):
        search(model, [folder / "07.png", folder / "08.png"], str(folder))


def test_the_nearest_are_those_of_all_distances(model, folder):
    held = index(model, str(folder))
    found = search(model, folder / "07.png", str(folder), 5)
    code = described(model, found.query)
    distances = (held.codes - code).norm(dim=1)
    order = distances.argsort()[:5]
    assert found.names == tuple(names(held)[row] for row in order)
    assert found.names[0] == "07.png"
    assert list(found.distances) == pytest.approx(distances[order].tolist(), abs=1e-5)
    assert torch.equal(found.images[0], found.query[0])
    assert len(search(model, folder / "07.png", str(folder), 99).names) == 20
    assert len(repr(found)) < 1000  # neither the pictures nor the index


def test_only_what_is_new_is_encoded(model, folder, seen):
    assert index(model, str(folder)).encoded == sum(seen) == 20
    del seen[:]
    again = index(model, str(folder))
    assert (again.encoded, again.dropped, seen) == (0, 0, [])
    picture(folder / "20.png", 20)
    picture(folder / "03.png", 33)  # changed
    (folder / "05.png").unlink()
    (folder / "06.png").rename(folder / "renamed.png")
    held = index(model, str(folder))
    assert (held.encoded, sum(seen)) == (2, 2)
    assert held.dropped == 3  # changed, deleted, renamed
    assert "05.png" not in names(held)
    assert len(held.items) == 20
    torch.testing.assert_close(held.codes, described(model, held.images(list(range(20)))))
    twin = index(model, str(folder))
    assert (names(twin), twin.encoded) == (names(held), 0)
    assert torch.equal(twin.codes, held.codes)


def test_two_files_of_one_content_are_encoded_once(model, folder, seen):
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes((folder / "00.png").read_bytes())
    assert index(model, str(folder)).encoded == sum(seen) == 20
    picture(folder / "c.png", 50)
    held = index(model, str(folder))
    assert (len(held.items), held.encoded) == (23, 1)
    torch.testing.assert_close(held.codes, described(model, held.images(list(range(23)))))


def test_a_file_that_is_unchanged_is_not_opened(model, folder, monkeypatch):
    index(model, str(folder))
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was opened"))
    assert index(model, str(folder)).encoded == 0


def test_bad_files_are_named_and_not_tried_again(model, folder, seen):
    whole = (folder / "00.png").read_bytes()
    (folder / "bad.png").write_bytes(whole[:40])
    (folder / "words.png").write_text("no picture")
    (folder / "notes.txt").write_text("not looked at")
    held = index(model, str(folder))
    assert [name for name, _ in held.skipped] == ["bad.png", "words.png"]
    assert "no picture in a format known here" in dict(held.skipped)["words.png"]
    del seen[:]
    assert index(model, str(folder)).skipped == held.skipped
    assert seen == []
    picture(folder / "bad.png", 70)
    mended = index(model, str(folder))
    assert [name for name, _ in mended.skipped] == ["words.png"]
    assert mended.encoded == 1


def test_other_weights_have_an_index_of_their_own(model, folder):
    index(model, str(folder))
    with torch.no_grad():
        next(model.parameters()).mul_(2)
    assert index(model, str(folder)).encoded == 20


def test_an_archive_is_searched_like_a_folder(model, folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"inside/{path.name}")
    packed = str(tmp_path / "packed.zip")
    held = index(model, packed)
    assert names(held)[:2] == ["inside/00.png", "inside/01.png"]
    assert index(model, packed).encoded == 0
    os.utime(packed, ns=(1, 1))
    assert index(model, packed).encoded == 0, "its pictures are the same"


def test_a_data_set_is_searched_by_its_name(model):
    data = sources.open(Source(name="digits", split="test"))
    held = index(model, Source(name="digits", split="test"))
    assert len(held.items) == len(data)
    first = int(data.columns["label"][0])
    assert held.items[0].name == f"digits/test/{first}/0"
    torch.testing.assert_close(held.codes[:9], described(model, data.batch(torch.arange(9)).image))
    assert index(model, Source(name="digits", split="test")).encoded == 0


def test_classifiers_are_compared_by_what_they_see(folder):
    model = LeNet5(LeNetConfig(), Schema(shape=(1, 28, 28), classes=SCHEMA.classes)).eval()
    held = index(model, str(folder))
    torch.testing.assert_close(held.codes[:3], model.features(held.images([0, 1, 2])).flatten(1))


def test_a_damaged_index_is_made_anew(model, folder, tmp_path):
    held = index(model, str(folder))
    (path,) = (tmp_path / "cache" / "search").glob("*.safetensors")
    whole = path.read_bytes()
    for damage in (whole[: len(whole) // 2], b"", whole[:8] + b"x" + whole[9:]):
        path.write_bytes(damage)
        again = index(model, str(folder))
        assert again.encoded == 20
        assert torch.equal(again.codes, held.codes)


def test_what_cannot_be_searched_is_one_line(model, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no picture; give a folder, an archive or a known"):
        index(model, str(tmp_path / "empty"))
    (tmp_path / "empty" / "a.png").write_text("no picture")
    with pytest.raises(DataError, match=r"none of the 1 files of .* can be read as a pic"):
        index(model, str(tmp_path / "empty"))
    gan = DCGAN(DCGANConfig(width=2, latent=2), SCHEMA)
    said = "^search needs an Autoencoder or a Classifier or a Tagger, and DCGAN holds a DCGAN"
    with pytest.raises(ConfigError, match=said):
        index(gan, "digits")


def test_what_learned_from_patches_searches_whole_pictures_at_its_side(model):
    source = Source(name="digits", side=16, patch=8, count=40)
    found = index(model, source)
    assert found.images([0]).shape == (1, 1, 8, 8)
    assert len(found.codes) == 40
