"""The verb augment: real and painted pictures in a folder that training can read."""

import csv
from collections import Counter
from pathlib import Path

import pytest
import torch
from PIL import Image

from sfumato import data as sources
from sfumato import load
from sfumato.augmenting import _named, augment, known, real
from sfumato.cli import main
from sfumato.data import Source
from sfumato.errors import DataError
from sfumato.io.images import to_bytes
from sfumato.models.cgan import CGAN, Config
from sfumato.randomness import derive
from sfumato.sampling import sample


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A conditional GAN trained for a moment on the digits."""
    folder = tmp_path_factory.mktemp("cgan") / "run"
    assert main(["train", "cgan", "--recipe", "smoke", "--out", str(folder)]) == 0
    return str(folder)


def table(folder):
    with Path(folder, "metadata.csv").open() as file:
        return list(csv.DictReader(file))


def test_each_class_gets_its_share_and_training_reads_it_again(shell, place):
    found = shell.answer("augment", place, "--labels", "40", "--ratio", "1.5", "-o", "more")
    classes = load(place).schema.classes
    assert found["real"] == {name: 4 for name in classes}
    assert found["made"] == {name: 6 for name in classes}
    rows = table("more")
    counts = Counter((row["origin"], row["label"]) for row in rows)
    assert counts == {(o, c): n for o, n in (("real", 4), ("made", 6)) for c in classes}
    again = sources.open(Source(name="more"))
    assert len(again) == 100
    assert again.schema.classes == tuple(sorted(classes))
    assert again.schema.shape == load(place).schema.shape


def test_the_pictures_are_those_of_the_data_and_of_the_seed(shell, place):
    shell.answer("augment", place, "--labels", "20", "--seed", "3", "-o", "more")
    model = load(place)
    first = next(row for row in table("more") if row["origin"] == "made")
    want = sample(model, 2, seed=derive(3, "augment", 0, 0), label=0)
    assert first["label"] == model.schema.classes[0]
    with Image.open(Path("more", first["file_name"])) as image:
        assert image.tobytes() == to_bytes(want)[0].tobytes()


def test_what_a_run_keeps_aside_stays_aside(shell):
    kept = ("--data", "digits", "--data.holdout", "0.3", "--data.seed", "7")
    shell.answer("train", "cgan", "--recipe", "smoke", *kept, "--out", "run")
    seen = sources.open(Source(name="digits", holdout=0.3, seed=7, side=16))
    learned = {row.tobytes() for row in seen.columns["image"]}
    for out, words in (("more", []), ("too", ["--data", "digits"])):
        shell.answer("augment", "run", *words, "--labels", "300", "--ratio", "0.1", "-o", out)
        real = [row["file_name"] for row in table(out) if row["origin"] == "real"]
        assert len(real) == 300
        for name in real:
            with Image.open(Path(out, name)) as image:
                assert image.tobytes() in learned


def test_the_painted_ones_alone(shell, place):
    found = shell.answer("augment", place, "--labels", "20", "--only-made", "-o", "made")
    assert sum(found["real"].values()) == 0
    assert {row["origin"] for row in table("made")} == {"made"}


def test_a_classifier_learns_from_it_and_is_held_against_the_real(shell, place):
    shell.answer("augment", place, "--labels", "40", "-o", "more")
    words = ["--recipe", "smoke", "--data", "more", "--out", "run"]
    assert main(["train", "mlp", *words]) == 0
    found = shell.answer("classify", "run", "--data", "digits", "-o", "trial")
    assert found["metrics"]["accuracy"]["n"] == 297


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "full"], "-o full exists already; name a new or an empty folder."),
        (["--ratio", "0"], "--ratio must be a number greater than 0 and at most 100, not '0'"),
        (["--data", "photos"], "photos has the class 'astronaut', and this model learned"),
        (["--labels", "9"], "--labels 9 wants 0 of class"),
        (["--labels", "20", "--ratio", "0.1"], "--ratio 0.1 of 2 pictures of a class is none;"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused(shell, place, words, said):
    Path("full").mkdir()
    Path("full/mine.txt").write_text("precious")
    assert shell.refusal("augment", place, *words).startswith(said)


def test_who_cannot_be_asked_for_a_label_is_refused(shell, runs):
    assert shell.refusal("augment", runs["dcgan"]) == (
        "augment needs a model that can be asked for a label, such as cgan, and DCGAN cannot; "
        "--named-by a classifier names what it paints."
    )


def test_a_classifier_names_what_cannot_be_asked_for(shell):
    found = shell.answer(
        *("augment", "dcgan-digits", "--data", "digits", "--labels", "20", "--ratio", "3"),
        *("--named-by", "lenet5-digits", "-o", "more"),
    )
    assert set(found["made"].values()) == {6}
    rows = [row for row in table("more") if row["origin"] == "made"]
    assert Counter(row["label"] for row in rows) == {name: 6 for name in found["made"]}
    said = shell.answer("classify", "lenet5-digits", *(Path("more", r["file_name"]) for r in rows))
    first = [image["classes"][0]["name"] for image in said["images"]]
    # a file is scaled by Pillow, a painted picture as a tensor: a few names differ
    assert sum(a == r["label"] for a, r in zip(first, rows, strict=True)) >= 0.9 * len(rows)


def test_only_names_that_are_sure_are_kept(shell):
    words = ("augment", "dcgan-digits", "--data", "digits", "--labels", "20", "--ratio", "3")
    for sure, out in (("0", "all"), ("0.99", "sure")):
        shell.answer(*words, "--named-by", "lenet5-digits", "--sure", sure, "-o", out)
    namer = load("lenet5-digits").eval()
    least = {}
    for out in ("all", "sure"):
        data = sources.open(Source(name=out, side=28))
        painted = data.batch(torch.arange(20, 80)).image
        with torch.no_grad():
            least[out] = float(namer.logits(painted).softmax(1).amax(1).min())
    assert least["sure"] >= 0.98 > least["all"]  # a file keeps 8 bits of what was painted


def test_sureness_is_a_probability_and_somebody_s(shell, place):
    words = ("augment", "dcgan-digits", "--named-by", "lenet5-digits")
    said = shell.refusal(*words, "--sure", "1.5")
    assert said == "--sure is a probability from 0 to below 1, not 1.5."
    said = shell.refusal("augment", place, "--sure", "0.9")
    assert said == "--sure is of a classifier, and CGAN can be asked for a label."


def test_a_class_that_is_never_painted_is_named(place):
    model, namer = load("dcgan-digits"), load("lenet5-digits")
    namer.answer.bias.data[3] = -1e9
    with pytest.raises(DataError, match="too few were named '3': 2 are missing"):
        augment(model, "nowhere", Source(name="digits", labels=20), namer=namer)


def test_no_picture_is_painted_twice(monkeypatch):
    monkeypatch.setattr("sfumato.augmenting.PART", 5)
    model, namer = load("dcgan-digits").eval(), load("lenet5-digits").eval()
    parts = _named(model, namer, dict.fromkeys(namer.schema.classes, 2), 0, 0.0)
    images = torch.cat([images for images, _ in parts])
    assert len(images) == len(images.unique(dim=0)) == 20


def test_a_namer_must_classify(shell):
    words = ("augment", "dcgan-digits", "--data", "digits", "--named-by", "tagger-glyphs")
    assert shell.refusal(*words).startswith("classify needs a Classifier")


def test_who_can_be_asked_needs_no_namer(shell, place):
    said = shell.refusal("augment", place, "--named-by", "lenet5-digits")
    assert said == "CGAN can be asked for a label: leave out --named-by."


def test_what_learned_from_patches_is_augmented_by_patches(tmp_path):
    source = Source(name="digits", side=32, patch=16, count=60)
    schema = sources.open(source).schema
    model = CGAN(Config(width=4, latent=4), schema).eval()
    data = known(model, source)
    assert data.schema.shape == (1, 16, 16)
    images = torch.cat([part for part, _ in real(data)])
    assert torch.equal(images, sources.open(source).batch(torch.arange(60)).image)
