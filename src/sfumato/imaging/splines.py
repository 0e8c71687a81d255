"""Multi-spline blending: a smooth offset for each picture, so that they meet at the seam.

    f = composite + o_s inside the mask, composite + o_d outside it
    o_s, o_d = argmin sum over links of (o_p - o_q - t_pq)^2 + e sum o^2
    t = 0 within one picture; minus the composite's difference across the seam

Each offset is a linear B-spline with a node every S pixels: a few hundred numbers instead of one a
pixel.

Paper: Szeliski, Uyttendaele & Steedly (2011), https://doi.org/10.1109/ICCPHOT.2011.5753119,
equations 1 and 6 to 9.
"""

import numpy as np
import torch
from scipy.sparse import csr_array, diags_array, eye_array, hstack, kron, vstack
from scipy.sparse.linalg import splu

from sfumato.imaging.laplace import differences
from sfumato.imaging.poisson import unseamed
from sfumato.shapes import Images, Masks

SPACING = 64
"""Pixels between two nodes."""
RIDGE = 1e-9
"""Weight of a node's own number, far below what any pixel has to say."""
KEPT = 1e-4
"""Weight e of no offset at all: colours far from the seam stay."""


def splines(source: Images, destination: Images, mask: Masks) -> Images:
    """Both pictures, offset and joined; 1 C H W each, not clipped."""
    composite = torch.where(mask > 0, source, destination)
    channels, height, width = composite.shape[1:]
    inside = mask[0, 0].flatten().double().numpy() > 0
    nodes = kron(_nodes(height), _nodes(width)).tocsr()
    offsets = hstack(
        [diags_array(inside.astype(float)) @ nodes, diags_array((~inside).astype(float)) @ nodes]
    ).tocsr()
    links = vstack([_links(height, width, down=False), _links(height, width, down=True)]) @ offsets
    pairs = zip(unseamed(composite, mask), differences(composite), strict=True)
    cut = torch.cat([(kept - link).reshape(channels, -1) for kept, link in pairs], 1)
    system = links.T @ links + KEPT * (offsets.T @ offsets)
    # nodes that no pixel is near, or that only move together: in a picture one pixel high
    held = RIDGE * eye_array(system.shape[0])
    found = offsets @ splu((system + held).tocsc()).solve(links.T @ cut.T.double().numpy())
    return composite + torch.from_numpy(found.T.reshape(1, channels, height, width)).to(composite)


def _nodes(size: int) -> csr_array:
    """How much of each node is in each of `size` pixels in a row: two neighbours' hats."""
    count = -(-size // SPACING) + 1
    place = (np.arange(size) + 0.5) / SPACING
    first = np.minimum(place.astype(int), count - 2)
    share = place - first
    rows = np.arange(size)
    values, columns = np.concatenate([1 - share, share]), np.concatenate([first, first + 1])
    return csr_array((values, (np.tile(rows, 2), columns)), shape=(size, count))


def _links(height: int, width: int, *, down: bool) -> csr_array:
    """`differences` of a flattened picture as a matrix, in one direction."""
    numbers = np.arange(height * width).reshape(height, width)
    here, there = (numbers[:-1], numbers[1:]) if down else (numbers[:, :-1], numbers[:, 1:])
    count, rows = here.size, np.arange(here.size)
    values = np.concatenate([-np.ones(count), np.ones(count)])
    columns = np.concatenate([here.ravel(), there.ravel()])
    return csr_array((values, (np.tile(rows, 2), columns)), shape=(count, height * width))
