import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from sfumato.losses.likelihood import (
    bernoulli_nll,
    coin_nats,
    ends,
    gaussian_nll,
    importance_nll,
    kl_from_normal,
)


def test_the_rate_is_the_divergence_from_the_prior():
    mean, log_var = torch.randn(2, 32, 5)
    code = Normal(mean, (log_var / 2).exp())
    want = kl_divergence(code, Normal(torch.zeros(5), torch.ones(5))).sum(1)
    torch.testing.assert_close(kl_from_normal(mean, log_var), want)
    assert kl_from_normal(torch.zeros(4, 5), torch.zeros(4, 5)).tolist() == [0, 0, 0, 0]


def test_bernoulli_nll_is_minus_the_log_probability_of_black_and_white():
    logits, images = torch.randn(6, 1, 4, 4), torch.randint(0, 2, (6, 1, 4, 4)) * 2.0 - 1
    want = -Independent(Bernoulli(logits=logits), 3).log_prob((images + 1) / 2)
    torch.testing.assert_close(bernoulli_nll(logits, images), want)


@pytest.mark.parametrize("log_scale", [0.0, -1.5, 0.7])
def test_gaussian_nll_is_minus_the_log_density(log_scale):
    mean, images = torch.randn(2, 6, 3, 4, 4)
    scale = torch.tensor(log_scale)
    want = -Independent(Normal(mean, scale.exp()), 3).log_prob(images)
    torch.testing.assert_close(gaussian_nll(mean, images, scale), want)


def test_a_coin_costs_what_its_best_coder_pays():
    """The cross-entropy of a chance is least, and the coin's entropy, at the chance itself."""
    pixels = torch.rand(5, 1, 4, 4) * 0.98 + 0.01
    images, logits = 2 * pixels - 1, pixels.logit()
    torch.testing.assert_close(coin_nats(images), bernoulli_nll(logits, images))
    assert (coin_nats(images) < bernoulli_nll(logits + 0.3, images)).all()
    black_or_white = torch.randint(0, 2, (3, 1, 4, 4)) * 2.0 - 1
    assert coin_nats(black_or_white).tolist() == [0, 0, 0]


def test_the_ends_are_one_chance_for_each_pixel_and_the_coins_themselves():
    images = torch.tensor([1.0, -1, 1, 1, 0, -1, 0, 1]).view(4, 1, 1, 2)  # black is -1, white 1
    chances = torch.tensor([0.75, 0.5]).expand(4, 2)
    whites = (images.flatten(1) + 1) / 2
    worst = -(whites * chances.log() + (1 - whites) * (1 - chances).log()).sum(1).mean()
    plain, least = ends(images)
    assert plain == pytest.approx(float(worst), abs=1e-6)
    assert least == pytest.approx(2 * torch.tensor(2.0).log().item() / 4)


def test_importance_weights_average_likelihoods_not_nats():
    nats = torch.tensor([[1.0, 2.0, 4.0], [3.0, 3.0, 3.0]])
    want = -(-nats).exp().mean(1).log()
    torch.testing.assert_close(importance_nll(nats), want)
    assert importance_nll(nats)[0] < nats[0].mean(), "one bound is tighter than a mean of bounds"
    torch.testing.assert_close(importance_nll(nats + 1e4) - 1e4, want, atol=1e-3, rtol=0)
