import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from sfumato.losses.likelihood import bernoulli_nll, gaussian_nll, kl_from_normal


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


def test_gaussian_nll_is_minus_the_log_density_but_for_its_constant():
    mean, images = torch.randn(2, 6, 3, 4, 4)
    want = -Independent(Normal(mean, torch.ones(())), 3).log_prob(images)
    constant = 3 * 4 * 4 * torch.tensor(2 * torch.pi).log() / 2
    torch.testing.assert_close(gaussian_nll(mean, images), want - constant)
