from copy import deepcopy
from itertools import pairwise

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from sfumato.data import Source
from sfumato.errors import ConfigError
from sfumato.losses.adversarial import discriminator_loss, generator_loss
from sfumato.models.dcgan import DCGAN, RECIPES, Config
from sfumato.schema import Schema
from sfumato.testing import one_step


def count(net):
    return sum(weight.numel() for weight in net.parameters())


def test_parameter_count_of_the_papers_layout():
    """By hand: kernels of 4 x 4 between the maps, and two values per normalised map."""
    with torch.device("meta"):
        model = DCGAN(RECIPES["paper"].model, Schema(shape=(3, 64, 64)))
    ladder = [100, 512, 256, 128, 64, 3]
    kernels = 16 * sum(a * b for a, b in pairwise(ladder))
    assert count(model.generator) == kernels + 2 * (512 + 256 + 128 + 64) + 3 == 3_576_707
    ladder = [3, 64, 128, 256, 512, 1]
    kernels = 16 * sum(a * b for a, b in pairwise(ladder))
    assert count(model.discriminator) == kernels + 2 * (128 + 256 + 512) + 64 + 1 == 2_765_633


@pytest.mark.parametrize("side", [8, 12, 20, 28, 40, 48, 56, 64, 96])
def test_sides_that_layers_can_meet_work(side):
    model = DCGAN(Config(width=2, latent=3), Schema(shape=(1, side, side)))
    images = model.sample(2, seed=0)
    assert images.shape == (2, 1, side, side)
    assert model.judge(images).shape == (2,)


@pytest.mark.parametrize(
    ("side", "words"),
    [(30, "try 28 or 32."), (7, "try 8."), (63, "try 56 or 64."), (4, "try 8.")],
)
def test_other_sides_are_answered_with_the_nearest_that_work(side, words):
    with pytest.raises(ConfigError, match=f"--data.side {side} cannot be halved.*{words}"):
        DCGAN(Config(), Schema(shape=(3, side, side)))


def test_pictures_that_are_not_square_are_refused():
    with pytest.raises(ConfigError, match=r"images are 40x32, and this model wants squares"):
        DCGAN(Config(), Schema(shape=(3, 32, 40)))


def test_the_papers_initialisation():
    model = DCGAN(Config(), Schema(shape=(3, 64, 64)))
    for name, weight in model.named_parameters():
        if weight.ndim == 4:
            assert weight.std().item() == pytest.approx(0.02, rel=0.1), name
            assert abs(weight.mean().item()) < 0.002, name


def test_kernels_are_divisible_by_strides_so_that_no_checkerboard_follows():
    with torch.device("meta"):
        model = DCGAN(Config(), Schema(shape=(3, 64, 64)))
    for layer in model.generator:
        if hasattr(layer, "stride"):
            assert layer.kernel_size[0] % layer.stride[0] == 0


def test_one_step_moves_each_player_toward_its_own_goal():
    model = DCGAN(Config(latent=4, width=8, lr=1e-2, judge_lr=1e-2), Schema(shape=(1, 8, 8)))
    old = deepcopy(model)
    real = torch.rand(64, 1, 8, 8) * 2 - 1
    one_step(model, image=real)
    z = old.prior(64, torch.Generator().manual_seed(3))

    def judged(judge, painter):
        return discriminator_loss(judge(real), judge(painter(z)))

    assert judged(model.discriminator, old.generator) < judged(old.discriminator, old.generator)
    judge = model.discriminator
    assert generator_loss(judge(model.generator(z))) < generator_loss(judge(old.generator(z)))


