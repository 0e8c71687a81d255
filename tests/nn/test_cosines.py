"""The cosine transform: orthonormal, in the order of photographs, and scipy's own."""

import numpy as np
import torch
from scipy.fft import dctn
from torch.nn.functional import pixel_unshuffle

from sfumato.nn.cosines import cosines
from sfumato.nn.together import Together


def test_rows_are_orthonormal():
    for channels in (1, 3):
        rows = cosines(channels, 64 * channels)
        torch.testing.assert_close(rows @ rows.T, torch.eye(64 * channels))


def test_grey_numbers_are_scipys():
    """As a set: each of the transform's numbers is one of ours."""
    block = torch.randn(1, 1, 8, 8)
    found = cosines(1, 64) @ pixel_unshuffle(block, 8).flatten()
    wanted = dctn(block[0, 0].numpy(), norm="ortho").flatten()
    np.testing.assert_allclose(np.sort(found.numpy()), np.sort(wanted), atol=1e-5)
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-5)


def test_a_flat_grey_block_is_its_first_number():
    block = torch.full((1, 3, 8, 8), 0.25)
    found = cosines(3, 192) @ pixel_unshuffle(block, 8).flatten()
    torch.testing.assert_close(found[0], torch.tensor(0.25 * 192**0.5))
    assert found[1:].abs().max() < 1e-6


def test_the_first_rows_are_the_colours_of_a_whole_block():
    assert cosines(3, 3).unflatten(1, (3, 64)).std(2).abs().max() < 1e-6


def test_more_rows_than_there_are_stay_empty():
    rows = cosines(1, 70)
    assert rows.shape == (70, 64)
    assert rows[64:].abs().max() == 0


def test_paths_add_up():
    one, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    x = torch.randn(4, 3)
    torch.testing.assert_close(Together([one, other])(x), one(x) + other(x))
    assert torch.equal(Together([one])(x), one(x))
