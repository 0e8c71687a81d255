from copy import deepcopy

import pytest
import torch
from torch.optim import RMSprop

from sfumato.data import Source
from sfumato.errors import ConfigError
from sfumato.losses.adversarial import discriminator_loss, generator_loss
from sfumato.losses.penalties import PENALTIES
from sfumato.models.frogs import RECIPES, Config, Frogs, _cross_entropy
from sfumato.schema import Schema
from sfumato.testing import one_step

CIFAR = Schema(shape=(3, 32, 32))
SMALL = Schema(shape=(1, 24, 24))


def count(net):
    return sum(weight.numel() for weight in net.parameters())


def small(**settings):
    torch.manual_seed(0)
    return Frogs(Config(latent=4, width=4, judge_width=8, **settings), SMALL)


def test_parameter_count_of_the_sources_layout():
    """By hand: taps times inputs plus one bias, times outputs."""
    with torch.device("meta"):
        model = Frogs(RECIPES["source"].model, CIFAR)
    dense = (32 + 1) * 128 * 16 * 16
    kernels = (25 * 128 + 1) * 256 + (16 * 256 + 1) * 256 + 2 * (25 * 256 + 1) * 256
    assert count(model.generator) == dense + kernels + (49 * 256 + 1) * 3 == 6_264_579
    kernels = (9 * 3 + 1) * 128 + 3 * (16 * 128 + 1) * 128
    assert count(model.discriminator) == kernels + 2 * 2 * 128 + 1 == 790_913


def test_its_features_are_what_the_verdict_weighs():
    model, images = small().eval(), torch.rand(3, 1, 24, 24) * 2 - 1
    verdict = model.discriminator[-2](model.features(images)).flatten()
    torch.testing.assert_close(verdict, model.judge(images))


def test_the_source_recipe_is_the_one_described():
    recipe = RECIPES["source"]
    assert recipe.data == Source(name="cifar10", classes=("frog",))
    assert (recipe.batch, recipe.steps, recipe.ema, recipe.clip) == (20, 10_000, 0.0, None)
    with torch.device("meta"):
        model = Frogs(recipe.model, CIFAR)
    strides = [layer.stride[0] for layer in model.generator if hasattr(layer, "stride")]
    assert strides == [1, 2, 1, 1, 1]
    judge = [layer for layer in model.discriminator if hasattr(layer, "stride")]
    assert [(layer.kernel_size[0], layer.stride[0]) for layer in judge] == [(3, 1)] + [(4, 2)] * 3
    assert model.discriminator[-3].p == 0.4
    players = model.configure_optimizers()
    assert all(isinstance(player, RMSprop) for player in players)
    assert [player.param_groups[0]["lr"] for player in players] == [8e-4, 4e-4]


def test_the_judges_labels_are_the_sources_read_the_other_way_round():
    """There painted is 1 and real 0, both plus noise, and probabilities stop short of certain."""
    model = small().eval()
    real, z = torch.rand(6, 1, 24, 24) * 2 - 1, torch.randn(6, 4)
    noise = torch.rand(6, 2) * 0.05
    verdicts = torch.cat([model.judge(real), model.judge(model.generator(z))])
    labels = torch.cat([torch.zeros(6) + noise[:, 0], torch.ones(6) + noise[:, 1]])
    painted = (-verdicts).sigmoid().clamp(1e-7, 1 - 1e-7)
    expected = -(labels * painted.log() + (1 - labels) * (1 - painted).log()).mean()
    torch.testing.assert_close(
        model._judge_loss(real, model.generate(z), noise, torch.rand(6, 577)), expected
    )


def test_without_noise_the_judges_loss_is_half_the_familiar_one():
    model = small().eval()
    real, z = torch.rand(6, 1, 24, 24) * 2 - 1, torch.randn(6, 4)
    familiar = discriminator_loss(model.judge(real), model.judge(model.generator(z)))
    loss = model._judge_loss(real, model.generate(z), torch.zeros(6, 2), torch.rand(6, 577))
    torch.testing.assert_close(loss, familiar / 2)
    torch.testing.assert_close(
        model._painter_loss(model.generate(z)), generator_loss(model.judge(model.generate(z)))
    )


