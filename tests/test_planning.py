"""A folder's first words: what may be said again, and what a run that came to nothing leaves."""

import sys

import pytest

from sfumato import runs, training
from sfumato.errors import ConfigError, RunError
from sfumato.training import train

SMOKE = {"recipe": "smoke", "progress": False, "device": "cpu"}


def test_the_words_that_began_a_run_continue_it(tmp_path):
    words = {**SMOKE, "out": tmp_path / "run", "config": {"lr": 2e-3}, "seed": 4}
    run = train("vae", **words)
    assert train("vae", **words, resume=True).path == run.path
    for change, said in (
        ({"data": "mnist"}, "--data cannot change when a run is resumed: it is digits, not mnist"),
        ({"config": {"lr": 1e-3}}, "--model.lr cannot change when a run is resumed: it is 0.002"),
        ({"precision": "bf16"}, "--precision cannot change when a run is resumed: it is 32-true"),
        ({"device": "cuda"}, "--device cannot change when a run is resumed: it is cpu, not cuda"),
    ):
        with pytest.raises(ConfigError) as caught:
            train("vae", **{**words, **change}, resume=True)
        assert said in str(caught.value)


def test_a_run_that_saved_nothing_does_not_block_its_folder(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(RunError, match="nothing was saved yet"):
        train("vae", **SMOKE, out=out, config={"lr": 1e30})
    with pytest.raises(RunError, match="has not saved its model: it has just begun, or ended"):
        runs.load(out)
    (out / "samples").mkdir(exist_ok=True)
    (out / "samples" / "step-999999.png").touch()
    run = train("vae", **SMOKE, out=out)
    assert runs.load(run.path).config.lr < 1
    assert not (out / "samples" / "step-999999.png").exists()


def test_a_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    run = train("vae", **SMOKE, out="~/run")
    assert run.path == tmp_path / "run"
    assert run.bundle.is_dir()


def test_what_is_kept_or_not_ours_is_never_deleted(tmp_path, monkeypatch):
    run = train("vae", **SMOKE, out=tmp_path / "run")
    run.checkpoint.unlink()
    with pytest.raises(RunError, match="holds a run already"):
        train("vae", **SMOKE, out=run.path)
    other = tmp_path / "other"
    (other / "samples").mkdir(parents=True)
    (other / "run.yaml").write_text("foo: bar")
    with pytest.raises(RunError, match=r"run\.yaml is not one of ours"):
        train("vae", **SMOKE, out=other)
    assert (other / "samples").is_dir()


def test_of_two_that_begin_at_once_the_second_is_refused(tmp_path, monkeypatch):
    out, planned = tmp_path / "run", training._preset

    def meanwhile(*words):
        monkeypatch.setattr(training, "_preset", planned)
        train("vae", **SMOKE, out=out, seed=1)
        return planned(*words)

    monkeypatch.setattr(training, "_preset", meanwhile)
    with pytest.raises(RunError, match="holds a run already"):
        train("vae", **SMOKE, out=out, seed=2)
    assert runs.Run(out).recipe()[1].seed == 1


def test_a_notebook_is_not_run_once_more_for_a_second_process(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    with pytest.raises(ConfigError, match="--devices 2 runs the program once for each, which a"):
        train("vae", **SMOKE, out=tmp_path / "run", devices=2)
    with pytest.raises(ConfigError, match="--devices must be at least 1; got 0"):
        train("vae", **SMOKE, out=tmp_path / "run", devices=0)
    assert not (tmp_path / "run").exists()
