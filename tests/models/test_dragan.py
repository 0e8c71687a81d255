"""DRAGAN: its size, its losses by hand, its players' goals, its schedule, its bad inputs."""

from copy import deepcopy

import pytest
import torch
from torch.nn.functional import cross_entropy, softplus

from sfumato.errors import ConfigError, DataError
from sfumato.losses.attributes import attribute_loss
from sfumato.models.dragan import DRAGAN, RECIPES, Config
from sfumato.nn.attributes import encode
from sfumato.schema import Attribute, Schema
from sfumato.testing import one_step

HAIR = Attribute(name="hair", low=0.0, high=2.0, values=("red", "green", "blue"))
SMALL = Config(latent=6, width=4, blocks=1, doublings=1, judge_width=8, judge_blocks=1)
SCHEMA = Schema(shape=(3, 16, 16), attributes=(HAIR,))
YES_NO = tuple(
    Attribute(name=f"tag {number}", low=0.0, high=1.0, values=("no", "yes"))
    for number in range(17)
)
PAPER = Schema(shape=(3, 128, 128), attributes=YES_NO)
"""34 numbers encode the attributes, as in the paper."""


def count(net):
    return sum(weight.numel() for weight in net.parameters())


def convolution(kernel, narrow, wide):
    return (kernel**2 * narrow + 1) * wide


def test_the_papers_painter():
    """Dense to 64 x 16 x 16, 16 blocks of two 3 x 3, three doublings of 256 maps, one 9 x 9."""
    with torch.device("meta"):
        model = DRAGAN(RECIPES["source"].model, PAPER)
    dense = (128 + 34 + 1) * 64 * 16 * 16
    blocks = 16 * 2 * (9 * 64 * 64 + 2 * 64)  # a bias before batch norm would change nothing
    doublings = 3 * (convolution(3, 64, 256) + 2 * 64)
    rest = 2 * 2 * 64 + convolution(9, 64, 3)
    assert count(model.generator) == dense + blocks + doublings + rest


def test_the_papers_judge():
    """32 to 1024 maps in six halvings, ten blocks, and two heads on 2 x 2 pixels."""
    with torch.device("meta"):
        model = DRAGAN(RECIPES["source"].model, PAPER)
    maps = [3, 32, 64, 128, 256, 512, 1024]
    kernels = [4, 4, 4, 3, 3, 3]
    halvings = sum(map(convolution, kernels, maps, maps[1:]))
    blocks = sum(4 * convolution(3, wide, wide) for wide in maps[1:-1])
    assert count(model.discriminator) == halvings + blocks
    assert count(model.verdict) + count(model.tagging) == (4 * 1024 + 1) * (1 + 34)
    kinds = {type(layer).__name__ for layer in model.discriminator.modules()}
    assert "BatchNorm2d" not in kinds
    assert {"Residual", "LeakyReLU"} <= kinds


def test_the_papers_initialisation():
    model = DRAGAN(
        Config(width=16, blocks=2, judge_width=16), Schema(shape=(3, 64, 64), attributes=(HAIR,))
    )
    for name, weight in model.named_parameters():
        if weight.ndim > 1 and weight.numel() > 2000:
            assert weight.std().item() == pytest.approx(0.02, rel=0.1), name


@pytest.mark.parametrize(("side", "doublings"), [(16, 3), (24, 2), (32, 1), (64, 4)])
def test_sides_that_both_players_can_meet_work(side, doublings):
    config = Config(latent=3, width=2, blocks=1, doublings=doublings, judge_width=2)
    model = DRAGAN(config, Schema(shape=(1, side, side), attributes=(HAIR,)))
    images = model.sample(2, seed=0, attributes={"hair": "blue"})
    assert images.shape == (2, 1, side, side)
    assert model.judge(images).shape == (2,)
    assert model.tags(images).shape == (2, 3)


