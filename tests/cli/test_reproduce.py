"""The verb reproduce: systems trained and scored again, and the pages written from that."""

import json
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import pytest

from sfumato import results
from sfumato.errors import DataError
from sfumato.models.aae import RECIPES
from sfumato.reproducing import Trial, reproduce
from sfumato.runs import digest
from sfumato.training import train

SMOKE = ("reproduce", "--only", "lenet5", "--recipe", "smoke")


def kept(name):
    return json.loads((results.KEPT / f"{name}.json").read_text())


def rows(page, start):
    return [line for line in Path(page).read_text().splitlines() if line.startswith(start)]


def run(model="aae", recipe="semi", seed=0, score="error", value=0.03, **more):
    """A result as it is kept."""
    scores = {score: {"value": value, "floor": 0.9, "ceiling": 0.0, "n": 100, "better": "lower"}}
    facts = {
        "measured": "2026-01-01",
        "commit": "abc",
        "machine": "m",
        "python": "3",
        "torch": "2",
    }
    facts |= {"lightning": "2", "preset": {"threads": 1}, "data": "mnist", "minutes": 2.0}
    size = {"steps": RECIPES["semi"].steps, "batch": RECIPES["semi"].batch}
    mine = {"model": model, "recipe": recipe, "seed": seed, "scores": scores}
    return {**facts, **size, **mine, **more}


def test_it_measures_writes_the_page_and_goes_on_where_it_stopped(shell):
    done = shell.answer(*SMOKE, "--seeds", 1)
    assert done["measured"] == ["quality-lenet5-smoke-0"]
    done = shell.answer(*SMOKE, "--seeds", 2)
    assert (done["found"], done["measured"]) == (
        ["quality-lenet5-smoke-0"],
        ["quality-lenet5-smoke-1"],
    )
    values = [kept(f"quality-lenet5-smoke-{s}")["scores"]["accuracy"]["value"] for s in (0, 1)]
    (row,) = rows("docs/results.md", "| [lenet5]")
    assert f"| {mean(values):.4g} ± {stdev(values):.2g} |" in row
    assert "| 0 1 |" in row
    before = Path("docs/results.md").read_text()
    done = shell.answer(*SMOKE, "--seeds", 2)
    assert (done["measured"], len(done["found"])) == ([], 2)
    assert Path("docs/results.md").read_text() == before


def test_a_run_that_is_there_is_not_trained_again(shell):
    train("lenet5", recipe="smoke", out="runs/lenet5-smoke-0", progress=False)
    state = Path("runs/lenet5-smoke-0/checkpoints/last.ckpt")
    before = state.read_bytes()
    shell.answer(*SMOKE, "--seeds", 1)
    assert state.read_bytes() == before
    assert sorted(path.name for path in Path("runs").iterdir()) == ["lenet5-smoke-0"]


def test_a_run_of_other_settings_is_left_alone(shell):
    train("lenet5", recipe="smoke", steps=2, out="runs/lenet5-smoke-0", progress=False)
    shell.answer(*SMOKE, "--seeds", 1)
    assert kept("quality-lenet5-smoke-0")["steps"] == 4
    assert Path("runs/lenet5-smoke-0-2").exists()


def test_results_of_other_settings_are_measured_anew(shell):
    shell.answer(*SMOKE, "--seeds", 1)
    trial, place = Trial("lenet5", "smoke", 0), Path()
    assert trial.known(place) is not None
    results.keep(trial.name, {**kept(trial.name), "settings": "0" * 16}, results.KEPT)
    assert Trial("lenet5", "smoke", 0).known(place) is None


def test_the_digest_is_of_what_changes_a_result():
    trial, other = Trial("lenet5", "smoke", 0), Trial("lenet5", "smoke", 1)
    assert digest(trial.planned) != digest(other.planned)
    same = Trial("lenet5", "smoke", 0)
    same.__dict__["planned"] = replace(trial.planned, every=7, expects={"accuracy": 1.0})
    assert digest(same.planned) == digest(trial.planned)
    same = Trial("lenet5", "smoke", 0)
    same.__dict__["planned"] = replace(trial.planned, ema=0.5)
    assert digest(same.planned) != digest(trial.planned)


def test_a_quick_run_is_marked_and_touches_nothing_else(shell):
    shell.answer(*SMOKE, "--seeds", 1)
    before = {path: path.read_bytes() for path in Path("docs").iterdir()}
    done = shell.answer(*SMOKE, "--quick")
    assert done["files"] == ["runs/quick/docs/results.md"]
    assert "These are not the systems' scores." in Path(done["files"][0]).read_text()
    assert {path: path.read_bytes() for path in Path("docs").iterdir()} == before
    assert len(list(results.KEPT.iterdir())) == 1
    assert (Path("runs/quick") / results.KEPT / "quality-lenet5-smoke-0.json").exists()


def test_a_model_whose_data_are_missing_is_skipped(tmp_path, monkeypatch):
    def missing(self, out, **options):
        raise DataError("nowhere to be\nfound.")

    monkeypatch.setattr(Trial, "measure", missing)
    done = reproduce(["lenet5", "mlp"], recipe="smoke", folder=tmp_path)
    assert done.skipped == {"lenet5": "nowhere to be found.", "mlp": "nowhere to be found."}
    assert done.measured == []


def test_a_long_training_is_run_under_one_seed(tmp_path, monkeypatch):
    long = run("lenet5", "smoke", score="accuracy", minutes=15.1)
    monkeypatch.setattr(Trial, "measure", lambda self, out, **options: dict(long))
    done = reproduce(["lenet5"], recipe="smoke", folder=tmp_path)
    assert done.measured == ["quality-lenet5-smoke-0"]


