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


def test_a_part_that_is_named_is_taken_whole():
    named = examined(Source(name="digits", split="test"), 0)
    assert sorted(named.rows.tolist()) == list(range(len(named.data)))
    held_out = examined(Source(name="digits"), 0)
    assert held_out.alone() is held_out.data
    assert not np.shares_memory(named.alone(5).columns["image"], named.data.columns["image"])
    assert len(named.alone(5)) == 5