def test_the_losses_by_hand():
    """The judge's of its four parts, and the painter's, from the heads' own outputs."""
    model = DRAGAN(Config(**{**vars(SMALL), "painted": 0.4}), SCHEMA).eval()
    real, fake = (torch.rand(8, 3, 16, 16) * 2 - 1 for _ in range(2))
    true, asked = (torch.arange(start, start + 8) % 3 for start in (0, 1))
    draws = torch.rand(8, 1 + 3 * 16 * 16)
    points = real + draws[:, :1, None, None] * real.std(correction=0) / 2 * draws[:, 1:].reshape(
        real.shape
    )
    points.requires_grad_()
    (slopes,) = torch.autograd.grad(model.judge(points).sum(), points)
    penalty = (slopes.flatten(1).norm(dim=1) - 1).square().mean()
    game = softplus(-model.judge(real)).mean() + softplus(model.judge(fake)).mean()
    named = cross_entropy(model.tags(real), true)
    painted = cross_entropy(model.tags(fake), asked)
    rows = (real, true[:, None].float(), fake, asked[:, None].float(), draws)
    torch.testing.assert_close(
        model._judge_loss(*rows),
        3 * game + named + 0.4 * painted + 0.5 * penalty,
        rtol=1e-5,
        atol=1e-5,
    )
    wish = 3 * softplus(-model.judge(fake)).mean() + painted
    torch.testing.assert_close(model._painter_loss(fake, rows[3]), wish)


def test_one_step_moves_each_player_toward_its_own_goal():
    config = Config(
        latent=6,
        width=8,
        blocks=1,
        doublings=1,
        judge_width=8,
        judge_blocks=1,
        lr=1e-3,
        judge_lr=1e-3,
        adversarial=1.0,
    )
    model = DRAGAN(config, SCHEMA)
    old = deepcopy(model)
    hair = torch.arange(64) % 3
    real = torch.full((64, 3, 16, 16), -0.5)
    real[torch.arange(64), hair] = 0.9
    one_step(model, image=real, attributes=hair[:, None].float())
    z, asked = old.prior(64, torch.Generator().manual_seed(3)), hair[:, None].float()
    draws = torch.rand(64, 1 + 3 * 16 * 16)
    fake = old.generate(z, asked).detach()
    rows = (real, asked, fake, asked, draws)
    assert model._judge_loss(*rows) < old._judge_loss(*rows)
    judge = model
    before, after = (judge._painter_loss(p.generate(z, asked), asked) for p in (old, model))
    assert after < before


def test_what_is_asked_is_what_the_painter_is_told():
    model = DRAGAN(SMALL, SCHEMA).eval()
    z = model.prior(3, torch.Generator().manual_seed(0))
    blue = torch.full((3, 1), 2.0)
    images = model.sample(3, torch.Generator().manual_seed(0), attributes={"hair": "blue"})
    told = torch.cat([z, encode(blue, SCHEMA)], dim=1)
    torch.testing.assert_close(images, model.generator(told))
    loss = attribute_loss(model.tags(images), blue, SCHEMA)
    torch.testing.assert_close(loss, cross_entropy(model.tags(images), blue[:, 0].long()))


def test_learning_rates_are_held_and_then_halve():
    model = DRAGAN(
        Config(**{**vars(SMALL), "lr": 1e-3, "judge_lr": 4e-3, "hold": 10, "half": 5}), SCHEMA
    )
    assert [model.pace(step) for step in (0, 10, 15, 25)] == [1, 1, 0.5, 0.125]


def test_data_without_attributes_are_refused_by_that_name():
    with pytest.raises(DataError, match="dragan needs attributes, and this data has none; a meta"):
        DRAGAN(Config(), Schema(shape=(3, 64, 64)))


@pytest.mark.parametrize(
    ("side", "doublings", "said"),
    [
        (24, 4, "--data.side 24 is no multiple of 16 that leaves 2 pixels or more;"),
        (8, 3, "--data.side 8 is no multiple of 8 that leaves 2 pixels or more;"),
        (28, 2, "--data.side 28 cannot be halved down to 2..3; try 24 or 32."),
    ],
)
def test_sides_that_do_not_fit_are_refused(side, doublings, said):
    config = Config(width=2, blocks=1, doublings=doublings, judge_width=2)
    with pytest.raises(ConfigError, match=said):
        DRAGAN(config, Schema(shape=(3, side, side), attributes=(HAIR,)))
