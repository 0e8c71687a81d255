"""Grey from colour, and colour from grey.

ITU-R BT.601, section 2.5.1: the luma of red, green and blue.
"""

from torch import Tensor

from sfumato.shapes import Images, Others

LUMA = 0.299, 0.587, 0.114


def luma(images: Images) -> Others:
    """B 1 H W of B 3 H W; grey images as they are."""
    if images.shape[1] == 1:
        return images
    return (images * images.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)


def in_channels(images: Images, channels: int) -> Others:
    """Images of 1 or 3 channels: grey repeated in each, colour by its luma, or as they are."""
    found: Tensor = luma(images) if channels == 1 else images
    return found.expand(-1, channels, -1, -1)
