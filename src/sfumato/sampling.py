"""Pictures from a sampler: many, on the way from one to another, and as a film."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from PIL import Image

from sfumato.io.images import grid
from sfumato.model import Sampler
from sfumato.randomness import generator
from sfumato.shapes import Images, Latents

PART = 256
"""Images painted at a time, to bound the memory."""


@torch.no_grad()
def draw(
    model: Sampler, count: int, seed: int = 0, tell: Callable[[int], None] | None = None
) -> Images:
    """`count` images of one seed on the CPU, as `model.sample(count, seed=seed)` gives them.

    Painted a part at a time; `tell` is told the size of each part when it is done.
    """
    codes = model.prior(count, generator(seed, "sample", device=model.device))
    return torch.cat(list(_paint(model, codes, tell)))


def slerp(start: Latents, end: Latents, share: float) -> Latents:
    """The codes at `share` in [0, 1] of the way from `start` to `end`, axes B Z.

    Along the great circle, because normal codes lie near a sphere and a straight line between two
    of them passes where no code ever is (White 2016, https://arxiv.org/abs/1609.04468). Codes that
    point the same way, or in opposite ones, leave no circle to follow: there it is the line.
    """
    unit = [code / code.norm(dim=1, keepdim=True).clamp_min(1e-12) for code in (start, end)]
    angle = (unit[0] * unit[1]).sum(1, keepdim=True).clamp(-1, 1).arccos()
    whole = angle.sin()
    on_circle = (((1 - share) * angle).sin() * start + (share * angle).sin() * end) / whole
    return torch.where(whole.abs() < 1e-3, torch.lerp(start, end, share), on_circle)


@torch.no_grad()
def strip(model: Sampler, seeds: Sequence[int], count: int) -> Images:
    """From each seed's image to the next one's in `count` pictures a leg, both ends included."""
    ends = [model.prior(1, generator(seed, "sample", device=model.device)) for seed in seeds]
    shares = [index / max(1, count - 1) for index in range(count)]
    codes = torch.cat([slerp(a, b, share) for a, b in pairwise(ends) for share in shares])
    return torch.cat(list(_paint(model, codes)))


@torch.no_grad()
def walk(
    model: Sampler,
    count: int,
    *,
    stops: int,
    frames: int,
    seed: int = 0,
    zoom: int = 1,
) -> Iterator[Image.Image]:
    """The frames of a film: `count` pictures, each walking past `stops` codes and back.

    `frames` frames lie on each leg, so the film has `stops * frames` and ends where it begins.
    """
    ends = [
        model.prior(count, generator(seed, "walk", stop, device=model.device))
        for stop in range(stops)
    ]
    for start, end in zip(ends, ends[1:] + ends[:1], strict=True):
        for index in range(frames):
            images = torch.cat(list(_paint(model, slerp(start, end, index / frames))))
            yield grid(images, zoom=zoom)


def _paint(
    model: Sampler, codes: Latents, tell: Callable[[int], None] | None = None
) -> Iterator[Images]:
    for part in codes.split(PART):
        yield model.generate(part).float().cpu()
        if tell:
            tell(len(part))
