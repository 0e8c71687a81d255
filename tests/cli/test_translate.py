"""translate, upscale and restore write pictures."""

from pathlib import Path

import pytest
from PIL import Image

from sfumato import data as sources
from sfumato import translating
from sfumato.cli import main
from sfumato.data import Source
from sfumato.io.clips import is_clip


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """A network that doubles and one that repairs, trained for a moment."""
    folder = tmp_path_factory.mktemp("networks")
    words = ["train", "srresnet", "--recipe", "smoke", "--steps", "2"]
    assert main([*words, "--out", str(folder / "x2")]) == 0
    assert main([*words, "--model.scale", "1", "--out", str(folder / "jpeg")]) == 0
    return folder


def test_a_picture_is_enlarged(shell, networks):
    Image.new("RGB", (12, 9), (90, 120, 30)).save("photo.png")
    found = shell.answer("upscale", "photo.png", "--method", "bicubic", "--scale", "3")
    assert (found["files"], found["size"]) == (["photo-x3.png"], [36, 27])
    found = shell.answer("upscale", "photo.png", "--scale", "2", "--method", str(networks / "x2"))
    assert (found["files"], found["size"]) == (["photo-x2.png"], [24, 18])
    found = shell.answer("translate", str(networks / "x2"), "photo.png", "-o", "twice.jpg")
    assert (found["files"], found["size"], found["model"]) == (["twice.jpg"], [24, 18], "srresnet")


def test_a_picture_is_repaired(shell, networks):
    Image.new("RGBA", (12, 9), (90, 120, 30, 40)).save("photo.png")
    found = shell.answer("restore", "photo.png", "--method", str(networks / "jpeg"))
    assert (found["files"], found["size"]) == (["photo-restored.png"], [12, 9])
    with Image.open("photo-restored.png") as image:
        assert image.getpixel((3, 3))[3] == 40
    shell.answer("restore", "photo.png", "--method", str(networks / "jpeg"), "-o", "plain.jpg")


def test_a_model_is_read_once_for_all_frames(shell, networks, monkeypatch):
    first, *rest = [Image.new("RGB", (12, 9), (n, 120, 30)) for n in (0, 90, 200)]
    first.save("film.gif", save_all=True, append_images=rest)
    read, load = [], translating.loaded
    monkeypatch.setattr(
        translating, "loaded", lambda *words: read.append(words[0]) or load(*words)
    )
    shell.answer("upscale", "film.gif", "--method", str(networks / "x2"), "--scale", "2")
    shell.answer("restore", "film.gif", "--method", str(networks / "jpeg"))
    assert read == [str(networks / name) for name in ("x2", "jpeg")]


def test_every_frame_of_a_clip_is_made_anew(shell, networks):
    first, *rest = [Image.new("RGB", (12, 9), (n, 120, 30)) for n in (0, 90, 200)]
    first.save("film.gif", save_all=True, append_images=rest, duration=[50, 60, 1000], loop=0)
    for verb, words, size in (
        ("translate", [str(networks / "x2"), "film.gif"], [24, 18]),
        ("upscale", ["film.gif", "--method", "bicubic", "--scale", "3"], [36, 27]),
        ("restore", ["film.gif", "--method", str(networks / "jpeg")], [12, 9]),
    ):
        found = shell.answer(verb, *words)
        assert (found["size"], found["frames"]) == (size, 3)
        with Image.open(found["files"][0]) as clip:
            assert (clip.format, clip.n_frames, list(clip.size)) == ("GIF", 3, size)
            assert [(clip.seek(n), clip.info["duration"])[1] for n in range(3)] == [50, 60, 1000]
    found = shell.answer("upscale", "film.gif", "--method", "bicubic", "-o", "loud.GIF")
    assert found["files"] == ["loud.GIF"]
    assert Path("loud.GIF").exists()
    whole = Path("film.gif").read_bytes()
    for at in range(0, len(whole), 7):
        Path("hurt.gif").write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        is_clip("hurt.gif")  # whatever a damaged file makes Pillow raise
    said = shell.refusal("upscale", "film.gif", "--method", "bicubic", "-o", "film.png")
    assert "film.png" in said
    assert ".gif" in said


def test_what_cannot_be_enlarged_is_refused(shell, networks, runs):
    Image.new("RGB", (12, 9)).save("photo.png")
    said = shell.refusal("upscale", "photo.png", "--scale", "4", "--method", str(networks / "x2"))
    assert said.endswith("enlarges 2 times, not 4; ask for less.")
    assert shell.refusal("upscale", "none.png", "--method", "bicubic").startswith(
        "none.png does not exist."
    )
    said = shell.refusal("upscale", "")
    assert said == "the name of the picture is empty; name a file."
    assert shell.refusal("upscale", "photo.png", "-o", "").startswith("-o is empty; name a file")
    said = shell.refusal("traverse", str(networks / "x2"))
    assert "holds an SRResNet, which is Translator: it can translate, upscale, train, " in said
    said = shell.refusal("translate", runs["vae"], "photo.png")
    assert said.startswith(f"translate needs a Translator, and {runs['vae']} holds a VAE")
    for verb in ("upscale", "restore"):
        said = shell.refusal(verb, "photo.png", "--device", "cuda")
        assert said.startswith("--device cuda is not here; this machine has cpu")
    said = shell.refusal("restore", "photo.png", "--from", "rain")
    assert said == "there is no --from 'rain'; choose from jpeg, blur."


def test_a_model_of_two_ways_is_told_which(shell, tmp_path_factory, networks):
    run = str(tmp_path_factory.mktemp("ways") / "run")
    assert main(["train", "cyclegan", "--recipe", "smoke", "--steps", "2", "--out", run]) == 0
    Image.new("RGB", (13, 9), (90, 120, 30)).save("photo.png")
    sizes = [
        shell.answer("translate", run, "photo.png", "--to", to, "-o", f"{to}.png")["size"]
        for to in "AB"
    ]
    assert sizes == [[13, 9], [13, 9]]
    shell.answer("translate", run, "photo.png", "-o", "plain.png")
    with Image.open("plain.png") as one, Image.open("B.png") as other:
        assert one.tobytes() == other.tobytes()
    found = shell.answer("translate", run, "--data", "signs", "-n", "40", "-o", "set")
    assert (found["files"], found["count"]) == (["set"], 40)
    learned = sources.open(Source(name="set", side=16))
    assert (len(learned), len(learned.schema.classes)) == (40, 20)
    assert shell.refusal("translate", run, "--data", "signs", "-o", "set").startswith("-o set ex")
    for words in ([], ["photo.png", "--data", "signs"]):
        said = shell.refusal("translate", run, *words)
        assert said == "translate takes a PICTURE or --data: give one of them."
    assert shell.refusal("translate", run, "photo.png", "--to", "C") == (
        "--to C is nothing that CycleGAN makes; it makes B and A."
    )
    said = shell.refusal("translate", run, "photo.png", "-n", "3")
    assert said == "--count is of --data, and a PICTURE is named; leave it out."
    said = shell.refusal("translate", str(networks / "x2"), "photo.png", "--to", "B")
    assert said == "--to B is nothing that SRResNet makes; it makes one kind only."
