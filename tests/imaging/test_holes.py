"""Holes: some of each picture and never all, alike for one seed, each kind what it says."""

from typing import get_args

import pytest
import torch

from sfumato.imaging.holes import HoleName, holes
from sfumato.randomness import generator


@pytest.mark.parametrize("kind", get_args(HoleName))
@pytest.mark.parametrize("size", [(64, 64), (17, 40), (4, 4)])
def test_some_of_each_picture_is_hidden_and_never_all(kind, size):
    found = holes(kind, *size)(50, generator(0, "holes"))
    assert found.shape == (50, 1, *size)
    assert set(found.unique().tolist()) == {0.0, 1.0}
    share = found.mean((1, 2, 3))
    assert float(share.min()) > 0
    assert float(share.max()) < 1


def test_the_centre_is_the_middle_half_of_each_side():
    found = holes("centre", 8, 12)(2)
    want = torch.zeros(8, 12)
    want[2:6, 3:9] = 1
    assert torch.equal(found, want.expand(2, 1, 8, 12))


@pytest.mark.parametrize("kind", ["blocks", "free", "any"])
def test_holes_follow_from_their_seed_and_differ(kind):
    make = holes(kind, 32, 32)
    one, again = (make(20, generator(1, "holes")) for _ in range(2))
    assert torch.equal(one, again)
    assert len({row.numpy().tobytes() for row in one}) > 15
    assert not torch.equal(one, make(20, generator(2, "holes")))


def test_rectangles_lie_at_every_edge_alike():
    """Mirrored they are the same: the last row is hidden as often as the first."""
    share = holes("blocks", 16, 16)(4000, generator(0, "holes")).mean((0, 1))
    for edges in (share.mean(0)[[0, -1]], share.mean(1)[[0, -1]]):
        assert float(edges.min()) > 0.05
        assert float(edges.max() - edges.min()) < 0.015


def test_a_stroke_leaves_most_of_a_picture():
    """A training picture of which nothing is left teaches nothing."""
    share = holes("free", 64, 64)(300, generator(0, "holes")).mean((1, 2, 3))
    assert 0.1 < float(share.mean()) < 0.3
    assert float(share.max()) < 0.7


def test_strokes_lie_in_both_halves_of_a_wide_picture():
    share = holes("free", 16, 64)(500, generator(0, "holes")).mean((0, 1, 2))
    assert 0.7 < float(share[:32].mean() / share[32:].mean()) < 1.4
