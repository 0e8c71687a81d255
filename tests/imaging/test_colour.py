"""Colours kept: chroma of the content, statistics of the content, nothing undefined."""

import numpy as np
import torch
from skimage.color import rgb2lab

from sfumato.imaging.colour import lightness_only, matched


def picture(seed, high=24, wide=32):
    """Muted colours: those whose lightness can change without leaving the screen's range."""
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, high, wide, generator=rng) * 0.5 - 0.25


def lab(images):
    return rgb2lab((images[0].permute(1, 2, 0).double().numpy() + 1) / 2)


def test_lightness_is_the_paintings_and_chroma_the_contents():
    painted, content = picture(0), picture(1)
    found = lab(lightness_only(painted, content))
    assert np.abs(found[..., 0] - lab(painted)[..., 0]).max() < 0.1
    assert np.abs(found[..., 1:] - lab(content)[..., 1:]).max() < 0.5


def test_matched_styles_have_the_contents_mean_and_covariance():
    style, content = (
        picture(0, 30, 30) * 0.4 + 0.2,
        picture(1) * torch.tensor([1.0, 0.5, 0.2])[:, None, None],
    )
    rows = [x[0].flatten(1).double().numpy() for x in (matched(style, content), content)]
    assert np.abs(rows[0].mean(1) - rows[1].mean(1)).max() < 1e-4
    assert np.abs(np.cov(rows[0]) - np.cov(rows[1])).max() < 1e-3


def test_one_colour_takes_the_other_colour():
    one, other = torch.full((1, 3, 4, 4), 0.5), torch.full((1, 3, 5, 5), -0.25)
    assert (matched(one, other) + 0.25).abs().max() < 1e-3
    assert lightness_only(one, one).isfinite().all()
