"""stylize and texture write pictures, say what they did, and refuse what cannot be."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sfumato import stylize, texture
from sfumato.errors import DataError
from sfumato.io import clips
from sfumato.io.clips import is_clip, loops, read_clip, save_gif

FEW = ("--iterations", "2", "--evaluations", "3", "--scales", "1")


@pytest.fixture
def pictures(shell):
    """A content, a style and a mask in the shell's folder."""
    rng = np.random.default_rng(0)
    for name, size in (("photo.png", (40, 32)), ("wave.png", (24, 30))):
        small = Image.fromarray(rng.integers(60, 200, (5, 6, 3), dtype=np.uint8))
        small.resize(size, Image.Resampling.BILINEAR).save(name)
    mask = Image.new("L", (40, 32))
    mask.paste(255, (8, 8, 24, 24))
    mask.save("mask.png")
    return shell


def test_one_pass_and_a_few_steps_are_the_default_which_says_so(pictures):
    found = pictures.answer("stylize", "photo.png", "--style", "wave.png")
    assert (found["model"], found["method"]) == ("wct", "fast")
    assert found["files"] == ["photo-styled.png"]
    with Image.open("photo-styled.png") as image:
        assert image.tobytes() == stylize("photo.png", "wave.png").tobytes()
    _, out, _ = pictures.run("stylize", "photo.png", "--style", "wave.png", "-o", "again.png")
    assert "one pass of wct and a few steps; --method gatys is slower and better" in out
    words = ("--method", "pass", "-o", "pass.png")
    found = pictures.answer("stylize", "photo.png", "--style", "wave.png", *words)
    assert (found["method"], found["model"], found["losses"]) == ("pass", "wct", [])


def test_gatys_tells_the_loss_of_every_iteration(pictures):
    words = ("stylize", "photo.png", "--style", "wave.png", "--method", "gatys", *FEW)
    found = pictures.answer(*words, "--keep", "steps", "-o", "slow.png")
    assert found["losses"] == sorted(found["losses"], reverse=True)
    assert len(found["losses"]) == 3
    assert {p.name for p in Path("steps").iterdir()} == {
        "iteration-001.png", "iteration-002.png", "painting.safetensors",
    }  # fmt: skip
    again = pictures.answer(*words, "--keep", "steps", "--resume", "-o", "again.png")
    assert Path("slow.png").read_bytes() == Path("again.png").read_bytes()
    assert again["losses"] == []
    _, out, _ = pictures.run(*words)
    assert "iteration 2: loss" in out


def test_masks_colours_layers_and_size_are_obeyed(pictures):
    words = ("--mask", "mask.png", "--soften", "2", "--colour", "content", "--side", "20")
    pictures.answer("stylize", "photo.png", "--style", "wave.png", *words, "-o", "out.png")
    with Image.open("out.png") as image:
        assert image.size == (20, 16)
    layers = ("--content-layers", "stage3=0.5", "--style-layers", "stage1,stage2", "--smooth", "1")
    words = ("--method", "gatys", *FEW, *layers, "--start", "wave.png")
    pictures.answer("stylize", "photo.png", "--style", "wave.png", *words)


@pytest.mark.parametrize("verb", ["stylize", "texture"])
def test_a_device_that_is_not_here_is_refused(pictures, verb):
    said = pictures.refusal(verb, "wave.png", "--device", "cuda")
    assert said.startswith("--device cuda is not here; this machine has cpu")


def test_textures_grow(pictures):
    found = pictures.answer("texture", "wave.png", "--size", "30x20", *FEW)
    assert found["files"] == ["wave-texture.png"]
    few = {"iterations": 2, "evaluations": 3, "scales": 1}
    with Image.open("wave-texture.png") as image:
        assert image.size == (30, 20)
        assert image.tobytes() == texture("wave.png", size=(30, 20), choices=few).tobytes()


def test_a_clip_that_would_not_fit_in_memory_is_refused(pictures, monkeypatch):
    frames = [Image.new("RGB", (24, 20), (shade, 80, 90)) for shade in (0, 90, 180)]
    frames[0].save("walk.gif", save_all=True, append_images=frames[1:])
    monkeypatch.setattr(clips, "TOTAL", 3 * 24 * 20 - 1)
    with pytest.raises(DataError, match=r"walk\.gif has 3 frames of 24x20: too much\."):
        read_clip("walk.gif")


