"""How far an image is from its original: PSNR, SSIM, multi-scale SSIM.

Images are B C H W in [-1, 1]; every function gives one number per image, B.
    PSNR = 10 log10( L^2 / mean (x - y)^2 )     in decibels; infinite for equal images; L = 2
    SSIM = mean of (2 m_x m_y + c1)(2 s_xy + c2) / ((m_x^2 + m_y^2 + c1)(s_x^2 + s_y^2 + c2))
m, s local mean and deviation in an 11 x 11 Gaussian window of sigma 1.5 that stays inside the
image, of pixels moved to [0, 1] (SSIM depends on where black is); c1 = 0.01^2, c2 = 0.03^2.

Papers: Wang et al. (2004), https://doi.org/10.1109/TIP.2003.819861;
Wang, Simoncelli & Bovik (2003), https://doi.org/10.1109/ACSSC.2003.1292216

One window of ours serves both: torchmetrics pads the border in (a pair published at 0.7820 scores
0.7736), kornia has no multi-scale SSIM. Tests hold `ssim` to kornia's and published values.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

from sfumato.errors import ConfigError
from sfumato.io.images import rounded
from sfumato.shapes import Column, Images

Originals = Float[Tensor, "b c h w"]
"""Their own axes, so that a mismatch gets the message below."""
Marks = Float[Tensor, "m 1 h w"]
"""One mask for each image, or one for all."""
EQUAL = 99.0
"""Decibels an image scores at most where means are taken: equal ones would make them infinite."""
WINDOW = 11
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def psnr(images: Images, originals: Originals) -> Column:
    """Peak signal-to-noise ratio in decibels, one per image."""
    comparable(images, originals)
    return 10 * torch.log10(4 / (images - originals).square().mean((1, 2, 3)))


def psnr_inside(images: Images, originals: Originals, mask: Marks) -> Column:
    """PSNR of what lies inside the mask alone, of 0 and 1, some of each picture; one per image."""
    comparable(images, originals)
    wrong = ((images - originals).square().mean(1, keepdim=True) * mask).sum((1, 2, 3))
    return 10 * torch.log10(4 * mask.sum((1, 2, 3)) / wrong)


def psnr_y(images: Images, originals: Originals, *, border: int = 0) -> Column:
    """PSNR of luma alone, as super-resolution is scored, without `border` pixels at each edge.

    Luma is ITU-R BT.601's of pixels rounded to 8 bits, 16 to 235 of 255; decibels are against the
    whole range. Grey images are their own luma.
    """
    comparable(images, originals, 2 * border + 1)
    inner = slice(border, -border or None)
    ours, theirs = (_luma(x)[:, inner, inner] for x in (images, originals))
    return 10 * torch.log10(1 / (ours - theirs).square().mean((1, 2)))


def ssim_y(images: Images, originals: Images, *, border: int = 0) -> Column:
    """`ssim` of the same luma, without `border` pixels at each edge."""
    comparable(images, originals, WINDOW + 2 * border)
    inner = slice(border, -border or None)
    ours, theirs = (2 * _luma(x)[:, None, inner, inner] - 1 for x in (images, originals))
    return ssim(ours, theirs)


def _luma(images: Images) -> Tensor:
    """B H W in [0, 1]: of colour from 16 to 235 of 255, grey as it is."""
    parts = (rounded(images.double()) + 1) / 2
    if images.shape[1] == 1:
        return parts[:, 0]
    shares = parts.new_tensor([0.256789, 0.504129, 0.097906])
    return 0.062745 + torch.einsum("bchw,c->bhw", parts, shares)


def ssim(images: Images, originals: Originals, *, shrink: bool = False) -> Column:
    """Structural similarity, one per image, at most 1; channels are averaged.

    `shrink` first averages boxes so that the shorter side is near 256, as the authors' program
    does; published values of photographs usually mean that, values of small images do not.
    """
    comparable(images, originals, WINDOW)
    if shrink and (factor := max(1, round(min(images.shape[-2:]) / 256))) > 1:
        images, originals = avg_pool2d(images, factor), avg_pool2d(originals, factor)
    luminance, structure = _ssim_maps(images, originals)
    return (luminance * structure).mean((1, 2, 3))


def ms_ssim(images: Images, originals: Originals, *, scales: int = len(SCALES)) -> Column:
    """SSIM over five scales, one per image. Sides must be at least 176 pixels.

    A negative structure at some scale counts as 0, as its fractional power is undefined. For
    smaller images, the first few `scales`, whose weights are then made to add up to 1: say so
    beside the number.
    """
    comparable(images, originals, WINDOW * 2 ** (scales - 1))
    result = torch.ones(images.shape[:2], dtype=images.dtype, device=images.device)
    whole = sum(SCALES[:scales]) if scales < len(SCALES) else 1.0
    for scale, weight in enumerate(SCALES[:scales]):
        luminance, structure = _ssim_maps(images, originals)
        last = scale == scales - 1
        term = (luminance * structure if last else structure).mean((2, 3))
        some = term > 0  # its power has a slope there alone
        power = torch.where(some, term, 1.0) ** (weight / whole)
        result = result * torch.where(some, power, 0.0)
        images, originals = avg_pool2d(images, 2), avg_pool2d(originals, 2)
    return result.mean(1)


def fitting(side: int) -> int:
    """How many scales of `ms_ssim` an image with this shorter side has room for."""
    return sum(side >= WINDOW << scale for scale in range(len(SCALES)))


def _ssim_maps(x: Images, y: Images) -> tuple[Tensor, Tensor]:
    """The luminance and the contrast-structure factors of SSIM at every place of the window."""
    c1, c2 = 0.01**2, 0.03**2
    # differences of means of squares: in bfloat16 nothing would be left of them
    with torch.autocast(x.device.type, enabled=False):
        x, y = ((part if part.dtype == torch.double else part.float()) for part in (x, y))
        x, y = (x + 1) / 2, (y + 1) / 2
        mean_x, mean_y = _blur(x), _blur(y)
        product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
        covariance = _blur(x * y) - product
        variances = _blur(x * x) + _blur(y * y) - squares
    return (2 * product + c1) / (squares + c1), (2 * covariance + c2) / (variances + c2)


def _blur(images: Images) -> Tensor:
    """Gaussian window along columns and then rows, valid places only."""
    at = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    weights = torch.exp(-(at**2) / (2 * 1.5**2))
    kernel = (weights / weights.sum()).repeat(images.shape[1], 1, 1, 1)
    groups = images.shape[1]
    return conv2d(conv2d(images, kernel.mT, groups=groups), kernel, groups=groups)


def comparable(images: Images, originals: Originals, side: int = 1) -> None:
    """Raise ConfigError for images of two shapes, or with a side of fewer than `side` pixels."""
    if images.shape != originals.shape:
        raise ConfigError(
            f"images of shape {tuple(images.shape)} cannot be compared with originals of shape "
            f"{tuple(originals.shape)}; give two of one shape."
        )
    if min(images.shape[-2:]) < side:
        raise ConfigError(
            f"images are {images.shape[-1]}x{images.shape[-2]} pixels, and this measure needs "
            f"sides of at least {side}; use psnr, or larger images."
        )
