"""traverse and arithmetic write pictures that say what they show."""

import pytest
from PIL import Image

from sfumato import load
from sfumato.cli.explore import _sum
from sfumato.exploring import _settings, arithmetic, exemplars, traverse
from sfumato.io.sheets import SIZE, captioned, named_rows
from sfumato.schema import Axis


def test_a_traversal_has_a_row_for_each_axis(shell, runs):
    found = shell.answer("traverse", runs["vae"], "--steps", "3", "--seed", "5", "--zoom", "4")
    assert found["files"] == ["vae-traversal.png"]
    assert [row["axis"] for row in found["rows"]] == ["z0", "z1", "z2", "z3"]
    assert found["rows"][0]["values"] == ["-2", "0", "2"]
    rows = traverse(load(runs["vae"]), steps=3, seed=5)
    want = named_rows([(f"{row.name}  -2 … 2", row.images) for row in rows], zoom=4)
    with Image.open("vae-traversal.png") as sheet:
        assert sheet.tobytes() == want.tobytes()


def test_the_midst_of_an_axis_is_called_0():
    words, numbers = _settings(Axis("z0", 0, low=-0.4, high=0.4), 11)
    assert words[4:7] == ("-0.08", "0", "0.08")
    assert numbers.tolist() == pytest.approx([-0.4 + 0.08 * step for step in range(11)], abs=1e-6)


def test_axes_are_chosen_by_name(shell, runs):
    found = shell.answer("traverse", runs["vae"], "--axes", "z2, z0")
    assert [row["axis"] for row in found["rows"]] == ["z2", "z0"]
    said = shell.refusal("traverse", runs["vae"], "--axes", "z2,z44")
    assert said.startswith("there is no axis 'z44'; ")


def test_a_traversal_says_what_each_picture_shows(shell, stencil, plugins):
    _, out, _ = shell.run("traverse", stencil, "--axes", "bold,style", "--label", "A")
    assert out.splitlines()[:2] == ["bold: no, yes", "style: sans, serif, typewriter"]


def test_a_sum_of_mean_codes_is_a_picture(shell, runs):
    found = shell.answer("arithmetic", runs["vae"], "3,7,12 - 4,8 + 9", "--zoom", "2")
    assert (found["files"], found["noise"]) == (["vae-arithmetic.png"], 0.25)
    assert found["expression"] == "3,7,12 - 4,8 + 9"
    with Image.open("vae-arithmetic.png") as sheet:
        # three exemplars, a gap, the mean; the sum's square is three by three
        exemplars, mean = 3 * 17 + 1, 17 + 1
        assert sheet.height == SIZE + 2 * 16 + exemplars + 8 + mean


def test_a_sum_is_of_the_seed_and_the_truncation_that_are_said(shell, stencil, plugins):
    words = {"seed": 3, "truncation": 0.5}
    options = ("--seed", "3", "--truncation", "0.5", "--zoom", "2")
    found = shell.answer("arithmetic", stencil, "1,2", *options, "-o", "sum.png")
    assert found["seed"] == 3
    want = _sum(arithmetic(stencil, "1,2", **words), 2)
    with Image.open("sum.png") as sheet:
        assert sheet.tobytes() == want.tobytes()
    shell.answer("arithmetic", stencil, "-n", "3", *options, "-o", "seeds.png")
    want = captioned(exemplars(stencil, range(3), **words), ["0", "1", "2"], 16, 2)
    with Image.open("seeds.png") as sheet:
        assert sheet.tobytes() == want.tobytes()


def test_without_an_expression_there_is_a_sheet_to_choose_from(shell, runs):
    found = shell.answer("arithmetic", runs["vae"], "-n", "20")
    assert (found["files"], found["count"]) == (["vae-seeds.png"], 20)
    with Image.open("vae-seeds.png") as sheet:
        assert sheet.size == (16 * (8 * 6 + 2 + 4), 2 * (8 * 6 + 2 + SIZE + 8))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["arithmetic", "3 +"],
            "'3 +' must be groups of seeds with + or - between: '3,7,12",
        ),
        (["arithmetic", "1", "--noise", "-1"], "--noise must be a number greater than 0"),
        (["traverse", "--steps", "1"], "--steps must be a whole number from 2"),
        (["traverse", "-o", "out.gif"], "-o out.gif must end in .png or .jpg or .jpeg or .webp."),
        (["traverse", "a.png", "b.png"], "sfumato traverse has no use for 'b.png'; see sfumato"),
        (["traverse", "--label", "1"], "VAE takes no conditions: it cannot be asked for label;"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_explored_is_refused(shell, runs, words, said):
    verb, *rest = words
    assert shell.refusal(verb, runs["vae"], *rest).startswith(said)


@pytest.mark.parametrize(
    ("verb", "needed"),
    [("traverse", "a Sampler or an Autoencoder"), ("arithmetic", "a Sampler")],
)
def test_who_has_no_codes_says_what_it_can(shell, runs, verb, needed):
    said = shell.refusal(verb, runs["lenet5"])
    assert said.startswith(f"{verb} needs {needed}, and {runs['lenet5']} holds a LeNet5,")
