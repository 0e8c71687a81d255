"""train: options from the fields, a plan, an exact continuation, and one line for each mistake."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from sfumato import data as sources
from sfumato import registry
from sfumato.runs import Run, load

SMOKE = ("--recipe", "smoke")


@pytest.fixture
def pictures(tmp_path_factory):
    """A folder of pictures without labels."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(12):
        Image.new("RGB", (20, 20), (number * 20, 0, 0)).save(folder / f"{number}.png")
    return str(folder)


def test_training_answers_with_where_things_are(shell):
    found = shell.answer("train", "dcgan", *SMOKE, "--model.latent", "5", "--out", "run")
    assert (found["model"], found["run"]) == ("dcgan", "run")
    assert {"run/run.yaml", "run/film.gif", "run/card.md", "run/bundle"} <= set(found["files"])
    assert {"loss/generator", "loss/discriminator"} <= found["losses"].keys()
    name, recipe = Run(Path("run")).recipe()
    assert (name, recipe.model.latent, recipe.steps) == ("dcgan", 5, 4)


def test_training_says_what_to_type_next(shell):
    code, out, _ = shell.run("train", "vae", *SMOKE)
    assert code == 0
    assert "sfumato sample runs/vae-digits -n 64 --seed 0" in out
    shell.run("train", "vae", *SMOKE)
    assert Path("runs/vae-digits-2/run.yaml").exists()
    _, out, _ = shell.run("train", "vae", *SMOKE, "--out", "runs/a b")
    assert "sfumato sample 'runs/a b' -n 64" in out, "so that it can be pasted"


@pytest.mark.parametrize("model", ["dcgan", "vae"])
def test_help_shows_every_field_with_type_and_the_recipes_default(shell, model):
    _, out, _ = shell.run("train", model, *SMOKE, "--help")
    said = " ".join(out.split())
    latent = registry.module(model).RECIPES["smoke"].model.latent
    assert "--model.latent LATENT Width Z of the" in said
    assert f"(int >= 1; {latent})" in said
    assert "--data.side SIDE Height and width in pixels" in said
    assert "--steps STEPS Batches to visit. (int >= 1; 4)" in said
    assert "--data D a name from `sfumato data list`, or a path (default digits)" in said


def test_help_without_a_model_still_lists_what_all_share(shell):
    code, out, _ = shell.run("train", "--help")
    assert code == 0
    assert "--data.side" in out
    assert "--model." not in out


def test_a_flag_needs_no_value(shell):
    shell.answer("train", "vae", *SMOKE, "--data.flip", "--out", "run")
    assert Run(Path("run")).recipe()[1].data.flip is True


@pytest.mark.parametrize(("words", "channels"), [((), 1), (("--data.channels", "3"), 3)])
def test_grey_data_stay_grey_in_a_recipe_for_colour_unless_colour_is_asked_for(
    shell, words, channels
):
    """The schema knows the colours, no Config does; three channels of grey data are equal."""
    small = ("--model.width", "4", "--steps", "2", "--batch", "8", "--out", "run")
    grey = ("--recipe", "faces", "--data", "digits")
    assert (
        f"28x28 {'grey' if channels == 1 else 'colour'}"
        in (shell.run("train", "dcgan", *grey, *words, "--dry-run")[1])
    )
    shell.answer("train", "dcgan", *grey, *words, *small)
    model = load("run")
    assert model.schema.shape == (channels, 28, 28)
    assert model.sample(2, seed=0).shape == (2, channels, 28, 28)
    given = sources.open(Run(Path("run")).recipe()[1].data).batch(torch.arange(5)).image
    assert all(torch.equal(given[:, 0], given[:, c]) for c in range(channels))