def test_a_tagger_is_asked_and_stands_in_the_command(tmp_path, monkeypatch):
    def measured(self, out, *, tagger, **options):
        return run("dragan", "smoke", score="attribute_accuracy", tagger=tagger)

    monkeypatch.setattr(Trial, "measure", measured)
    reproduce(["dragan"], recipe="smoke", seeds=1, tagger="tagger-glyphs", folder=tmp_path)
    (row,) = rows(tmp_path / "docs" / "results.md", "`sfumato reproduce --only dragan")
    assert "--seeds 1 --tagger tagger-glyphs -o" in row


def test_what_was_published_stands_beside_what_was_measured():
    said = RECIPES["semi"].published["error"]
    text = results.tables([run(value=0.03), run(seed=1, value=0.05)])
    (row,) = [line for line in text.splitlines() if line.startswith("| [aae]")]
    assert (
        f"| error ↓ | 0.04 ± 0.014 | 0.9 | 0 | 100 | 0 1 | {said.value:g} | {said.protocol}" in row
    )
    assert "| error ↓ | 0.03 | 0.05 | 0.04 ± 0.014 | 0.9 | 0 | 100 |  |" in text.splitlines()


def test_a_result_of_another_recipe_than_the_present_one_says_so():
    said = "Measured before the recipe was changed to what it is now."
    now = digest(replace(RECIPES["semi"], seed=3))
    assert said not in results.tables([run(seed=3, settings=now)])
    assert said in results.tables([run(seed=4, settings=now)])
    assert said not in results.tables([run()]), "what was kept before they were noted"


def test_the_only_run_is_told_with_its_own_error():
    scores = {"fid": {"value": 0.5, "error": 0.02, "floor": 9.0, "n": 100, "better": "lower"}}
    scores["kid"] = {"value": 0.25, "n": 100, "better": "lower"}
    lines = results.tables([run(scores=scores)]).splitlines()
    assert "| fid ↓ | 0.5 | 0.02 | 9 |  | 100 |  |" in lines
    assert "| kid ↓ | 0.25 |  |  |  | 100 |  |" in lines, "nor is a score said twice"


def test_a_score_of_too_few_samples_does_not_stand_for_the_system():
    small = {"value": 0.5, "floor": 9.0, "n": 500, "better": "lower"}
    scores = {"fid": small, "kid": small}
    many = {name: {**small, "n": 2000} for name in scores}
    assert list(results.headline("dcgan", "faces", [run(scores=many)])) == ["fid"]
    assert list(results.headline("dcgan", "faces", [run(scores=scores)])) == ["kid"]
    assert list(results.headline("dcgan", "faces", [run(scores={"fid": scores["fid"]})])) == [
        "fid"
    ]


def test_the_readme_keeps_its_words_and_gets_the_numbers(tmp_path):
    begin, end = results.SYSTEMS
    table = "| system | what | file | reaches |\n|---|---|---|---|\n"
    row = "| [AAE](docs/models/aae.md) | codes | [aae.py](src/aae.py) | old |"
    other = "| [GAN](docs/models/gan.md) | a game | [gan.py](src/gan.py) |"
    (tmp_path / "README.md").write_text(f"# Top\n{begin}\n{table}{row}\n{other}\n{end}\nrest\n")
    results.keep("quality-aae-semi-0", run(), tmp_path / results.KEPT)
    unmeasured = run("gan", "laptop", scores={})
    results.keep("quality-gan-laptop-0", unmeasured, tmp_path / results.KEPT)
    results.write(tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("# Top\n")
    assert text.endswith("\nrest\n")
    words = "| [AAE](docs/models/aae.md) | codes | [aae.py](src/aae.py) |"
    assert f"{words} error ↓ 0.03, `semi` |" in text
    assert "| [GAN](docs/models/gan.md) | a game | [gan.py](src/gan.py) |  |" in text
    own = "error ↓ 0.03, `semi`"
    for beside, cell in (({"gan": "psnr ↑ 1", "aae": "said apart"}, "said apart"), ({}, own)):
        results.write(tmp_path, beside=beside)
        text = (tmp_path / "README.md").read_text()
        assert f"{words} {cell} |" in text
        assert "| [GAN](docs/models/gan.md) | a game | [gan.py](src/gan.py) | psnr ↑ 1 |" in text


def test_only_what_lies_between_the_marks_is_rewritten(tmp_path):
    begin, end = results.REPRODUCED
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "results.md"
    page.write_text(f"above\n{begin}\nold\n{end}\nbelow\n")
    results.keep("quality-aae-semi-0", run(), tmp_path / results.KEPT)
    results.write(tmp_path)
    text = page.read_text()
    assert text.startswith(f"above\n{begin}\n## All systems")
    assert text.endswith(f"{end}\nbelow\n")
    assert "\nold\n" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "dcgann"], "did you mean 'dcgan'"),
        (["--only", "lenet5", "--recipe", "laptob"], "lenet5 has no recipe 'laptob'"),
        (["--recipe", "nowhere"], "--recipe nowhere: no model has one"),
        (["--only", "mlp", "--precision", "8"], "--precision 8 is unknown; choose from 32, bf16."),
        (["--only", "mlp", "--tagger", "lenet5-mnist"], "--tagger lenet5-mnist holds a LeNet5,"),
        (["--seeds", "0"], "--seeds must be a whole number from 1"),
    ],
)
def test_mistakes_are_said_in_one_line(shell, words, said):
    assert said in shell.refusal("reproduce", *words)


def test_a_damaged_result_is_named(shell):
    results.KEPT.mkdir(parents=True)
    (results.KEPT / "quality-lenet5-smoke-0.json").write_text("{")
    assert "quality-lenet5-smoke-0.json is no JSON" in shell.refusal(*SMOKE)
