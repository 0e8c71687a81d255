"""Benchmarks: every script still fits the library, and an ablation still trains."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sfumato import data as sources
from sfumato.planning import build, plan
from sfumato.preset import Preset, settle
from sfumato.recipe import Recipe

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = sorted(FOLDER.glob("*.py"))


def script(name, monkeypatch):
    """The module, which finds its neighbours as it does when it is run."""
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", [path.stem for path in SCRIPTS])
def test_what_a_script_asks_of_the_library_is_there(name, monkeypatch):
    assert script(name, monkeypatch).__doc__


@pytest.fixture
def _as_before():
    threads, level = torch.get_num_threads(), torch.get_float32_matmul_precision()
    yield
    settle(Preset(threads=threads))
    torch.set_float32_matmul_precision(level)


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("name", ["uniform", "pooled", "kernel-5", "enlarging"])
def test_a_changed_network_learns(name, monkeypatch):
    ablations = script("ablations", monkeypatch)
    recipe: Recipe = replace(plan("dcgan", recipe="smoke"), steps=2, ema=0.5)
    data = sources.open(recipe.data)
    model = build("dcgan", recipe, data)
    ablations.ROWS[name].change(model)
    before = [weight.detach().clone() for weight in model.parameters()]
    averaged, seconds = ablations.trained(model, recipe, data)
    assert seconds > 0
    assert not averaged.training
    moved = zip(before, model.parameters(), strict=True)
    assert all(not torch.equal(old, new) for old, new in moved)
