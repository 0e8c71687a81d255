"""What watches a run: averages, health, pictures, rows, saving."""

import errno
from argparse import Namespace
from pathlib import Path

import lightning as L
import pytest
import torch
from PIL import Image
from torch import nn

from sfumato import data as sources
from sfumato.callbacks import pictures
from sfumato.callbacks.average import WARM, Average
from sfumato.callbacks.card import plot
from sfumato.callbacks.checkpoints import Checkpoints
from sfumato.callbacks.clock import Clock
from sfumato.callbacks.health import SLOW, Health
from sfumato.callbacks.ledger import Ledger, rows
from sfumato.callbacks.pictures import Pictures, answers, diversity, edited, looking, paint
from sfumato.data.source import Source
from sfumato.errors import RunError
from sfumato.model import Model
from sfumato.models.cyclegan import Config as CycleConfig
from sfumato.models.cyclegan import CycleGAN
from sfumato.models.fader import Config as FaderConfig
from sfumato.models.fader import Fader
from sfumato.models.srresnet import Config as SharpConfig
from sfumato.models.srresnet import SRResNet
from sfumato.models.vae import VAE, Config
from sfumato.module import Module
from sfumato.nn.attributes import decode
from sfumato.nn.spectral import spectral
from sfumato.runs import Run
from sfumato.schema import Schema
from sfumato.training import train

TRAINER = L.Trainer(logger=False, enable_checkpointing=False, barebones=True)


class Three(Model):
    """Three weights and a count."""

    def __init__(self):
        super().__init__(Config(), Schema(shape=(1, 2, 2)))
        self.weight = nn.Parameter(torch.zeros(3))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def training_step(self, batch, index):
        """Nothing."""

    def configure_optimizers(self):
        return []


def averaging(decay, clock):
    """An average, and the module it is of."""
    average, module = Average(decay, clock), Module(Three())
    average.setup(TRAINER, module, "fit")
    return average, module


def visit(average, module):
    average.on_train_batch_end(TRAINER, module, None, None, 0)


