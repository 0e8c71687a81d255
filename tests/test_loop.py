"""A model trains in PyTorch alone as under Lightning, and whose turn it is not rests."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.optim import SGD

from sfumato import data, randomness, runs
from sfumato.data.loader import loader
from sfumato.loop import Loop, Rules
from sfumato.models.mlp import MLP, Config
from sfumato.planning import build, plan
from sfumato.schema import Schema
from sfumato.training import train

APPLIED = """
import pkgutil, sys, importlib, sfumato
trains = (
    "__main__", "training", "trainer", "module", "callbacks", "testing", "reproducing", "cli",
    "studio",
)
for found in pkgutil.walk_packages(sfumato.__path__, "sfumato."):
    if found.name.split(".")[1] not in trains:
        importlib.import_module(found.name)
sfumato.load("dcgan-digits").sample(1, seed=0)
print(*({"lightning", "torchmetrics", "torch._dynamo"} & set(sys.modules)))
"""


@pytest.fixture
def players():
    one, two = nn.Linear(2, 2), nn.Linear(2, 2)
    two.bias.requires_grad_(False)
    return one, two, Loop([SGD(one.parameters(), 0.1), SGD(two.parameters(), 0.1)])


def test_only_the_player_whose_turn_it_is_receives_gradients(players):
    one, two, loop = players
    with loop.turn(loop.players[0]):
        loop.backward(two(one(torch.ones(1, 2))).sum())
    assert one.weight.grad is not None
    assert two.weight.grad is None
    assert two.weight.requires_grad
    assert not two.bias.requires_grad, "what was frozen before stays frozen"


def test_others_are_the_rows_before_also_of_another_process(monkeypatch):
    whole, half = torch.arange(4.0), Loop()
    assert half.others(whole).tolist() == [3, 0, 1, 2]
    half.rank, half.world = 1, 2
    monkeypatch.setattr(half, "gather", lambda rows: whole)
    assert half.others(whole[1::2]).tolist() == [0, 2]


def test_a_turn_that_fails_leaves_everyone_as_before(players):
    _, two, loop = players
    with pytest.raises(ZeroDivisionError), loop.turn(loop.players[0]):
        1 / 0  # noqa: B018
    assert two.weight.requires_grad


def test_weights_of_two_players_learn_in_the_turn_of_either():
    shared = nn.Linear(2, 2)
    loop = Loop([SGD(shared.parameters(), 0.1), SGD([shared.weight], 0.1)])
    with loop.turn(loop.players[1]):
        assert shared.weight.requires_grad
        assert not shared.bias.requires_grad
    assert shared.bias.requires_grad


@pytest.mark.parametrize("name", ["dcgan", "vae"])
def test_pytorch_alone_gives_the_weights_that_lightning_gives(name, tmp_path):
    recipe = plan(name, recipe="smoke", ema=0.0)
    run = train(name, recipe="smoke", ema=0.0, out=tmp_path, device="cpu", progress=False)
    stream = data.open(recipe.data)
    model = build(name, recipe, stream).train()
    model.loop = Loop(model.configure_optimizers())
    for step, batch in enumerate(loader(stream, recipe.batch, recipe.steps, recipe.seed)):
        torch.manual_seed(randomness.derive(recipe.seed, "step", step, 0))
        model.begin(seed=recipe.seed, step=step)
        model.training_step(batch, step)
    made = runs.load(run.path).state_dict()
    assert made.keys() == model.state_dict().keys()
    for key, weight in model.state_dict().items():
        assert torch.equal(made[key], weight), key


@pytest.mark.parametrize(
    ("clip", "norm"), [(None, 5.0), (9.0, 5.0), (2.0, 2.0)], ids=["free", "short", "clipped"]
)
def test_a_step_is_no_longer_than_the_norm_asked_for(clip, norm):
    """The gradient is (3, 4), over both weights together; at a rate of 1 it is the step."""
    model = MLP(Config(), Schema(shape=(1, 8, 8), classes=("a", "b")))
    weights = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    model.loop, model.rules = Loop([SGD(weights, 1.0)]), Rules(clip=clip)
    model.begin(seed=0, step=0)

    def loss(rows):
        return 3 * weights[0].sum() + 4 * weights[1].sum() + 0 * rows.sum()

    model.descend(model.players[0], loss, torch.ones(2))
    moved = torch.cat([weight.detach() for weight in weights])
    torch.testing.assert_close(moved, torch.tensor([-0.6, -0.8]) * norm)


def test_weights_of_a_checkpoint_have_the_names_they_have_in_the_model(tmp_path):
    run = train("dcgan", recipe="smoke", ema=0.9, out=tmp_path, device="cpu", progress=False)
    saved = torch.load(run.checkpoint, weights_only=True)
    names = set(runs.load(run.path).state_dict())
    assert set(saved["state_dict"]) == set(saved["current_model_state"]) == names


def test_what_applies_a_model_does_not_import_what_trains_it():
    found = subprocess.run(
        [sys.executable, "-c", APPLIED], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == []
