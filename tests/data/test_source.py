"""A source says what it wants, or says in one line what is wrong with it."""

import subprocess
import sys

import pytest

from sfumato import data, planning
from sfumato.data import Source
from sfumato.data.glance import glance
from sfumato.errors import ConfigError, DataError, SfumatoError, UnknownName
from sfumato.evaluation import source_of
from sfumato.settings import build


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"side": 0}, "--data.side must be at least 1; got 0."),
        ({"crop": -3}, "--data.crop must be at least 1; got -3."),
        ({"patch": 0}, "--data.patch must be at least 1; got 0."),
        ({"count": -1}, "--data.count must be at least 0; got -1."),
        ({"labels": 0}, "--data.labels must be at least 1; got 0."),
        ({"channels": 2}, "--data.channels must be 1 or 3; got 2."),
        ({"classes": ("a", "b", "a")}, "--data.classes names one twice: a, b, a."),
        ({"attributes": ("x", "x")}, "--data.attributes names one twice: x, x."),
    ],
    ids=lambda value: str(value)[:24],
)
def test_impossible_values_are_named_as_on_the_command_line(fields, said):
    with pytest.raises(ConfigError) as caught:
        Source(name="digits", **fields)
    assert str(caught.value) == said
    words = {k: ",".join(v) if isinstance(v, tuple) else str(v) for k, v in fields.items()}
    with pytest.raises(ConfigError) as caught:
        build(Source, {"name": "digits", **words}, "data.")
    assert str(caught.value) == said


def elsewhere(program):
    """What a program prints where nobody checks types, as tests here do."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100
    )
    return done.stdout.splitlines()


def test_values_of_a_wrong_kind_are_named_too():
    said = elsewhere("""
from sfumato.data import Source
from sfumato.errors import ConfigError
for fields in (
    {"name": 5}, {"name": None}, {"split": 3}, {"other": ["a"]}, {"side": 16.0},
    {"classes": "3"}, {"classes": 3}, {"holdout": "a"},
):
    try:
        Source(**{"name": "digits", **fields})
    except ConfigError as error:
        print(error)
""")
    assert said == [
        "--data.name is a word or a path; got 5.",
        "--data.name is a word or a path; got None.",
        "--data.split is a word or a path; got 3.",
        "--data.other is a word or a path; got ['a'].",
        "--data.side must be a whole number; got 16.0.",
        "--data.classes takes several names; write ('3',).",
        "--data.classes takes several names; write (3,).",
        "--data.holdout is a share from 0 to below 1; got 'a'.",
    ]


def test_lists_and_paths_are_taken_for_what_they_mean():
    assert elsewhere("""
