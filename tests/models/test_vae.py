from copy import deepcopy
from dataclasses import replace
from math import log

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from sfumato import data as sources
from sfumato.data import Source
from sfumato.errors import ConfigError
from sfumato.losses.likelihood import coin_nats, kl_from_normal
from sfumato.models import vae
from sfumato.models.vae import RECIPES, VAE, Config, thrown
from sfumato.schema import Schema
from sfumato.testing import one_step

SCHEMA = Schema(shape=(1, 8, 8))
MNIST = Schema(shape=(1, 28, 28))


def grey(count):
    return torch.rand(count, *SCHEMA.shape, generator=torch.Generator().manual_seed(2)) * 2 - 1


def count(net):
    return sum(weight.numel() for weight in net.parameters())


def test_parameter_count_of_the_dense_layout_by_hand():
    model = VAE(Config(latent=4, hidden=16, depth=0), SCHEMA)
    encoder, decoder = 64 * 16 + 16 + 16 * 8 + 8, 4 * 16 + 16 + 16 * 64 + 64
    assert count(model) == encoder + decoder
    deep = VAE(Config(latent=4, width=24, hidden=16, depth=2), SCHEMA)
    encoder = 65 * 24 + 25 * 24 + 25 * 16 + 17 * 8
    assert count(deep) == encoder + 5 * 16 + 17 * 24 + 25 * 24 + 25 * 64


def test_parameter_count_of_the_sources_layout():
    """As its layer tables print them, layer by layer."""
    model = VAE(RECIPES["source"].model, MNIST)
    encoder = 320 + 18_496 + 36_928 + 36_928 + 401_440 + 66 + 66
    assert count(model.encoder) == encoder == 494_244
    assert count(model.decoder) == 37_632 + 18_464 + 289 == 56_385


def test_parameter_count_of_the_residual_layout_by_hand():
    model = VAE(Config(layout="residual", latent=3, width=4, hidden=5, depth=2), MNIST)
    blocks = 2 * 2 * (9 * 4 * 4 + 4) + 2 * 2 * (9 * 8 * 8 + 8)
    stairs = 16 * (1 * 4 + 4 * 8)
    dense = 8 * 49 * 5
    assert count(model.encoder) == blocks + stairs + 4 + 8 + dense + 5 + 5 * 6 + 6
    assert count(model.decoder) == blocks + stairs + 4 + 1 + dense + 8 * 49 + 3 * 5 + 5


