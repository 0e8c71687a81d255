"""Colour profiles: numbers of another colour space, as cameras and telephones store, in sRGB.

What says nothing is taken for sRGB, and so is what Little CMS cannot read; grey keeps its numbers.
"""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_SRGB = ImageCms.createProfile("sRGB")
_RAMPS = np.concatenate([np.eye(3)[row : row + 1] for row in range(3)] + [np.ones((1, 3))])
"""Red, green, blue and grey, whose ramps tell a space and its curves."""


def in_srgb(image: Image.Image) -> Image.Image:
    """The picture with its colours as sRGB, by relative colorimetry; opacity is kept."""
    stored = image.info.get("icc_profile")
    if not stored or image.mode not in {"RGB", "RGBA", "CMYK", "P"}:
        return image
    if image.mode == "P" or (image.mode == "RGB" and image.has_transparency_data):
        # a colour that stands for clear is none after the change
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    change = _change(stored, image.mode)
    if change is None:
        return image
    try:
        return ImageCms.applyTransform(image, change) or image
    except (ImageCms.PyCMSError, ValueError):
        return image


@lru_cache(maxsize=16)
def _change(stored: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """What turns colours of a profile into sRGB; None where it is that already, or is damaged."""
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    made = "RGBA" if mode == "RGBA" else "RGB"
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(stored))
        change = ImageCms.buildTransform(profile, _SRGB, mode, made, intent)
        if mode != "CMYK":
            plain = ImageCms.buildTransform(profile, _SRGB, "RGB", "RGB", intent)
            ramps = np.rint(_RAMPS[:, None] * np.arange(256)[:, None]).astype(np.uint8)
            found = ImageCms.applyTransform(Image.fromarray(ramps), plain)
            if np.abs(np.asarray(found, int) - ramps).max() <= 1:
                return None
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return change
