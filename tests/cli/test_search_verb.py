"""search finds the pictures whose codes are nearest."""

import pytest
import torch
from PIL import Image

from sfumato.io.images import grid, save


@pytest.fixture
def shots(shell, tmp_path_factory, monkeypatch):
    """A folder of eight greys and a file that is no picture."""
    monkeypatch.setenv("SFUMATO_CACHE", str(tmp_path_factory.mktemp("cache")))
    for number in range(8):
        level = number / 4 - 1
        path = shell.folder / "shots" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        save(grid(torch.full((1, 1, 10, 12), level), gap=0), path)
    (shell.folder / "shots" / "bad.png").write_text("no picture")
    return "shots"


def test_a_search_writes_a_sheet_and_names_what_it_found(shell, runs, shots):
    found = shell.answer("search", runs["vae"], "shots/3.png", "--in", shots, "-k", "5")
    assert found["files"] == ["vae-found.png"]
    assert found["found"][0]["name"] == "3.png"
    assert [row["distance"] for row in found["found"]] == sorted(
        row["distance"] for row in found["found"]
    )
    assert len(found["found"]) == 5
    assert found["milliseconds"] > 0
    assert (found["index"]["images"], found["index"]["encoded"]) == (8, 8)
    assert [row["name"] for row in found["index"]["skipped"]] == ["bad.png"]
    with Image.open("vae-found.png") as sheet:
        assert sheet.width > 5 * 48
    again = shell.answer("search", runs["vae"], "shots/3.png", "--in", shots, "-o", "x.png")
    assert (again["index"]["encoded"], len(again["found"])) == (0, 8)


def test_people_are_told_what_was_found_and_skipped(shell, runs, shots):
    _, out, _ = shell.run("search", runs["vae"], "shots/3.png", "--in", shots, "-k", "2")
    lines = out.splitlines()
    assert lines[0].startswith("skipped bad.png: is no picture")
    assert lines[1] == "8 pictures in the index, 8 encoded now"
    assert lines[2].split()[1] == "3.png"
    assert lines[4].startswith("found in ")


def test_a_data_set_is_searched_by_name(shell, runs, shots):
    words = ("--in", "digits", "--split", "test", "-k", "3")
    found = shell.answer("search", runs["vae"], "shots/3.png", *words)
    assert all(row["name"].startswith("digits/test/") for row in found["found"])


def test_what_cannot_be_searched_is_refused(shell, runs, shots):
    said = shell.refusal("search", runs["vae"], "shots/3.png")
    assert said == "sfumato search needs --in; see sfumato search --help."
    said = shell.refusal("search", runs["vae"], "no.png", "--in", shots)
    assert said == "no.png does not exist."
    said = shell.refusal("search", runs["vae"], "shots/3.png", "--in", "digist")
    assert said.startswith("--in 'digist' is unknown; did you mean 'digits'?")
    said = shell.refusal("search", runs["dcgan"], "shots/3.png", "--in", shots)
    assert said.startswith("search needs an Autoencoder or a Classifier or a Tagger, and")
