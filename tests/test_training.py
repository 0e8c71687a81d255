"""Runs: repeatable, resumable at any batch, lawful on two processes, and clear about mistakes."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file

from sfumato import runs, training
from sfumato.callbacks.ledger import rows
from sfumato.errors import ConfigError, DataError, DeviceError, RunError, UnknownName
from sfumato.evaluation import evaluate
from sfumato.planning import plan
from sfumato.runs import Run
from sfumato.training import train

SMOKE = {"recipe": "smoke", "progress": False, "device": "cpu"}
BEGIN = {"recipe": "smoke", "every": 20}
APART = multiprocessing.get_context("forkserver")
"""Its processes begin with all imported, which takes longer than their training."""
APART.set_forkserver_preload(["sfumato.training", "sfumato.models.dcgan"])


def weights(run):
    return load_file(run.bundle / "model.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def work(out, given, said):
    """What a process of its own does."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has it ignored
    torch.set_num_threads(1)  # beside other tests, cores that wait for each other take minutes
    training.WORTH_MEASURING = 10**9  # two runs that measure the machine may choose differently
    run = train("dcgan", steps=300, out=out, progress=False, device="cpu", **given)
    said.send(str(run.stopped))


def child(out, **given):
    """A process that trains, and the pipe in which it says what stopped it."""
    ours, theirs = APART.Pipe(duplex=False)
    process = APART.Process(target=work, args=(out, given, theirs))
    process.start()
    theirs.close()
    return process, ours


def finish(process, pipe):
    assert pipe.poll(100), "it never came to its end"
    said = pipe.recv()
    process.join(100)
    assert process.exitcode == 0
    return said


def test_a_run_leaves_everything_behind(tmp_path):
    run = train("dcgan", **SMOKE, out=tmp_path / "run")
    names = {path.name for path in run.path.iterdir() if not path.name.startswith((".", "events"))}
    assert names == {
        "run.yaml", "checkpoints", "bundle", "metrics.csv", "samples", "film.gif", "loss.png",
        "card.md",
    }  # fmt: skip
    assert [p.name for p in sorted((run.path / "samples").iterdir())] == [
        "step-000002.png",
        "step-000004.png",
    ]


def test_a_recipe_on_file_is_the_recipe_that_ran(tmp_path):
    run = train("dcgan", **SMOKE, out=tmp_path / "run", config={"latent": 5}, batch=6)
    name, recipe = run.recipe()
    assert (name, recipe.model.latent, recipe.batch, recipe.steps) == ("dcgan", 5, 6, 4)
    assert recipe == plan("dcgan", recipe="smoke", config={"latent": 5}, batch=6)


def test_more_steps_after_the_end_equal_more_steps_at_once(tmp_path):
    """With average weights, batch norm, dropout and label noise, all of which must be restored."""
    whole = train("dcgan", **SMOKE, steps=7, out=tmp_path / "whole")
    train("dcgan", **SMOKE, steps=3, out=tmp_path / "parts")
    parts = train("dcgan", out=tmp_path / "parts", resume=True, steps=7, progress=False)
    assert same(weights(whole), weights(parts))
    assert (whole.path / "metrics.csv").read_text() == (parts.path / "metrics.csv").read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_run_stopped_by_a_signal_resumes_bit_equal(tmp_path, number, whole_run):
    out = tmp_path / "cut"
    process, pipe = child(out, **BEGIN)
    wait_for(out / "samples" / "step-000020.png", process)
    os.kill(process.pid, number)
    if number == signal.SIGKILL:
        process.join(100)
        assert process.exitcode == -signal.SIGKILL
    else:
        assert finish(process, pipe) == number.name, "it saves first, then ends"
        assert (out / "checkpoints" / "last.ckpt").exists()
    finish(*child(out, resume=True))
    assert same(load_file(out / "bundle" / "model.safetensors"), whole_run)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    finish(*child(out, **BEGIN))
    return load_file(out / "bundle" / "model.safetensors")


def wait_for(path, process):
    for _ in range(1200):
        if path.exists():
            return
        assert process.is_alive(), "the run ended before it was cut"
        time.sleep(0.05)
    raise AssertionError(f"{path} never came")


