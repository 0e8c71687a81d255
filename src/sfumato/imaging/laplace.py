"""Differences of neighbouring pixels, and the equations that ask for them back.

    D u     differences to the right and downwards, within the picture
    D^T     its transpose; D^T D is minus the Laplace operator, mirrored at the picture's edge

`membrane` solves D^T D u = b inside a region with u = 0 around it: by a sine transform where the
region is a rectangle, else by conjugate gradients that a multigrid V-cycle prepares. `screened`
solves (D^T D + weights) u = b over the whole picture by a cosine transform.

Axes: B batch, C channels, H height, W width. Multigrid: Briggs, Henson & McCormick, A Multigrid
Tutorial (2000), chapters 3 and 4; flexible conjugate gradients: Notay (2000),
https://doi.org/10.1137/S1064827599362314
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.fft import dctn, dstn, idctn, idstn
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import spsolve
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, pad

from sfumato.shapes import Images, Masks

Across = Float[Tensor, "B C H V"]
Down = Float[Tensor, "B C U W"]
TOLERANCE = 1e-6
"""Of the residual, against the right side's norm."""
ROUNDS = 200
"""Conjugate gradients stop here at the latest; a photograph takes ten to twenty."""
THIN = 4
"""Pixels across a region that has no coarser grid: it is solved for directly."""
SWEEPS = 2
"""Jacobi sweeps before and after each correction from the coarser grid."""
DAMPING = 0.8


def differences(images: Images) -> tuple[Across, Down]:
    """D: each pixel's right neighbour minus itself, B C H W-1, and the lower one, B C H-1 W."""
    return images.diff(dim=3), images.diff(dim=2)


def gathered(across: Across, down: Down) -> Images:
    """D^T: what comes in from the left and above, less what goes out to the right and below."""
    return -pad(across, (1, 1)).diff(dim=3) - pad(down, (0, 0, 1, 1)).diff(dim=2)


def membrane(right: Images, region: Masks) -> Images:
    """U of D^T D u = `right` where `region` is 1; u is 0 elsewhere.

    The region must leave at least one pixel out, or no u is singled out. B is 1.
    """
    top, bottom, left, wide = _box(region)
    out = torch.zeros_like(right)
    height, width = region.shape[2:]
    if bool(region[..., top:bottom, left:wide].all()) and (
        min(top, left, height - bottom, width - wide) > 0
    ):
        out[..., top:bottom, left:wide] = _rectangle(right[..., top:bottom, left:wide])
        return out
    if min(bottom - top, wide - left) <= THIN:
        box = (..., slice(top, bottom), slice(left, wide))
        out[box] = _strip(right[box], region[box], _neighbours(torch.ones_like(region))[box])
        return out
    # one pixel of what surrounds the region comes along, where the picture has it
    rows = slice(max(0, top - 1), min(height, bottom + 1))
    columns = slice(max(0, left - 1), min(width, wide + 1))
    inner = _region(right[..., rows, columns], region[..., rows, columns])
    out[..., rows, columns] = inner
    return out


def screened(right: Images, weights: np.ndarray | float) -> Images:
    """U of (D^T D + K) u = `right`, K diagonal with `weights` > 0, H W, in the cosine basis."""
    height, width = right.shape[2:]
    rows = 2 - 2 * np.cos(np.pi * np.arange(height) / height)
    columns = 2 - 2 * np.cos(np.pi * np.arange(width) / width)
    return filtered(right, 1 / (rows[:, None] + columns + weights))


def filtered(images: Images, gains: np.ndarray) -> Images:
    """Images with each cosine, of frequencies H W, multiplied by its gain."""
    spectrum = dctn(images.double().numpy(), axes=(2, 3), norm="ortho")
    return torch.from_numpy(idctn(gains * spectrum, axes=(2, 3), norm="ortho")).to(images)


def _box(region: Masks) -> tuple[int, int, int, int]:
    """First and past-the-last row and column of what is 1."""
    rows, columns = region[0, 0].any(1).nonzero(), region[0, 0].any(0).nonzero()
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _rectangle(right: Images) -> Images:
    """The whole box with zeros just outside: sines are its modes."""
    height, width = right.shape[2:]
    spectrum = dstn(right.double().numpy(), type=1, axes=(2, 3), norm="ortho")
    rows = 2 - 2 * np.cos(np.pi * np.arange(1, height + 1) / (height + 1))
    columns = 2 - 2 * np.cos(np.pi * np.arange(1, width + 1) / (width + 1))
    solved = idstn(spectrum / (rows[:, None] + columns), type=1, axes=(2, 3), norm="ortho")
    return torch.from_numpy(solved).to(right)