@pytest.mark.parametrize("layout", ["dense", "convolutional", "residual"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_every_layout_takes_grey_and_colour(layout, shape):
    model = VAE(Config(layout=layout, latent=2, width=4, hidden=8), Schema(shape=shape))
    images = model.sample(2, seed=0)
    assert images.shape == (2, *shape)
    assert model.decode(model.encode(images)).shape == (2, *shape)


def test_the_loss_of_the_source_is_mean_cross_entropy_and_a_little_mean_divergence():
    model = VAE(RECIPES["source"].model, MNIST)
    images, noise = torch.rand(6, 1, 28, 28) * 2 - 1, torch.randn(6, 1, 2)
    mean, log_var = model.encoder(images).chunk(2, 1)
    z = mean + torch.exp(0.5 * log_var) * noise[:, 0]
    cross_entropy = binary_cross_entropy_with_logits(model.decoder(z), (images + 1) / 2)
    divergence = -0.5 * (1 + log_var - mean.square() - log_var.exp()).mean()
    torch.testing.assert_close(model._loss(images, noise), cross_entropy + 5e-4 * divergence)
    recipe = RECIPES["source"]
    assert (recipe.model.latent, recipe.steps * recipe.batch) == (2, 10 * 60_000)


def exact(model, images):
    """log p(x) by integration over a single latent coordinate."""
    z = torch.linspace(-8, 8, 4001)[:, None]
    log_prior = -z.squeeze().square() / 2 - torch.tensor(2 * torch.pi).log() / 2
    nats = torch.stack([model._distortion(z, image.expand(4001, -1, -1, -1)) for image in images])
    return torch.logsumexp(log_prior - nats + log(16 / 4000), 1)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@torch.no_grad()
def test_the_bound_holds_against_a_likelihood_by_brute_force(likelihood):
    """With one latent dimension p(x) can be integrated; the bound lies above its -log."""
    model = VAE(Config(latent=1, hidden=8, depth=0, likelihood=likelihood), SCHEMA).eval()
    images = torch.rand(5, 1, 8, 8) * 2 - 1
    for image, log_p in zip(images, exact(model, images), strict=True):
        distortion, rate = model.bound(image.expand(4000, 1, 8, 8), torch.randn(4000, 1))
        gap = (distortion + rate).mean() + log_p
        assert 0 < gap < 5, "an untrained encoder is near the prior, so the gap is small"


@torch.no_grad()
def test_many_codes_close_the_gap_in_parts_of_bounded_size(monkeypatch):
    monkeypatch.setattr(vae, "PART", 512)
    model = VAE(Config(latent=1, hidden=8, depth=0), SCHEMA).eval()
    for weight in model.encoder[-1].parameters():
        weight.zero_()  # codes are drawn from the prior: a poor guess, yet never too narrow
    images = thrown(torch.rand(6, 1, 8, 8) * 2 - 1, torch.rand(6, 1, 8, 8))
    model.decoder[2].weight.mul_(3)  # so that the code matters, and four codes are not enough
    truth = -exact(model, images)
    sizes = []
    model.decoder.register_forward_hook(lambda net, given, made: sizes.append(len(made)))
    found = model.likelihood(images, 20_000, torch.Generator().manual_seed(1))
    torch.testing.assert_close(found, truth, atol=0.15, rtol=0)
    assert max(sizes) <= 512
    assert sum(sizes) == 6 * 20_000
    rngs = [torch.Generator().manual_seed(seed) for seed in range(100)]
    few = torch.stack([model.likelihood(images, 4, rng) for rng in rngs])
    assert few.mean() > truth.mean() + 0.2, "with few codes it is still a bound, and looser"


def test_codes_are_weighed_as_importance_sampling_does():
    """Against torch's own densities: -log p(x | z) p(z) / q(z | x) of each code."""
    model = VAE(Config(latent=3, width=8, hidden=8), SCHEMA)
    images, noise = torch.rand(4, 1, 8, 8) * 2 - 1, torch.randn(4, 5, 3)
    mean, log_var = model.encoder(images).chunk(2, 1)
    posterior = torch.distributions.Normal(mean[:, None], (log_var / 2).exp()[:, None])
    z = posterior.mean + posterior.stddev * noise
    log_prior = torch.distributions.Normal(0, 1).log_prob(z).sum(2)
    want = posterior.log_prob(z).sum(2) - log_prior
    distortion, rate = model.weigh(images, noise)
    torch.testing.assert_close(rate, want)
    for k in range(5):
        one, mean_rate = model.bound(images, noise[:, k])
        torch.testing.assert_close(distortion[:, k], one)
    many = model.weigh(images, torch.randn(4, 4000, 3))[1].mean(1)
    torch.testing.assert_close(many, mean_rate, atol=0.2, rtol=0)


def test_a_step_lowers_the_loss_and_beta_weighs_the_rate():
    images, noise = torch.rand(32, 1, 8, 8) * 2 - 1, torch.randn(32, 1, 4)
    model = VAE(Config(latent=4, width=16, hidden=16, lr=1e-2), SCHEMA)
    old = deepcopy(model)
    one_step(model, image=images)
    assert model._loss(images, noise) < old._loss(images, noise)
    distortion, rate = old.bound(images, noise[:, 0])
    double = VAE(Config(latent=4, width=16, hidden=16, beta=2.0), SCHEMA)
    double.load_state_dict(old.state_dict())
    torch.testing.assert_close(double._loss(images, noise), (distortion + 2 * rate).mean())


def test_a_step_lowers_the_importance_weighted_loss_which_is_the_tighter_one():
    images = thrown(torch.rand(32, 1, 8, 8) * 2 - 1, torch.rand(32, 1, 8, 8))
    config = Config(latent=4, width=16, hidden=16, lr=1e-2, samples=20, binarise=True)
    model = VAE(config, SCHEMA)
    old = deepcopy(model)
    one_step(model, image=images)
    noise = torch.randn(32, 20, 4)
    assert model._loss(images, noise) < old._loss(images, noise)
    single = VAE(replace(config, samples=1), SCHEMA)
    single.load_state_dict(old.state_dict())
    bounds = torch.stack([single._loss(images, noise[:, k : k + 1]) for k in range(20)])
    assert old._loss(images, noise) < bounds.mean()


def test_of_several_codes_too_beta_weighs_the_rate():
    model, images = VAE(Config(latent=3, samples=5, beta=0.3, warmup=1), SCHEMA).eval(), grey(6)
    noise = model._noise(6, torch.Generator().manual_seed(0))
    distortion, rate = model.weigh(images, noise)
    want = log(5) - (-distortion - 0.3 * rate).logsumexp(1)
    torch.testing.assert_close(model._loss(images, noise), want.mean())


def test_means_are_over_pixels_and_over_the_numbers_of_a_code():
    model, images = VAE(Config(latent=3, reduction="mean", warmup=1), SCHEMA).eval(), grey(6)
    noise = model._noise(6, torch.Generator().manual_seed(0))
    distortion, rate = model.bound(images, noise[:, 0])
    torch.testing.assert_close(
        model._loss(images, noise), distortion.mean() / 64 + rate.mean() / 3
    )


def test_rmsprop_is_that_of_the_sources_library():
    [group] = (
        VAE(Config(latent=3, optimizer="rmsprop"), SCHEMA).configure_optimizers().param_groups
    )
    assert (group["alpha"], group["eps"]) == (0.9, 1e-7)


def test_the_divergence_is_phased_in_and_the_learning_rate_falls():
    model = VAE(Config(latent=4, width=16, hidden=16, warmup=10, lr=1e-2, decay_steps=100), SCHEMA)
    images, noise = torch.rand(8, 1, 8, 8) * 2 - 1, torch.randn(8, 1, 4)
    distortion, rate = (nats.mean() for nats in model.bound(images, noise[:, 0]))
    for step, share in ((0, 0.1), (4, 0.5), (9, 1.0), (500, 1.0)):
        model.step = step
        torch.testing.assert_close(model._loss(images, noise), distortion + share * rate)
    assert [model.pace(step) for step in (0, 50, 100, 500)] == [1, 0.5, 0.01, 0.01]


def test_pixels_are_thrown_by_their_grey():
    images = torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]).view(1, 1, 1, 5).expand(40_000, 1, 1, 5)
    black_or_white = thrown(images, torch.rand(images.shape))
    assert set(black_or_white.unique().tolist()) == {-1.0, 1.0}
    torch.testing.assert_close(black_or_white.mean(0), images[0], atol=0.02, rtol=0)


