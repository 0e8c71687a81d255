"""The pyramid SVM: its features and its loss by other means, its solver against scikit-learn's."""

import warnings

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve1d
from sklearn.svm import LinearSVC

from sfumato import data as sources
from sfumato.data import Source
from sfumato.errors import ConfigError, DataError
from sfumato.models.pyramid_svm import Config, PyramidSVM
from sfumato.runs import load
from sfumato.schema import Schema
from sfumato.testing import one_step
from sfumato.training import train

CLASSES = tuple("0123456789")
SCHEMA = Schema(shape=(1, 28, 28), classes=CLASSES)
KERNEL = np.array([1, 4, 6, 4, 1]) / 16


def blurred(picture):
    return convolve1d(convolve1d(picture, KERNEL, 0, mode="mirror"), KERNEL, 1, mode="mirror")


def test_parameter_count_by_hand():
    """Levels of 784, 196 and 49 pixels; differences in both signs at 14 x 14, 14 x 14, 7 x 7."""
    pixels, halves = 784 + 196 + 49, 2 * (196 + 196 + 49)
    for kind, wide in (("pyramid", pixels), ("rectified", pixels + halves)):
        model = PyramidSVM(Config(kind=kind), SCHEMA)
        assert sum(p.numel() for p in model.parameters()) == (wide + 1) * 10


def test_the_pyramid_is_burt_and_adelsons():
    image = np.random.default_rng(0).random((28, 28))
    second = blurred(image)[::2, ::2]
    want = np.concatenate([level.ravel() for level in (image, second, blurred(second)[::2, ::2])])
    model = PyramidSVM(Config(kind="pyramid"), SCHEMA).eval()
    images = torch.from_numpy(2 * image - 1).float()[None, None]
    assert np.allclose(model.features(images)[0], want, atol=1e-5)


def test_rectified_differences_by_other_means():
    image = np.random.default_rng(0).random((28, 28))
    d = image - blurred(image)
    shares = d / (np.sqrt(blurred(blurred(d**2))) + 0.02)
    bright = np.maximum(shares, 0).reshape(14, 2, 14, 2).mean((1, 3))
    dark = np.maximum(-shares, 0).reshape(14, 2, 14, 2).mean((1, 3))
    model = PyramidSVM(Config(), SCHEMA).eval()
    found = model.features(torch.from_numpy(2 * image - 1).float()[None, None])[0, 1029:]
    assert np.allclose(found[:196], bright.ravel(), atol=1e-4)
    assert np.allclose(found[196:392], dark.ravel(), atol=1e-4)


def test_an_even_picture_has_no_differences():
    """Nor does a run in bfloat16 make some up."""
    model = PyramidSVM(Config(), SCHEMA).eval()
    for half in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            found = model.features(torch.full((1, 1, 28, 28), 0.3))
        assert found[:, 1029:].abs().max() < 1e-3


def test_the_loss_by_hand():
    """Scores of 0.5 and -2 where 0 is true: 0.5 is short by a half, -2 by nothing."""
    model = PyramidSVM(Config(kind="pyramid", levels=1, c=2.0, images=5), schema(2))
    with torch.no_grad():
        model.answer.weight.zero_()
        model.answer.bias.copy_(torch.tensor([0.5, -2.0]))
    loss = model._loss(torch.zeros(3, 1, 4, 4), torch.zeros(3, dtype=torch.long))
    assert float(loss.detach()) == pytest.approx(0.5 + (0.25 + 4) / (2 * 2 * 5))


def schema(classes, side=4):
    return Schema(shape=(1, side, side), classes=CLASSES[:classes])


def test_one_step_lowers_the_loss_of_the_batch():
    model = PyramidSVM(Config(), SCHEMA)
    images, labels = torch.rand(64, 1, 28, 28) * 2 - 1, torch.arange(64) % 10
    before = model._loss(images, labels)
    one_step(model, image=images, label=labels)
    assert model._loss(images, labels) < before


def test_it_finds_what_scikit_learn_finds(tmp_path, no_data):
    """On the same features of the digits: as good a value of the loss, within 3 %."""
    run = train(
        "pyramid_svm",
        recipe="smoke",
        config={"c": 1.0, "lr": 2e-2, "decay_steps": 3000, "kind": "pyramid"},
        steps=3000,
        batch=128,
        every=1000,
        out=tmp_path / "run",
        progress=False,
    )
    model = load(run.path)
    assert isinstance(model, PyramidSVM)
    digits = sources.open(Source(name="digits"))
    batch = digits.batch(torch.arange(len(digits)))
    learned, label = model.features(batch.image).double().numpy(), batch.label.numpy()

    def loss(weight, bias):
        short = np.maximum(0, 1 - (2 * np.eye(10)[label] - 1) * (learned @ weight.T + bias))
        return ((weight**2).sum() + (bias**2).sum()) / 2 + short.sum()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = LinearSVC(C=1.0, loss="hinge", max_iter=10_000, random_state=0)
        theirs.fit(learned, label)
    ours = (part.detach().double().numpy() for part in (model.answer.weight, model.answer.bias))
    assert loss(*ours) < 1.03 * loss(theirs.coef_, theirs.intercept_)


def test_pictures_too_small_for_the_levels_are_refused():
    said = r"--model.levels 3 needs images of 12 pixels or more, and these have 8\."
    with pytest.raises(ConfigError, match=said):
        PyramidSVM(Config(), schema(10, side=8))


def test_data_without_labels_is_refused_by_that_name():
    with pytest.raises(DataError, match="pyramid_svm needs labels, and this data has none"):
        PyramidSVM(Config(), Schema(shape=(1, 28, 28)))
