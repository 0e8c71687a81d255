"""One picture laid on another: where it comes to lie, and what the mask then covers."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from sfumato.errors import ConfigError
from sfumato.imaging.objective import scaled
from sfumato.shapes import Images, Masks

Marks = Float[Tensor, "B 1 h w"]
"""A mask whose size may turn out to be wrong."""


def placed(
    source: Images, mask: Marks, size: Sequence[int], at: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Source and mask on a canvas of `size` (height, width), the source's corner `at` (x, y).

    What hangs over the edge is cut off; beyond the source its outermost pixels go on, so that no
    false difference arises there, and the mask is 0. Raises ConfigError where the mask is of
    another size than the source, marks nothing, comes to lie outside, or covers the whole canvas.
    """
    if source.shape[2:] != mask.shape[2:]:
        raise ConfigError(
            f"the mask is {_pixels(mask)}, and the source {_pixels(source)}; give a mask as large "
            f"as the source."
        )
    if not bool(mask.any()):
        raise ConfigError("the mask marks nothing; paint white what is to be taken of the source.")
    (x, y), (high, wide) = at, source.shape[2:]
    apart = not (-wide < x < size[1] and -high < y < size[0])
    # a rim of nothing, which then goes on
    covered = mask if apart else _shifted(pad(mask, (1, 1, 1, 1)), size, (x - 1, y - 1))
    if apart or not bool(covered.any()):
        raise ConfigError(
            f"--at {at[0]},{at[1]} puts all that the mask marks outside the destination of "
            f"{size[1]}x{size[0]} pixels; choose a corner nearer to 0,0."
        )
    if bool(covered.all()):
        raise ConfigError(
            "the mask covers the whole destination; leave at least a pixel of it to blend into."
        )
    return _shifted(source, size, at), covered


def _shifted(images: Images, size: Sequence[int], at: tuple[int, int]) -> Tensor:
    """A window of `size` on images whose corner is `at`; beyond them their edge goes on."""
    (height, width), (rows, columns), (x, y) = size, images.shape[2:], at
    down = (torch.arange(height) - y).clamp(0, rows - 1)
    across = (torch.arange(width) - x).clamp(0, columns - 1)
    return images[:, :, down][..., across]


def _pixels(images: Images) -> str:
    return f"{images.shape[3]}x{images.shape[2]} pixels"


def fitting(mask: Marks, image: Images, what: str) -> Masks:
    """A mask at the size of the image that it is of. Raises ConfigError for another shape."""
    (high, wide), (y, x) = image.shape[-2:], mask.shape[-2:]
    if abs(x * high - y * wide) > max(high, wide):
        raise ConfigError(
            f"a mask is {x}x{y} and {what} {wide}x{high}: they must have the same shape."
        )
    return scaled(mask, (high, wide))


def softened(mask: Masks, soften: float) -> Masks:
    """The mask with edges so many pixels soft, on the inside: nothing outside is touched.

    At most as many as fit: just under half of the shorter side.
    """
    reach = int(min(soften, (min(mask.shape[-2:]) - 1) // 2))
    if reach < 1:
        return mask
    blurred = avg_pool2d(mask, 2 * reach + 1, 1, reach, count_include_pad=False)
    return mask * (2 * blurred - 1).clamp(0, 1)
