"""Several processes of one training speak with one voice."""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_two_processes_share_a_run_and_one_object(shell):
    Path("runs/vae-digits").mkdir(parents=True)  # taken: both must agree on the next
    words = ["train", "vae", "--recipe", "smoke", "--devices", "2", "--device", "cpu", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "sfumato", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["run"] == "runs/vae-digits-2"
    assert sorted(path.name for path in Path("runs").iterdir()) == ["vae-digits", "vae-digits-2"]


def test_the_others_are_silent(shell, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert shell.run("list") == (0, "", "")
    assert shell.run("list", "--json") == (0, "", "")
