import pytest
import torch

from sfumato.errors import DataError
from sfumato.models.mlp import MLP, Config
from sfumato.schema import Schema
from sfumato.testing import one_step

CLASSES = tuple("0123456789")
SCHEMA = Schema(shape=(1, 28, 28), classes=CLASSES)


def test_parameter_count_by_hand():
    """784 pixels, 128 units and 10 classes, each with a bias: 101,770."""
    model = MLP(Config(), SCHEMA)
    total = sum(p.numel() for p in model.parameters())
    assert total == (784 + 1) * 128 + (128 + 1) * 10 == 101_770


def test_it_is_the_formula_of_its_page():
    model = MLP(Config(hidden=5), Schema(shape=(1, 2, 3), classes=CLASSES)).eval()
    images = torch.rand(4, 1, 2, 3)
    first, second = model.hidden[1], model.answer
    hidden = (images.reshape(4, 6) @ first.weight.T + first.bias).clamp(min=0)
    assert torch.allclose(model.features(images), hidden, atol=1e-6)
    assert torch.allclose(model.logits(images), hidden @ second.weight.T + second.bias, atol=1e-6)


def test_the_loss_is_minus_the_log_probability_of_the_true_class():
    model = MLP(Config(), SCHEMA).eval()
    images, labels = torch.rand(8, 1, 28, 28), torch.arange(8)
    sure = model.logits(images).softmax(1)[torch.arange(8), labels]
    assert float(model._loss(images, labels).detach()) == pytest.approx(
        float(-sure.log().mean().detach()), rel=1e-5
    )


def test_the_learning_rate_falls_linearly_to_a_hundredth():
    model = MLP(Config(lr=1.0, decay_steps=100), SCHEMA)
    assert [model.pace(step) for step in (0, 25, 99, 5000)] == pytest.approx([1, 0.75, 0.01, 0.01])


def test_one_step_lowers_the_loss_of_the_batch():
    model = MLP(Config(), SCHEMA)
    images, labels = torch.rand(64, 1, 28, 28) * 2 - 1, torch.arange(64) % 10
    before = model._loss(images, labels)
    one_step(model, image=images, label=labels)
    assert model._loss(images, labels) < before


def test_pictures_need_not_be_square():
    model = MLP(Config(), Schema(shape=(3, 4, 6), classes=CLASSES))
    assert model.logits(torch.zeros(2, 3, 4, 6)).shape == (2, 10)


def test_data_without_labels_is_refused_by_that_name():
    with pytest.raises(DataError, match="mlp needs labels, and this data has none"):
        MLP(Config(), Schema(shape=(1, 28, 28)))


def test_noise_is_even_and_as_wide_as_it_says():
    """Even noise of standard deviation d lies within d times the root of 3."""
    images = torch.zeros(40, 1, 28, 28)
    noise = MLP(Config(noise=0.1), SCHEMA)._even(images, 40, torch.Generator().manual_seed(0))
    assert float(noise.std()) == pytest.approx(0.1, rel=0.01)
    assert float(noise.abs().max()) <= 0.1 * 3**0.5


def test_noise_is_for_training_alone():
    model = MLP(Config(noise=5.0), SCHEMA)
    images = torch.rand(3, 1, 28, 28)
    assert torch.equal(model.logits(images), model.logits(images))
