from typing import get_args

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import hinge_embedding_loss, mse_loss

from sfumato.errors import ConfigError
from sfumato.losses.adversarial import (
    GAMES,
    GameName,
    discriminator_loss,
    generator_loss,
    swapped,
)

TARGETS = ("non_saturating", "minimax", "least_squares")


def test_softplus_losses_equal_the_papers_cross_entropy():
    real, fake = torch.randn(2, 64)
    ones, zeros = torch.ones(64), torch.zeros(64)
    torch.testing.assert_close(discriminator_loss(real, fake), bce(real, ones) + bce(fake, zeros))
    torch.testing.assert_close(generator_loss(fake), bce(fake, ones))
    smooth = bce(real, 0.9 * ones) + bce(fake, zeros)
    torch.testing.assert_close(discriminator_loss(real, fake, smooth=0.1), smooth)


def test_losses_stay_finite_where_a_sigmoid_would_saturate():
    far = torch.full((4,), 500.0)
    assert torch.isfinite(discriminator_loss(-far, far))
    assert generator_loss(-far) == 500


def test_the_best_judge_of_equal_distributions_loses_two_bits():
    """At D = 1/2 everywhere the value of the game is -log 4 (theorem 1)."""
    torch.testing.assert_close(
        discriminator_loss(torch.zeros(8), torch.zeros(8)), torch.tensor(4.0).log()
    )


def test_swapping_exchanges_pairs_and_nothing_else():
    real, fake = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    a, b = swapped(real, fake, torch.tensor([True, False]))
    assert a.tolist() == [3.0, 2.0]
    assert b.tolist() == [1.0, 4.0]


def test_every_name_is_a_game():
    assert set(GAMES) == set(get_args(GameName))


def test_cross_entropy_games_are_the_papers():
    """Equation 1 in probabilities, and section 3: maximise log D(G(z)) instead."""
    real, fake = torch.randn(2, 64)
    p, q = real.sigmoid(), fake.sigmoid()
    value = p.log().mean() + (1 - q).log().mean()
    for name in ("non_saturating", "minimax"):
        torch.testing.assert_close(GAMES[name].judge(real, fake, 0.0), -value)
    torch.testing.assert_close(GAMES["minimax"].painter(fake), (1 - q).log().mean())
    torch.testing.assert_close(GAMES["non_saturating"].painter(fake), -q.log().mean())


@pytest.mark.parametrize("smooth", [0.0, 0.1])
def test_least_squares_are_the_papers_at_targets_zero_and_one(smooth):
    real, fake = torch.randn(2, 64)
    d, g = (1 + real) / 2, (1 + fake) / 2
    wanted = (mse_loss(d, torch.full((64,), 1 - smooth)) + mse_loss(g, torch.zeros(64))) / 2
    torch.testing.assert_close(GAMES["least_squares"].judge(real, fake, smooth), wanted)
    torch.testing.assert_close(
        GAMES["least_squares"].painter(fake), mse_loss(g, torch.ones(64)) / 2
    )


def test_hinge_forgives_beyond_the_margin():
    real, fake = torch.randn(2, 64) * 2
    # torch's own hinge: max(0, 1 - x) where y = -1
    against = -torch.ones(64)
    wanted = hinge_embedding_loss(real, against) + hinge_embedding_loss(-fake, against)
    torch.testing.assert_close(GAMES["hinge"].judge(real, fake, 0.0), wanted)
    assert GAMES["hinge"].judge(torch.tensor([1.0, 7.0]), torch.tensor([-1.0, -9.0]), 0.0) == 0


def test_wasserstein_is_the_difference_of_means():
    real, fake = torch.tensor([1.0, 2.0]), torch.tensor([5.0, 7.0])
    assert GAMES["wasserstein"].judge(real, fake, 0.0) == 6 - 1.5
    for name in ("wasserstein", "hinge"):
        assert GAMES[name].painter(fake) == -6


@pytest.mark.parametrize("name", GAMES)
def test_the_judge_pulls_apart_what_the_painter_pushes_up(name):
    """In every game: reals up and fakes down for the judge, fakes up for the painter."""
    real, fake = torch.randn(2, 8).mul(0.5).requires_grad_()
    up, down = torch.autograd.grad(GAMES[name].judge(real, fake, 0.0), (real, fake))
    (pushed,) = torch.autograd.grad(GAMES[name].painter(fake), fake)
    assert (up < 0).all()
    assert (down > 0).all()
    assert (pushed < 0).all()


@pytest.mark.parametrize("name", GAMES)
def test_games_stay_finite_far_out_and_in_low_precision(name):
    far = torch.full((4,), 500.0, dtype=torch.bfloat16, requires_grad=True)
    loss = GAMES[name].judge(-far, far, 0.0) + GAMES[name].painter(-far)
    (slope,) = torch.autograd.grad(loss, far)
    assert loss.isfinite()
    assert slope.isfinite().all()


@pytest.mark.parametrize("name", TARGETS)
def test_smoothing_puts_the_best_verdict_on_reals_at_its_target(name):
    """A judge that says p of reals loses least at p = 1 - smooth, in every game with targets."""
    said = torch.linspace(0.01, 0.99, 99)
    verdicts = 2 * said - 1 if name == "least_squares" else said.logit()
    nothing = torch.full((1,), -1.0)
    losses = [GAMES[name].judge(v[None], nothing, 0.2) for v in verdicts]
    assert said[torch.stack(losses).argmin()] == pytest.approx(0.8, abs=0.006)


@pytest.mark.parametrize("name", sorted(set(GAMES) - set(TARGETS)))
def test_games_without_targets_refuse_to_smooth_them(name):
    words = rf"--model.smooth 0.1 means nothing to the {name} game.*--model.game to non_saturating"
    with pytest.raises(ConfigError, match=words) as caught:
        GAMES[name].judge(torch.zeros(2), torch.zeros(2), 0.1)
    assert "\n" not in str(caught.value)
