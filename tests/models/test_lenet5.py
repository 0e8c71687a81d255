import pytest
import torch

from sfumato import data as sources
from sfumato.data import Source
from sfumato.errors import ConfigError, DataError
from sfumato.models.lenet5 import Config, LeNet5
from sfumato.schema import Schema
from sfumato.testing import one_step

CLASSES = tuple("0123456789")
SCHEMA = Schema(shape=(1, 28, 28), classes=CLASSES)


def test_parameter_count_by_hand():
    """6 and 16 maps of 5 x 5, then 400, 120, 84 and 10 units, each with a bias: 61,706."""
    model = LeNet5(Config(), SCHEMA)
    convolutions = (25 * 1 + 1) * 6 + (25 * 6 + 1) * 16
    dense = 401 * 120 + 121 * 84 + 85 * 10
    assert sum(p.numel() for p in model.parameters()) == convolutions + dense == 61_706


def test_the_learning_rate_falls_linearly_to_a_hundredth():
    model = LeNet5(Config(lr=1.0, decay_steps=100), SCHEMA)
    assert [model.pace(step) for step in (0, 25, 99, 100, 5000)] == pytest.approx(
        [1.0, 0.75, 0.01, 0.01, 0.01]
    )


def test_one_step_lowers_the_loss_of_the_batch():
    model = LeNet5(Config(), SCHEMA)
    images, labels = torch.rand(64, 1, 28, 28) * 2 - 1, torch.arange(64) % 10
    before = model._loss(images, labels)
    one_step(model, image=images, label=labels)
    assert model._loss(images, labels) < before


@pytest.mark.parametrize("jolt", [0.0, 0.2])
def test_what_it_learns_from_is_askew_where_that_is_asked_for(jolt):
    model, seen = LeNet5(Config(jolt=jolt), SCHEMA), []
    loss, images = model._loss, torch.rand(4, 1, 28, 28) * 2 - 1
    model._loss = lambda images, labels: seen.append(images) or loss(images, labels)
    one_step(model, image=images, label=torch.arange(4))
    assert torch.equal(seen[0], images) == (jolt == 0)


def test_data_without_labels_is_refused_by_that_name():
    with pytest.raises(DataError, match="lenet5 needs labels, and this data has none"):
        LeNet5(Config(), Schema(shape=(1, 28, 28)))


def test_pictures_too_small_for_two_stages_are_refused():
    with pytest.raises(ConfigError, match=r"--data.side 12 is too small for two 5x5 stages"):
        LeNet5(Config(), Schema(shape=(1, 12, 12), classes=CLASSES))


def test_accuracy_is_counted_against_the_commonest_class():
    data = sources.open(Source(name="digits", split="test", side=16))
    model = LeNet5(Config(), data.schema).eval()
    score = model.measure(data, torch.Generator())["accuracy"]
    batch = data.batch(torch.arange(len(data)))
    right = (model.logits(batch.image).argmax(1) == batch.label).float().mean()
    assert score.value == pytest.approx(float(right))
    commonest = batch.label.mode().values
    assert score.floor == pytest.approx(float((batch.label == commonest).float().mean()))