def test_a_frame_of_no_time_is_seen_for_a_tenth_of_a_second_and_any_for_20_ms(pictures):
    frames = [Image.new("RGB", (24, 20), (shade, 80, 90)) for shade in (0, 90, 180)]
    frames[0].save("walk.gif", save_all=True, append_images=frames[1:], duration=[0, 10, 30])
    assert read_clip("walk.gif")[1] == [100, 20, 30]


def test_a_clip_stays_a_clip(pictures):
    frames = [Image.new("RGB", (24, 20), (shade, 80, 90)) for shade in (0, 90, 180)]
    words = {"save_all": True, "append_images": frames[1:], "duration": 100}
    frames[0].save("walk.gif", loop=2, **words)
    frames[0].save("once.gif", **words)
    found = pictures.answer("stylize", "walk.gif", "--style", "wave.png")
    assert (found["files"], found["frames"]) == (["walk-styled.gif"], 3)
    assert is_clip("walk-styled.gif")
    read, times = read_clip("walk-styled.gif")
    assert (len(read), read[0].size, times) == (3, (24, 20), [100, 100, 100])
    assert not is_clip("photo.png")
    pictures.answer("stylize", "once.gif", "--style", "wave.png", "--method", "pass")
    assert [loops(f"{name}-styled.gif") for name in ("walk", "once")] == [2, None]
    for seen, again in ((0, 0), (1, None), (3, 2), (70_000, 65_535)):
        frames[0].save("walk.png", loop=seen, **words)  # PNG counts how often it is seen
        save_gif(frames, "again.gif", loop=loops("walk.png"))
        assert loops("again.gif") == again


def test_of_what_holds_several_pictures_and_is_no_clip_the_first_is_taken(pictures):
    pages = [Image.new("RGB", (24, 20), (shade, 80, 90)) for shade in (0, 90, 180)]
    pages[0].save("scan.tif", save_all=True, append_images=pages[1:])
    pages[0].save("walk.gif", save_all=True, append_images=pages[1:], duration=100)
    _, out, _ = pictures.run("stylize", "scan.tif", "--style", "walk.gif", "--method", "pass")
    assert "scan.tif has 3 pages: the first is taken" in out
    assert "walk.gif is a clip: its first frame is taken" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.png", "--style", "wave.png"], "nowhere.png does not exist."),
        (["photo.png"], "WCT needs a style: give --style."),
        (
            ["photo.png", "--style", "wave.png", "--method", "gatys", "--model", "nonsense"],
            "--model paints in one pass, which --method gatys has not.",
        ),
        (["photo.png", "--style", "wave.png", "-o", "x.txt"], "-o x.txt must end in"),
        (
            ["photo.png", "--style", "wave.png", "--evaluations", "1"],
            "--evaluations must be a whole number from 2, not '1'.",
        ),
        (["photo.png", "--style", "wave.png", "--resume"], "--resume goes on with"),
        (
            ["photo.png", "--style", "wave.png", "--method", "gatys", "--style-layers", "stage7"],
            "embedded has no layer 'stage7'; did you mean 'stage",
        ),
        (
            ["photo.png", "--style", "wave.png", "--method", "gatys", "--network", "vgg17"],
            "there is no perceptual network 'vgg17'; did you mean 'vgg1",
        ),
        (["photo.png", "--style", "wave.png", "--style-weight", "-1"], "--style-weight must be"),
        (
            ["photo.png", "--style", "wave.png", "--soften", "-1"],
            "--soften must be a number from 0",
        ),
        (
            ["photo.png", "--style", "wave.png", "--mask", "black.png"],
            "the mask of the content marks nothing; white is where the style goes.",
        ),
        (
            ["photo.png", "--style", "wave.png", "--style-mask", "dark.png", "--method", "gatys"],
            "the mask of its style marks nothing;",
        ),
        (["photo.png", "--style", "wave.png", "--model", "lenet5-mnist"], "stylize needs a Tran"),
    ],
)
def test_what_cannot_be_is_refused(pictures, words, said):
    Image.new("L", (40, 32)).save("black.png")
    Image.new("L", (24, 30)).save("dark.png")
    assert pictures.refusal("stylize", *words).startswith(said)


def test_sizes_are_width_and_height(pictures):
    assert "must be width x height" in pictures.refusal("texture", "wave.png", "--size", "30")
