"""Opacity of pictures: what is laid on white, what shows through, what is kept."""

import numpy as np
from PIL import Image

GREY = {"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N", "I", "F"}
"""Modes without colour."""


def laid(image: Image.Image, ground: str) -> Image.Image:
    """The same picture where it is opaque, else laid on a colour, grey or colour as it was."""
    if not image.has_transparency_data:
        return image
    grey, image = image.mode in GREY, image.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", image.size, ground), image)
    return flat.convert("L" if grey else "RGB")


def continued(image: Image.Image, clear: Image.Image) -> Image.Image:
    """A picture whose wholly transparent pixels have the colour of the nearest that is not.

    So no colour that nobody saw comes into what is enlarged or blended beside it.
    """
    nothing = np.asarray(clear) == 0
    if not nothing.any() or nothing.all():
        return image
    from scipy import ndimage  # slow to import

    nearest = ndimage.distance_transform_edt(nothing, return_distances=False, return_indices=True)
    return Image.fromarray(np.asarray(image)[tuple(nearest)])


def as_opaque(image: Image.Image, clear: Image.Image) -> Image.Image:
    """A picture, grey or colour, with this opacity."""
    image = image.convert("LA" if image.mode == "L" else "RGBA")
    image.putalpha(clear)
    return image


def opaque_where(
    image: Image.Image,
    clear: Image.Image,
    painted: np.ndarray,
    under: Image.Image | None = None,
) -> Image.Image:
    """A picture as opaque as `clear`, and wholly where it was painted, H W of booleans.

    Where it is not opaque then, it has the colours of `under`, if any. Without any transparency
    where all of it is opaque.
    """
    left = np.where(painted, 255, np.asarray(clear)).astype(np.uint8)
    through = left < 255
    if not through.any():
        return image
    if under is not None:
        image = image.copy()
        image.paste(under.convert(image.mode), mask=Image.fromarray(through))
    return as_opaque(image, Image.fromarray(left))
