"""Couples: every image is the first of one, and the second of another."""

import torch

from sfumato import data as sources
from sfumato.data.couples import couples
from sfumato.data.source import Source


def test_every_image_is_first_once_and_once_second_of_another():
    data = sources.open(Source(name="photos", side=8, count=11))
    found = list(couples(data, torch.Generator().manual_seed(0), torch.device("cpu")))
    firsts, seconds = (torch.cat(part) for part in zip(*found, strict=True))
    whole = data.batch(torch.arange(11)).image

    def places(images):
        apart = (images[:, None] - whole).abs().amax((2, 3, 4))
        return apart.argmin(1).tolist(), float(apart.amin(1).max())

    (rows, off), (others, off_too) = places(firsts), places(seconds)
    assert off == off_too == 0
    assert sorted(rows) == sorted(others) == list(range(11))
    assert all(a != b for a, b in zip(rows, others, strict=True))