def test_a_certain_judge_feels_no_push_although_targets_lie_below_zero():
    """Else the noise would drive its verdicts away without end."""
    verdicts = torch.tensor([-40.0, -3.0], requires_grad=True)
    _cross_entropy(torch.tensor([-0.05, -0.05]), verdicts).backward()
    assert verdicts.grad[0] == 0
    assert verdicts.grad[1] > 0, "down is away from real"


def test_the_penalty_is_added_with_its_weight():
    real, z = torch.rand(6, 1, 24, 24) * 2 - 1, torch.randn(6, 4)
    noise, draws = torch.zeros(6, 2), torch.rand(6, 577)
    plain, weighed = small().eval(), small(penalty="r1", penalty_weight=3.0).eval()
    fake = plain.generate(z).detach()
    penalty = PENALTIES["r1"](plain.judge, real, real, draws)
    assert penalty > 0
    expected = plain._judge_loss(real, fake, noise, draws) + 3 * penalty
    torch.testing.assert_close(weighed._judge_loss(real, fake, noise, draws), expected)


def test_a_step_is_rmsprops_with_every_number_of_the_gradient_cut_off():
    """By hand: v = 0.1 g^2, w falls by lr g / sqrt(v), and g = 7 is taken for 1."""
    model = small(clip_value=1.0)
    player, _ = model.configure_optimizers()
    bias = model.discriminator[-2].bias
    for given, v in ((7.0, 0.1), (-0.5, 0.9 * 0.1 + 0.1 * 0.25)):
        was = bias.item()
        bias.grad = torch.tensor([given])
        player.step()
        cut = max(-1.0, min(1.0, given))
        assert bias.item() - was == pytest.approx(-8e-4 * cut / v**0.5, rel=1e-4)


def test_learning_rates_fall_with_time():
    model = small(decay=0.01)
    assert [model.pace(step) for step in (0, 100, 300)] == [1, 0.5, 0.25]


def test_one_step_moves_each_player_toward_its_own_goal():
    model = small(lr=1e-3, judge_lr=1e-3, dropout=0.0)
    old = deepcopy(model)
    real = torch.rand(32, 1, 24, 24)
    one_step(model, image=real)
    z = old.prior(32, torch.Generator().manual_seed(3))

    def judged(judge, painter):
        return discriminator_loss(judge(real), judge(painter(z)))

    assert judged(model.discriminator, old.generator) < judged(old.discriminator, old.generator)
    judge = model.discriminator
    assert generator_loss(judge(model.generator(z))) < generator_loss(judge(old.generator(z)))


def test_weights_begin_as_in_the_source():
    model = Frogs(Config(), CIFAR)
    layer, bound = model.generator[7], (6 / (25 * 512)) ** 0.5
    assert layer.weight.shape == (256, 256, 5, 5)
    assert layer.weight.abs().max() <= bound
    assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert not layer.bias.any()


@pytest.mark.parametrize("side", [24, 26, 28, 32, 48, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_even_sides_work(side, channels):
    model = Frogs(Config(width=2, latent=3, judge_width=2), Schema(shape=(channels, side, side)))
    images = model.sample(2, seed=0)
    assert images.shape == (2, channels, side, side)
    assert model.judge(images).shape == (2,)


@pytest.mark.parametrize(
    ("side", "words"), [(31, "try 30 or 32."), (16, "try 24."), (25, "try 24 or 26.")]
)
def test_other_sides_are_answered_with_the_nearest_that_work(side, words):
    with pytest.raises(ConfigError, match=f"--data.side {side} is no even number.*{words}"):
        Frogs(Config(), Schema(shape=(3, side, side)))
