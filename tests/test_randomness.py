import numpy as np
import pytest
import torch

from sfumato.errors import ConfigError
from sfumato.randomness import derive, generator


def test_seeds_are_the_same_everywhere_and_forever():
    """Pinned: a change here would change every run ever recorded."""
    assert derive(0, "step", 0) == 7165740354727061333
    assert derive() != derive("")


def test_neighbouring_parts_give_unrelated_seeds():
    seeds = {derive(seed, "step", step) for seed in range(30) for step in range(30)}
    assert len(seeds) == 900
    assert derive(1, "2") != derive("1", 2) != derive(12)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_generator_depends_on_its_parts_alone():
    first = torch.rand(3, generator=generator(7, "noise"))
    torch.rand(100)
    assert torch.equal(first, torch.rand(3, generator=generator(7, "noise")))
    assert not torch.equal(first, torch.rand(3, generator=generator(8, "noise")))


def test_whole_numbers_of_any_library_are_one():
    assert derive(np.int64(3), "x") == derive(np.uint8(3), "x") == derive(3, "x")
    assert derive("3", "x") != derive(3, "x")
    with pytest.raises(ConfigError, match=r"^a seed must be a whole number; got 3\.0\.$"):
        derive(3.0, "x")
