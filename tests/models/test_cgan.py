from copy import deepcopy

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from sfumato.data import Source
from sfumato.errors import ConfigError, DataError
from sfumato.models.cgan import CGAN, RECIPES, Config, _Maxout
from sfumato.schema import Schema
from sfumato.testing import one_step

DIGITS = tuple("0123456789")
MNIST = Schema(shape=(1, 28, 28), classes=DIGITS)
SMALL = Schema(shape=(1, 8, 8), classes=("dark", "bright"))


def count(net):
    return sum(weight.numel() for weight in net.parameters())


def small(**fields):
    return CGAN(Config(**{"latent": 4, "width": 4, "hidden": 24, **fields}), SMALL)


def test_parameter_count_of_the_papers_layout():
    """By hand: weights and biases of every layer of section 4.1."""
    model = CGAN(RECIPES["source"].model, MNIST)
    painter = (100 + 1) * 200 + (10 + 1) * 1000 + (1200 + 1) * 1200 + (1200 + 1) * 784
    assert count(model.generator) == painter == 2_413_984
    judge = (784 + 1) * 240 * 5 + (10 + 1) * 50 * 5 + (290 + 1) * 240 * 4 + (240 + 1)
    assert count(model.discriminator) == judge == 1_224_351


def test_the_source_recipe_has_the_papers_numbers():
    recipe = RECIPES["source"]
    c = recipe.model
    assert (c.layout, c.noise, c.latent, c.dropout) == ("dense", "uniform", 100, 0.5)
    assert (c.optimizer, c.lr, c.decay, c.least_lr) == ("sgd", 0.1, 1.00004, 1e-6)
    assert (c.momentum, c.last_momentum, c.game, c.penalty) == (0.5, 0.7, "non_saturating", "none")
    assert (recipe.data, recipe.batch) == (Source(name="mnist"), 100)


def test_the_source_recipe_ends_when_its_learning_rate_does():
    c, steps = RECIPES["source"].model, RECIPES["source"].steps
    assert c.lr * c.decay**-steps < c.least_lr < c.lr * c.decay ** -(steps - 500)


def test_maxout_is_the_largest_piece_of_each_unit():
    layer, x = _Maxout(3, 2, 5), torch.randn(4, 3)
    for row, unit in ((0, 0), (3, 1)):
        weights, biases = layer.weight.tolist(), layer.bias.tolist()
        pieces = [
            sum(w * v for w, v in zip(weights[piece], x[row].tolist(), strict=True))
            + biases[piece]
            for piece in range(5 * unit, 5 * unit + 5)
        ]
        assert layer(x)[row, unit].item() == pytest.approx(max(pieces), abs=1e-6)


def test_the_dense_painter_by_hand():
    """z and label each through a rectified layer, side by side through a third, then tanh."""
    model = small(layout="dense").eval()
    z, label, g = torch.randn(3, 4), torch.tensor([0, 1, 1]), model.generator

    def dense(layer, x):
        return x @ layer[0].weight.T + layer[0].bias

    both = [dense(g.left, z).relu(), dense(g.right, one_hot(label, 2).float()).relu()]
    assert [part.shape[1] for part in both] == [4, 20]
    pixels = dense(g.last, dense(g.joint, torch.cat(both, 1)).relu()).tanh()
    torch.testing.assert_close(model.generate(z, label), pixels.reshape(3, 1, 8, 8))


@pytest.mark.parametrize("layout", ["dense", "convolutional"])
def test_one_step_moves_each_player_toward_its_own_goal(layout):
    model = small(layout=layout, lr=1e-2)
    old = deepcopy(model)
    label = torch.arange(64) % 2
    real = (torch.rand(64, 1, 8, 8) + label[:, None, None, None] - 1).clamp(-1, 1)
    one_step(model, image=real, label=label)
    z = old.prior(64, torch.Generator().manual_seed(3))

    def verdicts(judge, painter):
        return judge.judge(real, label), judge.judge(painter.generate(z, label), label)

    def wrong(pair):
        ones, zeros = torch.ones(64), torch.zeros(64)
        bce = binary_cross_entropy_with_logits
        return bce(pair[0], ones) + bce(pair[1], zeros)

    assert wrong(verdicts(model, old)) < wrong(verdicts(old, old))
    assert verdicts(model, model)[1].mean() > verdicts(model, old)[1].mean()


