"""How handwriting lies on the page, image by image: its slant, its breadth, how thick it is.

Ink is light on dark, as in MNIST: a pixel of -1 has none, one of 1 is all ink.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from sfumato.shapes import Column, Images


def slant(images: Images) -> Column:
    """How far the ink leans to the right per pixel upwards: 0 upright, 1 at 45 degrees.

    The covariance of a picture's columns and rows over the variance of its rows, weighed by ink:
    the shear that undoes it makes the two uncorrelated. 0 where all ink lies in one row.
    """
    high, _, both = _spread(images)
    return -both / high.clamp_min(1e-6)


def breadth(images: Images) -> Column:
    """How broad the ink lies: the standard deviation of its columns in pixels, slant undone."""
    high, broad, both = _spread(images)
    return (broad - both.square() / high.clamp_min(1e-6)).clamp_min(0).sqrt()


def thickness(images: Images) -> Column:
    """Mean width of the strokes in pixels: twice the area of the ink over the length of its edge.

    The edge's length is the total variation of the ink, which blur leaves alone as long as some
    of the stroke stays full: below two pixels a stroke is measured too wide. Exact for a straight
    stroke but for its two ends; 0 where there is no ink.
    """
    ink = pad(_ink(images), (1, 1, 1, 1))
    down, right = ink[:, 1:, :-1] - ink[:, :-1, :-1], ink[:, :-1, 1:] - ink[:, :-1, :-1]
    edge = (down.square() + right.square()).sqrt().sum((1, 2))
    return 2 * ink.sum((1, 2)) / edge.clamp_min(1e-6)


def _spread(images: Images) -> tuple[Column, Column, Column]:
    """Variance of the ink's rows, of its columns, and their covariance, in pixels squared."""
    ink = _ink(images)
    rows = torch.arange(ink.shape[1], device=ink.device, dtype=ink.dtype)[:, None]
    columns = torch.arange(ink.shape[2], device=ink.device, dtype=ink.dtype)[None]
    down, right = (place - _mean(place, ink)[:, None, None] for place in (rows, columns))
    return _mean(down.square(), ink), _mean(right.square(), ink), _mean(down * right, ink)


def _ink(images: Images) -> Tensor:
    """Share of each pixel that is ink, axes B H W."""
    return ((images.float() + 1) / 2).mean(1)


def _mean(values: Tensor, ink: Tensor) -> Column:
    return (values * ink).sum((1, 2)) / ink.sum((1, 2)).clamp_min(1e-6)
