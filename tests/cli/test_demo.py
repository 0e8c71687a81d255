"""demo leaves one page that opens offline, and its proof is a real one."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sfumato.cli import demo
from sfumato.runs import Run


@pytest.fixture
def brief(runs, monkeypatch):
    """A demo of seconds, from this session's weights."""
    monkeypatch.setattr(demo, "SHIPPED", runs["dcgan"])
    monkeypatch.setattr(demo, "MINUTES", 0.01)
    for name, value in {"_SAVED": 2, "_SEEN": 4, "_WHOLE": 8}.items():
        monkeypatch.setattr(demo, name, value)
    monkeypatch.setattr(demo, "_SHORT", {**demo._SHORT, "recipe": "smoke", "every": 2})


class Resources(HTMLParser):
    """Everything a page would load."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.found += [value for name, value in attrs if name in ("src", "href", "srcset")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_holds_everything(shell, brief):
    found = shell.answer("demo", "--out", "here")
    assert found["files"][0] == "here/index.html"
    text = Path("here/index.html").read_text("utf-8")
    loaded = Resources(text)
    assert not loaded.open
    assert len(loaded.found) == 6
    assert all(value.startswith("data:image/") for value in loaded.found)
    assert "url(" not in text
    assert "@import" not in text
    # grid, film, walk, curves, scores with their ends, the proof, what to type next
    assert all(name in text for name in found["metrics"])
    assert {"floor", "ceiling"} <= found["metrics"]["kid"].keys()
    assert text.count(found["resume"]["sha256"]) == 2
    assert "sfumato sample here/run" in text
    # killed beyond its save, and resumed to the end
    assert Run(Path("here/killed")).recipe()[1].steps == 8
    assert re.fullmatch("[0-9a-f]{64}", found["resume"]["sha256"])


def test_a_resume_that_differs_is_our_fault(shell, brief, monkeypatch):
    digests = iter(["one", "other"])
    monkeypatch.setattr(demo, "_digest", lambda run: next(digests))
    monkeypatch.setattr(demo, "_kill", lambda run: None)
    with pytest.raises(RuntimeError, match="was resumed, and differs from"):
        demo._proof(Path("proof"))


def test_a_folder_with_something_in_it_is_left_alone(shell):
    Path("mine").mkdir()
    Path("mine/photo.txt").write_text("precious")
    said = shell.refusal("demo", "--out", "mine")
    assert said == "--out mine holds something already; name a new folder."
    assert demo._folder(None) == Path("sfumato-demo")
    Path("sfumato-demo").mkdir()
    assert demo._folder(None) == Path("sfumato-demo-2")


def test_a_home_and_a_name_with_spaces_are_places_too(monkeypatch, tmp_path):
    """A shell leaves `--out=~/x` as it is; what the page offers to type is for a shell."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert demo._folder("~/x") == tmp_path / "x"
    commands = [command for command, _ in demo._next(Run(Path("a b")))]
    assert commands[:2] == ["sfumato sample 'a b' -n 64 --seed 1", "sfumato animate 'a b'"]
