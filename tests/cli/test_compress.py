"""compress and decompress: files, words, and one line for every mistake."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sfumato import load
from sfumato.cli import main
from sfumato.cli.compress import MODEL
from sfumato.compression import MODELS, compress, decompress


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    """The run folder of a codec that has hardly learned."""
    folder = tmp_path_factory.mktemp("codec") / "codec"
    assert main(["train", "codec", "--recipe", "smoke", "--out", str(folder)]) == 0
    return str(folder)


@pytest.fixture
def photo(shell):
    """A picture in the shell's folder, 50 by 34."""
    pixels = np.random.default_rng(0).integers(0, 256, (34, 50, 3), np.uint8)
    Image.fromarray(pixels).save("photo.png")
    return "photo.png"


def test_there_and_back(shell, codec, photo):
    found = shell.answer("compress", photo, "-o", "small.sfu", "--model", codec)
    assert (found["model"], found["run"], found["files"]) == ("codec", codec, ["small.sfu"])
    assert (found["width"], found["height"], found["channels"]) == (50, 34, 3)
    size = Path("small.sfu").stat().st_size
    assert found["bytes"] == size
    assert found["bits_per_pixel"] == pytest.approx(8 * size / (50 * 34))
    found = shell.answer("decompress", "small.sfu", "-o", "back.png", "--model", codec)
    assert found["files"] == ["back.png"]
    with Image.open("back.png") as back:
        wanted = decompress(compress(photo, model=codec), model=codec)
        assert back.tobytes() == wanted.tobytes()


def test_names_follow_the_picture_and_nothing_is_overwritten(shell, codec, photo):
    for wanted in ("photo.sfu", "photo-2.sfu"):
        assert shell.answer("compress", photo, "--model", codec)["files"] == [wanted]
    assert shell.answer("decompress", "photo.sfu", "--model", codec)["files"] == ["photo-2.png"]


def test_quality_is_obeyed(shell, codec, photo):
    for quality in ("1", "2"):
        words = ("--quality", quality, "-o", f"{quality}.sfu", "--model", codec)
        shell.answer("compress", photo, *words)
        wanted = compress(photo, int(quality), model=load(codec))
        assert Path(f"{quality}.sfu").read_bytes() == wanted
    assert Path("1.sfu").read_bytes() != Path("2.sfu").read_bytes()


def test_a_code_is_refined_as_long_as_asked(shell, codec, photo):
    shell.answer("compress", photo, "--refine", "9", "-o", "fine.sfu", "--model", codec)
    file = Path("fine.sfu").read_bytes()
    assert file == compress(photo, refine=9, model=load(codec))
    assert file != compress(photo, model=load(codec))


def test_lines_for_people(shell, codec, photo):
    Image.new("RGBA", (8, 8)).save("clear.png")
    code, out, _ = shell.run("compress", "clear.png", "--model", codec)
    assert code == 0
    first, second, third = out.splitlines()
    assert first == "transparency is laid on white: a .sfu file keeps none"
    assert second == "wrote clear.sfu"
    size = Path("clear.sfu").stat().st_size
    assert third.startswith(f"{size} bytes for 8x8 pixels: ")


def test_mistakes_get_one_line(shell, codec, photo):
    shell.run("compress", photo, "-o", "good.sfu", "--model", codec)
    data = Path("good.sfu").read_bytes()
    Path("cut.sfu").write_bytes(data[:-3])
    flipped = bytearray(data)
    flipped[20] ^= 1
    Path("flipped.sfu").write_bytes(flipped)
    Path("words.txt").write_text("no picture")
    damaged = "cannot be read: it is damaged or cut short: its checksum does not fit."
    for file, words in {
        "cut.sfu": f"cut.sfu {damaged}",
        "flipped.sfu": f"flipped.sfu {damaged}",
        "photo.png": "photo.png cannot be read: it is no .sfu file.",
        "gone.sfu": "gone.sfu does not exist.",
    }.items():
        assert shell.refusal("decompress", file, "-o", "x.png", "--model", codec) == words
    words = ("--quality", "3", "--model", codec)
    assert shell.refusal("compress", photo, *words) == (
        "--quality 3 is not there; this model has 1 to 2."
    )
    assert "must be a whole number from 1" in shell.refusal("compress", photo, "--quality", "0")
    assert shell.refusal("compress", "words.txt", "--model", codec) == (
        "words.txt is no picture in a format known here."
    )
    assert shell.refusal("compress", photo, "-o", "x.jpg", "--model", codec) == (
        "-o x.jpg must end in .sfu."
    )
    assert shell.refusal("decompress", "good.sfu", "-o", "x.tif", "--model", codec) == (
        "-o x.tif must end in .png or .jpg or .jpeg or .webp."
    )


def test_a_file_is_read_by_the_one_of_the_zoo_that_wrote_it(shell, photo):
    assert MODELS[0] == MODEL  # the command line names it before torch is there
    sizes = []
    for words in ((), ("--model", "codec-small")):
        sizes.append(shell.answer("compress", photo, "-o", "it.sfu", *words)["bytes"])
        shell.answer("decompress", "it.sfu", "-o", "back.png")
        (named,) = words[1:] or ("codec-photos",)
        want = decompress("it.sfu", model=named)
        with Image.open("back.png") as image:
            assert image.tobytes() == want.tobytes() == decompress("it.sfu").tobytes()
    assert sizes[0] != sizes[1]


def test_another_models_file(shell, codec, photo, tmp_path_factory):
    other = str(tmp_path_factory.mktemp("other") / "codec")
    assert main(["train", "codec", "--recipe", "smoke", "--seed", "5", "--out", other]) == 0
    shell.run("compress", photo, "-o", "theirs.sfu", "--model", other)
    line = shell.refusal("decompress", "theirs.sfu", "--model", codec)
    assert line.startswith("theirs.sfu cannot be read: it was made by the model ")
    assert line.endswith("name the one it was made by with --model.")


def test_who_cannot_compress_says_what_it_can(shell, runs, photo):
    assert shell.refusal("compress", photo, "--model", runs["vae"]).startswith(
        f"compress needs a Codec, and {runs['vae']} holds a VAE, which is Sampler and Autoencoder"
    )