@pytest.mark.parametrize(("name", "cut"), [("vae", 4), ("cyclegan", 3)])
def test_a_run_that_went_on_has_the_numbers_of_one_that_never_stopped(tmp_path, name, cut):
    words = {"recipe": "smoke", "every": 2, "progress": False, "device": "cpu"}
    whole = train(name, **words, steps=5, out=tmp_path / "whole")
    train(name, **words, steps=cut, out=tmp_path / "parts")
    parts = train(name, resume=True, steps=5, progress=False, out=tmp_path / "parts")
    assert (parts.path / "metrics.csv").read_text() == (whole.path / "metrics.csv").read_text()


def test_signals_are_afterwards_what_they_were(tmp_path):
    """Else a process that trains and goes on to something else cannot be ended."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    train("lenet5", recipe="smoke", out=tmp_path / "run", progress=False, device="cpu")
    after = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert after == before


def test_accumulated_parts_equal_the_whole_batch(tmp_path, vae_run):
    """Without batch norm the gradient of a mean is the mean of the parts' gradients."""
    parts = train("vae", **SMOKE, out=tmp_path / "parts", accumulate=4)
    for key, value in weights(vae_run).items():
        torch.testing.assert_close(weights(parts)[key], value, atol=1e-5, rtol=1e-4)


def test_two_processes_with_half_the_batch_equal_one_with_the_whole(tmp_path, of_two):
    """The mean gradient over processes is the gradient of the mean: design, section 5."""
    done, folder = of_two
    assert done.returncode == 0, done.stderr
    one, two = train("vae", **SMOKE, steps=6, out=tmp_path / "one"), folder / "runs/vae-digits-2"
    found = load_file(two / "bundle" / "model.safetensors")
    for key, value in weights(one).items():
        torch.testing.assert_close(found[key], value, atol=1e-6, rtol=1e-5)
    table, theirs = rows(one.path / "metrics.csv"), rows(two / "metrics.csv")
    assert table, "and losses are of the whole batch"
    assert [pytest.approx(row, rel=1e-4) for row in table] == theirs


def test_minutes_end_the_run_and_are_turned_into_steps(tmp_path):
    words = SMOKE | {"precision": "32"}  # named, else as many batches may be worth a measurement
    run = train("vae", **words, out=tmp_path / "run", minutes=0.05)
    steps = run.read()["recipe"]["steps"]
    assert steps > 4, "the time allows more than the recipe's four batches"
    again = train("vae", **words, out=tmp_path / "again", steps=steps)
    assert same(weights(run), weights(again))


def test_a_number_that_is_not_finite_stops_the_run(tmp_path):
    with pytest.raises(RunError, match=r"loss/bound became (nan|inf) at batch \d+; nothing was"):
        train("vae", **SMOKE, out=tmp_path / "run", config={"lr": 1e30})
    assert "became" in (tmp_path / "run" / "card.md").read_text()
    assert not (tmp_path / "run" / "bundle").exists()


def test_a_run_clips_gradients_where_it_is_asked_to(tmp_path, vae_run):
    bound = train("vae", **SMOKE, out=tmp_path / "bound", clip=1e-3)
    assert not same(weights(vae_run), weights(bound))


def test_training_can_begin_from_another_run(tmp_path, vae_run):
    second = train(
        "vae",
        **SMOKE,
        out=tmp_path / "second",
        start=str(vae_run.path),
        steps=1,
        config={"lr": 1e-12},
    )
    for key, value in weights(vae_run).items():
        torch.testing.assert_close(weights(second)[key], value, atol=1e-8, rtol=1e-5)


def test_a_recipe_to_begin_from_is_trained_on_the_pictures_of_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = {"name": "glyphs", "side": 16, "count": 32, "channels": 1}
    run = train("dcgan", data=data, start="dcgan:smoke", out="run", **SMOKE)
    first = Run(Path("runs/dcgan-smoke-glyphs")).read()
    assert first["recipe"]["data"] == run.read()["recipe"]["data"]


