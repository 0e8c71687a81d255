"""Samples are asked for what real images show, and are counted by what they were asked for."""

from dataclasses import replace

import pytest
import torch
from replay import Replay

from sfumato import data as sources
from sfumato import evaluation
from sfumato.data.source import Source
from sfumato.evaluation import evaluate, feature_net, protocol, references
from sfumato.evaluation.features import fitted
from sfumato.randomness import generator
from sfumato.schema import Schema

DIGITS = Source(name="digits")


def scores(model, metrics):
    return evaluate(model, DIGITS, features="lenet5-digits", count=200, metrics=metrics)


class Obedient(Replay):
    """Draws real images of the class asked for, and of another for the share `astray`."""

    conditions = ("label",)

    def __init__(self, source=DIGITS, astray=0.0):
        data = sources.open(source)
        batch = data.batch(torch.arange(len(data)))
        super().__init__(batch.image)
        self.schema, self.labels, self.astray = data.schema, batch.label, astray

    def prior(self, count, rng=None):
        return torch.rand(count, 2, generator=rng)

    def generate(self, latents, label):
        label = torch.where(latents[:, 1] < self.astray, (label + 1) % 10, label)
        own = [self.images[self.labels == number] for number in range(10)]
        place = zip(label.tolist(), latents[:, 0].tolist(), strict=True)
        return torch.stack([own[number][int(z * len(own[number]))] for number, z in place])


def test_label_accuracy_counts_the_samples_that_are_what_was_asked_for():
    held_out, wish = replace(DIGITS, split="test"), ("label_accuracy",)
    found = scores(Obedient(held_out), wish)["label_accuracy"]
    assert (found.better, found.n, found.features) == ("higher", 200, "lenet5-digits")
    assert found.value == pytest.approx(found.ceiling, abs=0.05), "real digits, asked for by class"
    assert found.ceiling > 0.9
    assert found.floor == pytest.approx(0.1, abs=0.08), "ten classes, wishes exchanged"
    astray = scores(Obedient(held_out, astray=0.3), wish)["label_accuracy"]
    drawn = torch.rand(200, 2, generator=generator(0, "evaluate", 0))[:, 1]
    kept = float((drawn >= 0.3).double().mean())
    assert astray.value == pytest.approx(kept * found.value, abs=0.05)
    assert astray.error == pytest.approx((astray.value * (1 - astray.value) / 200) ** 0.5)


def test_label_accuracy_of_known_answers():
    answers = torch.tensor([0, 1, 2, 3] * 25)
    score = protocol.label_accuracy(answers, answers, seed=0)
    assert (score.value, score.error) == (1.0, 0.0)
    assert score.floor == pytest.approx(0.25, abs=0.12)
    half = torch.where(torch.arange(100) < 50, answers, (answers + 1) % 4)
    assert protocol.label_accuracy(half, answers, seed=0).value == 0.5


def test_samples_are_asked_for_what_held_out_images_show():
    """Else a painter that keeps every promise is charged for the mix of the classes."""
    uneven = Source(name="digits", classes=("3", "5", "7"))
    model, real = Obedient(uneven), references.splits(uneven, seed=0)[1]
    asked = evaluation._asked(model, real, 60)
    shown = real.data.columns["label"][real.rows[:60].numpy()]
    assert asked["label"].tolist() == shown.tolist()
    whole = torch.cat(list(evaluation._samples(model, 60, 60, 0, asked)))
    parts = torch.cat(list(evaluation._samples(model, 60, 25, 0, asked)))
    assert len(whole) == len(parts) == 60
    for images in (whole, parts):
        nearest = torch.cdist(images.flatten(1), model.images.flatten(1)).argmin(1)
        assert torch.equal(model.labels[nearest], asked["label"])


def test_where_the_data_do_not_say_labels_go_round():
    real = references.splits(Source(name="photos", side=8, channels=1, count=80), seed=0)[1]
    counts = torch.bincount(evaluation._asked(Obedient(), real, 37)["label"])
    assert counts.tolist() == [4] * 7 + [3] * 3


def test_attributes_are_asked_for_as_the_data_have_them():
    class Dressed(Obedient):
        conditions = ("attributes",)

    source = Source(name="glyphs", side=16, count=80, attributes=("bold", "slant"))
    model, real = Dressed(), references.splits(source, seed=0)[1]
    model.schema = sources.open(replace(source, attributes=("slant", "bold"))).schema
    asked = evaluation._asked(model, real, 30)["attributes"]
    shown = real.data.columns["attributes"][real.rows[:30].numpy()]
    assert asked.tolist() == shown[:, ::-1].tolist()


def test_labels_are_matched_to_the_networks_by_name():
    net = feature_net("lenet5-digits")
    assert protocol.numbered(net, ("7", "3")).tolist() == [7, 3]
    assert protocol.numbered(net, ("7", "cat")) is None
    assert protocol.numbered(feature_net("pixels-8x8"), ("7",)) is None
    few = Obedient(Source(name="digits", classes=("7", "3")))
    asked = {"label": torch.tensor([0, 1, 1])}
    assert evaluation._wishes(few, net, asked).tolist() == [7, 3, 3]
    assert evaluation._wishes(Replay(torch.zeros(3, 1, 8, 8)), net, {}) is None


def test_a_classifier_that_paints_too_looks_through_what_it_answers_by():
    """The first dense layer of infogan is its painter's, which no picture goes through."""
    net = feature_net("infogan-mnist")
    reading = net.read(torch.rand(3, 1, 28, 28) * 2 - 1)
    assert reading.maps.shape == (3, net.nearness)
    assert reading.maps.flatten().std() > 0


def test_a_class_that_the_data_lack_is_not_the_rarest():
    net, few = feature_net("lenet5-digits"), Source(name="digits", classes=("3", "7"))
    held = references.references_of(few, net, 60, 0, 60)
    assert held.ceiling["rarest_class"].value > 0.2


def test_no_batch_of_samples_or_of_noise_is_that_of_another():
    painter = Replay(torch.rand(500, 1, 2, 2))
    noise = protocol.noise(torch.zeros(1, 2, 2), torch.full((1, 2, 2), 0.2), 500, 250, 0)
    for one, other in (evaluation._samples(painter, 40, 20, 0, {}), noise):
        assert not torch.equal(one, other)


def test_what_a_classifier_sees_made_small_is_averaged():
    """Of stripes 1, -1, -1 a triangle three pixels wide to each side leaves a third of black."""
    stripes = torch.tensor([1.0, -1.0, -1.0]).repeat(8).expand(1, 1, 24, 24)
    found = fitted(stripes, Schema(shape=(1, 8, 8)))[..., 1:-1]
    torch.testing.assert_close(found, torch.full_like(found, -1 / 3), atol=0.01, rtol=0)
