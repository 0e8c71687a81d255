"""`sfumato data list|get|check|prepare`."""

import json
from pathlib import Path

import pytest
from PIL import Image

from sfumato.cli import main


@pytest.fixture
def folder(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        Image.new("RGB", (8, 6), "red" if name == "cat" else "blue").save(
            tmp_path / "pets" / name / "1.png"
        )
    (tmp_path / "pets" / "dog" / "2.png").write_text("no picture")
    return str(tmp_path / "pets")


def answer(capsys, *words):
    """The JSON object of a call that works."""
    assert main(["data", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def refusal(capsys, *words):
    """The one line of a call that does not."""
    assert main(["data", *words]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_list_says_where_everything_is(capsys, tmp_path, monkeypatch):
    (tmp_path / "MNIST").mkdir()
    monkeypatch.setenv("SFUMATO_DATA", str(tmp_path))
    sources = answer(capsys, "list")["sources"]
    assert list(sources) == [
        *("digits", "glyphs", "scenes", "signs", "photos"),
        *("mnist", "fashion-mnist", "cifar10", "celeba", "facades", "gtsrb", "anime-faces"),
    ]
    assert sources["digits"]["where"] == "embedded"
    assert sources["mnist"]["where"] == str(tmp_path / "MNIST")
    assert sources["cifar10"]["where"] == (
        "fetched when used; or put cifar-10-python.tar.gz into $SFUMATO_DATA/cifar10"
    )
    assert sources["anime-faces"]["where"] == (
        "put the pictures and tags.csv (columns file, hair, eyes) into $SFUMATO_DATA/anime-faces"
    )


def test_get_does_nothing_for_what_is_here(capsys, folder):
    assert answer(capsys, "get", "digits")["where"] == "embedded"
    assert answer(capsys, "get", folder)["where"] == folder


def test_check_reports_counts_sizes_classes_and_bad_files(capsys, folder):
    found = answer(capsys, "check", folder)
    assert (found["kept"], found["sizes"], found["classes"]) == (
        2,
        {"8x6": 2},
        {"cat": 1, "dog": 1},
    )
    assert found["skipped"] == [["dog/2.png", "is no picture in a format known here"]]
    assert main(["data", "check", folder]) == 0
    said = capsys.readouterr().out
    assert "2 images, 1 skipped" in said
    assert "skipped  1: is no picture in a format known here" in said


def test_prepare_builds_the_cache_and_names_it(capsys, folder):
    found = answer(capsys, "prepare", folder, "--data.side", "4", "--data.classes", "dog")
    assert (found["shape"], found["kept"]) == ([3, 4, 4], 1)
    assert found["source"]["classes"] == ["dog"]
    assert (Path(found["files"][0]) / "image.npy").exists()
    assert len(found["fingerprint"]) == 32
    assert answer(capsys, "prepare", "digits")["files"] == []


def test_mistakes_are_one_line(capsys, folder):
    said = refusal(capsys, "check", "mnits")
    assert said.startswith("sfumato: --data 'mnits' is unknown; did you mean 'mnist'?")
    said = refusal(capsys, "prepare", folder, "--data.side", "0")
    assert said == "sfumato: --data.side must be at least 1; got 0."
    said = refusal(capsys, "check", "digits", "--data.sied", "8")
    assert said == "sfumato: there is no option --data.sied; did you mean '--data.side'?"
    assert refusal(capsys, "chekc", "digits").endswith("did you mean 'check'?")


def test_a_set_that_hides_a_folder_says_so_and_a_flag_needs_no_value(shell):
    for number in range(3):
        path = shell.folder / "digits" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8), number).save(path)
    _, out, _ = shell.run("data", "check", "digits", "--data.count", "5", "--data.flip")
    assert "digits is the set of that name; the folder here is ./digits" in out
    assert shell.answer("data", "check", "./digits")["kept"] == 3


def test_a_check_takes_no_setting_that_it_would_not_look_at(shell):
    for name in ("labels", "other", "patch"):
        said = shell.refusal("data", "check", "digits", f"--data.{name}", "7")
        assert said.startswith(f"there is no option --data.{name}; did you mean")


def test_what_is_held_out_is_checked_as_it_is_prepared(shell):
    for split, count in (("train", 1200), ("validation", 300)):
        words = ("digits", "--data.holdout", "0.2", "--data.split", split)
        assert shell.answer("data", "check", *words)["kept"] == count
        assert shell.answer("data", "prepare", *words)["kept"] == count
