"""Smaller and larger pictures by Keys' cubic.

A picture that shrinks is averaged over a kernel as much wider, so that nothing finer than its
pixels folds back: what MATLAB's imresize does, and so the published super-resolution sets.

Keys (1981), https://doi.org/10.1109/TASSP.1981.1163711, equation 15 with a = -1/2.
"""

from torch.nn.functional import interpolate

from sfumato.shapes import Images, Resized


def shrink(images: Images, scale: int) -> Resized:
    """1 / `scale` of each side, rounded up."""
    height, width = (-(-side // scale) for side in images.shape[2:])
    return resize(images, height, width)


def enlarge(images: Images, scale: int) -> Resized:
    """`scale` times each side."""
    return resize(images, scale * images.shape[2], scale * images.shape[3])


def resize(images: Images, height: int, width: int) -> Resized:
    """Any size; values may overshoot [-1, 1] at edges."""
    if images.shape[2:] == (height, width):
        return images
    # with antialias the kernel has a = -1/2, without it torch takes -3/4
    return interpolate(images, (height, width), mode="bicubic", antialias=True)