def test_a_dry_run_prints_the_plan_and_writes_nothing(shell, runs):
    plan = shell.answer("train", "dcgan", *SMOKE, "--batch", "16", "--dry-run")
    assert plan["dry_run"] is True
    assert (plan["images"], plan["recipe"]["batch"]) == (1500, 16)
    painter = load(runs["dcgan"]).generator
    assert plan["parameters"]["generator"]["total"] == sum(w.numel() for w in painter.parameters())
    assert plan["memory"] > 0
    assert not list(shell.folder.iterdir())
    for words, said in (
        (["--precision", "77"], "--precision 77 is unknown; choose from"),
        (["--batch", "3", "--devices", "2"], "--batch 3 does not share out among --devices 2"),
        (["--out", runs["dcgan"]], f"{runs['dcgan']} holds a run already; --resume continues it"),
        (["--start", "nowhere"], "nowhere is no run folder, no bundle and no name"),
        (["--start", "vae:nothing"], "vae has no recipe 'nothing';"),
        (["--start", runs["lenet5"]], f"--start {runs['lenet5']} shares 0 of "),
        (["--start", "lenet5:smoke"], "--start lenet5:smoke shares 0 of "),
    ):
        assert shell.refusal("train", "dcgan", *SMOKE, "--dry-run", *words).startswith(said)


def test_a_dry_run_of_known_data_that_is_not_here_fetches_nothing(shell):
    plan = shell.answer("train", "dcgan", "--recipe", "paper", "--dry-run")
    assert (plan["images"], plan["files"]) == (162_770, [])


def test_the_line_that_began_a_run_continues_it(shell):
    began = ("train", "vae", *SMOKE, "--data", "digits", "--model.latent", "3", "--out", "run")
    shell.answer(*began)
    shell.answer(*began, "--resume", "--steps", "6")
    assert Run(Path("run")).recipe()[1].steps == 6
    assert yaml.safe_load(Path("run/run.yaml").read_text())["recipe"]["model"]["latent"] == 3


def test_a_resumed_folder_may_be_spelt_otherwise(shell):
    Path("mine").mkdir()
    for number in range(20):
        Image.new("L", (16, 16), 9 * number).save(f"mine/{number}.png")
    began = ("train", "vae", *SMOKE, "--out", "run", "--data")
    shell.answer(*began, "mine")
    shell.answer(*began, "./mine", "--resume", "--steps", "6")
    said = shell.refusal(*began, "run", "--resume", "--steps", "7")
    assert said.startswith("--data cannot change when a run is resumed: it is mine, not run;")


