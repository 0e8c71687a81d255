from copy import deepcopy

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, conv2d
from torch.optim import SGD

from sfumato.data import Source
from sfumato.errors import ConfigError
from sfumato.losses.adversarial import GAMES
from sfumato.models.upsampled import RECIPES, Config, Upsampled
from sfumato.schema import Schema
from sfumato.testing import one_step

DIGITS = Schema(shape=(1, 28, 28))


def count(net):
    return sum(weight.numel() for weight in net.parameters())


def test_parameter_count_of_the_sources_layout():
    """By hand: inputs times outputs plus biases, and two values per normalised feature."""
    with torch.device("meta"):
        model = Upsampled(RECIPES["source"].model, DIGITS)
    dense = (100 + 1) * 1024 + (1024 + 1) * 128 * 7 * 7
    kernels = (25 * 128 + 1) * 64 + (25 * 64 + 1) * 1
    assert count(model.generator) == dense + 2 * 6272 + kernels == 6_751_233
    kernels = (25 * 1 + 1) * 64 + (25 * 64 + 1) * 128
    dense = (128 * 5 * 5 + 1) * 1024 + 1024 + 1
    assert count(model.discriminator) == kernels + dense == 3_485_441


def test_a_judge_that_compares_the_images_of_a_batch_sees_a_collapse():
    """Of one image over and over it says something else than of that image among others."""
    torch.manual_seed(0)
    config = Config(width=2, hidden=8, latent=3, kernels=5)
    model = Upsampled(config, DIGITS)
    varied = torch.rand(6, 1, 28, 28) * 2 - 1
    collapsed = varied[:1].expand(6, -1, -1, -1)
    assert not torch.allclose(model.judge(varied)[0], model.judge(collapsed)[0], atol=1e-3)
    model.eval()
    assert torch.allclose(model.judge(varied)[0], model.judge(collapsed)[0])
    plain = Upsampled(Config(width=2, hidden=8, latent=3), DIGITS)
    more = count(model.discriminator) - count(plain.discriminator)
    assert more == 4 * 5 * 5 * (5 * 5) + 5 * 8, "25 distances of 100 features, 5 sums to 8 units"


def test_the_largest_before_tanh_is_the_largest_after_it():
    """So the judge is the source's, which takes tanh of four numbers to keep one of them."""
    judge = Upsampled(Config(width=4, hidden=8), DIGITS).discriminator
    layers = list(judge)
    sources = torch.nn.Sequential(*(layers[place] for place in (0, 2, 1, 3, 5, 4)), *layers[6:])
    images = torch.rand(8, 1, 28, 28) * 2 - 1
    torch.testing.assert_close(judge(images), sources(images))


