"""Edited pictures are read by a tagger, between what they were and what real ones are read as."""

from dataclasses import dataclass

import pytest
import torch

from sfumato import data as sources
from sfumato.data.source import Source
from sfumato.evaluation import editing
from sfumato.evaluation.references import Split
from sfumato.model import Editor, Tagger
from sfumato.randomness import generator
from sfumato.schema import Schema

PAPERS = Source(name="glyphs", side=8, count=60, attributes=("paper", "style"))
STREAM = sources.open(PAPERS)
HELD = Split(STREAM, torch.arange(60))


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Painter(Editor):
    """Writes its tags into the first row, or those of `wrong` columns as they were."""

    def __init__(self, dull=False):
        super().__init__(Config(), STREAM.schema)
        self.dull = dull

    def edit(self, images, tags):
        sheet = torch.zeros(len(images), 3, 8, 8)
        sheet[:, 0, 0, :5] = tags
        if self.dull:
            sheet[:, 0, 0, 2:5] = torch.tensor([1.0, 0.0, 0.0])
        return sheet

    def training_step(self, batch, index):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)])


class Reader(Tagger):
    """Reads the first row of painted sheets; of real pictures, paper alone by a corner."""

    def __init__(self):
        super().__init__(Config(), STREAM.schema)

    def features(self, images):
        return images[:, 0, 0]

    def tags(self, images):
        row, paper = images[:, 0, 0, :5], images[:, 0, 7, 7:]
        real = images[:, 1].abs().mean((1, 2)) > 0.01  # a sheet is grey there
        corner = torch.cat([-paper, paper, torch.eye(3)[:1].expand(len(row), -1)], 1)
        return torch.where(real[:, None], corner, row)

    training_step = Painter.training_step
    configure_optimizers = Painter.configure_optimizers


@pytest.fixture(autouse=True)
def reader(monkeypatch):
    monkeypatch.setattr(editing, "the_tagger", lambda place, device: Reader())


def test_an_editor_that_obeys_flips_all_and_keeps_what_it_was_told():
    scores = editing.edit_accuracy(Painter(), "reader", HELD, 40, 0, 15)
    assert scores["flips"].value == 1
    assert scores["paper_flips"].floor == 0
    assert scores["paper_flips"].ceiling == 1
    assert (scores["flips"].n, scores["flips"].features) == (40, "reader")
    plain = STREAM.batch(torch.arange(40)).attributes[:, 1]
    sans = float((plain == 0).double().mean())  # what the reader calls every real picture
    assert scores["style_flips"].ceiling == pytest.approx(sans)
    assert scores["stays"].ceiling == pytest.approx((1 + sans) / 2)
    assert scores["stays"].value == pytest.approx((1 + sans) / 2)
    paper = STREAM.batch(torch.arange(40)).attributes[:, 0]
    order = torch.randperm(40, generator=generator(0, "wishes"))
    alike = float((paper == paper[order]).double().mean())
    assert scores["stays"].floor == pytest.approx((alike + sans) / 2)


def test_an_editor_that_ignores_one_attribute_shows():
    scores = editing.edit_accuracy(Painter(dull=True), "reader", HELD, 40, 0, 15)
    assert scores["paper_flips"].value == 1
    assert scores["style_flips"].value < 0.6
    assert scores["stays"].value == 1  # it paints what the reader says of all real pictures


def test_a_single_attribute_has_no_others(monkeypatch):
    one = Reader()
    one.schema = Schema(shape=(3, 8, 8), attributes=STREAM.schema.attributes[:1])
    one.tags = lambda images: Reader.tags(one, images)[:, :2]
    monkeypatch.setattr(editing, "the_tagger", lambda place, device: one)
    scores = editing.edit_accuracy(Painter(), "reader", HELD, 20, 0, 15)
    assert set(scores) == {"flips", "paper_flips"}
