"""manifold, scatter and relabel write pictures of the codes."""

import pytest
import torch
from PIL import Image

from sfumato.cli import main
from sfumato.io.images import grid, save


@pytest.fixture(scope="session")
def plane(tmp_path_factory):
    """A VAE whose code has two coordinates."""
    path = tmp_path_factory.mktemp("plane") / "run"
    words = ["--recipe", "smoke", "--model.latent", "2", "--steps", "2", "--out", str(path)]
    assert main(["train", "vae", *words]) == 0
    return str(path)


@pytest.fixture(scope="session")
def named(tmp_path_factory):
    """An adversarial autoencoder that is told a few labels."""
    path = tmp_path_factory.mktemp("named") / "run"
    assert main(["train", "aae", "--recipe", "smoke", "--out", str(path)]) == 0
    return str(path)


def test_the_plane_is_a_sheet_without_gaps(shell, plane):
    found = shell.answer("manifold", plane, "--side", "4", "--zoom", "2")
    assert (found["files"], found["side"]) == (["run-manifold.png"], 4)
    with Image.open("run-manifold.png") as sheet:
        assert sheet.size == (4 * 8 * 2, 4 * 8 * 2)


def test_codes_are_scattered(shell, plane, named):
    found = shell.answer("scatter", plane, "-n", "40", "-o", "codes.png")
    assert (found["count"], found["axes"]) == (40, ["z0", "z1"])
    found = shell.answer("scatter", named, "-n", "40")
    assert found["axes"] == ["t-SNE", ""]
    assert 0 <= found["metrics"]["nearest"]["value"] <= 1


def test_styles_are_painted_under_every_label(shell, named):
    found = shell.answer("relabel", named, "-n", "3")
    assert (found["files"], found["count"]) == (["run-relabelled.png"], 3)
    with Image.open("run-relabelled.png") as sheet:
        wide, high = sheet.size
    save(grid(torch.full((1, 1, 10, 20), 0.5), gap=0), "mine.png")
    assert shell.answer("relabel", named, "mine.png", "-o", "one.png")["count"] == 1
    with Image.open("one.png") as sheet:
        assert (sheet.width, sheet.height < high) == (wide, True)


def test_what_cannot_be_mapped_is_refused(shell, runs, plane):
    said = shell.refusal("manifold", runs["vae"])
    assert said.startswith(
        "manifold needs a code of two normal coordinates, and that of VAE has 4"
    )
    said = shell.refusal("relabel", plane)
    assert said.startswith("relabel needs a decoder that is told the label, and that of VAE")
    for verb in ("scatter", "relabel"):
        said = shell.refusal(verb, runs["dcgan"])
        assert said.startswith(f"{verb} needs an Autoencoder, and {runs['dcgan']} holds a DCGAN")
    assert shell.refusal("manifold", plane, "--side", "1").startswith("--side must be a whole")
    assert shell.refusal("scatter", plane, "-o", "codes.jpg") == "-o codes.jpg must end in .png."


@pytest.fixture
def shots(shell):
    """Two pictures of other sizes than the model's."""
    for name, level in (("a.png", 0.5), ("b.png", -0.5)):
        save(grid(torch.full((1, 1, 10, 20), level), gap=0), name)
    return ["a.png", "b.png"]


def test_originals_stand_beside_reconstructions(shell, plane, shots):
    found = shell.answer("reconstruct", plane, *shots, "--zoom", "2", "-o", "near.png")
    assert (len(found["psnr"]), found["pictures"]) == (2, shots)
    score = found["metrics"]["psnr"]
    assert score["value"] == pytest.approx(sum(found["psnr"]) / 2)
    assert score["n"] == 2
    assert score["floor"] == 99  # flat pictures are their own mean colour: not infinitely near
    with Image.open("near.png") as sheet:
        assert sheet.height == 2 * 8 + 2 + 14 + 12
    found = shell.answer("reconstruct", plane, "-n", "5", "--seed", "1")
    assert (found["files"], len(found["psnr"]), found["seed"]) == (
        ["run-reconstruction.png"],
        5,
        1,
    )


def test_a_way_and_a_traversal_begin_with_pictures(shell, plane, shots):
    found = shell.answer("interpolate", plane, *shots, "-n", "4", "--zoom", "1")
    assert (found["pictures"], "seeds" in found) == (shots, False)
    with Image.open(found["files"][0]) as sheet:
        assert sheet.size == (4 * 9 + 1, 9 + 1)
    found = shell.answer("traverse", plane, "a.png", "--steps", "3")
    assert (found["pictures"], len(found["rows"])) == (["a.png"], 2)


def test_pictures_that_cannot_be_taken_are_one_line(shell, runs, plane, shots):
    said = shell.refusal("interpolate", runs["dcgan"], *shots)
    assert said.startswith("interpolate of pictures needs an Autoencoder, and DCGAN is none")
    assert shell.refusal("reconstruct", plane, "no.png") == "no.png does not exist."
    said = shell.refusal("interpolate", plane, "a.png")
    assert said == "interpolate needs two pictures or more; got 1."
