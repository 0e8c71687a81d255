"""Edges: pictures go on mirrored, and any size comes back as it was."""

import pytest
import torch

from sfumato.nn.edges import completed, mirrored


def test_a_picture_goes_on_mirrored_as_often_as_it_takes():
    line = torch.tensor([1.0, 2, 3])[None, None, None]
    assert mirrored(line, 0, 5).flatten().tolist() == [1, 2, 3, 3, 2, 1, 1, 2]
    assert mirrored(line, 1, 0).tolist() == [[[[1, 2, 3], [1, 2, 3]]]]


@pytest.mark.parametrize(("size", "seen"), [((8, 8), (8, 8)), ((5, 9), (8, 12)), ((1, 4), (8, 8))])
def test_what_takes_multiples_takes_any_size(size, seen):
    images, asked = torch.rand(2, 3, *size), []

    def paint(given):
        asked.append(tuple(given.shape[2:]))
        return -given

    assert torch.equal(completed(paint, images, 4, least=8), -images)
    assert asked == [seen]
