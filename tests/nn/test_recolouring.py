"""Colours of one picture given to another; colours changed by chance."""

import torch

from sfumato.nn.recolouring import COLOURS, MOST, Recolour, chances, recoloured
from sfumato.nn.statistics import moments


def pictures(count=1, seed=0):
    return torch.rand(count, 3, 9, 8, generator=torch.Generator().manual_seed(seed)) - 0.5


def test_lightness_and_colour_differences_have_the_styles_mean_and_spread():
    content, style = pictures(seed=1), pictures(seed=2) * 0.5 + 0.2
    found = Recolour()(content, style)
    assert found.abs().max() < MOST  # nothing was cut off here
    turned = [torch.einsum("ij,bjhw->bihw", COLOURS, image) for image in (found, style)]
    for got, asked in zip(*map(moments, turned), strict=True):
        torch.testing.assert_close(got, asked, rtol=1e-2, atol=1e-3)


def test_no_strength_leaves_the_colours():
    content = pictures()
    torch.testing.assert_close(Recolour()(content, pictures(seed=3), 0.0), content)


def test_a_picture_of_one_colour_gives_that_colour():
    style = torch.tensor([0.5, -0.2, 0.1])[:, None, None].expand(1, 3, 6, 6)
    assert (Recolour()(pictures(), style) - style[..., :1, :1]).abs().max() < 0.06


def test_chances_repeat_and_are_even():
    one, two = (chances(2000, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one, two)
    assert one.shape == (2000, 7)
    assert (one.mean(0) - 0.5).abs().max() < 0.03
    assert (one.std(0) - 12**-0.5).abs().max() < 0.02


def test_colours_are_stretched_and_shifted_by_hand():
    images, chance = pictures(3), torch.rand(3, 7)
    chance[:, 0] = torch.tensor([0.1, 0.9, 0.4])
    found = recoloured(images, chance, 0.5)
    assert torch.equal(found[1], images[1])
    for row in (0, 2):
        stretch, shift = chance[row, 1:4] * 2.2 - 0.8, chance[row, 4:7] - 0.5
        want = (images[row] * stretch[:, None, None] + shift[:, None, None]).clamp(-1, 1)
        torch.testing.assert_close(found[row], want)
