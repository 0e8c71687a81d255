"""sample, interpolate and animate write pictures, and never write over one unasked."""

from math import pi
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato import load
from sfumato.codes import slerp
from sfumato.io.images import from_bytes, to_bytes
from sfumato.sampling import animate, interpolate, sample

# ------------------------------------------------------------------ beneath the verbs


def test_drawing_in_parts_is_drawing_at_once(runs, monkeypatch):
    model, told = load(runs["vae"]), []
    whole = model.sample(10, seed=3)
    monkeypatch.setattr("sfumato.sampling.PART", 4)
    assert torch.allclose(sample(model, 10, seed=3, tell=told.append), whole, atol=1e-6)
    assert told == [4, 4, 2]


def test_slerp_stays_on_the_circle_and_hits_both_ends():
    one, other = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    assert torch.allclose(slerp(one, other, 0.0), one)
    assert torch.allclose(slerp(one, other, 1.0), other, atol=1e-6)
    third = slerp(one, other, 1 / 3)
    angle = torch.tensor(pi / 6)
    assert torch.allclose(third, 2 * torch.stack([angle.cos(), angle.sin()])[None])


def test_slerp_keeps_the_length_where_a_line_would_lose_it():
    one, other = torch.randn(2, 50, 100, generator=torch.Generator().manual_seed(0))
    half = slerp(one, other, 0.5).norm(dim=1).mean()
    assert abs(half / one.norm(dim=1).mean() - 1) < 0.05
    assert ((one + other) / 2).norm(dim=1).mean() / half < 0.8


@pytest.mark.parametrize("scale", [2.0, -1.0])
def test_slerp_is_the_line_where_there_is_no_circle(scale):
    one = torch.tensor([[1.0, 1.0]])
    assert torch.allclose(slerp(one, scale * one, 0.25), one * (0.75 + 0.25 * scale))


def test_a_strip_runs_through_the_images_of_its_seeds(runs):
    model = load(runs["vae"])
    ends = [model.sample(1, seed=seed) for seed in (0, 1, 2)]
    images = interpolate(model, [0, 1, 2], 5)
    assert len(images) == 10
    for index, end in ((0, 0), (4, 1), (5, 1), (9, 2)):
        assert torch.allclose(images[index], ends[end][0], atol=1e-5)


def test_a_walk_goes_round(runs):
    frames = list(animate(load(runs["vae"]), 4, stops=3, frames=6, seed=1))
    assert len(frames) == 18
    assert frames[0].size == (2 * 8 + 3, 2 * 8 + 3)

    def apart(one, other):
        return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())

    # the last frame is one step from the first, as every frame is from its neighbour
    assert apart(frames[-1], frames[0]) < apart(frames[9], frames[0])


# ------------------------------------------------------------------ verbs


def test_a_grid_shows_the_samples_of_the_seed(shell, runs):
    found = shell.answer("sample", runs["dcgan"], "-n", "6", "--seed", "2", "--zoom", "1")
    assert found["files"] == ["dcgan-samples.png"]
    assert (found["model"], found["run"]) == ("dcgan", runs["dcgan"])
    with Image.open("dcgan-samples.png") as sheet:
        assert sheet.size == (3 * 17 + 1, 2 * 17 + 1)
        tile = sheet.crop((1, 1, 17, 17))
    want = to_bytes(load(runs["dcgan"]).sample(6, seed=2))[0, ..., 0]
    assert bytes(want) == tile.tobytes()


def test_columns_and_zoom_are_obeyed(shell, runs):
    words = ("-n", "6", "--columns", "6", "--zoom", "2", "-o", "out.png")
    shell.answer("sample", runs["dcgan"], *words)
    with Image.open("out.png") as sheet:
        assert sheet.size == (6 * 33 + 1, 33 + 1)


