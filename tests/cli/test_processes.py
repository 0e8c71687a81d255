"""Several processes of one training speak with one voice."""

import json


def test_two_processes_share_a_run_and_one_object(of_two):
    done, folder = of_two
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["run"] == "runs/vae-digits-2"
    names = sorted(path.name for path in (folder / "runs").iterdir())
    assert names == ["vae-digits", "vae-digits-2"]


def test_the_others_are_silent(shell, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert shell.run("list") == (0, "", "")
    assert shell.run("list", "--json") == (0, "", "")
