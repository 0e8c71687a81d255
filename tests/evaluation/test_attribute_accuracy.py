"""Samples that were asked for attributes are read by a tagger, between chance and real images."""

from dataclasses import dataclass

import pytest
import torch

from sfumato import data as sources
from sfumato import evaluation, runs
from sfumato.data.source import Source
from sfumato.errors import ConfigError
from sfumato.evaluation import attributes
from sfumato.model import Sampler, Tagger
from sfumato.schema import Schema

PAPERS = Source(name="glyphs", side=8, count=60, attributes=("paper", "style"))
SCHEMA = sources.open(PAPERS).schema
PAPER = Schema(shape=(1, 16, 16), attributes=SCHEMA.attributes[:1])


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Sheets(Sampler):
    """Paints sheets of the paper asked for, and of the other for the share `astray`."""

    conditions = ("attributes",)

    def __init__(self, astray):
        super().__init__(Config(), SCHEMA)
        self.astray = astray

    def prior(self, count, rng=None):
        return torch.rand(count, 1, generator=rng)

    def generate(self, latents, attributes):
        paper = (attributes[:, 0] != (latents[:, 0] < self.astray)).float()
        return (2 * paper - 1)[:, None, None, None].expand(-1, *self.schema.shape)

    def training_step(self, batch, index):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)])


class Corner(Tagger):
    """Names the paper by a corner's pixel: grey, and of another side than the samples."""

    def __init__(self):
        super().__init__(Config(), PAPER)

    def features(self, images):
        return images[:, 0, 0, :1]

    def tags(self, images):
        assert images.shape[1:] == self.schema.shape
        return torch.cat([-self.features(images), self.features(images)], dim=1)

    training_step = Sheets.training_step
    configure_optimizers = Sheets.configure_optimizers


class Silent(Sheets):
    """Takes no attributes."""

    conditions = ()


@pytest.fixture
def corner(monkeypatch):
    monkeypatch.setattr(runs, "load", lambda place, device="cpu": Corner())


@pytest.mark.parametrize("astray", [0.0, 0.25])
def test_the_share_that_is_as_asked_stands_between_chance_and_real_images(corner, astray):
    scores = attributes.attribute_accuracy(Sheets(astray), "corner", PAPERS, 400, 0, 150)
    score = scores["attribute_accuracy"]
    assert score.value == pytest.approx(1 - astray, abs=0.07)
    assert score.error == pytest.approx((score.value * (1 - score.value) / 400) ** 0.5)
    assert score.floor == pytest.approx(0.5, abs=0.1)
    assert score.ceiling == 1.0, "the corner of a real glyph is paper"
    assert (score.n, score.features, score.seed, score.better) == (400, "corner", 0, "higher")
    assert set(scores) == {"attribute_accuracy", "paper_accuracy"}, "style is unknown to it"


def test_evaluate_asks_the_tagger_it_is_given(corner):
    scores = evaluation.evaluate(
        Sheets(0.0), PAPERS, count=40, features="pixels-8x8", metrics=("kid",), tagger="corner"
    )
    assert list(scores) == ["kid", "attribute_accuracy", "paper_accuracy"]


def test_what_cannot_be_asked_is_said_in_one_line(monkeypatch):
    with pytest.raises(ConfigError) as caught:
        attributes.tagger_of(Silent(0.0), PAPERS, "corner")
    assert str(caught.value) == "--tagger corner was given for Silent, which takes no attributes."
    assert attributes.tagger_of(Silent(0.0), PAPERS, None) is None
    assert attributes.tagger_of(Sheets(0.0), Source(name="digits"), None) is None
    with pytest.raises(ConfigError) as caught:
        attributes.attribute_accuracy(Sheets(0.0), "lenet5-digits", PAPERS, 20, 0, 20)
    assert str(caught.value) == (
        "--tagger lenet5-digits holds a LeNet5, which names no attributes; "
        "train one: sfumato train tagger."
    )
    other = Schema(shape=PAPER.shape, attributes=SCHEMA.attributes[1:])
    monkeypatch.setattr(Corner, "__init__", lambda self: Tagger.__init__(self, Config(), other))
    monkeypatch.setattr(runs, "load", lambda place, device="cpu": Corner())
    model = Sheets(0.0)
    model.schema = PAPER
    with pytest.raises(ConfigError) as caught:
        attributes.attribute_accuracy(model, "corner", PAPERS, 20, 0, 20)
    assert str(caught.value) == (
        "--tagger corner names style, and the samples are asked for paper; "
        "train one on the same data: sfumato train tagger."
    )


def test_no_batch_of_samples_is_asked_for_what_another_was():
    one, other = (asked for _, asked in attributes._samples(Sheets(0.0), 40, 20, 0))
    assert not torch.equal(one, other)
