"""sample, interpolate and animate write pictures, and never write over one unasked."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from sfumato import load
from sfumato.io.images import from_bytes, grid, to_bytes
from sfumato.sampling import sample

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
    assert "vae-samples.png is there already, and is replaced once all is done" in out


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
def test_who_cannot_draw_says_what_it_can_and_who_else_can(shell, runs, verb):
    needed = "a Sampler or an Autoencoder" if verb == "interpolate" else "a Sampler"
    who = ["cgan-mnist", "dcgan-digits", "dcgan-mnist", "dragan-glyphs", "frogs-cifar10"]
    who += ["gan-mnist", "infogan-mnist"]
    if verb == "interpolate":
        who = sorted([*who, "codec-photos", "codec-small", "fader-glyphs"])
    assert shell.refusal(verb, runs["lenet5"]) == (
        f"{verb} needs {needed}, and {runs['lenet5']} holds a LeNet5, which is Classifier: it "
        f"can search, classify, train, evaluate, compare and export. For {verb} take "
        f"{', '.join(who)}."
    )


def test_where_nobody_is_shipped_who_can_says_whom_to_train(shell, runs, monkeypatch):
    monkeypatch.setattr("sfumato.registry.shipped", list)
    assert shell.refusal("edit", runs["vae"], "a.png").endswith(" For edit train fader.")


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
        (["sample", "-o", "out.txt"], "-o out.txt must end in .png or .jpg or .jpeg or .webp."),
        (["animate", "-o", "out.png"], "-o out.png must end in .gif."),
        (["animate", "--fps", "60"], "--fps must be a number greater than 0 and at most 50,"),
        (["sample", "-o", "."], "-o . is a folder; name a file in it, such as samples.png."),
        (["sample", "--device", "cuda"], "--device cuda is not here"),
        (["sample", "--label", "8"], "VAE takes no conditions: it cannot be asked for label;"),
        (["animate", "--attribute", "hair=red"], "VAE takes no conditions: it cannot be asked"),
        (["sample", "--label", "3,,5"], "--label must be one or several with commas between,"),
        (["sample", "--attribute", "hair"], "--attribute must be NAME=VALUE such as hair=blonde,"),
        (["sample", "--truncation", "0"], "--truncation must be a number greater than 0,"),
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
    assert said == "-o full exists already; name a new or an empty folder."


# ------------------------------------------------------------------ asking


@pytest.fixture
def stencil_place(stencil, shell, plugins):
    """A trained model that takes one of 36 letters, a slant, a weight and a style."""
    return stencil


def test_a_label_is_asked_for_by_name_or_number(shell, stencil_place):
    found = shell.answer("sample", stencil_place, "--label", "8", "-n", "4", "-o", "name.png")
    assert found["asked"] == {"label": ["8"]}
    model = load(stencil_place)
    assert model.schema.classes[34] == "8", "a word is a name where names are numbers"
    want = grid(sample(model, 4, label=34), zoom=6)
    with Image.open("name.png") as sheet:
        assert sheet.tobytes() == want.tobytes()


@pytest.mark.parametrize("words", [("3, 5,8",), ("3", "--label", "5,8")])
def test_several_labels_have_a_column_each(shell, stencil_place, words):
    found = shell.answer("sample", stencil_place, "--label", *words, "-o", "out.png")
    assert (found["asked"], found["count"]) == ({"label": ["3", "5", "8"]}, 15)
    model = load(stencil_place)
    want = grid(sample(model, 15, label=["3", "5", "8"]), columns=3, zoom=6)
    with Image.open("out.png") as sheet:
        assert sheet.tobytes() == want.tobytes()


def test_attributes_are_asked_for_by_name(shell, stencil_place):
    words = ("--attribute", "style=serif,sans", "--attribute", "slant = -5", "--label", "A")
    found = shell.answer("sample", stencil_place, *words, "-n", "2", "-o", "out.png")
    wish = {"label": ["A"], "attributes": {"style": ["serif", "sans"], "slant": ["-5"]}}
    assert found["asked"] == wish
    want = grid(sample(load(stencil_place), 2, **wish), columns=2, zoom=6)
    with Image.open("out.png") as sheet:
        assert sheet.tobytes() == want.tobytes()


def test_nothing_asked_is_nothing_said(shell, stencil_place):
    assert shell.answer("sample", stencil_place, "-n", "1", "-o", "out.png")["asked"] == {}


def test_ways_and_films_are_asked_too(shell, stencil_place):
    words = ("--label", "A,B", "--attribute", "bold=yes")
    shell.answer("interpolate", stencil_place, *words, "-n", "3")
    found = shell.answer("animate", stencil_place, *words, "--stops", "2", "--frames", "2")
    assert found["asked"] == {"label": ["A", "B"], "attributes": {"bold": ["yes"]}}


def test_truncation_reaches_the_codes(shell, runs):
    shell.answer("sample", runs["vae"], "--truncation", "0.5", "-n", "4", "-o", "close.png")
    want = grid(sample(load(runs["vae"]), 4, truncation=0.5), zoom=6)
    with Image.open("close.png") as sheet:
        assert sheet.tobytes() == want.tobytes()
    for verb in ("interpolate", "animate"):
        shell.answer(verb, runs["vae"], "--truncation", "0.5", "-n", "2")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--label", "a"], "there is no label 'a'; choose from A, B, C,"),
        (["--label", "36"], "there is no label '36'; did you mean '6'?"),
        (["--label", "A,B,C", "-n", "2"], "3 labels were asked for, and 2 to be drawn; ask for 2"),
        (["--attribute", "stile=serif"], "there is no attribute 'stile'; did you mean 'style'?"),
        (
            ["--attribute", "style=serfi"],
            "attribute style has no value 'serfi'; did you mean 'serif'?",
        ),
        (
            ["--attribute", "slant=90"],
            "attribute slant takes a number from -20 to 20; got 90.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_asked_for_is_refused(shell, stencil_place, words, said):
    assert shell.refusal("sample", stencil_place, *words).startswith(said)
