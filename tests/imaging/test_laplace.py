"""Differences, their transpose, and the solvers against dense ones."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve1d

from sfumato.imaging.laplace import differences, filtered, gathered, membrane, screened


def dense(height, width):
    """D^T D of a picture as a matrix, from the definition: neighbours minus degree."""
    system = np.zeros((height * width, height * width))
    for y in range(height):
        for x in range(width):
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= v < height and 0 <= u < width:
                    system[y * width + x, y * width + x] += 1
                    system[y * width + x, v * width + u] -= 1
    return system


def solved(right, region):
    """`membrane` by Gaussian elimination."""
    height, width = region.shape
    inside = region.flatten().astype(bool)
    system = dense(height, width)[np.ix_(inside, inside)]
    found = np.zeros((right.shape[0], height * width))
    found[:, inside] = np.linalg.solve(system, right.reshape(len(right), -1)[:, inside].T).T
    return found.reshape(right.shape)


def test_gathered_is_the_transpose_of_differences():
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 5, 7, generator=rng, dtype=torch.float64)
    across = torch.randn(2, 3, 5, 6, generator=rng, dtype=torch.float64)
    down = torch.randn(2, 3, 4, 7, generator=rng, dtype=torch.float64)
    right, lower = differences(images)
    one = (right * across).sum() + (lower * down).sum()
    torch.testing.assert_close((images * gathered(across, down)).sum(), one)


def disk(side):
    y, x = np.mgrid[:side, :side] - side / 2 + 0.5
    return (x**2 + y**2 < (0.4 * side) ** 2).astype(float)


REGIONS = {
    "a rectangle": np.pad(np.ones((9, 13)), ((2, 3), (1, 4))),
    "a disk": disk(22),
    "two parts": np.pad(np.kron([[1, 0, 0, 1]], np.ones((7, 5))), 2),
    "to the lower edge": np.pad(np.ones((11, 19)), ((8, 0), (0, 0))),
    "to three edges, odd": np.pad(np.ones((10, 15)), ((7, 0), (0, 0))),
    "all but a corner": 1 - np.pad(np.ones((1, 1)), ((0, 20), (0, 16))),
    "one pixel": np.pad(np.ones((1, 1)), 4),
    "a long strip with a gap": np.pad(
        np.ones((2, 300)) * (np.arange(300) != 90), ((2, 1), (1, 1))
    ),
    "a line": np.pad(np.ones((1, 21)), ((3, 9), (2, 2))),
}


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_membrane_equals_a_dense_solver(region):
    right = np.random.default_rng(1).normal(size=(3, *region.shape))
    found = membrane(torch.tensor(right).float()[None], torch.tensor(region).float()[None, None])
    want = solved(right * region, region)
    assert np.abs(found[0].numpy() - want).max() <= 1e-5 * np.abs(want).max()


def test_membrane_of_a_large_region_solves_its_equation():
    region = torch.tensor(disk(300)).double()[None, None]
    right = torch.randn(1, 3, 300, 300, generator=torch.Generator().manual_seed(2)).double()
    left = gathered(*differences(membrane(right, region))) * region
    assert (left - right * region).norm() < 1e-5 * right.norm()


def test_a_long_strip_is_solved_to_its_end():
    """Few pixels across there is no coarser grid to carry what is known from end to end."""
    region = torch.zeros(1, 1, 3, 3000)
    region[..., 10:-10] = 1
    along = torch.linspace(0, 1, 3000).double()
    want = (along * (1 - along)).expand(1, 2, 3, 3000) * region
    right = gathered(*differences(want)) * region
    assert (membrane(right, region) - want).abs().max() < 1e-6


def test_screened_equals_a_dense_solver():
    right = np.random.default_rng(3).normal(size=(1, 2, 6, 9))
    system = dense(6, 9) + 0.3 * np.eye(54)
    want = np.linalg.solve(system, right.reshape(2, 54).T).T.reshape(1, 2, 6, 9)
    torch.testing.assert_close(screened(torch.tensor(right), 0.3), torch.tensor(want))


def test_gains_of_a_blur_are_a_mirrored_convolution():
    """`filtered` by 1 + 2 cos, over 3, is a mean of three pixels, the edge's own doubled."""
    images = np.random.default_rng(4).normal(size=(1, 1, 5, 8))
    rows, columns = ((1 + 2 * np.cos(np.pi * np.arange(n) / n)) / 3 for n in (5, 8))
    want = images
    for axis in (2, 3):
        want = convolve1d(want, np.ones(3) / 3, axis=axis, mode="reflect")
    found = filtered(torch.tensor(images), np.outer(rows, columns))
    torch.testing.assert_close(found, torch.tensor(want))
