"""Trivial answers: ridge against scikit-learn and leaving out by hand; scores and their floors."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as Theirs

from sfumato.errors import ConfigError
from sfumato.metrics.linear import PENALTIES, Ridge, _error
from sfumato.metrics.pairs import Tally, Trivial, others


def pairs(count=130, noise=0.05):
    """Wanted pictures that are a linear map of the given ones, nearly."""
    torch.manual_seed(1)
    given = torch.rand(count, 3, 4, 4) * 2 - 1
    way = torch.randn(48, 48) / 20
    wanted = (given.flatten(1) @ way + 0.2).reshape(count, 3, 4, 4)
    return given, wanted + noise * torch.randn_like(wanted)


def test_the_linear_guess_is_scikit_learns():
    given, wanted = pairs()
    ours = Ridge(given[:100], wanted[:100])
    theirs = Theirs(alpha=ours.penalty).fit(given[:100].flatten(1), wanted[:100].flatten(1))
    want = theirs.predict(given[100:].flatten(1)).reshape(30, 3, 4, 4)
    np.testing.assert_allclose(ours(given[100:]), want, atol=1e-5)


def test_leaving_out_one_is_learning_from_the_others():
    """The short cut against refitting; the penalty is the same share whoever is left out."""
    given, wanted = (side[:12].flatten(1) for side in pairs(noise=0.5))
    rows, target = given - given.mean(0), wanted - wanted.mean(0)
    values, vectors = torch.linalg.eigh((rows @ rows.T).double())
    lost = []
    for left in range(12):
        rest = [row for row in range(12) if row != left]
        theirs = Theirs(alpha=0.7).fit(given[rest], wanted[rest])
        lost.append(np.square(theirs.predict(given[left : left + 1]) - wanted[left].numpy()))
    assert _error(values, vectors, target, 0.7) == pytest.approx(np.mean(lost), rel=1e-4)


def test_the_penalty_is_a_share_of_the_mean_eigenvalue():
    given, wanted = pairs()
    rows = given.flatten(1) - given.flatten(1).mean(0)
    share = Ridge(given, wanted).penalty / float(rows.square().sum() / len(rows))
    assert any(share == pytest.approx(one, rel=1e-4) for one in PENALTIES)


def test_without_a_relation_the_guess_is_the_mean():
    given, wanted = torch.randn(60, 1, 4, 4), torch.randn(60, 1, 4, 4)
    found = Ridge(given, wanted)(torch.randn(5, 1, 4, 4))
    assert (found - wanted.mean(0)).abs().max() < 0.1


def test_the_mean_of_the_others_leaves_each_image_out():
    images = torch.randn(4, 1, 3, 3)
    found = others(images, images.mean(0, keepdim=True), 4)
    for left in range(4):
        rest = torch.cat([images[:left], images[left + 1 :]])
        torch.testing.assert_close(found[left], rest.mean(0))
    assert not others(images[:1], images[:1], 1).any()


def test_two_pairs_are_too_few():
    with pytest.raises(ConfigError, match="3 or more"):
        Ridge(torch.zeros(2, 1, 2, 2), torch.zeros(2, 1, 2, 2))


def test_the_floor_is_the_best_trivial_answer():
    given, wanted = pairs()
    trivial = Trivial(given[:100], wanted[:100])
    answers = trivial(given[100:])
    assert set(answers) == {"copy", "mean", "ridge"}
    tally = Tally()
    tally.add({"ours": wanted[100:], **answers}, wanted[100:])
    scores = tally.scores("ours")
    assert set(scores) == {
        "psnr",
        "psnr_y",
        "perceptual",
    }  # 4 pixels are too few for a window of SSIM
    means = tally.means("psnr")
    assert scores["psnr"].value == 99
    assert scores["psnr"].floor == means["ridge"] > max(means["copy"], means["mean"])
    assert scores["perceptual"].value == scores["perceptual"].ceiling == 0
    assert scores["perceptual"].floor == min(
        tally.means("perceptual")[name] for name in ("copy", "mean", "ridge")
    )
    assert all(name in scores["psnr"].note for name in ("copy", "mean", "ridge"))


def test_batches_add_up():
    first, second = torch.rand(4, 3, 16, 16), torch.rand(4, 3, 16, 16)
    whole, parts = Tally(), Tally()
    whole.add({"ours": first}, second)
    for a, b in zip(first.split(3), second.split(3), strict=True):
        parts.add({"ours": a}, b)
    for name, score in whole.scores("ours").items():
        assert parts.scores("ours")[name].value == pytest.approx(score.value, rel=1e-5)
        assert score.floor is None
        assert score.n == 4


def test_what_is_given_is_enlarged_where_larger_is_wanted():
    trivial = Trivial(torch.rand(4, 3, 4, 4), torch.rand(4, 3, 8, 8))
    assert {images.shape for images in trivial(torch.rand(2, 3, 4, 4)).values()} == {(2, 3, 8, 8)}
