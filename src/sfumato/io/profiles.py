"""Colour profiles: numbers of another colour space, as cameras and telephones store, in sRGB.

What says nothing is taken for sRGB, and so is what Little CMS cannot read; grey keeps its numbers.
"""

from io import BytesIO

from PIL import Image, ImageCms

_SRGB = ImageCms.createProfile("sRGB")


def in_srgb(image: Image.Image) -> Image.Image:
    """The picture with its colours as sRGB, by relative colorimetry; opacity is kept."""
    stored = image.info.get("icc_profile")
    if not stored or image.mode not in {"RGB", "RGBA", "CMYK", "P"}:
        return image
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(stored))
        if "srgb" in ImageCms.getProfileDescription(profile).lower():
            return image
        if image.mode == "P":
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        found = ImageCms.profileToProfile(image, profile, _SRGB, intent, mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    assert found is not None
    return found
