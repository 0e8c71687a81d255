"""A command line to talk to."""

import json
from pathlib import Path

import pytest

from sfumato.cli import main


class Shell:
    """`sfumato` in a folder of its own."""

    def __init__(self, capsys, folder):
        self.capsys, self.folder = capsys, folder

    def run(self, *words):
        """Exit code, stdout and stderr."""
        self.capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = self.capsys.readouterr()
        return code, out, err

    def answer(self, *words):
        """The object that a call which works prints last; every file it names is there."""
        code, out, err = self.run(*words, "--json")
        assert code == 0, err
        assert len(out.splitlines()) == 1, "with --json everything else goes to stderr"
        found = json.loads(out)
        assert found.keys() >= {"verb", "model", "run", "seconds", "files", "metrics"}
        assert found["verb"] == words[0]
        assert all(Path(file).exists() for file in found["files"])
        return found

    def refusal(self, *words):
        """The one line of a call that is the user's mistake, and that leaves nothing behind."""
        before = sorted(self.folder.rglob("*"))
        code, out, err = self.run(*words)
        assert (code, out) == (2, "")
        (line,) = err.splitlines()
        assert line.startswith("sfumato: ")
        assert sorted(self.folder.rglob("*")) == before
        return line.removeprefix("sfumato: ")


@pytest.fixture
def shell(capsys, tmp_path, monkeypatch):
    """The command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SFUMATO_DATA", raising=False)
    monkeypatch.setenv("SFUMATO_MODELS", "")
    return Shell(capsys, tmp_path)