@pytest.mark.parametrize("layout", ["dense", "convolutional"])
def test_losses_are_those_of_the_game_given_the_label(layout):
    """The judge's cross-entropy with the same labels on both sides, and R1 by its definition."""
    model = small(layout=layout, penalty="r1", penalty_weight=0.5).eval()
    real, label = torch.rand(6, 1, 8, 8) * 2 - 1, torch.arange(6) % 2
    z, points = torch.randn(6, 4), torch.rand(6, 65)
    fake = model.generate(z, label).detach()
    bce = binary_cross_entropy_with_logits
    given = real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model.judge(given, label).sum(), given)
    want = bce(model.judge(real, label), torch.ones(6))
    want = want + bce(model.judge(fake, label), torch.zeros(6))
    want = want + 0.5 * slope.square().sum((1, 2, 3)).mean() / 2
    torch.testing.assert_close(model._judge_loss(real, fake, label, points), want)
    painter = bce(model.judge(fake, label), torch.ones(6))
    torch.testing.assert_close(model._painter_loss(fake, label), painter)


@pytest.mark.parametrize("layout", ["dense", "convolutional"])
def test_both_players_look_at_the_label(layout):
    model = small(layout=layout).eval()
    z, dark, bright = torch.randn(5, 4), torch.zeros(5).long(), torch.ones(5).long()
    images = model.generate(z, dark)
    assert not torch.allclose(images, model.generate(z, bright))
    assert not torch.allclose(model.judge(images, dark), model.judge(images, bright))
    assert not torch.allclose(model.features(images, dark), model.features(images, bright))


def test_samples_follow_the_label_asked_for_and_go_round_otherwise():
    model = small().eval()
    z = model.prior(4, torch.Generator().manual_seed(5))
    for asked in ("bright", 1, [1, 1, 1, 1]):
        samples = model.sample(4, torch.Generator().manual_seed(5), label=asked)
        torch.testing.assert_close(samples, model.generate(z, torch.ones(4).long()))
    round_ = model.sample(4, torch.Generator().manual_seed(5))
    torch.testing.assert_close(round_, model.generate(z, torch.tensor([0, 1, 0, 1])))


@pytest.mark.parametrize(
    ("asked", "words"), [(2, "label 2 is out of range"), ("brigt", "did you mean 'bright'")]
)
def test_labels_that_do_not_exist_are_refused(asked, words):
    with pytest.raises(ConfigError, match=words):
        small().sample(2, seed=0, label=asked)


def test_data_without_labels_are_refused():
    with pytest.raises(DataError, match=r"cgan needs labels, and this data has none; name sub"):
        CGAN(Config(), Schema(shape=(1, 8, 8)))


def test_the_pace_is_the_papers():
    """0.1 divided by 1.00004 at each step down to 1e-6; momentum grows from 0.5 to 0.7."""
    model = CGAN(RECIPES["source"].model, SMALL)
    players = model.configure_optimizers()
    for step, lr, momentum in (
        (0, 0.1, 0.5),
        (1000, 0.1 / 1.00004**1000, 0.5 + 0.2 / 150),
        (150_000, 0.1 / 1.00004**150_000, 0.7),
        (400_000, 1e-6, 0.7),
    ):
        model.step = step
        model._lean(*players)
        assert 0.1 * model.pace(step) == pytest.approx(lr)
        for group in (player.param_groups[0] for player in players):
            assert group["momentum"] == pytest.approx(momentum)


def test_adam_takes_the_pace_as_its_first_moment():
    model = small(lr=0.01, decay=2, least_lr=0.004, momentum=0.1, last_momentum=0.9)
    players = model.configure_optimizers()
    assert [model.pace(step) for step in (1, 200_000)] == [0.5, 0.4]
    model.step = 200_000
    model._lean(*players)
    assert players[0].param_groups[0]["betas"] == (0.9, 0.999)


def test_noise_is_normal_or_fills_the_unit_cube():
    z = small(latent=50).prior(200, torch.Generator().manual_seed(0))
    assert (float(z.mean()), float(z.std())) == pytest.approx((0, 1), abs=0.05)
    model = small(latent=50, noise="uniform")
    cube = model.prior(200, torch.Generator().manual_seed(0))
    assert 0 <= cube.min() < 0.01
    assert 0.99 < cube.max() <= 1
    assert {(axis.low, axis.high) for axis in model.axes} == {(0.0, 1.0)}
    assert model.normal == slice(0)
    assert {(axis.low, axis.high) for axis in small().axes} == {(-2.0, 2.0)}


@pytest.mark.parametrize("side", [8, 12, 28, 32])
def test_the_convolutional_layout_fits_sides_and_colours(side):
    model = CGAN(
        Config(width=2, latent=3, hidden=24), Schema(shape=(3, side, side), classes=DIGITS)
    )
    images = model.sample(2, seed=0)
    assert images.shape == (2, 3, side, side)
    assert model.judge(images, torch.tensor([3, 9])).shape == (2,)


def test_the_convolutional_layout_begins_as_a_dcgan_does():
    model = CGAN(Config(), MNIST)
    for name, weight in model.named_parameters():
        if weight.ndim > 1 and weight.numel() > 10_000:
            assert weight.std().item() == pytest.approx(0.02, rel=0.1), name
