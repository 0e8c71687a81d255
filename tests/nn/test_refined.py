"""A code that is improved for one picture: downhill, never for the worse."""

import pytest
import torch

from sfumato.errors import ConfigError
from sfumato.nn.refined import refined


def test_values_end_where_rounding_costs_least():
    """A price on distance from 3 and on size: from 1.3, which rounds to 1, it is cheapest at 2."""
    values = torch.tensor([1.3])

    def cost(moved, noise):
        return ((moved + noise - 3).square() + 2 * (moved + noise)).sum()

    assert refined(values, cost, 40, lambda: None).round() == 2
    assert refined(torch.tensor([0.1]), cost, 40, lambda: None) == 0.1  # 1 and 2 are too far


def test_noise_becomes_rounding_and_has_no_slope():
    """What is added to the code in each step is seen; the slope is that of the code alone."""
    added, values = [], torch.full((1000,), 0.3)

    def cost(moved, noise):
        added.append(noise)
        assert not noise.requires_grad
        return (moved + noise).square().sum() / 1e9

    refined(values, cost, 10, lambda: None)
    spread = [noise.std().item() for noise in added[:10]]
    assert spread[0] == pytest.approx(12**-0.5, rel=0.1)
    assert spread == pytest.approx([spread[0] * (1 - t / 10) for t in range(10)], rel=0.1)


def test_a_search_that_finds_nothing_better_changes_nothing():
    values = torch.tensor([0.2, -0.7, 3.4])
    done = []

    def cost(moved, noise):
        rounded = torch.equal(moved + noise, (moved + noise).round())
        return (moved - values.round()).abs().sum() if rounded else -(moved + noise).sum()

    assert torch.equal(refined(values, cost, 12, lambda: done.append(1)), values)
    assert len(done) == 12
    with pytest.raises(ConfigError, match=r"^--refine -1 is not there; it is 0 or more steps\.$"):
        refined(values, cost, -1, done.clear)
