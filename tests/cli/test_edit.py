"""edit writes a picture, or a strip of strengths."""

import pytest
from PIL import Image

from sfumato.cli import main


@pytest.fixture(scope="session")
def fader(tmp_path_factory):
    """One trained for a moment, on paper and style."""
    folder = tmp_path_factory.mktemp("fader") / "run"
    assert main(["train", "fader", "--recipe", "smoke", "--out", str(folder)]) == 0
    return str(folder)


def test_a_picture_is_edited(shell, fader):
    Image.new("RGB", (30, 20), (200, 30, 30)).save("photo.png")
    found = shell.answer("edit", fader, "photo.png", "--attribute", "Paper=+1.5", "-o", "new.png")
    assert (found["files"], found["asked"], found["model"]) == (
        ["new.png"],
        ["paper +1.5"],
        "fader",
    )
    assert found["own"][0].startswith("paper ")
    with Image.open("new.png") as image:
        assert image.size == (16, 16)
    code, out, _ = shell.run("edit", fader, "photo.png", "--attribute", "paper=white")
    assert code == 0
    assert "30x20 pixels, its central square scaled to 16x16; read as paper " in out
    assert "wrote photo-edited.png" in out


def test_strengths_make_a_strip(shell, fader):
    words = ["--attribute", "paper=-1,0,+1", "--attribute", "style=serif:2"]
    found = shell.answer("edit", fader, "-n", "2", *words)
    assert found["asked"] == [f"paper {much}, style serif +2" for much in ("-1", "0", "+1")]
    assert len(found["own"]) == 2
    assert found["files"] == ["run-edited.png"]


def test_what_cannot_be_edited_is_refused(shell, fader, runs):
    Image.new("RGB", (16, 16)).save("photo.png")
    for word, value in (("-n", "3"), ("--seed", "0"), ("--data", "glyphs")):
        said = shell.refusal("edit", fader, "photo.png", "--attribute", "paper=1", word, value)
        assert said == f"{word} is of held-out images, and pictures are named; leave it out."

    def refused(*words):
        return shell.refusal("edit", fader, "photo.png", *words)

    assert refused("--attribute", "papr=1") == (
        "there is no attribute 'papr'; did you mean 'paper'?"
    )
    assert refused("--attribute", "paper=much").endswith("a strength such as +1.5; got 'much'.")
    assert refused() == "nothing is asked for; name an attribute of paper, style."
    said = shell.refusal("edit", runs["vae"], "photo.png", "--attribute", "paper=1")
    assert said.startswith("edit needs an Editor, and ")
    said = shell.refusal("edit", fader, "none.png", "--attribute", "paper=1")
    assert said.startswith("none.png does not exist.")
