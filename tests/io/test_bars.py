"""A bar is for people: in a file or a pipe there is no trace of it."""

import pytest

from sfumato.io.bars import bar


@pytest.mark.parametrize("terminal", [False, True])
def test_a_bar_is_seen_on_a_terminal_alone(terminal, capsys, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1" if terminal else "0")
    with bar() as progress:
        progress.advance(progress.add_task("painting", total=2), 2)
        progress.refresh()
    out, err = capsys.readouterr()
    assert out == ""
    assert ("painting" in err) == terminal
    assert terminal or err == ""
