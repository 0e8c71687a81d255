"""Batches that are too small: refused in one line, and as few as are let in are learned from."""

from dataclasses import replace

import pytest
import torch

from sfumato import available, registry
from sfumato import data as sources
from sfumato.errors import ConfigError
from sfumato.planning import build, enough, plan
from sfumato.schema import Schema
from sfumato.testing import one_step
from sfumato.training import train

SMOKE = {"recipe": "smoke", "progress": False, "device": "cpu"}


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("adain", {"batch": 1}),
        ("wct", {"batch": 1}),
        ("adain", {"batch": 4, "accumulate": 4}),
        ("semi_gan", {"batch": 1}),
    ],
)
def test_too_few_images_at_once_are_refused(tmp_path, model, words):
    times = words.get("accumulate", 1)
    parts = f" in {times} parts" if times > 1 else ""
    with pytest.raises(ConfigError) as caught:
        train(model, **SMOKE, **words, out=tmp_path / "run")
    assert str(caught.value) == (
        f"{model} learns from at least 2 images at once, and --batch {words['batch']}{parts} "
        f"gives it 1; take --batch {2 * times} or more."
    )


@pytest.mark.parametrize("name", available())
def test_as_few_images_as_are_let_in_can_be_learned_from(name):
    """Batch norm of one value, for one, raises in PyTorch's words."""
    recipe = plan(name, recipe="smoke")
    data = sources.open(recipe.data)
    network = build(name, recipe, data)
    for count in range(1, recipe.batch + 1):
        try:
            enough(network, name, replace(recipe, batch=count), 1)
        except ConfigError:
            continue
        break
    few = data.batch(torch.arange(count))._asdict()
    one_step(network, **{field: held for field, held in few.items() if held is not None})
    assert all(weight.isfinite().all() for weight in network.parameters())


@pytest.mark.parametrize(
    ("name", "config", "side"),
    [
        ("gp_gan", {"latent": 16}, 16),
        ("convgan", {}, 32),
        ("convgan", {}, 64),
        ("srgan", {"network": "embedded", "layers": "stage1"}, 16),
        ("srgan", {"network": "embedded", "layers": "stage1"}, 32),
    ],
)
def test_so_can_sides_whose_last_maps_have_one_place(name, config, side):
    module = registry.module(name)
    schema = Schema(shape=(3, side, side))
    network = registry.model_class(name)(module.Config(width=4, **config), schema)
    count = network.least
    assert count == (2 if side <= 32 and (name, side) != ("srgan", 32) else 1)
    one_step(network, image=torch.rand(count, 3, side, side) * 2 - 1)
