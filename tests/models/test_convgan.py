from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

from sfumato import settings
from sfumato.data import Source
from sfumato.errors import ConfigError
from sfumato.losses.adversarial import GAMES
from sfumato.models.convgan import RECIPES, Config, ConvGAN
from sfumato.schema import Schema
from sfumato.testing import one_step

SMALL = Schema(shape=(3, 8, 8))
FACES = Schema(shape=(3, 64, 64))


def count(net):
    return sum(weight.numel() for weight in net.parameters())


@pytest.fixture(scope="module")
def source():
    with torch.device("meta"):
        return ConvGAN(RECIPES["source"].model, FACES)


def test_parameter_count_of_the_layout(source):
    """By hand: kernels of 3 x 3, no bias before a norm, two values per normalised map."""
    kernels = 9 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
    norms = 2 * (512 + 256 + 128 + 64)
    assert count(source.generator) == 100 * 16 * 512 + kernels + norms + 3 == 2_371_139
    kernels = 9 * (3 * 32 + 32 * 64 + 64 * 128 + 128 * 256 + 256 * 512)
    norms, verdict = 2 * (32 + 64 + 128 + 256 + 512), 512 * 2 * 2 + 1
    assert count(source.discriminator) == kernels + norms + verdict == 1_571_617


def outputs(net, x, kind):
    """The shapes that leave each layer of a kind."""
    seen = []
    for layer in net:
        x = layer(x)
        if isinstance(layer, kind):
            seen.append(tuple(x.shape[1:]))
    return seen


def test_the_painter_climbs_to_64_and_the_judge_descends(source):
    drawn = outputs(source.generator, torch.zeros(2, 100, device="meta"), nn.Conv2d)
    assert drawn == [(256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64)]
    seen = outputs(source.discriminator, torch.zeros(2, 3, 64, 64, device="meta"), nn.Conv2d)
    assert seen == [(32, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4), (512, 2, 2)]


def test_of_smaller_pictures_the_last_convolutions_enlarge():
    model = ConvGAN(Config(latent=3, width=2, judge_width=2), Schema(shape=(1, 28, 28))).eval()
    drawn = outputs(model.generator, torch.zeros(2, 3), nn.Conv2d)
    assert drawn == [(8, 7, 7), (4, 7, 7), (2, 14, 14), (1, 28, 28)]


def test_each_player_has_its_own_learning_rate():
    model = ConvGAN(Config(latent=3, width=2, judge_width=2, lr=1e-3, judge_lr=1e-4), SMALL)
    judge, painter = model.configure_optimizers()
    for player, network, rate in (
        (judge, model.discriminator, 1e-4),
        (painter, model.generator, 1e-3),
    ):
        assert [group["lr"] for group in player.param_groups] == [rate]
        assert [*map(id, player.param_groups[0]["params"])] == [*map(id, network.parameters())]


def test_what_was_mended_is_there_and_the_sigmoid_is_in_the_loss_alone(source):
    painter, judge = ([type(x).__name__ for x in net] for net in source.children())
    assert painter.count("ReLU") == painter.count("Doubled") == 4
    assert "Conv2d" not in painter
    assert painter[-1] == "Tanh"
    assert judge.count("LeakyReLU") == judge.count("Norm2d") == judge.count("Conv2d") == 5
    assert "Sigmoid" not in painter + judge


def test_the_losses_are_cross_entropy_of_one_sigmoid():
    model = ConvGAN(Config(latent=3, width=2, judge_width=2), SMALL).eval()
    real, fake = torch.rand(2, 16, 3, 8, 8) * 2 - 1
    p, q = model.judge(real).sigmoid(), model.judge(fake).sigmoid()
    ones, zeros = torch.ones(16), torch.zeros(16)
    wanted = binary_cross_entropy(p, ones) + binary_cross_entropy(q, zeros)
    torch.testing.assert_close(model._judge_loss(real, fake), wanted)
    torch.testing.assert_close(model._painter_loss(fake), binary_cross_entropy(q, ones))


@pytest.mark.parametrize("side", [8, 14, 20, 28, 32, 56, 112])
def test_sides_that_four_convolutions_reach_work(side):
    model = ConvGAN(Config(latent=3, width=1, judge_width=1), Schema(shape=(1, side, side)))
    images = model.sample(2, seed=0)
    assert images.shape == (2, 1, side, side)
    assert model.judge(images).shape == (2,)
    assert model.features(images).shape[0] == 2


@pytest.mark.parametrize(
    ("side", "words"),
    [
        (30, "cannot be halved.*try 28 or 32."),
        (7, "cannot be halved.*try 8."),
        (128, "is above 112, the largest .*; try 112, 96 or 64."),
    ],
)
def test_other_sides_are_answered_with_ones_that_work(side, words):
    with pytest.raises(ConfigError, match=f"--data.side {side} {words}"):
        ConvGAN(Config(), Schema(shape=(3, side, side)))


def test_norms_that_do_not_exist_are_answered_with_those_that_do():
    with pytest.raises(ConfigError, match=r"--model.norm must be 'batch' or 'spectral', not 'l'"):
        settings.build(Config, {"norm": "l"}, "model.")


def test_the_initialisation():
    model = ConvGAN(Config(), FACES)
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            assert weight.std().item() == pytest.approx(0.02, rel=0.1), name


def test_a_spectral_judge_stretches_no_distance_more_than_its_overlaps_allow():
    """Each layer's kernel has norm 1, and no batch norm undoes it."""
    model = ConvGAN(Config(latent=3, width=2, judge_width=4, norm="spectral"), SMALL)
    for _ in range(40):
        model.judge(torch.zeros(2, 3, 8, 8))
    model.eval()
    layers = [m for m in model.discriminator if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 6
    for layer in layers:
        norm = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
        assert norm.item() == pytest.approx(1, rel=0.01)
    assert not [m for m in model.discriminator if isinstance(m, nn.BatchNorm2d)]


@pytest.mark.parametrize("norm", ["batch", "spectral"])
@pytest.mark.parametrize("game", ["non_saturating", "hinge"])
def test_one_step_moves_each_player_toward_its_own_goal(game, norm):
    config = Config(latent=4, width=4, judge_width=8, norm=norm, game=game, lr=2e-3, judge_lr=2e-3)
    model = ConvGAN(config, SMALL)
    old = deepcopy(model)
    real = torch.rand(256, 3, 8, 8) * 2 - 1
    one_step(model, image=real)
    z = old.prior(256, torch.Generator().manual_seed(3))
    play = GAMES[game]

    def judged(judge):
        return play.judge(judge(real), judge(old.generate(z)), 0.0)

    assert judged(model.judge) < judged(old.judge)
    painted = [play.painter(model.judge(painter.generate(z))) for painter in (model, old)]
    assert painted[0] < painted[1]


def test_the_recipes_are_the_ones_described():
    recipe = RECIPES["source"]
    assert recipe.model == Config()
    assert (recipe.model.width, recipe.model.judge_width) == (64, 32)
    assert recipe.data == Source(name="celeba", side=64, crop=89)
    assert RECIPES["laptop"].data.side == 32