def test_each_step_throws_the_pixels_anew():
    seen = []
    model = VAE(Config(latent=4, width=16, hidden=16, binarise=True), SCHEMA)
    model.encoder.register_forward_hook(lambda net, given, made: seen.append(given[0]))
    grey = torch.zeros(4, 1, 8, 8)
    for step in range(2):
        model.begin(seed=0, step=step)
        one_step(model, image=grey)
    assert {value for images in seen for value in images.unique().tolist()} == {-1.0, 1.0}
    assert not torch.equal(seen[0], seen[1])


def test_measured_nats_lie_between_the_pixels_alone_and_the_coins_alone(monkeypatch):
    monkeypatch.setattr(vae, "SAMPLES", 20)
    data = sources.open(Source(name="digits", split="test"))
    model = VAE(Config(latent=4, width=16, hidden=16), data.schema)
    scores = model.measure(data, torch.Generator().manual_seed(0))
    pixels = (data.batch(torch.arange(len(data))).image + 1) / 2
    mean = pixels.mean(0).clamp(1e-3, 1 - 1e-3)
    entropy = -(pixels * mean.log() + (1 - pixels) * (1 - mean).log()).sum((1, 2, 3)).mean()
    for name in ("bound", "nats"):
        score = scores[name]
        assert (score.n, score.better) == (len(data), "lower")
        assert score.floor == pytest.approx(float(entropy), rel=1e-4)
        assert score.ceiling == pytest.approx(float(coin_nats(2 * pixels - 1).mean()), rel=1e-4)
        assert score.value > score.floor, "an untrained model does worse than the mean"
    assert scores["nats"].value < scores["bound"].value
    assert scores["nats"].error > 0