@pytest.mark.parametrize("decay", [0.5, 0.998])
def test_the_average_is_the_recursion_it_says(decay):
    """m <- d m + (1 - d) w with d = min(decay, (1 + n) / (10 + n)), worked by hand.

    While the weights do not change, a move over several batches equals as many single moves.
    """
    clock = Clock(0)
    (average, module), expected = averaging(decay, clock), torch.zeros(3)
    gap, moves = average.gap, 0
    for n in range(1, 400):
        clock.visited = n
        value = torch.full((3,), float(-(-n // gap)))
        module.model.weight.data.copy_(value)
        d = min(decay, (1 + n) / (10 + n))
        expected = d * expected + (1 - d) * value
        before = average.model.weight.detach().clone()
        visit(average, module)
        moves += not torch.equal(before, average.model.weight)
        if n <= WARM or n % gap == 0:
            torch.testing.assert_close(average.model.weight.detach(), expected)
    assert moves == (399 if gap == 1 else WARM + 299 // gap)


def test_the_average_does_not_move_at_the_end_of_an_epoch():
    assert not Average(0.9, Clock(0)).should_update(epoch_idx=0)


def test_whole_numbers_are_copied_not_averaged():
    clock = Clock(0)
    clock.visited = 3
    average, module = averaging(0.9, clock)
    module.model.count.fill_(7)
    visit(average, module)
    assert average.model.count == 7


def test_the_average_is_where_the_network_is():
    """Lightning makes it before it moves the network there."""
    average, module = averaging(0.9, Clock(0))
    module.to("meta")
    average.on_fit_start(TRAINER, module)
    assert average.model.weight.device.type == "meta"


def test_samples_and_bundle_use_the_average_while_training_goes_on_with_the_weights(tmp_path):
    same = {"recipe": "smoke", "progress": False, "device": "cpu"}
    free = train("dcgan", **same, out=tmp_path / "a", ema=0.0)
    mean = train("dcgan", **same, out=tmp_path / "b", ema=0.9)
    saved = torch.load(mean.checkpoint, weights_only=True)
    last = torch.load(free.checkpoint, weights_only=True)["state_dict"]
    assert all(torch.equal(saved["current_model_state"][k], last[k]) for k in last)
    assert not all(torch.equal(saved["state_dict"][k], last[k]) for k in last)


def health_of(folder):
    return Health(Checkpoints(Run(folder), lambda model: model))


def test_collapse_is_warned_of_and_a_grey_beginning_is_not(tmp_path):
    clock, health = Clock(0), health_of(tmp_path)
    digits = sources.open(Source(name="digits"))
    pictures = Pictures(Run(tmp_path), clock, health, lambda model: model, 10, digits)
    data, grey = torch.rand(64, 1, 8, 8) * 2 - 1, torch.zeros(64, 1, 8, 8)
    clock.visited = 10
    pictures._judge(grey, data)
    assert health.warnings == [], "nothing was ever drawn"
    pictures._judge(data, data)
    pictures._judge(grey, data)
    assert health.warnings == ["samples look alike: collapsing (batch 10)"]


def test_a_resumed_run_knows_that_it_had_drawn_something(tmp_path):
    digits, clock, health = sources.open(Source(name="digits")), Clock(0), health_of(tmp_path)
    before, after = (
        Pictures(Run(tmp_path), clock, health, lambda model: model, 10, digits) for _ in range(2)
    )
    data, clock.visited = torch.rand(64, 1, 8, 8) * 2 - 1, 10
    before._judge(data, data)
    after.load_state_dict(before.state_dict())
    after._judge(torch.zeros(64, 1, 8, 8), data)
    assert health.warnings == ["samples look alike: collapsing (batch 10)"]


def test_a_model_is_as_it_was_after_a_look_that_failed():
    model, state = Three().train(), torch.get_rng_state()
    with pytest.raises(ValueError, match="no"), looking(model):
        _ = torch.rand(1), int("no")
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_diversity_is_the_mean_deviation_of_a_pixel():
    images = torch.stack([torch.full((1, 2, 2), value) for value in (-1.0, 1.0)])
    assert diversity(images) == pytest.approx(2**0.5)
    assert diversity(images[:1]) == 0


def test_painting_leaves_mode_and_random_state_alone():
    model = VAE(Config(latent=2, width=4), Schema(shape=(1, 8, 8))).train()
    state = torch.get_rng_state()
    first = paint(model, 3, seed=5)
    assert torch.equal(paint(model, 3, seed=5), first)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("precision", "quick", "said"),
    [("bf16-mixed", False, [SLOW]), ("bf16-mixed", True, []), ("32-true", False, [])],
)
def test_bfloat16_on_a_processor_without_it_is_warned_of(
    tmp_path, monkeypatch, precision, quick, said
):
    monkeypatch.setattr("sfumato.callbacks.health.quick_in_half", lambda: quick)
    health, model = health_of(tmp_path), VAE(Config(latent=2, width=4), Schema(shape=(1, 8, 8)))
    trainer = L.Trainer(precision=precision, accelerator="cpu", logger=False, barebones=True)
    health.on_train_start(trainer, Module(model))
    assert health.warnings == said


@pytest.mark.parametrize(("last", "said"), [(1e-5, "vanishes"), (2e3, "explodes"), (300.0, "")])
def test_a_gradient_that_ends_is_warned_of_by_the_players_name(tmp_path, last, said):
    health, model = health_of(tmp_path), VAE(Config(latent=2, width=4), Schema(shape=(1, 8, 8)))
    for step, norm in enumerate([1.0, 1.1, 0.9, last]):
        model.norms, model.step = {"judge": torch.tensor(norm)}, step
        health._compare_gradients(model)
    assert health.warnings == ([f"the gradient of the judge {said} (batch 4)"] if said else [])


def test_of_two_gradients_nobody_says_which_is_usual(tmp_path):
    health, model = health_of(tmp_path), VAE(Config(latent=2, width=4), Schema(shape=(1, 8, 8)))
    for norm in (1.0, 1e-6, 1e-6):
        model.norms = {"judge": torch.tensor(norm)}
        health._compare_gradients(model)
    assert not health.warnings


def test_a_clock_goes_on_from_the_time_of_earlier_sessions(monkeypatch):
    """Ten batches in 30 seconds are 20 in a minute, and after 10 seconds more in vain 15."""
    now, clock, again = [100.0], Clock(0, minutes=1.0), Clock(0, minutes=1.0)
    monkeypatch.setattr("sfumato.callbacks.clock.time", Namespace(monotonic=lambda: now[0]))
    clock.on_fit_start(TRAINER, Module(Three()))
    now[0], clock.visited = 130.0, 10
    assert (clock.seconds, clock.expected) == (30.0, 20)
    again.load_state_dict(clock.state_dict())
    again.on_fit_start(TRAINER, Module(Three()))
    now[0] = 140.0
    assert (again.seconds, again.expected) == (40.0, 15)


def test_gradient_norms_are_logged_per_player(runs):
    last = rows(Path(runs["dcgan"]) / "metrics.csv")[-1]
    assert {"gradient/generator", "gradient/discriminator", "loss/generator"} <= set(last)
    assert last["gradient/generator"] > 0


def test_a_clipped_gradient_has_at_most_the_norm_asked_for():
    layer = nn.Linear(4, 1)
    (layer(torch.full((2, 4), 100.0)) ** 2).sum().backward()
    before = nn.utils.clip_grad_norm_(layer.parameters(), 0.5)
    after = sum(w.grad.square().sum() for w in layer.parameters()).sqrt()
    assert before > 0.5
    assert after == pytest.approx(0.5, rel=1e-3)


def test_rows_a_resumed_run_writes_again_are_dropped(tmp_path):
    ledger = Ledger(tmp_path / "metrics.csv", start=0, every=10)
    for step in (10, 20, 27):
        ledger.log_metrics({"loss/a": step / 10}, step)
    ledger.save()
    again = Ledger(tmp_path / "metrics.csv", start=27, every=10)
    assert again.rows == [{"step": 10, "loss/a": 1.0}, {"step": 20, "loss/a": 2.0}]
    again = Ledger(tmp_path / "metrics.csv", start=15, every=10)
    assert again.rows == [{"step": 10, "loss/a": 1.0}]


def test_the_film_and_the_grids_are_pictures(vae_run):
    with Image.open(vae_run.path / "film.gif") as film:
        assert film.n_frames == 2
    with Image.open(vae_run.path / "samples" / "step-000004.png") as grid:
        assert grid.size == (8 * 8 * 6 + 7 + 2, 8 * 8 * 6 + 7 + 2), "64 digits, each pixel 6 x 6"


def test_a_long_film_ends_with_the_last_grid(tmp_path):
    (tmp_path / "samples").mkdir()
    for number, level in enumerate([*range(125), 255]):
        Image.new("L", (2, 2), level).save(tmp_path / "samples" / f"step-{number:06d}.png")
    pictures.film(Run(tmp_path))
    with Image.open(tmp_path / "film.gif") as found:
        found.seek(found.n_frames - 1)
        assert found.convert("L").getpixel((0, 0)) == 255


def test_the_grids_of_a_conditional_model_show_each_class_alike(tmp_path, plugins):
    data = {"name": "glyphs", "classes": ("A", "B", "C", "D", "E")}
    same = {"recipe": "smoke", "progress": False, "device": "cpu"}
    run = train("stencil", **same, data=data, out=tmp_path / "run")
    with Image.open(run.path / "samples" / "step-000004.png") as grid:
        columns, rows = 10, 7  # 65 images: 13 of each class, each in two columns
        assert grid.size == (columns * (8 * 6 + 1) + 1, rows * (8 * 6 + 1) + 1)


def test_a_full_disk_is_said_and_the_last_good_checkpoint_survives(vae_run, monkeypatch):
    run = vae_run
    good = run.checkpoint.read_bytes()

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lightning.pytorch.trainer.Trainer.save_checkpoint", full)
    with pytest.raises(RunError, match=r"the disk is full: .*last\.ckpt was not written"):
        train("vae", out=run.path, resume=True, steps=8, progress=False)
    assert run.checkpoint.read_bytes() == good
    assert [p.name for p in run.checkpoint.parent.iterdir()] == ["last.ckpt"]


def test_answers_stand_between_what_is_given_and_what_is_wanted():
    """Four blocks of a small pixel, the model's picture, the sharp one; in that order of rows."""
    photos = sources.open(Source(name="photos", side=16, count=4))
    config = SharpConfig(scale=4, width=4, blocks=1, kernel=3, norm="none", base="bicubic")
    model = SRResNet(config, photos.schema).train()
    examples, state = photos.batch(torch.arange(3)), torch.get_rng_state()
    given, made, wanted = answers(model, examples).chunk(3)
    assert torch.equal(wanted, examples.image)
    assert torch.equal(given[..., ::4, ::4], model.given(examples))
    assert torch.equal(given[..., 3::4, 3::4], model.given(examples))
    torch.testing.assert_close(made, model.eval().translate(model.given(examples)))
    assert torch.equal(torch.get_rng_state(), state)


def test_of_two_ways_each_kind_stands_above_what_becomes_of_it():
    signs = sources.open(Source(name="signs", side=16, count=4, other="signs"))
    model = CycleGAN(CycleConfig(width=2, blocks=1, patch=16), signs.schema).eval()
    examples = signs.batch(torch.arange(2))
    found = answers(model, examples).chunk(4)
    want = model.translate(examples.image, to="B"), model.translate(examples.target, to="A")
    for row, wish in zip(found, (examples.image, want[0], examples.target, want[1]), strict=True):
        torch.testing.assert_close(row, wish.detach())


def test_an_editor_is_shown_with_the_next_value_of_each_attribute():
    names = ("paper", "colour")
    glyphs = sources.open(Source(name="glyphs", side=16, count=8, attributes=names))
    model, seen = Fader(FaderConfig(width=2, depth=2, hidden=4), glyphs.schema), []
    model.edit = lambda images, tags: seen.append(decode(tags, glyphs.schema)) or images
    examples = glyphs.batch(torch.arange(8))
    assert len(edited(model, examples)) == 3
    assert torch.equal(seen[0], examples.attributes)
    for place, attribute in enumerate(glyphs.schema.attributes):
        want, values = examples.attributes.clone(), attribute.values
        numbers = torch.tensor([attribute.number(value) for value in values[1:] + values[:1]])
        want[:, place] = numbers[attribute.index(want[:, place])]
        torch.testing.assert_close(seen[1 + place], want)


@pytest.mark.parametrize("model", ["pix2pix", "srresnet", "codec", "adain"])
def test_a_run_shows_what_becomes_of_pictures(model, tmp_path):
    run = train(model, recipe="smoke", steps=2, every=1, out=tmp_path / model, progress=False)
    for step in (1, 2):
        with Image.open(run.path / "samples" / f"step-{step:06d}.png") as sheet:
            rows = 2 if model == "codec" else 3
            assert abs(sheet.height / sheet.width - rows / 8) < 0.05
    assert (run.path / "film.gif").exists()
    assert "step-000002.png" in (run.path / "card.md").read_text()


@pytest.mark.parametrize(("said", "stops"), [([True, False], True), ([False, True], False)])
def test_processes_save_and_end_when_any_of_them_would(tmp_path, monkeypatch, said, stops):
    """Else one waits in its save for another that still trains."""
    told, saved = iter(said), []
    checkpoints = Checkpoints(Run(tmp_path), lambda model: model)
    monkeypatch.setattr(checkpoints, "save", lambda trainer, model: saved.append(model))
    trainer = L.Trainer(logger=False, enable_checkpointing=False, barebones=True)
    strategy = trainer.strategy
    monkeypatch.setattr(type(trainer), "world_size", 2)
    monkeypatch.setattr(type(trainer), "is_last_batch", False)
    monkeypatch.setattr(strategy, "reduce_boolean_decision", lambda mine, **_: mine or next(told))
    checkpoints.on_train_batch_end(trainer, Module(Three()), None, None, 0)
    assert trainer.should_stop is stops
    assert len(saved) == 1


def test_what_processes_have_is_gathered_in_the_order_of_the_whole(monkeypatch):
    """Of two the loader gives each every second row."""
    whole, module = torch.arange(8.0), Module(Three())
    module.trainer = L.Trainer(logger=False, enable_checkpointing=False, barebones=True)
    monkeypatch.setattr(type(module.trainer), "world_size", 2)
    monkeypatch.setattr(
        module.trainer.strategy, "all_gather", lambda rows: torch.stack([rows, whole[1::2]])
    )
    module.on_fit_start()
    loop = module.model.loop
    assert torch.equal(loop.gather(whole[::2]), whole)
    assert torch.equal(loop.share(whole), whole[::2])


def test_one_row_is_drawn_too(tmp_path):
    def marks(table):
        """Pixels of the colour of the first line."""
        plot(table, tmp_path / "loss.png")
        with Image.open(tmp_path / "loss.png") as picture:
            colours = picture.convert("RGB").getcolors(2**20)
        return sum(n for n, (red, _, blue) in colours if blue - red > 100)

    assert marks([{"step": 4, "loss/a": 1.0}]) > marks([{"step": 4, "loss/a": float("nan")}])


def test_the_average_of_a_spectral_judge_is_one_too():
    """The mean of two estimates of a singular vector is none of the mean weight."""
    torch.manual_seed(0)
    clock, module = Clock(0), Module(Three())
    module.model.layer = spectral(nn.Linear(12, 9))
    average = Average(0.99, clock)
    average.setup(TRAINER, module, "fit")
    kept = module.model.layer.parametrizations.weight.original
    for clock.visited in range(1, 200):
        kept.data += 0.1 * torch.randn(kept.shape)
        module.model.layer.weight  # noqa: B018 - in training mode, an iteration
        visit(average, module)
    found = average.model.eval().layer.weight.detach()
    assert float(torch.linalg.matrix_norm(found, 2)) == pytest.approx(1, rel=0.02)


def test_a_bar_whose_end_moves_keeps_its_pace(tmp_path, capsys):
    train("dcgan", recipe="smoke", minutes=0.02, out=tmp_path / "run", progress=True)
    said = capsys.readouterr().err
    assert "it/s" in said
    assert "0.00it/s" not in said