def test_a_folder_is_locked_while_it_is_trained_in(tmp_path):
    from sfumato.runs import Run

    with Run(tmp_path).locked(), pytest.raises(RunError, match="another training is writing to"):
        train("vae", **SMOKE, out=tmp_path)


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"recipe": "laptob"}, UnknownName, "vae has no recipe 'laptob'; did you mean 'laptop'?"),
        ({"steps": 0}, ConfigError, "--steps must be greater than or equal to 1, not 0."),
        ({"batch": "many"}, ConfigError, "--batch must be a valid integer, not 'many'."),
        ({"stepz": 3}, ConfigError, "there is no setting --stepz; did you mean 'steps'?"),
        ({"config": {"latnet": 3}}, ConfigError, "--model.latnet; did you mean 'latent'?"),
        ({"config": {"lr": -1}}, ConfigError, "--model.lr must be greater than 0, not -1."),
        ({"minutes": 0}, ConfigError, "--minutes must be greater than 0, not 0."),
        ({"device": "tpu"}, DeviceError, "--device tpu is not here; this machine has "),
        ({"precision": "8"}, ConfigError, "--precision 8 is unknown; choose from 32, bf16."),
        ({"data": {"name": "digits", "split": "trian"}}, None, "trian"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_leaves_nothing_behind(tmp_path, kwargs, error, words):
    from sfumato.errors import SfumatoError

    with pytest.raises(error or SfumatoError) as caught:
        train("vae", **{**SMOKE, **kwargs}, out=tmp_path / "run")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_run_is_never_overwritten_nor_continued_as_something_else(tmp_path, vae_run):
    run = vae_run
    with pytest.raises(RunError, match="holds a run already; --resume continues it"):
        train("vae", **SMOKE, out=run.path)
    with pytest.raises(ConfigError, match="--batch cannot change when a run is resumed"):
        train("vae", out=run.path, resume=True, batch=3)
    with pytest.raises(
        ConfigError, match=r"--model\.lr cannot change when a run is resumed: it is"
    ):
        train("vae", out=run.path, resume=True, config={"lr": 1.0})
    with pytest.raises(ConfigError, match="trains vae, not dcgan; name another"):
        train("dcgan", out=run.path, resume=True)
    with pytest.raises(ConfigError, match="--resume needs --out"):
        train("vae", resume=True)
    with pytest.raises(RunError, match=r"is not a run folder: it has no run\.yaml"):
        train("vae", out=tmp_path, resume=True)


def test_a_run_from_a_newer_version_is_refused(vae_run):
    path = vae_run.path / "run.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "format": 99}))
    with pytest.raises(RunError, match=r"was made by a newer Sfumato \(format 99"):
        train("vae", out=vae_run.path, resume=True)


def test_a_damaged_checkpoint_is_named(vae_run):
    vae_run.checkpoint.write_bytes(vae_run.checkpoint.read_bytes()[:1000])
    with pytest.raises(RunError, match=r"last.ckpt is damaged"):
        train("vae", out=vae_run.path, resume=True, steps=9)


# ------------------------------------------------------------------ labels that are looked at


@pytest.mark.parametrize(
    ("model", "config"), [("infogan", {}), ("aae", {"task": "clusters"})], ids=["infogan", "aae"]
)
def test_a_run_shows_the_labels_that_groups_are_named_by(tmp_path, model, config):
    run = train(
        model, recipe="smoke", data={"labels": None}, config=config, steps=20, out=tmp_path / "run"
    )
    assert runs.load(run.path).naming.met.sum() > 0


@pytest.mark.parametrize(
    ("model", "config"),
    [("cgan", {}), ("lenet5", {}), ("aae", {"task": "supervised"})],
    ids=["cgan", "lenet5", "aae"],
)
def test_who_needs_every_label_refuses_a_few(tmp_path, model, config):
    data = {"name": "digits", "side": 28, "labels": 20, "count": 100}
    with pytest.raises(DataError) as caught:
        train(model, recipe="smoke", data=data, config=config, out=tmp_path / "run")
    assert str(caught.value) == (
        f"{model} needs the label of every image, and digits has only 20 of 100; take fewer "
        "images: --data.count 20, or take a model that learns from few labels, such as semi_gan "
        "or aae --recipe semi."
    )
    assert not (tmp_path / "run").exists()


def test_a_run_goes_on_from_another_folder(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    for number in range(12):
        Image.new("L", (8, 8), 20 * number).save(tmp_path / "mine" / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    words = {"recipe": "smoke", "progress": False, "device": "cpu", "validate": 1}
    straight = train("vae", data="mine", **words, steps=4, out="straight")
    train("vae", data="mine", **words, steps=2, out="run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    again = train("vae", out="../run", resume=True, steps=4, progress=False)
    assert same(weights(again), weights(Run(tmp_path / straight.path)))
    assert again.recipe()[1].data.name == "mine"
    (tmp_path / "elsewhere" / "mine").mkdir()
    Image.new("L", (8, 8), 9).save("mine/0.png")
    train("vae", out="../run", resume=True, steps=5, progress=False)


# ------------------------------------------------------------------ what a slip costs


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "cats").mkdir()
    with pytest.raises(RunError) as caught:
        train("dcgan", **SMOKE, out=tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} is no run folder and holds cats; choose another --out, new or empty."
    )
    assert [place.name for place in tmp_path.iterdir()] == ["cats"]


def test_a_batch_that_no_memory_holds_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"--batch 100000000 holds more pixels than fit in"):
        train("dcgan", **SMOKE, batch=100_000_000, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_second_interrupt_ends_as_interrupts_do(tmp_path, monkeypatch):
    """Lightning leaves by SystemExit, which would read as a fault of ours."""

    def leave(*_, **__):
        raise SystemExit(1)

    monkeypatch.setattr("lightning.Trainer.fit", leave)
    with pytest.raises(KeyboardInterrupt):
        train("dcgan", **SMOKE, out=tmp_path / "run")


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    with pytest.raises(RunError, match=r"generator\.\S+ is not finite after batch 1; nothing was"):
        train("dcgan", **SMOKE, steps=1, config={"lr": 1e39}, out=tmp_path / "run")
    assert not (tmp_path / "run" / "bundle").exists()


def test_what_is_learned_from_beside_the_data_is_looked_at_first(tmp_path):
    with pytest.raises(ConfigError, match=r"--model\.style 'nothere.png' is no picture"):
        train("fast_style", **SMOKE, config={"style": "nothere.png"}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_does_not_join_the_pictures_it_learns_from(tmp_path):
    with pytest.raises(ConfigError, match=r"lies inside --data .*; name an --out elsewhere"):
        train("dcgan", **SMOKE, data=str(tmp_path), out=tmp_path / "runs" / "one")


def test_nor_those_that_stand_opposite(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for data in ({"name": "~/b"}, {"name": "signs", "side": 32, "other": str(tmp_path / "b")}):
        (tmp_path / "b").mkdir(exist_ok=True)
        Image.new("RGB", (32, 32)).save(tmp_path / "b" / "one.png")
        with pytest.raises(ConfigError, match=r"lies inside --data(\.other)? .*b, and its pict"):
            train("cyclegan", recipe="smoke", data=data, device="cpu", out=tmp_path / "b" / "run")
    assert not (tmp_path / "b" / "run").exists()


def test_a_start_that_fits_next_to_nothing_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"--start dcgan-mnist shares 6 of 3,524 numbers"):
        train("dcgan", **SMOKE, start="dcgan-mnist", out=tmp_path / "run")


def test_scores_on_held_out_images_stand_in_every_so_many_rows(tmp_path):
    words = {"recipe": "smoke", "every": 2, "validate": 2, "ema": 0.9, "progress": False}
    words["device"] = "cpu"  # of the averaged weights, as `evaluate` scores them
    whole = train("vae", **words, steps=8, out=tmp_path / "whole")
    table = rows(whole.path / "metrics.csv")
    assert [row["step"] for row in table if "held-out/nats" in row] == [4, 8]
    expected = evaluate(whole.path, count=297)["nats"].value
    assert table[-1]["held-out/nats"] == pytest.approx(expected, rel=1e-4)
    train("vae", **words, steps=4, out=tmp_path / "parts")
    parts = train("vae", resume=True, steps=8, progress=False, out=tmp_path / "parts")
    assert (parts.path / "metrics.csv").read_text() == (whole.path / "metrics.csv").read_text()
    assert "held-out/nats" in (whole.path / "card.md").read_text()
