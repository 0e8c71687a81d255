"""The verb classify: names of pictures, and three pictures of how far to trust them."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from sfumato import data as sources
from sfumato import load
from sfumato.cli import main
from sfumato.data import Source

TEST = Source(name="digits", split="test", side=16)


def picture(name, row=0, zoom=1):
    """One of the digits as a file."""
    pixels = sources.open(TEST).columns["image"][row, ..., 0]
    Image.fromarray(pixels.repeat(zoom, 0).repeat(zoom, 1)).save(name)


def test_pictures_are_named_the_likeliest_first(shell, runs):
    picture("a.png"), picture("b.png", 1)
    found = shell.answer("classify", runs["lenet5"], "a.png", "b.png", "-k", "2")
    assert [image["file"] for image in found["images"]] == ["a.png", "b.png"]
    model = load(runs["lenet5"])
    with torch.no_grad():
        want = model.logits(sources.open(TEST).batch(torch.tensor([0, 1])).image).softmax(1)
    for image, row in zip(found["images"], want, strict=True):
        shares, classes = row.topk(2)
        assert [c["name"] for c in image["classes"]] == [str(int(k)) for k in classes]
        assert [c["probability"] for c in image["classes"]] == pytest.approx(shares.tolist())
    _, out, _ = shell.run("classify", runs["lenet5"], "a.png")
    (line,) = out.splitlines()
    assert line.startswith("a.png  ")
    assert line.count("%") == 3


def test_a_picture_of_another_size_and_colour_is_fitted(shell, runs):
    picture("a.png", zoom=3)
    with Image.open("a.png") as grey:
        grey.convert("RGB").save("b.png")
    first = shell.answer("classify", runs["lenet5"], "a.png")["images"][0]["classes"]
    second = shell.answer("classify", runs["lenet5"], "b.png")["images"][0]["classes"]
    assert [c["name"] for c in first] == [c["name"] for c in second]


def test_a_trial_says_all_of_it_and_it_fits_together(shell, runs):
    found = shell.answer("classify", runs["lenet5"], "-o", "trial")
    assert found["files"] == [
        *("trial/calibration.png", "trial/confusion.png", "trial/mistakes.csv"),
        "trial/mistakes.png",
    ]
    table = np.array(found["confusion"]["counts"])
    accuracy = found["metrics"]["accuracy"]
    assert table.sum() == accuracy["n"] == found["count"] == len(sources.open(TEST))
    assert np.trace(table) / table.sum() == pytest.approx(accuracy["value"])
    assert found["confusion"]["classes"] == list("0123456789")
    assert found["metrics"]["top_3"]["value"] >= accuracy["value"]
    assert [row["count"] for row in found["classes"]] == table.sum(1).tolist()
    assert sum(step["count"] for step in found["calibration"]) == found["count"]
    sure = [mistake["confidence"] for mistake in found["mistakes"]]
    assert sure == sorted(sure, reverse=True)
    assert all(mistake["true"] != mistake["said"] for mistake in found["mistakes"])
    for file in found["files"]:
        if file.endswith(".png"):
            with Image.open(file) as image:
                assert len(image.convert("RGB").getcolors(2**22)) > 10
    with Path("trial/mistakes.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == table.sum() - np.trace(table)
    assert [(int(r["row"]), r["true"], r["said"]) for r in rows[:60]] == [
        (m["row"], m["true"], m["said"]) for m in found["mistakes"]
    ]
    assert rows[0]["picture"] == ""  # digits lie in no files


def test_mistakes_tell_their_files_after_some_were_skipped(shell, tmp_path):
    for split in ("train", "test"):
        for kind, shade in (("dark", 0), ("light", 200)):
            Path(f"mine/{split}/{kind}").mkdir(parents=True)
            for number in range(12):
                grey = Image.new("L", (8, 8), number + shade)
                grey.save(f"mine/{split}/{kind}/{number}.png")
    Path("mine/test/dark/3.png").write_bytes(b"no picture")
    Path("mine/test/light/5.png").rename("mine/test/dark/swapped.png")
    shell.answer("train", "mlp", *("--steps", "60", "--data", "mine", "--out", "run"))
    found = shell.answer("classify", "run")
    assert [m["picture"] for m in found["mistakes"]] == ["test/dark/swapped.png"]
    assert "test/dark/swapped.png,dark,light," in (Path(found["files"][2]).read_text())


def test_a_trial_of_some_images_repeats_from_its_seed(shell, runs):
    words = ("classify", runs["lenet5"], "--data", "digits", "--split", "train", "-n", "50")
    first, again = (shell.answer(*words, "--seed", "3") for _ in range(2))
    assert first["count"] == 50
    assert first["confusion"] == again["confusion"]
    assert first["files"][0] == "lenet5-classified/calibration.png"
    assert again["files"][0] == "lenet5-classified-2/calibration.png"


def test_the_words_for_people_have_a_row_for_each_class(shell, runs):
    _, out, _ = shell.run("classify", runs["lenet5"])
    rows = [line.split()[0] for line in out.split("most often taken for\n")[1].splitlines()]
    assert rows[:10] == list("0123456789")


def test_who_makes_no_mistake_has_no_sheet_of_them(shell, runs):
    from sfumato.classifying import trial

    perfect = trial(runs["lenet5"], count=40)
    best = torch.nn.functional.one_hot(perfect.labels, 10).float() * 20
    object.__setattr__(perfect, "scores", best)
    assert perfect.mistakes() == []
    assert perfect.measured(1)["accuracy"].value == 1
    error = perfect.measured(1)["calibration_error"]
    assert error.value == pytest.approx(0, abs=1e-6)
    commonest = float(perfect.labels.bincount().max()) / 40
    assert error.floor == pytest.approx(1 - commonest), "always sure of the commonest class"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.png", "-k", "11"], "-k 11 must be from 1 to 10, the classes."),
        (
            ["a.png", "--data", "digits"],
            "--data is for a data set, and pictures are named; leave it out.",
        ),
        (["a.png", "-n", "5"], "-n is for a data set, and pictures are named; leave it out."),
        (["nothing.png"], "nothing.png does not exist."),
        (["--split", "test"], "--split is a part of --data; give both."),
        (["--data", "photos"], "photos has the class 'astronaut', and this model learned 0, 1,"),
        (["-k", "20"], "-k 20 must be from 1 to 10, the classes."),
        (["--data", "digits", "--split", "foo"], "--split 'foo' is no part of digits;"),
        (["-o", "full"], "-o full exists already; name a new or an empty folder."),
    ],
    ids=lambda part: part if isinstance(part, str) else " ".join(part),
)
def test_what_cannot_be_is_refused(shell, runs, words, said):
    picture("a.png")
    Path("full").mkdir()
    Path("full/mine.txt").write_text("precious")
    assert shell.refusal("classify", runs["lenet5"], *words).startswith(said)


def test_a_file_that_cannot_be_read_costs_only_its_own_answer(shell, runs):
    picture("a.png")
    Path("cut.png").write_bytes(Path("a.png").read_bytes()[:60])
    found = shell.answer("classify", runs["lenet5"], "cut.png", "-k", "2", "a.png")
    assert [image["file"] for image in found["images"]] == ["a.png"]
    assert len(found["images"][0]["classes"]) == 2
    assert found["skipped"] == ["cut.png is truncated."]
    assert shell.refusal("classify", runs["lenet5"], "cut.png") == "cut.png is truncated."


def test_images_that_were_learned_from_are_said_to_be(shell):
    for name in ("ink", "paper"):
        for number in range(20):
            Path("mine", name).mkdir(parents=True, exist_ok=True)
            grey = Image.new("L", (8, 8), number + 200 * (name == "paper"))
            grey.save(f"mine/{name}/{number}.png")
    words = ("--recipe", "smoke", "--data", "mine")
    shell.answer("train", "mlp", *words, "--out", "all")
    shell.answer("train", "mlp", *words, "--data.holdout", "0.3", "--out", "some")
    learned = shell.answer("classify", "all")["metrics"]["accuracy"]
    assert learned["note"].startswith("of images that were learned from")
    for place in ("mine", "./mine", str(Path("mine").resolve())):  # spelt as one likes
        for verb in ("classify", "evaluate"):
            held = shell.answer(verb, "some", "--data", place)["metrics"]["accuracy"]
            assert (held["n"], held.get("note", "")) == (12, "")


def test_what_a_run_learned_from_is_found_from_anywhere(shell, monkeypatch):
    for kind, shade in (("mine", 0), ("elsewhere/mine", 9)):
        for name in ("ink", "paper"):
            Path(kind, name).mkdir(parents=True)
            for number in range(10):
                grey = Image.new("L", (8, 8), number + shade + 200 * (name == "paper"))
                grey.save(f"{kind}/{name}/{number}.png")
    shell.answer("train", "mlp", "--recipe", "smoke", "--data", "mine", "--out", "run")
    here = shell.answer("classify", "run")["mistakes"]
    monkeypatch.chdir("elsewhere")
    there = shell.answer("classify", "../run")
    assert (there["mistakes"], there["data"]) == (here, str(Path("../mine").resolve()))
    shutil.copytree("../run", "run")
    shutil.rmtree("mine")
    shutil.copytree("../mine", "mine")
    Image.new("L", (8, 8), 7).save("../mine/ink/0.png")  # no longer what was learned from
    copied = shell.answer("classify", "run")
    assert (copied["mistakes"], copied["data"]) == (here, "mine")
    card = yaml.safe_load(Path("run/run.yaml").read_text())
    del card["data"]  # as older programs or hands may have left it
    Path("run/run.yaml").write_text(yaml.safe_dump(card))
    assert shell.answer("classify", "run")["data"] == "mine"


def test_a_part_is_one_of_what_the_run_took(shell):
    kept = ("--data", "digits", "--data.classes", "3,7", "--data.holdout", "0.3")
    shell.answer("train", "mlp", "--recipe", "smoke", *kept, "--out", "run")
    for verb, key in (("classify", "count"), ("evaluate", "n")):
        for part, n in (("test", 60), ("validation", 91)):
            found = shell.answer(verb, "run", "--data", "digits", "--split", part)
            found = found if key == "count" else found["metrics"]["accuracy"]
            assert found[key] == n


def test_classes_it_never_met_are_named(shell, runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clothes")
    for name in ("hat", "shoe"):
        for number in range(30):
            (folder / name).mkdir(exist_ok=True)
            Image.new("L", (16, 16), number).save(folder / name / f"{number}.png")
    said = shell.refusal("classify", runs["lenet5"], "--data", folder)
    assert said == (
        f"{folder} has the class 'hat', and this model learned 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; "
        "leave out what it never met."
    )


def test_a_model_of_the_zoo_must_be_told_the_data(shell):
    assert shell.refusal("classify", "lenet5-digits").startswith(
        "what lenet5-digits learned from is not written there; name it with --data."
    )


def test_who_cannot_name_says_what_it_can(shell, runs):
    said = shell.refusal("classify", runs["vae"], "a.png")
    assert said.startswith(f"classify needs a Classifier, and {runs['vae']} holds a VAE")


@pytest.mark.parametrize("name", ["mlp", "pyramid_svm", "mobilenet_v2"])
def test_every_classifier_is_exported_as_a_graph(shell, name):
    pytest.importorskip("onnxscript")
    assert main(["train", name, "--recipe", "smoke", "--out", "run"]) == 0
    assert shell.answer("export", "run", "-o", "net.onnx")["difference"] < 1e-4
