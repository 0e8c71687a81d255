"""What is done to pictures that a network then learns to undo.

Images are float32 in [-1, 1]; every function returns the same shape.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d, pad

from sfumato.io.images import from_bytes, jpeg, to_bytes
from sfumato.shapes import Column, Images

LIGHTS = 7
"""Numbers that say how one picture is lit."""


def compressed(images: Images, quality: Tensor) -> Images:
    """Each image as JPEG of its own quality, whole numbers from 1 to 100, gives it back."""
    pixels = zip(to_bytes(images), quality.tolist(), strict=True)
    back = [from_bytes(jpeg(image, number)[None]) for image, number in pixels]
    return torch.cat(back).to(images)


def relit(images: Images, draws: Float[Tensor, "B 7"], strength: float) -> Images:
    """Each image under another light, as its row of `draws` in [-1, 1] says; the same at 0.

    One number bends dark against light, three give each channel its brightness, three add to it.
    Grey images take the first of three.
    """
    channels = images.shape[1]
    bend = (0.7 * strength * draws[:, :1, None, None]).exp()
    gains = (0.5 * strength * draws[:, 1 : 1 + channels, None, None]).exp()
    haze = 0.15 * strength * draws[:, 4 : 4 + channels, None, None]
    values = ((images + 1) / 2).clamp(0, 1)
    return (gains * values.pow(bend) + haze).clamp(0, 1) * 2 - 1


def blurred(images: Images, sigma: Column) -> Images:
    """Each image under a Gaussian of its own deviation in pixels; edges go on mirrored."""
    with torch.autocast(images.device.type, enabled=False):
        return _blurred(images, sigma)


def _blurred(images: Images, sigma: Column) -> Images:
    reach = max(1, int(3 * float(sigma.max())))
    reach = min(reach, min(images.shape[2:]) - 1)
    at = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    line = torch.exp(-(at**2) / (2 * sigma[:, None].clamp_min(1e-3) ** 2))
    line = line / line.sum(1, keepdim=True)
    count, channels, height, width = images.shape
    rows = pad(images, (reach,) * 4, mode="reflect").transpose(0, 1)
    rows = conv2d(rows, line[:, None, None, :], groups=count)
    rows = conv2d(rows, line[:, None, :, None], groups=count)
    return rows.transpose(0, 1).reshape(count, channels, height, width)
