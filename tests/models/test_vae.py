from copy import deepcopy

import pytest
import torch

from sfumato import data as sources
from sfumato.data import Source
from sfumato.models.vae import VAE, Config
from sfumato.schema import Schema
from sfumato.testing import one_step

SCHEMA = Schema(shape=(1, 8, 8))


def test_parameter_count_by_hand():
    model = VAE(Config(latent=4, width=16), SCHEMA)
    encoder, decoder = 64 * 16 + 16 + 16 * 8 + 8, 4 * 16 + 16 + 16 * 64 + 64
    assert sum(p.numel() for p in model.parameters()) == encoder + decoder


def test_the_bound_holds_against_a_likelihood_by_brute_force():
    """With one latent dimension p(x) can be integrated; the bound lies above its -log."""
    model = VAE(Config(latent=1, width=8), SCHEMA).eval()
    images = torch.rand(5, 1, 8, 8) * 2 - 1
    z = torch.linspace(-8, 8, 4001)[:, None]
    with torch.no_grad():
        log_prior = -z.squeeze().square() / 2 - torch.tensor(2 * torch.pi).log() / 2
        p = model.decoder(z).flatten(1)
        x = ((images + 1) / 2).flatten(1)
        bernoulli = x @ p.sigmoid().log().T + (1 - x) @ (-p).sigmoid().log().T
        exact = torch.logsumexp(bernoulli + log_prior + torch.tensor(16 / 4000).log(), 1)
        noise = torch.randn(4000, 1)
        for image, log_p in zip(images, exact, strict=True):
            distortion, rate = model.bound(image.expand(4000, 1, 8, 8), noise)
            assert (distortion + rate).mean() > -log_p
            gap = (distortion + rate).mean() + log_p
            assert gap < 5, "an untrained encoder is near the prior, so the gap is small"


def test_a_step_lowers_the_bound_and_beta_weighs_the_rate():
    images = torch.rand(32, 1, 8, 8) * 2 - 1
    noise = torch.randn(32, 4)
    model = VAE(Config(latent=4, width=16, lr=1e-2), SCHEMA)
    old = deepcopy(model)
    one_step(model, image=images)
    assert model._loss(images, noise) < old._loss(images, noise)
    distortion, rate = old.bound(images, noise)
    double = VAE(Config(latent=4, width=16, beta=2.0), SCHEMA)
    double.load_state_dict(old.state_dict())
    torch.testing.assert_close(double._loss(images, noise), (distortion + 2 * rate).mean())


def test_measured_nats_have_a_floor_that_uses_no_code():
    data = sources.open(Source(name="digits", split="test"))
    score = VAE(Config(latent=4, width=16), data.schema).measure(data, torch.Generator())["nats"]
    assert (score.n, score.better) == (len(data), "lower")
    pixels = (data.batch(torch.arange(len(data))).image + 1) / 2
    mean = pixels.mean(0).clamp(1e-3, 1 - 1e-3)
    entropy = -(pixels * mean.log() + (1 - pixels) * (1 - mean).log()).sum((1, 2, 3)).mean()
    assert score.floor == pytest.approx(float(entropy), rel=1e-4)
    assert score.value > score.floor, "an untrained model does worse than the mean"
