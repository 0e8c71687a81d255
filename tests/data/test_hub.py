"""Repositories are read through `datasets`; here they are folders, and there is no network."""

import io
from contextlib import nullcontext

import numpy as np
import pytest
from PIL import Image

from sfumato import data
from sfumato.data import Source, catalogue, hub
from sfumato.data.prepare import realise
from sfumato.data.stock import Cut
from sfumato.errors import ConfigError, DataError, UnknownName

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch, no_data):
    """A cache of its own and no network."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    hub._table.cache_clear()

    def unreachable(*_, **__):
        raise OSError("no route")

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", unreachable)


def png(level, mode="L"):
    stream = io.BytesIO()
    Image.new(mode, (6, 5), level).save(stream, "PNG")
    return stream.getvalue()


def repository(folder, splits, mode="L"):
    """A repository of parquet files with every kind of column."""
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["no", "yes"]),
            "Smiling": datasets.Value("bool"),
            "age": datasets.Value("float32"),
            "number": datasets.Value("int64"),
            "caption": datasets.Value("string"),
        }
    )
    (folder / "data").mkdir(parents=True)
    for name, levels in splits.items():
        rows = {
            "image": [{"bytes": png(level, mode), "path": None} for level in levels],
            "label": [level % 2 for level in levels],
            "Smiling": [level > 3 for level in levels],
            "age": [level / 2 for level in levels],
            "number": list(levels),
            "caption": ["a tone"] * len(levels),
        }
        table = datasets.Dataset.from_dict(rows, features=features)
        table.to_parquet(folder / "data" / f"{name}-00000-of-00001.parquet")
    return str(folder)


def test_a_known_set_comes_from_its_repository(tmp_path, monkeypatch):
    place = repository(tmp_path / "repo", {"train": [1, 2, 5], "test": [4]})
    monkeypatch.setitem(hub.REPOSITORIES, "mnist", place)
    dataset = data.open(Source(name="mnist"))
    assert dataset.schema.shape == (1, 5, 6)
    assert dataset.columns["image"][:, 0, 0, 0].tolist() == [1, 2, 5]
    assert dataset.columns["label"].tolist() == [1, 0, 1]
    assert dataset.schema.classes == ("no", "yes")
    assert [(a.name, a.values) for a in dataset.schema.attributes] == [
        ("Smiling", ("no", "yes")),
        ("age", ()),
    ]
    assert dataset.columns["attributes"].tolist() == [[-1, 0.5], [-1, 1.0], [1, 2.5]]
    assert dataset.schema.vocabulary == ("", "a", "tone")
    assert len(data.open(Source(name="mnist", split="test"))) == 1
    assert hub.parts(Source(name="mnist")) == {"train": 3, "test": 1}
    with pytest.raises(UnknownName) as caught:
        data.open(Source(name="mnist", split="tset"))
    assert str(caught.value) == "--data.split 'tset' is no part of mnist; did you mean 'test'?"


def test_a_repository_id_is_a_source(tmp_path, monkeypatch):
    repository(tmp_path / "someone" / "colours", {"train": [10, 20]}, mode="RGB")
    monkeypatch.chdir(tmp_path)
    found = hub.stock(Source(name="someone/colours"))
    assert found.pictures.channels == 3
    assert len(found.pictures) == 2
    assert found.label.tolist() == [0, 0]


def test_a_table_without_pictures_is_refused(tmp_path):
    folder = tmp_path / "repo"
    folder.mkdir()
    datasets.Dataset.from_dict({"a": [1], "b": ["x"]}).to_parquet(folder / "train.parquet")
    with pytest.raises(DataError, match="has no column of pictures, only a, b"):
        hub.stock(Source(name=str(folder)))


def test_a_bad_row_is_skipped_and_named(tmp_path, monkeypatch):
    place = repository(tmp_path / "repo", {"train": [1, 2, 3]})
    found = hub.stock(Source(name=place))
    contents = [png(1), b"rubbish", png(3)]
    monkeypatch.setattr(hub.Rows, "content", lambda self, row: contents[row])
    monkeypatch.setattr(hub, "stock", lambda source: found)
    dataset = realise(Source(name="bad/rows"), "stamp", hub.stock)
    assert dataset.report.skipped == (("row 1", "is no picture in a format known here"),)
    assert np.asarray(dataset.columns["label"]).tolist() == [1, 1]


def stored(contents, channels=None):
    rows = [{"image": content} for content in contents]
    return hub.Rows(rows, "image", channels), Cut(side=None, crop=None, channels=1)


def test_grey_and_colour_are_told_apart_by_more_than_the_first_row():
    contents = [None, *({"bytes": png(9, mode), "path": None} for mode in ("L", "RGB"))]
    assert stored(contents)[0].channels == 3
    assert stored(contents[:2])[0].channels == 1
    assert stored(contents, 1)[0].channels == 1


def test_a_colour_row_among_grey_ones_is_never_made_grey_in_silence():
    grey, colour = ({"bytes": png(9, mode), "path": None} for mode in ("L", "RGB"))
    rows, cut = stored([grey] * 64 + [colour])
    with pytest.raises(ConfigError, match=r"in colour: row 64\); set --data\.channels to 1 or 3"):
        rows.cut(64, cut)
    rows, cut = stored([grey] * 64 + [colour], 1)
    assert rows.cut(64, cut)[0].shape == (5, 6, 1)


def test_a_row_whose_file_is_gone_is_a_bad_row(tmp_path):
    rows, cut = stored([{"bytes": None, "path": str(tmp_path / "gone.png")}])
    with pytest.raises(DataError, match=r"^cannot be read \(No such file or directory\)$"):
        rows.cut(0, cut)


def test_a_part_is_asked_for_once_whatever_is_cut_from_it(tmp_path, monkeypatch):
    place = repository(tmp_path / "repo", {"train": [1, 2, 3]})
    asked = []
    monkeypatch.setattr(hub, "_reached", lambda name: asked.append(name) or nullcontext())
    for count in (None, 1, 2):
        hub.stock(Source(name=place, count=count))
    assert asked == [place]


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("mnist", "train-images-idx3-ubyte.gz and the three files like it"),
        ("fashion-mnist", "train-images-idx3-ubyte.gz and the three files like it"),
        ("cifar10", "cifar-10-python.tar.gz"),
        ("celeba", "img_align_celeba.zip and list_attr_celeba.txt"),
    ],
)
def test_without_network_one_line_says_what_to_put_where(name, files, tmp_path, monkeypatch):
    said = (
        f"{name} is not here and {hub.REPOSITORIES[name]} could not be fetched (no network); {{}}."
    )
    with pytest.raises(DataError) as caught:
        data.open(Source(name=name))
    remedy = f"set $SFUMATO_DATA to a folder and put {files} into its sub-folder {name}"
    assert str(caught.value) == said.format(remedy)
    monkeypatch.setenv("SFUMATO_DATA", str(tmp_path))
    with pytest.raises(DataError) as caught:
        data.open(Source(name=name))
    assert str(caught.value) == said.format(f"put {files} into $SFUMATO_DATA/{name}")


def test_a_set_without_a_stated_licence_is_never_fetched(no_data):
    said = (
        "anime-faces is not here, and nobody states a licence to fetch it under; set $SFUMATO_DATA"
        " to a folder and put the pictures and tags.csv (columns file, hair, eyes) into its"
        " sub-folder anime-faces."
    )
    for fetch in (data.open, catalogue.fetch):
        with pytest.raises(DataError) as caught:
            fetch(Source(name="anime-faces"))
        assert str(caught.value) == said


def test_an_unreachable_repository_is_one_line_and_the_setting_is_put_back():
    with pytest.raises(DataError) as caught:
        data.open(Source(name="nobody/nothing"))
    assert str(caught.value) == (
        "nobody/nothing is not here and nobody/nothing could not be fetched (no network); "
        "give a path that exists, or a public repository's id."
    )
    assert not datasets.config.HF_HUB_OFFLINE


def test_every_part_has_the_ranges_and_words_of_what_is_learned_from(tmp_path, monkeypatch):
    repository(tmp_path / "someone" / "parts", {"train": [2, 9], "test": [3, 4]})
    monkeypatch.chdir(tmp_path)
    train, test = (hub.stock(Source(name="someone/parts", split=s)) for s in ("train", "test"))
    assert train.attributes == test.attributes
    assert train.vocabulary == test.vocabulary
    assert (train.attributes[1].low, train.attributes[1].high) == (1.0, 4.5)
    assert test.values[:, 1].tolist() == [1.5, 2.0]


def test_rows_without_a_value_are_left_out_and_told(tmp_path, monkeypatch):
    folder = tmp_path / "someone" / "gaps"
    folder.mkdir(parents=True)
    rows = {
        "image": [{"bytes": png(level), "path": None} for level in (1, 2, 3, 4)],
        "age": [0.5, None, float("nan"), 1.5],
        "caption": ["one", "two", "three", None],
    }
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "age": datasets.Value("float32"),
            "caption": datasets.Value("string"),
        }
    )
    datasets.Dataset.from_dict(rows, features=features).to_parquet(folder / "train.parquet")
    monkeypatch.chdir(tmp_path)
    found = hub.stock(Source(name="someone/gaps"))
    assert found.values.tolist() == [[0.5]]
    assert found.vocabulary == ("", "one")
    assert found.notes == ("3 rows without age or caption left out",)