def test_the_error_of_the_nats_is_that_of_a_mean(monkeypatch):
    """Gaps of 1 and -1 in turn deviate by 1."""
    data = sources.open(Source(name="digits", split="test"))
    gaps = lambda self, images, *_: 1 - torch.arange(len(images)) % 2 * 2.0  # noqa: E731
    monkeypatch.setattr(VAE, "likelihood", gaps)
    monkeypatch.setattr(VAE, "_bounded", lambda self, images, rng: torch.zeros(len(images)))
    found = VAE(Config(latent=4, width=16), data.schema).measure(data, torch.Generator())["nats"]
    assert found.error == pytest.approx(min(len(data), vae.WEIGHED) ** -0.5, rel=0.02)


def test_a_gaussian_decoder_learns_its_scale_and_is_measured_in_densities(monkeypatch):
    monkeypatch.setattr(vae, "SAMPLES", 20)
    data = sources.open(Source(name="digits", split="test"))
    model = VAE(Config(latent=4, width=16, hidden=16, likelihood="gaussian", lr=1e-2), data.schema)
    images = data.batch(torch.arange(64)).image
    one_step(model, image=images)
    assert model.log_scale.item() < 0, "the images lie closer to their mean than 1"
    score = model.measure(data, torch.Generator())["nats"]
    spread = data.batch(torch.arange(len(data))).image
    scale = (spread - spread.mean(0)).square().mean().sqrt()
    want = 64 * (0.5 + scale.log() + log(2 * torch.pi) / 2)
    assert score.floor == pytest.approx(float(want), rel=1e-4)
    assert score.ceiling is None


def test_the_code_is_the_mean_and_repeats():
    model = VAE(Config(latent=4, width=16, hidden=16), SCHEMA).eval()
    images = torch.rand(3, 1, 8, 8) * 2 - 1
    mean, log_var = model.encoder(images).chunk(2, 1)
    assert torch.equal(model.encode(images), mean)
    assert kl_from_normal(mean, log_var).shape == (3,)


@pytest.mark.parametrize(
    ("fields", "schema", "said"),
    [
        (
            {"binarise": True, "likelihood": "gaussian"},
            SCHEMA,
            "--model.binarise true makes pixels black or white, which a gaussian likelihood "
            "cannot say; set --model.likelihood bernoulli.",
        ),
        (
            {"samples": 5, "reduction": "mean"},
            SCHEMA,
            "--model.samples 5 weighs whole likelihoods, and --model.reduction mean has none; "
            "set it to sum.",
        ),
        (
            {"layout": "convolutional"},
            Schema(shape=(1, 9, 9)),
            "--data.side 9 cannot be halved; try 10.",
        ),
        (
            {"layout": "residual"},
            Schema(shape=(1, 9, 9)),
            "--data.side 9 cannot be halved down to 4..7; try 8 or 10.",
        ),
    ],
    ids=["gaussian coins", "mean of weights", "odd", "no ladder"],
)
def test_settings_that_contradict_each_other_are_answered_in_one_line(fields, schema, said):
    with pytest.raises(ConfigError) as caught:
        VAE(Config(**fields), schema)
    assert str(caught.value) == said