def test_one_file_each(shell, runs):
    found = shell.answer("sample", runs["vae"], "-n", "3", "--each")
    names = sorted(path.name for path in Path("vae-samples").iterdir())
    assert found["files"] == ["vae-samples"]
    assert names == ["00000.png", "00001.png", "00002.png"]
    model = load(runs["vae"])
    with Image.open("vae-samples/00001.png") as image:
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    want = model.sample(3, seed=0)[1]
    assert (from_bytes(pixels.view(1, 8, 8, 1))[0] - want).abs().max() < 1 / 127


def test_the_bundle_of_a_run_and_its_zip_draw_the_same(shell, runs):
    shell.answer("export", runs["dcgan"], "-o", "b.zip")
    for number, place in enumerate((runs["dcgan"], f"{runs['dcgan']}/bundle", "b.zip"), 1):
        shell.answer("sample", place, "-o", f"{number}.png")
    assert Path("1.png").read_bytes() == Path("2.png").read_bytes() == Path("3.png").read_bytes()


def test_a_second_picture_does_not_take_the_place_of_the_first(shell, runs):
    first = shell.answer("sample", runs["vae"], "--seed", "0")["files"]
    second = shell.answer("sample", runs["vae"], "--seed", "1")["files"]
    assert (first, second) == (["vae-samples.png"], ["vae-samples-2.png"])
    _, out, _ = shell.run("sample", runs["vae"], "-o", "vae-samples.png")
    assert "vae-samples.png is there already and will be replaced" in out


def test_interpolation_is_a_row_a_leg(shell, runs):
    found = shell.answer("interpolate", runs["vae"], "--seeds", "0,1,2", "-n", "4", "--zoom", "1")
    assert found["seeds"] == [0, 1, 2]
    with Image.open("vae-interpolation.png") as sheet:
        assert sheet.size == (4 * 9 + 1, 2 * 9 + 1)


def test_an_animation_is_a_gif_of_every_frame(shell, runs):
    words = ("-n", "4", "--stops", "2", "--frames", "3", "--fps", "10", "-o", "walk.gif")
    assert shell.answer("animate", runs["vae"], *words)["frames"] == 6
    with Image.open("walk.gif") as film:
        assert film.is_animated
        assert film.info["duration"] == 100


@pytest.mark.parametrize("verb", ["sample", "interpolate", "animate"])
def test_who_cannot_draw_says_what_it_can(shell, runs, verb):
    assert shell.refusal(verb, runs["lenet5"]) == (
        f"{verb} needs a Sampler, and {runs['lenet5']} holds a LeNet5, which is Classifier: it "
        "can train, evaluate, compare and export."
    )


def test_places_that_hold_no_model_are_refused(shell, tmp_path_factory):
    said = shell.refusal("sample", "nowhere")
    assert said.startswith(
        "nowhere is no run folder, no bundle and no name in the zoo; the zoo has"
    )
    folder = tmp_path_factory.mktemp("pictures")
    assert "config.json is missing" in shell.refusal("sample", folder)
    (folder / "weights.pkl").write_bytes(b"cos\nsystem\n")
    assert "which can run code when it is read" in shell.refusal("sample", folder)


def test_a_repository_without_a_network_is_one_line(shell, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "could not be fetched from the hub" in shell.refusal("sample", "someone/something")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sample", "-o", "out.txt"], "-o out.txt must end in .png or .jpg or .webp."),
        (["animate", "-o", "out.png"], "-o out.png must end in .gif."),
        (["animate", "--fps", "60"], "--fps must be a number greater than 0 and at most 50,"),
        (["sample", "-o", "."], "-o . is a folder; name a file in it, such as samples.png."),
        (["sample", "--device", "cuda"], "--device cuda is not here"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_picture_that_cannot_be_is_refused(shell, runs, monkeypatch, words, said):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    verb, *rest = words
    assert shell.refusal(verb, runs["vae"], *rest).startswith(said)


def test_each_needs_an_empty_folder(shell, runs):
    Path("full").mkdir()
    Path("full/mine.txt").write_text("precious")
    said = shell.refusal("sample", runs["vae"], "--each", "-o", "full")
    assert said == "-o full exists already; --each needs a new or an empty folder."
