"""Which images a model is tested on: never those it learned from where there are others."""

import numpy as np
import pytest
from PIL import Image

import sfumato
from sfumato.data.source import Source
from sfumato.evaluation import LEARNED
from sfumato.evaluation.references import examined, splits


@pytest.fixture
def coloured(tmp_path):
    """In val the colours of the classes are exchanged, so who learned train is wrong there."""

    def made(*parts):
        for part in parts:
            for name, colour in (("a", "red"), ("b", "blue")):
                colour = colour if part in ("train", "") else {"red": "blue"}.get(colour, "red")
                for number in range(30):
                    path = tmp_path / "data" / part / name / f"{number}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.new("RGB", (16, 16), colour).save(path)
        return Source(name=str(tmp_path / "data"), side=16)

    return made


@pytest.mark.parametrize("part", ["val", "validation", "test"])
def test_another_part_of_a_folder_is_held_out_whatever_it_is_called(coloured, part, tmp_path):
    source = coloured("train", part)
    reference, other = splits(source, 0)
    assert (len(reference.rows), len(other.rows), other.learned) == (60, 60, False)
    first = [split.data.columns["image"][0, 0, 0].tolist() for split in (reference, other)]
    assert first == [[255, 0, 0], [0, 0, 255]]
    words = {"recipe": "smoke", "device": "cpu", "progress": False, "out": tmp_path / "run"}
    run = sfumato.train("mlp", data=source, steps=60, **words)
    found = sfumato.evaluate(run.path)["accuracy"]
    assert (found.value, found.n, found.note) == (0.0, 60, "")


def test_where_all_was_learned_from_it_is_said(coloured, tmp_path):
    source = coloured("")
    words = {"recipe": "smoke", "device": "cpu", "progress": False, "out": tmp_path / "run"}
    run = sfumato.train("mlp", data=source, steps=2, **words)
    found = sfumato.evaluate(run.path)["accuracy"]
    assert (found.n, found.note) == (30, LEARNED)
    assert sfumato.evaluate(run.path, count=20)["accuracy"].n == 20


def test_what_is_named_for_it_is_taken_whole_and_what_was_learned_from_never():
    test = Source(name="digits", split="test")
    whole = examined(test, 0, named=True)
    assert (sorted(whole.rows.tolist()), whole.learned) == (list(range(297)), False)
    halves = examined(test, 0, named=False)
    assert (len(halves.rows), halves.learned) == (149, True)
    for named in (True, False):
        held_out = examined(Source(name="digits"), 0, named=named)
        assert held_out.alone() is held_out.data
        assert len(held_out.data) == 297
    few = whole.alone(5)
    assert len(few) == 5
    assert not np.shares_memory(few.columns["image"], whole.data.columns["image"])


def test_other_pictures_than_a_run_learned_are_all_looked_at(coloured, tmp_path):
    source = coloured("")
    words = {"recipe": "smoke", "device": "cpu", "progress": False}
    run = sfumato.train("mlp", data=source, steps=2, **words, out=tmp_path / "run")
    assert sfumato.evaluate(run.path, source)["accuracy"].n == 30
    assert sfumato.evaluate(sfumato.load(run.path), source)["accuracy"].n == 60
    data = {"name": "digits", "split": "test"}
    learned = sfumato.train("mlp", data=data, steps=2, **words, out=tmp_path / "learned")
    found = sfumato.evaluate(learned.path)["accuracy"]
    assert (found.n, found.note) == (149, LEARNED)
