"""Where things of one frame of a clip have gone in the next, and a painting moved along.

Paper: Le Besnerais & Champagnat (2005), https://doi.org/10.1109/ICIP.2005.1529706 (the flow, by
scikit-image); painting the next frame from the last: Ruder et al. (2016),
https://arxiv.org/abs/1604.08610
"""

import torch
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, max_pool2d

from sfumato.shapes import Images

SIDE = 256
"""Longer side, in pixels, at which motion is looked for."""
ALIKE = 0.2
"""A difference, of 2 from black to white, at which what was moved is trusted by 1 / e."""
NEAR = 3
"""So many pixels around a place, at the side at which motion is looked for, count for it."""


def moved(painting: Images, before: Images, now: Images) -> Images:
    """`painting` of the frame `before`, warped to where the frame `now` shows the same things.

    What `before` does not show, and where the flow is wrong, is left as it is in `now`.
    """
    from skimage.registration import optical_flow_ilk  # half a second that only clips need

    high, wide = now.shape[-2:]
    share = min(1.0, SIDE / max(high, wide))
    size = max(1, round(high * share)), max(1, round(wide * share))
    if min(size) < 16:
        return painting  # too small to see motion in
    small = [
        interpolate(f, size, mode="bilinear", antialias=True).mean(1)[0].double().numpy()
        for f in (now, before)
    ]
    down, right = (torch.from_numpy(flow).float() for flow in optical_flow_ilk(*small))
    flow = torch.stack([right / size[1], down / size[0]])[None] * 2
    y, x = ((2 * torch.arange(side) + 1) / side - 1 for side in (high, wide))
    here = torch.stack(torch.meshgrid(x, y, indexing="xy"))
    grid = (here + interpolate(flow, (high, wide), mode="bilinear")).permute(0, 2, 3, 1)
    warped = grid_sample(
        torch.cat([painting, before], 1), grid, padding_mode="border", align_corners=False
    )
    painted, seen = warped.chunk(2, 1)
    apart = _spread((seen - now).abs().mean(1, keepdim=True), size)
    return now.lerp(painted, (-((apart / ALIKE) ** 2)).exp())


def _spread(apart: Images, size: tuple[int, int]) -> Images:
    """The largest differences around each pixel: near a wrong place nothing is trusted."""
    radius = max(1, round(max(apart.shape[-2:]) / max(size) * NEAR))
    soft = avg_pool2d(apart, 2 * radius + 1, 1, radius, count_include_pad=False)
    return max_pool2d(soft, 2 * radius + 1, 1, radius)
