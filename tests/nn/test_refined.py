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