def test_the_judge_learns_smoothed_and_exchanged_labels():
    """With every label exchanged, the judge's loss is that of calling real images painted."""
    model = DCGAN(Config(latent=4, width=4, smooth=0.1, noise=0.0), Schema(shape=(1, 8, 8)))
    real, z = torch.rand(16, 1, 8, 8) * 2 - 1, torch.randn(16, 4)
    model.eval()
    none, every = torch.zeros(16, dtype=torch.bool), torch.ones(16, dtype=torch.bool)
    fake = model.generator(z)
    r, f = model.judge(real), model.judge(fake)
    bce = binary_cross_entropy_with_logits
    target = torch.full((16,), 0.9)
    honest = bce(r, target) + bce(f, torch.zeros(16))
    swapped = bce(f, target) + bce(r, torch.zeros(16))
    chance = torch.zeros(16, 65)
    torch.testing.assert_close(model._judge_loss(real, fake, none, chance), honest)
    torch.testing.assert_close(model._judge_loss(real, fake, every, chance), swapped)


def test_games_and_penalties_are_those_of_the_family():
    """Least squares and R1, each by its own formula; the penalty enters with its weight."""
    config = Config(latent=4, width=4, game="least_squares", penalty="r1", penalty_weight=3.0)
    model = DCGAN(config, Schema(shape=(1, 8, 8))).eval()
    real, fake = torch.rand(6, 1, 8, 8) * 2 - 1, torch.rand(6, 1, 8, 8) * 2 - 1
    none, chance = torch.zeros(6, dtype=torch.bool), torch.rand(6, 65)
    r, f = model.judge(real), model.judge(fake)
    slopes = torch.autograd.functional.jacobian(lambda x: model.judge(x).sum(), real)
    expected = ((r - 1).square().mean() + (f + 1).square().mean()) / 8
    expected = expected + 3 * slopes.square().sum((1, 2, 3)).mean() / 2
    torch.testing.assert_close(model._judge_loss(real, fake, none, chance), expected)
    torch.testing.assert_close(model._painter_loss(fake), (f - 1).square().mean() / 8)


def test_a_spectral_judge_has_layers_of_norm_one():
    model = DCGAN(Config(latent=4, width=4, hidden=8, spectral=True), Schema(shape=(1, 8, 8)))
    for _ in range(30):
        model.judge(torch.zeros(4, 1, 8, 8))
    for layer in model.discriminator:
        if hasattr(layer, "weight") and layer.weight.ndim > 1:
            norm = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
            assert norm.item() == pytest.approx(1, abs=1e-2)


def test_depth_adds_dense_layers_behind_the_code():
    schema, plain = Schema(shape=(1, 8, 8)), Config(latent=4, width=4, hidden=8)
    deep = DCGAN(Config(latent=4, width=4, hidden=8, depth=3), schema)
    extra = count(deep.generator) - count(DCGAN(plain, schema).generator)
    assert extra == 2 * (8 * 8 + 2 * 8)


def test_the_faces_recipe_is_the_one_described():
    recipe = RECIPES["faces"]
    assert recipe.data == Source(name="celeba", side=28, crop=89)
    assert (recipe.model.activation, recipe.model.smooth, recipe.every) == ("leaky_relu", 0.1, 400)
    model = DCGAN(recipe.model, Schema(shape=(3, 28, 28)))
    kinds = [type(layer).__name__ for layer in model.generator]
    assert kinds[:2] == ["Unflatten", "ConvTranspose2d"], "z meets a transposed convolution first"
    assert kinds[-1] == "Tanh"
    assert "LeakyReLU" in kinds
    assert "ReLU" not in kinds
    judge = [type(layer).__name__ for layer in model.discriminator]
    assert judge.count("Conv2d") == 3


def test_all_that_is_judged_is_augmented():
    """Real, painted, and what the painter learns from; a square of half the side is cut out."""
    model = DCGAN(
        Config(width=4, latent=4, augment="translation+cutout"), Schema(shape=(1, 16, 16))
    )
    judged = []
    model.discriminator.register_forward_pre_hook(lambda _, given: judged.append(given[0]))
    one_step(model, image=torch.rand(4, 1, 16, 16) + 0.1)
    assert sum(map(len, judged)) == 12
    assert all((image == 0).sum() >= 4 * 4 for images in judged for image in images)