def test_the_source_recipe_is_the_one_described():
    recipe = RECIPES["source"]
    assert recipe.data == Source(name="mnist")
    assert (recipe.batch, recipe.every, recipe.ema) == (1024, 20, 0.0)
    assert recipe.steps == 100 * (60_000 // 1024), "100 epochs, incomplete batches left out"
    with torch.device("meta"):
        model = Upsampled(recipe.model, DIGITS)
    kinds = [type(layer).__name__ for layer in model.generator]
    rise = ["Doubled", "Tanh"]
    assert kinds == ["Linear", "Tanh", "Linear", "BatchNorm1d", "Tanh", "Unflatten", *rise, *rise]
    kinds = [type(layer).__name__ for layer in model.discriminator]
    stage = ["Conv2d", "MaxPool2d", "Tanh"]  # the source's has them the other way round
    assert kinds == [*stage, *stage, "Flatten", "Linear", "Tanh", "Linear", "Flatten"]
    for player in model.configure_optimizers():
        assert isinstance(player, SGD)
        given = player.param_groups[0]
        assert (given["lr"], given["momentum"], given["nesterov"]) == (5e-4, 0.9, True)


def test_noise_is_uniform_and_no_axis_is_taken_for_normal():
    model = Upsampled(Config(latent=3, width=1, hidden=2), DIGITS)
    z = model.prior(20_000, torch.Generator().manual_seed(0))
    assert z.abs().max() <= 1
    torch.testing.assert_close(z.mean(0), torch.zeros(3), atol=0.02, rtol=0)
    torch.testing.assert_close(z.var(0), torch.full((3,), 1 / 3), atol=0.01, rtol=0)
    assert [(axis.low, axis.high) for axis in model.axes] == [(-1, 1)] * 3


def test_weights_begin_as_in_the_source():
    """Glorot-uniform: within sqrt(6 / (fan in + fan out)), and of that bound's deviation."""
    model = Upsampled(Config(), DIGITS)
    fans = {
        "generator.0": 100 + 1024,
        "generator.6": 25 * (128 + 64),
        "discriminator.3": 25 * (64 + 128),
    }
    for name, fan in fans.items():
        layer, bound = model.get_submodule(name), (6 / fan) ** 0.5
        assert layer.weight.abs().max() <= bound
        assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
        assert not layer.bias.any()


def test_the_judge_goes_down_the_mean_over_both_kinds_together():
    model = Upsampled(Config(latent=3, width=2, hidden=4), Schema(shape=(1, 12, 12))).eval()
    real, z = torch.rand(5, 1, 12, 12) * 2 - 1, torch.rand(5, 3) * 2 - 1
    verdicts = torch.cat([model.judge(real), model.judge(model.generator(z))])
    labels = torch.tensor([1.0] * 5 + [0.0] * 5)
    expected = binary_cross_entropy_with_logits(verdicts, labels)
    torch.testing.assert_close(
        model._judge_loss(real, model.generate(z), torch.rand(5, 145)), expected
    )
    painted = binary_cross_entropy_with_logits(verdicts[5:], labels[:5])
    torch.testing.assert_close(model._painter_loss(model.generate(z)), painted)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_one_step_moves_each_player_toward_its_own_goal(optimizer):
    lr = {"sgd": 0.1, "adam": 1e-2}[optimizer]
    config = Config(latent=4, width=4, hidden=16, optimizer=optimizer, lr=lr, judge_lr=lr)
    model = Upsampled(config, Schema(shape=(1, 12, 12)))
    old, game = deepcopy(model), GAMES["non_saturating"]
    real = torch.rand(64, 1, 12, 12)
    one_step(model, image=real)
    z = old.prior(64, torch.Generator().manual_seed(3))

    def judged(judge, painter):
        return game.judge(judge(real), judge(painter(z)), 0.0)

    assert judged(model.discriminator, old.generator) < judged(old.discriminator, old.generator)
    judge = model.discriminator
    assert game.painter(judge(model.generator(z))) < game.painter(judge(old.generator(z)))


@pytest.mark.parametrize("side", [12, 16, 20, 28, 32, 48])
@pytest.mark.parametrize("channels", [1, 3])
def test_sides_that_can_be_halved_twice_work(side, channels):
    model = Upsampled(Config(width=2, latent=3, hidden=4), Schema(shape=(channels, side, side)))
    images = model.sample(2, seed=0)
    assert images.shape == (2, channels, side, side)
    assert model.judge(images).shape == (2,)
    assert model.features(images).shape == (2, 4)


@pytest.mark.parametrize(
    ("side", "words"), [(30, "try 28 or 32."), (8, "try 12."), (13, "try 12 or 16.")]
)
def test_other_sides_are_answered_with_the_nearest_that_work(side, words):
    with pytest.raises(ConfigError, match=f"--data.side {side} is no multiple of 4.*{words}"):
        Upsampled(Config(), Schema(shape=(1, side, side)))


def test_the_painter_repeats_pixels_before_it_convolves():
    model = Upsampled(Config(width=2, latent=3, hidden=4), Schema(shape=(1, 12, 12))).eval()
    latents = model.prior(2)
    maps = model.generator[:6](latents)
    for layer in model.generator[6::2]:
        large = maps.repeat_interleave(2, 2).repeat_interleave(2, 3)
        maps = conv2d(large, layer.weight, layer.bias, padding=2).tanh()
    torch.testing.assert_close(model.generate(latents), maps)