def _strip(right: Images, region: Masks, links: Masks) -> Images:
    """A region few pixels across, by elimination; `links` are how many neighbours a pixel has."""
    inside, out = region[0, 0].bool(), torch.zeros_like(right)
    number = np.full(inside.shape, -1)
    number[inside.numpy()] = np.arange(count := int(inside.sum()))
    pairs = [(number[:, :-1], number[:, 1:]), (number[:-1], number[1:])]
    ends = [np.stack((one, other))[:, (one >= 0) & (other >= 0)] for one, other in pairs]
    rows, columns = np.concatenate(ends, axis=1)
    beside = coo_array((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    system = diags_array(links[0, 0][inside].double().numpy()) - beside - beside.T
    wanted = right[0][:, inside].double().numpy().T
    solved = spsolve(system.tocsc(), wanted).reshape(wanted.shape)
    out[0, :, inside] = torch.from_numpy(solved.T).to(right)
    return out


@dataclass(frozen=True)
class _Level:
    """One grid of the V-cycle."""

    region: Masks
    step: Masks
    """What a Jacobi sweep multiplies the residual by: damping over neighbours, 0 outside."""


def _region(right: Images, region: Masks) -> Images:
    """Flexible conjugate gradients; channels are solved side by side, each with its own steps."""
    levels = _levels(region.to(right))
    region = levels[0].region
    residual = right * region
    found, way, before = torch.zeros_like(residual), torch.zeros_like(residual), None
    goal = TOLERANCE * _dot(residual, residual).sqrt()
    for _ in range(ROUNDS):
        if bool((_dot(residual, residual).sqrt() <= goal).all()):
            break
        better = _cycle(residual, levels)
        if before is not None:
            bend = _dot(better, residual - before[0]) / before[1].clamp_min(1e-30)
            way = better + bend * way
        else:
            way = better
        slope = _dot(better, residual)
        pushed = _apply(way, levels[0])
        length = slope / _dot(way, pushed).clamp_min(1e-30)
        before = residual, slope
        found = found + length * way
        residual = residual - length * pushed
    return found


def _levels(region: Masks) -> list[_Level]:
    """Grids of half the side each, down to one that a few sweeps solve."""
    levels = [_Level(region, _step(region))]
    while min(region.shape[2:]) > 4 and bool(region.any()):
        height, width = region.shape[2:]
        region = pad(region, (0, width % 2, 0, height % 2), mode="replicate")
        region = (avg_pool2d(region, 2) > 0.5).to(region)
        levels.append(_Level(region, _step(region)))
    return levels


def _step(region: Masks) -> Masks:
    return DAMPING * region / _neighbours(torch.ones_like(region)).clamp_min(1)


def _neighbours(images: Images) -> Images:
    """The sum of the up to four neighbours of each pixel."""
    out = torch.zeros_like(images)
    out[..., 1:] += images[..., :-1]
    out[..., :-1] += images[..., 1:]
    out[..., 1:, :] += images[..., :-1, :]
    out[..., :-1, :] += images[..., 1:, :]
    return out


def _apply(images: Images, level: _Level) -> Images:
    """D^T D of images that are 0 outside the region, seen inside it."""
    return gathered(*differences(images)) * level.region


def _cycle(right: Images, levels: list[_Level]) -> Images:
    """One V-cycle: an approximate solution of D^T D u = `right`."""
    level, coarser = levels[0], levels[1:]
    found = level.step * right
    for _ in range(SWEEPS - 1 if coarser else 8 * SWEEPS):
        found = found + level.step * (right - _apply(found, level))
    if coarser:
        rest = right - _apply(found, level)
        found = found + _finer(_cycle(_coarser(rest), coarser), *rest.shape[2:]) * level.region
        for _ in range(SWEEPS):
            found = found + level.step * (right - _apply(found, level))
    return found


def _kernel(images: Images) -> Tensor:
    """Linear interpolation between the centres of cells twice as wide."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=images.dtype, device=images.device) / 4
    return (line[:, None] * line).repeat(images.shape[1], 1, 1, 1)


def _coarser(images: Images) -> Tensor:
    """Shares of each pixel for the cells around it; an outermost cell has no neighbour beyond."""
    height, width = images.shape[2:]
    padded = pad(images, (3, 3 + width % 2, 3, 3 + height % 2))
    cells = conv2d(padded, _kernel(images), stride=2, groups=images.shape[1])
    cells[..., 1, :] += cells[..., 0, :]
    cells[..., -2, :] += cells[..., -1, :]
    cells[..., 1] += cells[..., 0]
    cells[..., -2] += cells[..., -1]
    return cells[..., 1:-1, 1:-1]


def _finer(images: Images, height: int, width: int) -> Tensor:
    """The transpose of `_coarser`: linear interpolation that goes on level beyond the edge."""
    padded = pad(images, (1, 1, 1, 1), mode="replicate")
    wide = conv_transpose2d(padded, _kernel(images), stride=2, groups=images.shape[1])
    return wide[..., 3 : 3 + height, 3 : 3 + width]


def _dot(ones: Images, others: Images) -> Tensor:
    """Inner product of each channel, 1 C 1 1."""
    return (ones * others).sum((2, 3), keepdim=True)