from pathlib import Path
from sfumato import data
from sfumato.data import Source
print(Source(name=Path("a/b")) == Source(name="a/b"))
listed = Source(name="digits", side=8, classes=["3", "1"])
print(listed == Source(name="digits", side=8, classes=("3", "1")))
print(*data.open(listed).schema.classes)
""") == ["True", "True", "3 1"]


def test_no_name_is_no_folder(monkeypatch, tmp_path):
    """As a variable that is not set gives: the folder where one happens to be is not meant."""
    monkeypatch.chdir(tmp_path)
    for name in ("", " "):
        with pytest.raises(DataError, match=r"^--data is empty; name a set or a folder of pic"):
            data.open(Source(name=name))


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UnknownName) as caught:
        data.open(Source(name="mnits"))
    assert str(caught.value) == (
        "--data 'mnits' is unknown; did you mean 'mnist'? "
        "The path of a folder of pictures works as well."
    )
    with pytest.raises(
        UnknownName, match="choose from digits, glyphs, scenes, signs, photos, mnist"
    ):
        data.open(Source(name="zzzzzz"))


@pytest.mark.parametrize(
    "name", ["./nothing", "/nothing/here", "pictures.zip", "a/b/c", "a/b.tar.gz"]
)
def test_a_path_that_is_not_there_is_said_to_be_so(name):
    with pytest.raises(DataError) as caught:
        data.open(Source(name=name))
    said = f"--data {name} does not exist; give a folder or archive of pictures."
    assert str(caught.value) == said


def test_an_unknown_split_or_class_gets_the_nearest_one():
    with pytest.raises(UnknownName) as caught:
        data.open(Source(name="digits", split="tset"))
    assert str(caught.value) == "--data.split 'tset' is no part of digits; did you mean 'test'?"
    with pytest.raises(UnknownName) as caught:
        data.open(Source(name="digits", classes=("3", "x")))
    assert str(caught.value) == (
        "--data.classes 'x' is no class of digits; choose from 0, 1, 2, 3, 4, 5, 6, 7, 8, 9."
    )


def test_only_the_asked_for_attributes_stay_in_the_asked_for_order(no_data):
    whole = data.open(Source(name="glyphs", count=20))
    some = data.open(Source(name="glyphs", count=20, attributes=("colour", "slant")))
    names = [attribute.name for attribute in whole.schema.attributes]
    chosen = [names.index("colour"), names.index("slant")]
    assert some.schema.attributes == tuple(whole.schema.attributes[i] for i in chosen)
    assert (some.columns["attributes"] == whole.columns["attributes"][:, chosen]).all()
    assert (some.columns["image"] == whole.columns["image"]).all()
    both = Source(name="glyphs", count=20, attributes=("bold",), classes=("B", "A"))
    schema, _ = glance(both)
    assert schema == data.open(both).schema
    assert (schema.classes, [a.name for a in schema.attributes]) == (("B", "A"), ["bold"])


@pytest.mark.parametrize(
    "words",
    [
        {"name": "photos", "side": 64, "count": 8, "patch": 32},
        {"name": "digits", "holdout": 0.2},
        {"name": "digits", "holdout": 0.2, "split": "validation"},
        {"name": "digits", "holdout": 0.2, "split": "validation", "classes": ("3", "1")},
        {"name": "digits", "holdout": 0.2, "count": 1300, "side": 8, "channels": 3},
    ],
)
def test_a_plan_knows_what_opening_gives(words, no_data):
    source = Source(**words)
    dataset = data.open(source)
    assert glance(source) == (dataset.schema, len(dataset))


@pytest.mark.parametrize(
    "words",
    [{"patch": 29}, {"holdout": 1e-4}, {"split": "validation"}, {"pair": "beside"}],
)
def test_a_plan_refuses_what_opening_refuses(words, no_data):
    said = []
    for look in (data.open, glance):
        with pytest.raises(SfumatoError) as caught:
            look(Source(name="digits", **words))
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_a_plan_counts_what_is_held_out_of_a_set_that_is_not_here(no_data):
    for split, count in (("train", 54_000), ("validation", 6_000), ("test", 10_000)):
        assert glance(Source(name="mnist", holdout=0.1, split=split))[1] == count


def test_an_unknown_attribute_gets_the_nearest_one(no_data):
    with pytest.raises(UnknownName) as caught:
        data.open(Source(name="glyphs", attributes=("color",)))
    assert str(caught.value) == (
        "--data.attributes 'color' is no attribute of glyphs; did you mean 'colour'?"
    )
    with pytest.raises(UnknownName) as caught:
        data.open(Source(name="digits", attributes=("slant",)))
    assert str(caught.value) == (
        "--data.attributes 'slant' is no attribute of digits; it has none."
    )


def test_names_are_listed_without_torch():
    code = "import sys\nfrom sfumato import data\nprint(*data.names(), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    embedded, known = "digits glyphs scenes signs photos", "mnist fashion-mnist cifar10 celeba"
    assert done.stdout == f"{embedded} {known} facades gtsrb anime-faces False\n"


@pytest.mark.parametrize("name", ["digits", "glyphs", "scenes", "signs", "photos"])
def test_embedded_worlds_need_no_data_folder_and_repeat(name, no_data):
    source = Source(name=name, count=24)
    first, second = data.open(source), data.open(source)
    assert len(first) == 24
    assert first.fingerprint == second.fingerprint
    other = data.open(Source(name=name, count=24, split="test"))
    assert other.fingerprint != first.fingerprint
    assert other.schema == first.schema


def test_a_path_is_as_good_as_its_words(tmp_path):
    assert planning.plan("dcgan", data=tmp_path).data.name == str(tmp_path)
    assert source_of("anything", tmp_path) == Source(name=str(tmp_path))


def test_a_slip_in_a_path_gets_the_nearest_name_and_is_asked_of_nobody(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    with pytest.raises(DataError, match=r"^--data photos/cast does not exist; did you mean phot"):
        data.open(Source(name="photos/cast"))
    with pytest.raises(DataError, match=r"^--data photos/zebras does not exist; give a folder"):
        data.open(Source(name="photos/zebras"))
