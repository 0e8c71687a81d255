"""The linear probe: what it looks at, what it learns, what it refuses."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from sfumato import data as sources
from sfumato import runs
from sfumato.cli import main
from sfumato.data.source import Source
from sfumato.errors import ConfigError, DataError
from sfumato.evaluation import evaluate
from sfumato.evaluation import probe as probing
from sfumato.evaluation.probe import looking, pooled, probe, untrained
from sfumato.metrics.readable import STEPS
from sfumato.model import Judge
from sfumato.models import dcgan, lenet5
from sfumato.schema import Schema

DIGITS = Source(name="digits", side=16)


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Small(Judge):
    """Two layers of maps, one dense, and a verdict."""

    def __init__(self, config=Config(), schema=Schema(shape=(1, 16, 16))):  # noqa: B008
        super().__init__(config, schema)
        self.maps = nn.Sequential(nn.Conv2d(1, 3, 3), nn.LeakyReLU(0.2), nn.Conv2d(3, 5, 3, 2))
        self.rows = nn.Sequential(nn.Tanh(), nn.Flatten(), nn.Linear(180, 7), nn.ReLU())
        self.verdict = nn.Linear(7, 1)

    def judge(self, images):
        return self.verdict(self.features(images))[:, 0]

    def features(self, images):
        return self.rows(self.maps(images))

    def training_step(self, batch, index):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters())


class Told(Small):
    """Sees the label as well."""

    def judge(self, images, label):
        return super().judge(images) + label


class Plain(Small):
    """Has no layer that is an activation."""

    def judge(self, images):
        return self.features(images).sum(1)

    def features(self, images):
        return images.flatten(1)[:, :9].tanh()


def images(count=8):
    return torch.rand(count, 1, 16, 16) * 2 - 1


# ---- what is looked at -----------------------------------------------------------------------


def test_every_activation_is_looked_at_and_pooled_to_a_grid():
    model, given = Small().eval(), images()
    seen = looking(model)(given)
    assert seen.shape == (8, (3 + 5) * 16 + 7)
    first = nn.functional.leaky_relu(model.maps[0](given), 0.2)
    grid = nn.functional.adaptive_max_pool2d(first, 4).flatten(1)
    torch.testing.assert_close(seen[:, :48], grid)
    torch.testing.assert_close(seen[:, -7:], model.features(given))


def test_the_judge_is_as_it_was_afterwards():
    model = Small().eval()
    looking(model)(images())
    assert not any(layer._forward_hooks for layer in model.modules())


def test_a_judge_without_activations_is_looked_at_by_its_features():
    model, given = Plain().eval(), images()
    torch.testing.assert_close(looking(model)(given), model.features(given))


def test_wide_networks_are_pooled_further():
    maps, row = torch.rand(2, 600, 8, 8), torch.rand(2, 10)
    assert pooled([maps, row]).shape == (2, 600 * 4 + 10)
    assert pooled([maps[:, :500], row]).shape == (2, 500 * 16 + 10)
    torch.testing.assert_close(pooled([maps.repeat(1, 5, 1, 1)])[:, :600], maps.amax((2, 3)))


def test_random_weights_are_those_of_the_same_network_and_repeat():
    torch.manual_seed(1)
    model = dcgan.DCGAN(dcgan.Config(width=4, latent=3), Schema(shape=(1, 16, 16)))
    one, again, other = untrained(model, 3), untrained(model, 3), untrained(model, 4)
    assert (one.config, one.schema) == (model.config, model.schema)
    weight = one.discriminator[0].weight
    assert torch.equal(weight, again.discriminator[0].weight)
    assert not torch.equal(weight, other.discriminator[0].weight)
    assert not torch.equal(weight, model.discriminator[0].weight)
    assert not one.training


# ---- what is learned -------------------------------------------------------------------------


def test_the_classifier_is_a_logistic_regression_on_standardised_features():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=400)
    x = rng.normal(size=(400, 5)) * 7 + 3 + 20 * np.eye(3, 5)[y]
    answer = probing._fitted(x, y, 0)
    scaled = (x - x.mean(0)) / x.std(0)
    mine = LogisticRegression(C=answer[-1].C, max_iter=STEPS).fit(scaled, y)
    assert answer[-1].C in probing.STRENGTHS
    assert (answer.predict(x) == mine.predict(scaled)).all()
    assert answer.score(x, y) > 0.9


def test_features_that_tell_the_classes_apart_score_one_and_noise_scores_chance():
    data = sources.open(DIGITS)
    split = probing.splits(DIGITS, 0)

    def oracle(given):
        order = {row.tobytes(): int(label) for row, label in known}
        return torch.eye(10)[[order[image.numpy().tobytes()] for image in given]]

    whole = data.batch(torch.arange(len(data)))
    other = sources.open(Source(name="digits", side=16, split="test"))
    rest = other.batch(torch.arange(len(other)))
    known = [
        (image.numpy(), label)
        for part in (whole, rest)
        for image, label in zip(part.image, part.label, strict=True)
    ]
    perfect = probing._score(oracle, *split, 200, 0, 100)
    blind = probing._score(lambda given: torch.randn(len(given), 6), *split, 200, 0, 100)
    assert perfect.value == 1.0
    assert perfect.n == 200
    assert abs(blind.value - 0.1) < 0.1
    assert perfect.floor == pytest.approx(blind.floor)
    assert 0.1 <= perfect.floor < 0.2


def test_a_trained_judge_is_scored_beside_pixels_and_random_weights():
    found = probe(runs.load("dcgan-digits"), DIGITS, n=300, seed=0)
    assert list(found) == ["probe", "probe_pixels", "probe_random"]
    again = probe(runs.load("dcgan-digits"), DIGITS, n=300, seed=0)
    assert {name: score.value for name, score in found.items()} == {
        name: score.value for name, score in again.items()
    }
    assert found["probe"].value > 0.85, "a judge of digits knows digits"
    for score in found.values():
        assert score.n == 297, "all that digits hold out"
        assert (score.ceiling, score.seed, score.better) == (1.0, 0, "higher")
        assert score.error == pytest.approx((score.value * (1 - score.value) / 297) ** 0.5)
        assert score.value > score.floor + 0.5


def test_evaluate_probes_when_asked(capsys):
    words = ["evaluate", "dcgan-digits", "--data", "digits", "--probe", "-n", "100", "--json"]
    assert main(words) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(said["metrics"]) == ["probe", "probe_pixels", "probe_random"]
    assert said["metrics"]["probe"]["n"] == 100
    same = evaluate("dcgan-digits", "digits", probe=True, count=100)
    assert same["probe"].value == said["metrics"]["probe"]["value"]


# ---- what is refused -------------------------------------------------------------------------


def test_what_cannot_be_probed_is_answered_in_one_line():
    classes = tuple("0123456789")
    named = lenet5.LeNet5(lenet5.Config(), Schema(shape=(1, 16, 16), classes=classes))
    with pytest.raises(ConfigError, match=r"a probe needs a Judge, and LeNet5 is none\."):
        probe(named, DIGITS)
    with pytest.raises(ConfigError, match="the judge of Told is told the label of an image"):
        probe(Told(), DIGITS)
    ones = Source(name="digits", side=16, classes=("1",))
    with pytest.raises(ConfigError, match="a probe needs two classes or more, and digits has one"):
        probe(Small(), ones)


def test_data_without_labels_are_refused(tmp_path):
    from sfumato.io.images import save_grid

    for number in range(30):
        save_grid(images(1), tmp_path / f"{number}.png")
    with pytest.raises(DataError, match="a probe needs label of every image"):
        probe(Small(), Source(name=str(tmp_path), side=16))
