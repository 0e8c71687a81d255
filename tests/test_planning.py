"""A folder's first words: what may be said again, and what a run that came to nothing leaves."""

import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from sfumato import runs, training
from sfumato.callbacks.checkpoints import Checkpoints, reached
from sfumato.errors import ConfigError, RunError, Stopped
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


def test_who_has_no_numbers_of_its_own_has_none_to_validate(tmp_path):
    with pytest.raises(
        ConfigError, match="--validate is for models with numbers of their own, and"
    ):
        train("dcgan", **SMOKE, validate=1, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_who_learns_from_one_source_takes_no_other(tmp_path):
    words = {**SMOKE, "data": {"name": "digits", "other": "digits"}, "out": tmp_path / "run"}
    with pytest.raises(ConfigError, match="vae learns from one source of pictures: leave out"):
        train("vae", **words)
    assert not (tmp_path / "run").exists()


def test_a_recipe_that_is_named_again_must_be_the_one(tmp_path):
    words = {**SMOKE, "out": tmp_path / "run"}
    train("vae", **words)
    with pytest.raises(ConfigError, match=r"--recipe manifold has model\.\w+ .*, and this run "):
        train("vae", **{**words, "recipe": "manifold"}, resume=True)
    for said in ({"devices": 2}, {"minutes": 1.0, "steps": 7}):
        with pytest.raises(ConfigError, match=r"cannot change when|exclude each other"):
            train("vae", **{**words, **said}, resume=True)


def test_a_run_that_ended_in_time_is_over(tmp_path):
    run = train("vae", recipe="smoke", out=tmp_path / "run", minutes=1e-4, progress=False)
    before = (run.path / "run.yaml").read_bytes()
    again = train("vae", out=run.path, resume=True, progress=False)
    assert (again.path / "run.yaml").read_bytes() == before
    with pytest.raises(ConfigError, match=r"--minutes 1e-09 is below the .* that .* has done"):
        train("vae", out=run.path, resume=True, minutes=1e-9)


def test_a_start_is_trained_to_its_end_on_the_pictures_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start = Path("runs/vae-smoke-digits")
    train("vae", recipe="smoke", out=start, progress=False)
    card = yaml.safe_load((start / "run.yaml").read_text())
    card["recipe"]["steps"] += 3  # as it stands where training was cut off
    (start / "run.yaml").write_text(yaml.safe_dump(card))
    train("vae", recipe="smoke", start="vae:smoke", out="on", progress=False)
    assert reached(runs.Run(start)).visited == card["recipe"]["steps"]
    shutil.rmtree(start / "checkpoints")
    before = (start / "metrics.csv").read_bytes()
    flipped = {"data": {"flip": True}}  # the same pictures, and a finished run without checkpoints
    train("vae", recipe="smoke", **flipped, start="vae:smoke", out="again", progress=False)
    assert (start / "metrics.csv").read_bytes() == before
    with pytest.raises(ConfigError, match=r"which learned with --data\.holdout 0\.0, not 0\.2"):
        train("vae", recipe="smoke", data={"holdout": 0.2}, start="vae:smoke", out="other")
    assert not Path("other").exists()


def test_a_start_that_is_cut_off_ends_the_run_that_waits_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    whole = Checkpoints.on_train_batch_end

    def cut_off(self, *args):
        self.asked = signal.SIGTERM
        whole(self, *args)

    monkeypatch.setattr(Checkpoints, "on_train_batch_end", cut_off)
    with pytest.raises(Stopped, match="stopped by SIGTERM while training vae:smoke") as caught:
        train("vae", recipe="smoke", start="vae:smoke", out="on", progress=False)
    assert caught.value.name == "SIGTERM"
    assert not Path("on").exists()


def test_a_start_that_cannot_fit_is_not_trained_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"shares 0 of .* numbers with this model"):
        train("dcgan", recipe="smoke", start="cgan:smoke", out="on", progress=False)
    assert not Path("runs").exists()


def test_a_damaged_run_yaml_is_named_before_a_batch(vae_run):
    path = vae_run.path / "run.yaml"
    whole = yaml.safe_load(path.read_text())
    for part in ("model", "recipe", "preset", "data"):
        path.write_text(yaml.safe_dump({k: v for k, v in whole.items() if k != part}))
        with pytest.raises(RunError, match=f"run.yaml is damaged: '{part}' is missing or misp"):
            train("vae", out=vae_run.path, resume=True, steps=9)
    path.write_text(yaml.safe_dump(whole | {"preset": whole["preset"] | {"threads": 0}}))
    with pytest.raises(ConfigError, match=r"^--preset\.threads must be greater than or eq"):
        train("vae", out=vae_run.path, resume=True, steps=9)


def test_a_checkpoint_of_another_model_is_refused_before_a_batch(vae_run):
    card = yaml.safe_load((vae_run.path / "run.yaml").read_text())
    card["recipe"]["model"]["hidden"] = 24
    (vae_run.path / "run.yaml").write_text(yaml.safe_dump(card))
    with pytest.raises(RunError, match=r"last\.ckpt does not fit: .* is \S+ there and \S+ by"):
        train("vae", out=vae_run.path, resume=True, steps=9)


def test_a_process_that_is_gone_is_one_line(vae_run, monkeypatch):
    class Cut:
        def fit(self, *_, **__):
            raise RuntimeError(
                "[gloo/transport/tcp/pair.cc:537] Read error: Connection reset by peer"
            )

    monkeypatch.setattr(training, "build_trainer", lambda *_: Cut())
    card = yaml.safe_load((vae_run.path / "run.yaml").read_text())
    for devices, said in ((2, r"^another process of this training has ended"), (1, "^.gloo")):
        card["preset"]["devices"] = devices
        (vae_run.path / "run.yaml").write_text(yaml.safe_dump(card))
        with pytest.raises(RunError if devices == 2 else RuntimeError, match=said):
            train("vae", out=vae_run.path, resume=True, steps=9)


def test_a_run_goes_on_where_its_pictures_have_moved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, seed in (("here", 0), ("others", 1)):
        (tmp_path / name).mkdir()
        rows = np.random.default_rng(seed).integers(0, 256, (40, 16, 16), np.uint8)
        for number, row in enumerate(rows):
            Image.fromarray(row).save(f"{name}/{number}.png")
    words = {"recipe": "smoke", "out": "run", "progress": False, "device": "cpu"}
    train("dcgan", **words, data={"name": "here", "side": 16})
    (tmp_path / "here").rename("there")
    with pytest.raises(RunError, match=r"^run cannot be resumed: others is not the data it began"):
        train("dcgan", out="run", resume=True, data="others", steps=6, progress=False)
    run = train("dcgan", out="run", resume=True, data="there", steps=6, progress=False)
    assert run.recipe()[1].data.name == "there"
    assert run.read()["data"]["places"] == {"name": str(tmp_path / "there")}
    again = train("dcgan", out="run", resume=True, data="./there", steps=8, progress=False)
    assert again.recipe()[1].data.name == "there", "however it is spelt"