def test_resuming_needs_no_model(shell):
    shell.answer("train", "vae", *SMOKE, "--out", "run")
    assert shell.answer("train", "--out", "run", "--resume")["model"] == "vae"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["vae", "--model.latent", "9"], "--model.latent cannot change when a run is resumed"),
        (["vae", "--data", "glyphs"], "--data cannot change when a run is resumed"),
        (["vae", "--data.side", "9"], "--data.side cannot change when a run is resumed"),
        (["vae", "--seed", "9"], "--seed cannot change when a run is resumed: it is 0, not 9"),
        (["dcgan"], "trains vae, not dcgan; name another --out."),
        (["vae", "--steps", "1"], "--steps 1 is below the "),
        (["vae", "--dry-run"], "--dry-run plans a new run; leave out --resume."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_resumed_run_is_the_run_it_was(shell, runs, words, said):
    assert said in shell.refusal("train", *words, "--resume", "--out", runs["vae"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "sfumato train needs MODEL; sfumato list prints their names."),
        (["dcgna"], "no model named 'dcgna'; did you mean 'dcgan'?"),
        (["dcgan", "--recipe", "smok"], "dcgan has no recipe 'smok'; did you mean 'smoke'?"),
        (
            ["dcgan", "--model.latnet", "3"],
            "there is no option --model.latnet; did you mean '--model.latent'?",
        ),
        (
            ["dcgan", "--data.sdie", "3"],
            "there is no option --data.sdie; did you mean '--data.side'?",
        ),
        (
            ["vae", "--recipe", "smoke", "--batch", "8", "--devices", "3"],
            "--batch 8 does not share out among --devices 3; take 9.",
        ),
        (["dcgan", "--stesp", "3"], "there is no option --stesp; did you mean '--steps'?"),
        (["dcgan", "--resume"], "--resume needs --out, the folder of the run to continue."),
        (["dcgan", "--minutes", "0"], "--minutes must be a number greater than 0, not '0'."),
        (
            ["dcgan", "--minutes", "1", "--steps", "3"],
            "--steps and --minutes exclude each other; give one of them.",
        ),
        (
            ["dcgan", "--device", "gpu"],
            "there is no --device 'gpu'; choose from auto, cpu, cuda, mps.",
        ),
        (
            ["dcgan", *SMOKE, "--precision", "64"],
            "--precision 64 is unknown; choose from 32, bf16.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_no_folder(shell, words, said):
    assert shell.refusal("train", *words) == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model.latent", "twelve"], "--model.latent must be a"),
        (["--model.latent", "0"], "--model.latent must be greater than or equal to 1"),
        (["--steps", "0"], "--steps must be greater than or equal to 1"),
        (["--ema", "1"], "--ema must be less than 1"),
        (["--data", "digtis"], "--data 'digtis' is unknown; did you mean 'digits'?"),
        (["--data.side", "0"], "--data.side must be at least 1; got 0."),
        (["--data.classes", "0,x"], "--data.classes 'x' is no class of digits"),
        (["--start", "nowhere"], "nowhere is no run folder, no bundle and no name in the zoo"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_value_out_of_place_is_named(shell, words, said):
    assert said in shell.refusal("train", "dcgan", *SMOKE, "--out", "run", *words)


def test_a_gpu_that_is_not_here_is_said(shell, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    said = shell.refusal("train", "dcgan", *SMOKE, "--device", "cuda")
    assert said.startswith("--device cuda is not here; this machine has cpu")


def test_pictures_without_labels_are_refused_by_who_needs_them(shell, pictures):
    said = shell.refusal("train", "lenet5", *SMOKE, "--data", pictures, "--out", "run")
    assert said.startswith(f"lenet5 needs label of every image, and {pictures} has only image")


def test_empty_folders_and_folders_of_no_pictures_are_refused(shell, tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty")
    assert str(folder) in shell.refusal("train", "dcgan", *SMOKE, "--data", folder)
    (folder / "notes.txt").write_text("no picture")
    assert str(folder) in shell.refusal("train", "dcgan", *SMOKE, "--data", folder)


def test_a_run_is_never_trained_over(shell, runs):
    said = shell.refusal("train", "vae", *SMOKE, "--out", runs["vae"])
    assert "--resume continues it, or choose another --out" in said


def test_a_folder_that_is_no_run_cannot_be_resumed(shell):
    Path("pictures").mkdir()
    said = shell.refusal("train", "vae", "--resume", "--out", "pictures")
    assert said == "pictures is not a run folder: it has no run.yaml."


def test_a_run_of_a_newer_version_is_not_resumed(shell):
    Path("run").mkdir()
    Path("run/run.yaml").write_text("format: 99\nmodel: vae\n")
    said = shell.refusal("train", "vae", "--resume", "--out", "run")
    assert "was made by a newer Sfumato (format 99" in said


def test_two_trainings_do_not_share_a_folder(shell, runs):
    with Run(Path(runs["vae"])).locked():
        said = shell.refusal("train", "vae", "--resume", "--steps", "9", "--out", runs["vae"])
    assert said.startswith("another training is writing to")


def test_a_signal_saves_and_says_how_to_go_on(shell):
    words = ["train", "vae", *SMOKE, "--steps", "1000000", "--out", "run"]
    words += ["--every", "10", "--precision", "32"]  # which spares the measurement
    process = subprocess.Popen(
        [sys.executable, "-m", "sfumato", *words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        text=True,
    )
    until = time.monotonic() + 120
    while not list(Path("run/samples").glob("*.png")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "sfumato train vae --out run --resume" in err
    assert json.loads(out)["stopped"] == "SIGTERM"
    assert Path("run/checkpoints/last.ckpt").exists()


def test_validation_is_asked_for_on_the_command_line(shell, tmp_path):
    words = ("train", "vae", "--recipe", "smoke", "--validate", "1", "--out", "validated")
    shell.answer(*words)
    assert "held-out/nats" in Path("validated/metrics.csv").read_text().splitlines()[0]


def test_unreadable_held_out_pictures_leave_no_folder(shell, tmp_path):
    for part, name in (("train", "a"), ("train", "b"), ("test", "a")):
        Path(f"set/{part}/{name}").mkdir(parents=True)
        for number in range(8):
            Image.new("L", (16, 16), 9 * number).save(f"set/{part}/{name}/{number}.png")
    for path in Path("set/test/a").iterdir():
        path.write_bytes(b"no picture")
    words = ("train", "lenet5", "--recipe", "smoke", "--validate", "1", "--out", "none")
    assert "set" in shell.refusal(*words, "--data", "set")
    assert not Path("none").exists()
