from typing import get_args

import pytest
import torch
from torch import nn

from sfumato.losses.penalties import PENALTIES, PenaltyName, chances

SHAPE = (2, 5, 5)
REAL, FAKE = torch.rand(2, 6, *SHAPE, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture
def draws():
    return chances(SHAPE)(6, torch.Generator().manual_seed(2))


@pytest.fixture
def weights():
    return torch.randn(SHAPE, requires_grad=True)


def curved(images):
    """A judge whose gradient at x is 2 x: it tells where it was asked."""
    return images.square().sum((1, 2, 3))


def test_every_name_is_a_penalty():
    assert set(PENALTIES) == set(get_args(PenaltyName))


@pytest.mark.parametrize("name", ["wgan_gp", "dragan"])
def test_a_linear_judge_pays_for_the_norm_of_its_weights(name, draws, weights):
    """D(x) = w . x: the penalty is (|w| - 1)^2, its gradient 2 (|w| - 1) w / |w|, anywhere."""
    paid = PENALTIES[name](lambda x: (x * weights).sum((1, 2, 3)) + 3, REAL, FAKE, draws)
    norm = weights.detach().norm()
    torch.testing.assert_close(paid, (norm - 1).square(), check_dtype=False)
    (slope,) = torch.autograd.grad(paid, weights)
    torch.testing.assert_close(slope, 2 * (norm - 1) * weights.detach() / norm)


def test_r1_of_a_linear_judge_is_half_its_squared_norm(draws, weights):
    paid = PENALTIES["r1"](lambda x: (x * weights).sum((1, 2, 3)), REAL, FAKE, draws)
    torch.testing.assert_close(paid, weights.detach().square().sum() / 2)
    torch.testing.assert_close(torch.autograd.grad(paid, weights)[0], weights.detach())


def test_r1_asks_at_the_real_images(draws):
    paid = PENALTIES["r1"](curved, REAL, FAKE, draws)
    torch.testing.assert_close(paid, 2 * REAL.square().sum((1, 2, 3)).mean())


def test_wgan_gp_asks_on_the_line_from_painted_to_real(draws):
    share = draws[:, 0].reshape(6, 1, 1, 1)
    points = FAKE + share * (REAL - FAKE)
    wanted = (2 * points.flatten(1).norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(PENALTIES["wgan_gp"](curved, REAL, FAKE, draws), wanted)


def test_dragan_asks_near_the_real_images_as_its_code_does(draws):
    """X_p = X + 0.5 std(X) U[0, 1], then X + alpha (X_p - X), written out in NumPy."""
    x, u = REAL.numpy().astype(float), draws.numpy().astype(float)
    perturbed = x + 0.5 * x.std() * u[:, 1:].reshape(x.shape)
    points = x + u[:, 0].reshape(6, 1, 1, 1) * (perturbed - x)
    slopes = 2 * (points.reshape(6, -1) ** 2).sum(1) ** 0.5
    paid = PENALTIES["dragan"](curved, REAL, FAKE, draws)
    assert paid.item() == pytest.approx(((slopes - 1) ** 2).mean(), rel=1e-5)
    assert abs(points - x).max() <= 0.5 * x.std()
    torch.testing.assert_close(paid, PENALTIES["dragan"](curved, REAL, -FAKE, draws))


def test_none_never_asks_the_judge(draws):
    def never(images):
        raise AssertionError

    assert PENALTIES["none"](never, REAL, FAKE, draws) == 0


def network(*extra):
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, stride=2), *extra, nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(32, 1),
        nn.Flatten(0),
    )  # fmt: skip


@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "none"])
def test_gradients_are_finite_under_autocast_and_close_to_the_full_ones(name, draws):
    """Also with batch norm, and under a rounding of 8 bits."""
    net = network(nn.BatchNorm2d(8))
    slopes = []
    for low in (False, True):
        net.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
            paid = PENALTIES[name](net, REAL, FAKE, draws)
        assert paid.dtype == torch.float32
        paid.backward()
        slopes.append(
            torch.cat([w.grad.flatten() for w in net.parameters() if w.grad is not None])
        )
    full, rounded = slopes
    assert rounded.isfinite().all()
    # processors without bfloat16 round at other places
    assert (rounded - full).norm() < 0.07 * full.norm()


@pytest.mark.parametrize("name", ["wgan_gp", "dragan"])
def test_a_judge_without_any_slope_gets_finite_gradients(name, draws):
    """The root of a squared norm has an infinite slope at 0; epsilon takes it away."""
    weights = torch.zeros(SHAPE, requires_grad=True)
    paid = PENALTIES[name](lambda x: (x * weights).sum((1, 2, 3)), REAL, FAKE, draws)
    assert paid.item() == pytest.approx(1, abs=1e-4)
    assert torch.autograd.grad(paid, weights)[0].isfinite().all()


def test_the_images_stay_outside_the_graph(draws, weights):
    """Neither the painter nor the data learn from a penalty."""
    fake = FAKE.clone().requires_grad_()
    paid = PENALTIES["wgan_gp"](lambda x: (x * weights).sum((1, 2, 3)), REAL, fake, draws)
    assert torch.autograd.grad(paid, fake, allow_unused=True) == (None,)


def test_chances_repeat_and_have_a_number_for_each_pixel_and_one_more():
    make = chances(SHAPE)
    one, two = (make(4, torch.Generator().manual_seed(s)) for s in (7, 7))
    assert torch.equal(one, two)
    assert one.shape == (4, 1 + 2 * 5 * 5)
    assert 0 <= one.min() < one.max() < 1


@pytest.mark.parametrize("name", ["wgan_gp", "r1"])
def test_parts_of_a_batch_pay_together_what_the_whole_pays(name, draws):
    """The law of accumulation; DRAGAN's std is of the images given, so it holds but nearly."""
    net = network()
    whole = PENALTIES[name](net, REAL, FAKE, draws)
    parts = zip(REAL.chunk(3), FAKE.chunk(3), draws.chunk(3), strict=True)
    shares = [PENALTIES[name](net, *part) / 3 for part in parts]
    torch.testing.assert_close(torch.stack(shares).sum(), whole)
