"""Distances between feature sets, against closed forms, plain loops and torchmetrics."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn

from sfumato.errors import ConfigError
from sfumato.metrics.fidelity import (
    Moments,
    classifier_score,
    frechet_distance,
    frechet_error,
    kernel_distance,
)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(n, d, seed=0, scale=1.0, shift=0.0):
    mix = torch.randn(d, d, generator=rng(seed + 100))
    return shift + scale * torch.randn(n, d, generator=rng(seed)) @ mix


def test_streaming_equals_batch_even_far_from_the_origin():
    features = draw(1000, 7, shift=1e4)
    moments = Moments(7)
    for part in features.split([1, 299, 0, 500, 200]):
        moments.update(part)
    assert moments.count == 1000
    expected = np.cov(features.double().numpy().T)
    np.testing.assert_allclose(moments.covariance.numpy(), expected, rtol=1e-9)
    np.testing.assert_allclose(moments.mean.numpy(), features.double().mean(0).numpy(), rtol=1e-12)


def test_fifty_thousand_features_take_the_memory_of_one_covariance():
    moments = Moments(5)
    for start in range(100):
        moments.update(draw(500, 5, seed=start))
    assert moments.count == 50_000
    held = [v for v in vars(moments).values() if isinstance(v, torch.Tensor)]
    assert sum(v.numel() for v in held) == 5 + 5 * 5


def test_frechet_distance_is_the_textbook_formula():
    real, fake = draw(400, 6), draw(300, 6, seed=1, scale=0.5, shift=0.3)
    a, b = real.double().numpy(), fake.double().numpy()
    sa, sb = np.cov(a.T), np.cov(b.T)
    textbook = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(sa + sb - 2 * sqrtm(sa @ sb).real)
    ours = frechet_distance(Moments.of(real), Moments.of(fake))
    assert ours == pytest.approx(textbook, rel=1e-9)


def test_its_error_is_the_spread_of_the_distance_over_draws():
    """The deviation of the distance over 300 sets of fakes, of one set of reals."""
    real = Moments.of(draw(5000, 4))
    mix = torch.randn(4, 4, generator=rng(7))

    def fakes(seed):
        return 0.3 + torch.randn(400, 4, generator=rng(seed)).pow(2) @ mix

    drawn = [frechet_distance(real, Moments.of(fakes(seed))) for seed in range(300)]
    told = [frechet_error(real, Moments.of(fakes(seed)), fakes(seed)) for seed in range(20)]
    assert np.mean(told) == pytest.approx(np.std(drawn), rel=0.15)
    few = fakes(0)[:4]
    assert np.isnan(frechet_error(real, Moments.of(few), few))


def test_frechet_distance_of_axis_aligned_gaussians_by_hand():
    """Diagonal covariances: the sum over axes of (m - m')^2 + (s - s')^2."""
    real, fake = Moments(2), Moments(2)
    for moments, mean, spread in ((real, [0.0, 1.0], [1.0, 2.0]), (fake, [3.0, 1.0], [4.0, 2.5])):
        moments.count = 11
        moments.mean = torch.tensor(mean, dtype=torch.float64)
        moments.scatter = torch.diag(torch.tensor(spread, dtype=torch.float64) ** 2) * 10
    assert frechet_distance(real, fake) == pytest.approx(9 + 9 + 0.25)


def test_frechet_distance_to_itself_is_zero_and_it_is_symmetric():
    a, b = Moments.of(draw(200, 5)), Moments.of(draw(200, 5, seed=3))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)


def test_too_few_images_are_finite_and_told():
    few, many = Moments.of(draw(10, 20)), Moments.of(draw(1000, 20))
    assert few.deficient
    assert not many.deficient
    distance = frechet_distance(many, few)
    # singular covariances: the bias shows, and nothing is nan
    assert distance > 10 * frechet_distance(many, Moments.of(draw(1000, 20, seed=0)))
    assert np.isfinite(distance)


def test_one_image_has_no_covariance():
    with pytest.raises(ConfigError, match="the covariance of 1 images is undefined"):
        frechet_distance(Moments.of(draw(1, 3)), Moments.of(draw(9, 3)))


def plain_squared_mmd(x, y):
    """The U-statistic, pair by pair."""
    d = x.shape[1]

    def k(a, b):
        return (float(a @ b) / d + 1) ** 3

    n, m = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    xy = sum(k(x[i], y[j]) for i in range(n) for j in range(m)) / (n * m)
    return xx + yy - 2 * xy


def test_kernel_distance_of_one_subset_is_the_double_loop():
    real, fake = draw(24, 4), draw(40, 4, seed=1, shift=0.5)
    value, error = kernel_distance(real, fake, rng(5), subsets=1, size=9)
    again = rng(5)
    x = real.double()[torch.randperm(24, generator=again)[:9]]
    y = fake.double()[torch.randperm(40, generator=again)[:9]]
    assert value == pytest.approx(plain_squared_mmd(x, y), rel=1e-9)
    assert error == 0


def test_kernel_distance_averages_to_the_whole_u_statistic():
    real, fake = draw(30, 3), draw(30, 3, seed=1, shift=0.5)
    value, error = kernel_distance(real, fake, rng(), subsets=1000)
    whole = plain_squared_mmd(real.double(), fake.double())
    assert value == pytest.approx(whole, abs=4 * error / 1000**0.5 + 1e-9)


def test_kernel_distance_is_unbiased_and_its_error_is_the_spread_of_repeated_experiments():
    d, found = 5, []
    for seed in range(30):
        a = torch.randn(200, d, generator=rng(2 * seed))
        b = torch.randn(200, d, generator=rng(2 * seed + 1)) + 0.4
        found.append(kernel_distance(a, b, rng(seed), subsets=20))
    values, errors = np.array(found).T
    assert errors.mean() == pytest.approx(values.std(), rel=0.35)
    same = [
        kernel_distance(
            torch.randn(100, d, generator=rng(9_000 + s)),
            torch.randn(100, d, generator=rng(8_000 + s)),
            rng(s),
        )[0]
        for s in range(30)
    ]
    assert abs(np.mean(same)) < 3 * np.std(same) / 30**0.5
    assert min(same) < 0 < max(same)


def test_kernel_distance_repeats_with_its_seed():
    real, fake = draw(50, 4), draw(50, 4, seed=1)
    assert kernel_distance(real, fake, rng(3)) == kernel_distance(real, fake, rng(3))
    assert kernel_distance(real, fake, rng(3)) != kernel_distance(real, fake, rng(4))


def test_three_images_have_no_kernel_distance():
    with pytest.raises(ConfigError, match="KID of 3 images is undefined; give at least 4"):
        kernel_distance(draw(3, 2), draw(9, 2), rng())


def test_classifier_score_of_known_answers():
    sure = 50 * torch.eye(4)
    assert classifier_score(sure.repeat(3, 1)) == pytest.approx(4)
    assert classifier_score(sure[:1].repeat(5, 1)) == pytest.approx(1)
    assert classifier_score(torch.zeros(6, 4)) == pytest.approx(1)
    # two classes, 3 of 4 in the first: exp(H) of (3/4, 1/4)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert classifier_score(sure[[0, 0, 0, 1]]) == pytest.approx(np.exp(entropy))


class Given(nn.Module):
    """A feature network for torchmetrics whose images are the features already."""

    num_features = 6

    def forward(self, images):
        return images


@pytest.mark.filterwarnings("ignore:Metric .* will save all extracted features:UserWarning")
def test_torchmetrics_agrees_on_fid_and_kid():
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    real, fake = draw(300, 6), draw(300, 6, seed=1, shift=0.2)
    theirs = FrechetInceptionDistance(feature=Given()).set_dtype(torch.float64)
    for part in real.double().split(100):
        theirs.update(part, real=True)
    for part in fake.double().split(100):
        theirs.update(part, real=False)
    ours = frechet_distance(Moments.of(real), Moments.of(fake))
    assert ours == pytest.approx(float(theirs.compute()), rel=1e-6)

    kid = KernelInceptionDistance(feature=Given(), subsets=1, subset_size=300)
    kid.update(real.double(), real=True)
    kid.update(fake.double(), real=False)
    value, error = kernel_distance(real, fake, rng(), subsets=2000)
    assert value == pytest.approx(float(kid.compute()[0]), abs=4 * error / 2000**0.5)


@pytest.mark.filterwarnings("ignore:Metric .* will save all extracted features:UserWarning")
def test_torchmetrics_agrees_on_the_classifier_score():
    from torchmetrics.image.inception import InceptionScore

    logits = draw(500, 6)
    theirs = InceptionScore(feature=Given(), splits=2)
    theirs.update(logits.repeat(2, 1))  # any half of many copies is like the whole
    expected = float(theirs.compute()[0])
    assert classifier_score(logits) == pytest.approx(expected, rel=0.02)
