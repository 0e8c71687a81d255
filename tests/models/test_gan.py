from copy import deepcopy
from itertools import pairwise

import pytest
import torch
from torch.nn.functional import cross_entropy

from sfumato import settings
from sfumato.data import Source
from sfumato.errors import ConfigError
from sfumato.losses.adversarial import GAMES
from sfumato.losses.penalties import PENALTIES, chances
from sfumato.models.gan import GAN, RECIPES, Config
from sfumato.schema import Schema
from sfumato.testing import one_step

SMALL = Schema(shape=(1, 8, 8))


def count(net):
    return sum(weight.numel() for weight in net.parameters())


@pytest.fixture(scope="module")
def source():
    with torch.device("meta"):
        return GAN(RECIPES["source"].model, Schema(shape=(1, 28, 28)))


def test_parameter_count_of_the_layout(source):
    """By hand: no bias before a norm, two values per normalised unit or map."""
    dense, convolved = 64 * 1024 + 1024 * 12_544, 16 * (256 * 64 + 64 * 32 + 32 * 3 + 3)
    norms, biases = 2 * (1024 + 12_544 + 64 + 32), 3 + 1
    assert count(source.generator) == dense + convolved + norms + biases == 13_234_420
    dense, convolved = 128 * 22 * 22 * 1024 + 1024 * 2, 16 * (64 + 64 * 128)
    norms, biases = 2 * 1024, 64 + 128 + 2
    assert count(source.discriminator) == dense + convolved + norms + biases == 63_575_234


def test_the_painter_climbs_from_7_to_28_and_the_judge_descends(source):
    seen, z = [], torch.zeros(2, 64, device="meta")
    for layer in source.generator:
        z = layer(z)
        if z.ndim == 4:
            seen.append(tuple(z.shape[1:]))
    steps = [shape for shape, after in pairwise([*seen, None]) if shape != after]
    wanted = [(256, 7, 7), (64, 16, 16), (32, 34, 34), (3, 31, 31), (1, 28, 28)]
    assert steps == wanted
    maps = source.discriminator[:4](torch.zeros(2, 1, 28, 28, device="meta"))
    assert maps.shape == (2, 128, 22, 22)


def test_the_source_recipe_keeps_what_is_stated(source):
    recipe = RECIPES["source"]
    assert recipe.model == Config(game="wasserstein")
    assert (recipe.model.lr, recipe.model.judge_lr, recipe.model.stride) == (1e-3, 1e-4, 1)
    assert recipe.data == Source(name="mnist")
    kinds = [type(layer).__name__ for layer in source.discriminator]
    assert kinds.count("LeakyReLU") == 3
    assert kinds[-4:] == ["Linear", "BatchNorm1d", "LeakyReLU", "Linear"]
    assert source.discriminator[-1].out_features == 2


@pytest.mark.parametrize("side", [8, 12, 28, 32, 40])
@pytest.mark.parametrize("stride", [1, 2])
def test_every_multiple_of_four_works(side, stride):
    model = GAN(Config(width=2, hidden=8, stride=stride), Schema(shape=(3, side, side)))
    images = model.sample(2, seed=0)
    assert images.shape == (2, 3, side, side)
    assert model.judge(images).shape == (2,)


@pytest.mark.parametrize(
    ("side", "words"), [(30, "try 28 or 32."), (4, "try 8."), (27, "try 24 or 28.")]
)
def test_other_sides_are_answered_with_the_nearest_that_work(side, words):
    with pytest.raises(ConfigError, match=f"--data.side {side} is no multiple of 4.*{words}"):
        GAN(Config(), Schema(shape=(1, side, side)))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"game": "w"}, r"--model.game must be .*'hinge' or 'wasserstein', not 'w'"),
        ({"penalty": "r2"}, r"--model.penalty must be .*'r1' or 'dragan', not 'r2'"),
        ({"stride": 3}, r"--model.stride must be 1 or 2, not 3"),
    ],
)
def test_choices_that_do_not_exist_are_answered_with_those_that_do(setting, words):
    with pytest.raises(ConfigError, match=words):
        settings.build(Config, setting, "model.")


def test_the_verdict_is_the_log_odds_of_a_softmax_over_two_outputs():
    """So the cross-entropy games are those of a classifier with the classes painted and real."""
    model = GAN(Config(width=2, hidden=8), SMALL).eval()
    real, fake = torch.rand(2, 16, 1, 8, 8) * 2 - 1
    ones, zeros = torch.ones(16, dtype=torch.long), torch.zeros(16, dtype=torch.long)
    outputs = model.discriminator(real), model.discriminator(fake)
    wanted = cross_entropy(outputs[0], ones) + cross_entropy(outputs[1], zeros)
    loss = GAMES["non_saturating"].judge(model.judge(real), model.judge(fake), 0.0)
    torch.testing.assert_close(loss, wanted)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("game", GAMES)
def test_the_losses_are_those_of_the_chosen_game_and_penalty(game, penalty):
    c = Config(width=2, hidden=8, latent=3, game=game, penalty=penalty, penalty_weight=0.7)
    model = GAN(c, SMALL).eval()
    real, z = torch.rand(6, 1, 8, 8) * 2 - 1, torch.randn(6, 3)
    draws = chances(SMALL.shape)(6, torch.Generator())
    fake = model.generate(z)
    played = GAMES[game].judge(model.judge(real), model.judge(fake), 0.0)
    paid = PENALTIES[penalty](model.judge, real, fake, draws)
    torch.testing.assert_close(model._judge_loss(real, fake, draws), played + 0.7 * paid)
    torch.testing.assert_close(model._painter_loss(fake), GAMES[game].painter(model.judge(fake)))


@pytest.mark.parametrize("game", GAMES)
def test_one_step_moves_each_player_toward_its_own_goal(game):
    model = GAN(Config(latent=4, width=4, hidden=16, game=game, lr=1e-3, judge_lr=1e-3), SMALL)
    old = deepcopy(model)
    real = torch.rand(512, 1, 8, 8) * 2 - 1
    one_step(model, image=real)
    z = old.prior(512, torch.Generator().manual_seed(3))
    play = GAMES[game]

    def judged(judge):
        return play.judge(judge(real), judge(old.generate(z)), 0.0)

    assert judged(model.judge) < judged(old.judge)
    painted = [play.painter(model.judge(painter.generate(z))) for painter in (model, old)]
    assert painted[0] < painted[1]


def test_decay_is_the_gradient_of_half_the_squared_kernels():
    """A step of Adam down decay / 2 |w|^2 written out; biases and gains are left alone."""
    model = GAN(Config(latent=4, width=2, hidden=8, decay=0.3, judge_lr=1e-2), SMALL)
    old = deepcopy(model)
    [adam, _] = model.configure_optimizers()
    penalty = sum(w.square().sum() / 2 for w in old.discriminator.parameters() if w.ndim > 1)
    torch.autograd.backward(0.3 * penalty)
    for weight in model.discriminator.parameters():
        weight.grad = torch.zeros_like(weight)
    adam.step()
    for new, before in zip(
        model.discriminator.parameters(), old.discriminator.parameters(), strict=True
    ):
        slope = torch.zeros_like(before) if before.grad is None else before.grad
        # Adam's first step: both moments corrected, so the slope over its own size
        wanted = before - 1e-2 * slope / (slope.abs() + 1e-8)
        torch.testing.assert_close(new, wanted)
