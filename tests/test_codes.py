"""Codes: the way between two of them, and those near the middle of the prior."""

from math import pi

import pytest
import torch
from scipy import stats

from sfumato.codes import slerp, truncated, way
from sfumato.errors import ConfigError
from sfumato.models.vae import VAE, Config
from sfumato.schema import Schema


@pytest.fixture
def model():
    return VAE(Config(latent=4, width=4), Schema(shape=(1, 8, 8)))


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_slerp_stays_on_the_circle_and_hits_both_ends():
    one, other = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    assert torch.allclose(slerp(one, other, 0.0), one)
    assert torch.allclose(slerp(one, other, 1.0), other, atol=1e-6)
    third = slerp(one, other, 1 / 3)
    angle = torch.tensor(pi / 6)
    assert torch.allclose(third, 2 * torch.stack([angle.cos(), angle.sin()])[None])


def test_slerp_keeps_the_length_where_a_line_would_lose_it():
    one, other = torch.randn(2, 50, 100, generator=rng())
    half = slerp(one, other, 0.5).norm(dim=1).mean()
    assert abs(half / one.norm(dim=1).mean() - 1) < 0.05
    assert ((one + other) / 2).norm(dim=1).mean() / half < 0.8


@pytest.mark.parametrize("scale", [2.0, -1.0])
def test_slerp_is_the_line_where_there_is_no_circle(scale):
    one = torch.tensor([[1.0, 1.0]])
    assert torch.allclose(slerp(one, scale * one, 0.25), one * (0.75 + 0.25 * scale))


def test_the_way_is_round_in_normal_columns_and_straight_in_all_others(model):
    one, other = torch.randn(2, 5, 4, generator=rng())
    assert torch.equal(way(model, one, other, 0.3), slerp(one, other, 0.3))
    model.normal = slice(0)
    assert torch.equal(way(model, one, other, 0.3), torch.lerp(one, other, 0.3))
    model.normal = slice(0, 3)
    mixed = way(model, one, other, 0.3)
    assert torch.equal(mixed[:, :3], slerp(one[:, :3], other[:, :3], 0.3))
    assert torch.equal(mixed[:, 3:], torch.lerp(one, other, 0.3)[:, 3:])


def test_truncation_moves_only_what_is_beyond_and_keeps_all_else(model):
    codes = torch.randn(500, 4, generator=rng())
    found = truncated(model, codes, 0.7, rng(1))
    within = codes.abs() <= 0.7
    assert torch.equal(found[within], codes[within])
    assert found.abs().max() <= 0.7
    assert not torch.equal(found[~within].sign(), codes[~within].sign()), "drawn, not clamped"
    assert torch.equal(truncated(model, codes, 0.7, rng(1)), found)


@pytest.mark.parametrize("threshold", [0.1, 0.7, 2.0])
def test_truncated_codes_follow_the_truncated_normal(model, threshold):
    """Drawing again until it is within is the law of scipy's truncnorm."""
    codes = truncated(model, torch.randn(5000, 4, generator=rng()), threshold, rng(1))
    law = stats.truncnorm(-threshold, threshold)
    assert stats.kstest(codes.flatten().numpy(), law.cdf).pvalue > 0.01


def test_a_threshold_nothing_reaches_changes_nothing(model):
    codes = torch.randn(50, 4, generator=rng())
    assert truncated(model, codes, None) is codes
    assert torch.equal(truncated(model, codes, 30.0, rng(1)), codes)
    assert torch.isfinite(truncated(model, 100 * codes, 30.0, rng(1))).all()


def test_only_normal_columns_are_truncated(model):
    model.normal = slice(1, 3)
    codes = torch.full((2, 4), 5.0)
    found = truncated(model, codes, 0.5, rng())
    assert torch.equal(found[:, [0, 3]], codes[:, [0, 3]])
    assert found[:, 1:3].abs().max() <= 0.5


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan")])
def test_a_threshold_that_leaves_nothing_is_refused(model, threshold):
    with pytest.raises(ConfigError, match=r"truncation .* must be greater than 0, such as 0\.7\."):
        truncated(model, torch.zeros(1, 4), threshold)


def test_a_prior_that_is_not_normal_is_not_truncated(model):
    model.normal = slice(0)
    said = "truncation 0.7 needs normal codes, and those of VAE are not; leave it out."
    with pytest.raises(ConfigError, match=f"^{said}$"):
        truncated(model, torch.zeros(1, 4), 0.7)
