import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from sfumato.losses.adversarial import discriminator_loss, generator_loss, swapped


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
