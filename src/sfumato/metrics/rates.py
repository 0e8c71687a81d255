"""What a picture costs, and what is left of it."""

from collections.abc import Callable

import torch
from torch import Tensor

from sfumato.metrics.distortion import EQUAL, fitting, ms_ssim, psnr
from sfumato.metrics.score import Score
from sfumato.shapes import Images, Picture

BITS = 8.0
"""Of a pixel's channel as it is."""


def rates(
    compress: Callable[[Picture, int], bytes],
    decompress: Callable[[bytes], Picture],
    qualities: int,
    images: Images,
) -> dict[str, Score]:
    """Of each quality: `bpp`, bits per pixel of whole files, `psnr`, and `ms_ssim` if it can be.

    The floor of the bits is the picture as it is, that of the likeness one flat colour, the
    picture's mean. MS-SSIM has as many scales as the images have room for.
    """
    scales, n = fitting(min(images.shape[2:])), len(images)
    likeness: dict[str, Callable[[Tensor], Tensor]] = {
        "psnr": lambda found: psnr(found, images).clamp(max=EQUAL)
    }
    if scales:
        likeness["ms_ssim"] = lambda found: ms_ssim(found, images, scales=scales)
    flat = images.mean((2, 3), keepdim=True).expand_as(images)
    scores: dict[str, Score] = {}
    for quality in range(1, qualities + 1):
        files = [compress(image, quality) for image in images]
        found = torch.stack([decompress(file) for file in files])
        bits = 8 * sum(map(len, files)) / images[:, 0].numel()
        floor = BITS * images.shape[1]
        scores[f"bpp_{quality}"] = Score(value=bits, floor=floor, n=n, better="lower")
        for name, alike in likeness.items():
            value, floor = float(alike(found).mean()), float(alike(flat).mean())
            scores[f"{name}_{quality}"] = Score(value=value, floor=floor, n=n)
    return scores
