"""evaluate and compare print numbers with the ends of their scales."""

import re
from pathlib import Path

import pytest
from PIL import Image

from sfumato import runs as loading
from sfumato.cli.measure import notes
from sfumato.cli.page import ends, figure, number, page, scores, section
from sfumato.cli.places import aligned
from sfumato.metrics.score import Score

DIGITS = ("--data", "digits")
FEW = ("-n", "40", "--features", "pixels-8x8")


def test_evaluate_gives_every_score_with_its_ends(shell, runs):
    found = shell.answer("evaluate", runs["vae"], *FEW)
    assert (found["model"], found["run"]) == ("vae", runs["vae"])
    kid = found["metrics"]["kid"]
    assert {"value", "floor", "ceiling", "n", "better", "features", "seed"} <= kid.keys()
    assert (kid["n"], kid["features"], kid["seed"]) == (40, "pixels-8x8", 0)
    assert found["metrics"]["nats"]["n"] == 40


def test_evaluate_prints_a_line_a_score(shell, runs):
    code, out, _ = shell.run("evaluate", runs["lenet5"])
    assert code == 0
    assert out.splitlines()[0].split() == [
        "score",
        runs["lenet5"],
        "trivial",
        "real",
        "n",
        "features",
    ]
    assert re.search(r"^accuracy ↑ +0\.\d+ ± 0\.\d+ +0\.\d+ +1 +297$", out, re.M)


def test_compare_sets_places_side_by_side(shell, runs):
    places = runs["dcgan"], runs["vae"]
    found = shell.answer("compare", *places, *FEW, "-o", "both.html")
    assert [row["place"] for row in found["places"]] == list(places)
    assert found["metrics"].keys() == set(places)
    text = Path("both.html").read_text("utf-8")
    assert text.count("data:image/png;base64,") == 2
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)


def test_all_places_are_compared_on_the_same_images(shell, runs):
    words = ("--recipe", "smoke", "--data", "digits", "--data.holdout", "0.3")
    shell.answer("train", "lenet5", *words, "--out", "apart")
    found = shell.answer("compare", runs["lenet5"], "apart", "--data", "digits")
    assert {row["scores"]["accuracy"]["n"] for row in found["places"]} == {297}


def test_judges_are_probed_side_by_side(shell, runs):
    one = shell.answer("evaluate", runs["dcgan"], "--probe", "-n", "40")["metrics"]
    found = shell.answer("compare", runs["dcgan"], "dcgan-digits", "--probe", "-n", "40", *DIGITS)
    assert found["metrics"][runs["dcgan"]].keys() == {"probe", "probe_pixels", "probe_random"}
    assert found["metrics"][runs["dcgan"]].keys() == one.keys()


def test_compare_draws_a_sheet(shell, runs):
    shell.answer("compare", runs["dcgan"], runs["vae"], *FEW, "-o", "both.png")
    with Image.open("both.png") as sheet:
        assert sheet.width > 2 * 6 * 48


@pytest.mark.parametrize("verb", ["evaluate", "compare"])
def test_each_place_is_read_once_and_to_the_device(shell, runs, verb, monkeypatch):
    read, load = [], loading.load

    def counted(place, device="cpu"):
        read.append((place, device))
        return load(place, device)

    monkeypatch.setattr(loading, "load", counted)
    places = [runs["dcgan"], runs["vae"]][: 1 + (verb == "compare")]
    sheet = ["-o", "both.html"] * (verb == "compare")
    shell.answer(verb, *places, *FEW, *sheet, "--device", "auto")
    assert read == [(place, "auto") for place in places]


def test_a_comparison_goes_home_and_replaces_nothing_in_silence(shell, runs, monkeypatch):
    monkeypatch.setenv("HOME", str(shell.folder))
    words = ("compare", runs["dcgan"], runs["vae"], *FEW, "-o", "~/both.html")
    assert shell.answer(*words)["files"] == [str(shell.folder / "both.html")]
    assert not Path("~").exists()
    _, out, _ = shell.run(*words)
    assert f"{shell.folder / 'both.html'} is there already, and is replaced" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "{vae}"], "compare needs two places or more; evaluate takes one."),
        (["compare", "{vae}", "{vae}"], "compare was given {vae} twice; name each place once."),
        (["compare", "{vae}", "nowhere"], "nowhere is no run folder, no bundle and no name"),
        (["compare", "{vae}", "{dcgan}", "-o", "x.txt"], "-o x.txt must end in .html or .png."),
        (["compare", "{vae}", "{dcgan}", "-o", ""], "-o is empty; name a file such as compar"),
        (["compare", "{lenet5}", "lenet5-mnist", "-o", "x.PNG"], "-o x.PNG: none of these draws;"),
        (["evaluate", "{vae}", "--split", "test"], "--split is a part of --data; give both."),
        (
            ["evaluate", "{vae}", "--features", "lenet5-mnits"],
            "--features lenet5-mnits is unknown;",
        ),
        (["evaluate", "{vae}", "-n", "2"], "-n 2 is too small; give at least 20."),
        (["evaluate", "{vae}", "--data", "nothing"], "--data 'nothing' is unknown;"),
        (["evaluate", "lenet5-mnist"], "what lenet5-mnist learned from is not written there;"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_measured_is_one_line(shell, runs, words, said):
    refused = shell.refusal(*(word.format(**runs) for word in words))
    assert refused.startswith(said.format(**runs))


def test_another_part_is_taken_whole_whatever_was_learned_from(shell):
    words = ["train", "lenet5", "--recipe", "smoke", "--data.count", "200", "--out", "few"]
    assert shell.run(*words)[0] == 0
    both = [
        shell.answer("evaluate", "few", *more)["metrics"]["accuracy"]["n"]
        for more in ((), ("--data", "digits", "--split", "test"))
    ]
    assert both == [297, 297]


def test_a_note_on_many_scores_is_said_once():
    held = {"a": Score(1, note="few; odd"), "b": Score(1, note="few"), "c": Score(1)}
    assert notes(held) == {"few": ["a", "b"], "odd": ["a"]}


def test_ends_that_differ_are_both_shown():
    one, other = Score(1, floor=0.5), Score(2, floor=0.25)
    assert ends([one, one, None], "floor") == "0.5"
    assert ends([one, other], "floor") == "0.5 | 0.25"
    assert ends([one], "ceiling") == "–"
    assert (number(Score(0.12345, error=0.011)), number(None)) == ("0.1235 ± 0.011", "–")


def test_columns_line_up():
    assert aligned([["a", "1", "x"], ["bbb", "22", ""]]) == "a     1  x\nbbb  22"


def test_a_page_escapes_what_is_not_its_own():
    text = page("<b>", "lead", section("<i>", figure(Image.new("L", (2, 2)), '"<x>')))
    assert "<title>&lt;b&gt;</title>" in text
    assert "<h2>&lt;i&gt;</h2>" in text
    assert 'alt="&quot;&lt;x&gt;"' in text
    assert "{{" not in text
    assert "&lt;run&gt;" in scores({"<run>": {"kid": Score(1, better="lower")}})
