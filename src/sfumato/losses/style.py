"""What two pictures have in common, as a perceptual network sees them.

    content(F, P) = mean (F - P)^2
    G = F F^T / (D h w),   style(F, A) = mean (G(F) - G(A))^2

with F the D maps of a layer, h by w, times the loudness of their network: what makes them as large
as VGG's, for which weights are published. A mask T picks a region: G = (T F)(T F)^T / (D sum T^2).

Papers: Gatys et al. (2016), https://arxiv.org/abs/1508.06576 (the Gram matrix over the number of
elements, means for sums); masks: Gatys et al. (2017), https://arxiv.org/abs/1611.07865, equation 6
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from sfumato.nn.perceptual import PLANS, SHARES, layers
from sfumato.shapes import Column, Images, Masks, Others, Scalar

Maps = Float[Tensor, "B D h w"]
Grams = Float[Tensor, "B D D"]


def products(maps: Maps, mask: Masks | None = None) -> Grams:
    """Sums over places of the products of two maps each; `mask` as large as the maps."""
    seen = maps.float() if mask is None else maps.float() * mask
    rows = seen.flatten(2)
    with torch.autocast(rows.device.type, enabled=False):
        return rows @ rows.transpose(1, 2)


def elements(maps: Maps, mask: Masks | None = None) -> Tensor:
    """What the sums are divided by: how many elements there are, those of a region by weight."""
    _, wide, high, across = maps.shape
    if mask is None:
        return maps.new_tensor(float(wide * high * across), dtype=torch.float32)
    # an empty region has no style: 0 over 1
    return (wide * mask.square().sum((1, 2, 3))).clamp(min=1.0)[:, None, None]


def gram(maps: Maps, mask: Masks | None = None) -> Grams:
    """The Gram matrix of each picture's maps, over the number of its elements."""
    return products(maps, mask) / elements(maps, mask)


def region(mask: Masks, size: tuple[int, int]) -> Others:
    """A mask at the size of some maps: the share of each place that lies inside."""
    return adaptive_avg_pool2d(mask, size)


def total_variation(images: Images) -> Scalar:
    """Mean square of the difference to the neighbours below and to the right, summed."""
    down, right = images.diff(dim=2).square(), images.diff(dim=3).square()
    # a picture of one row or column has no neighbours there
    return sum((d.mean() for d in (down, right) if d.numel()), start=images.new_zeros(()))


def transfer(
    maps: Mapping[str, Tensor],
    content: Mapping[str, Tensor],
    grams: Mapping[str, Tensor],
    shares: Mapping[str, float],
    *,
    content_weight: float,
    loudness: float,
) -> Column:
    """The loss of each picture by its maps: content layers alike, Gram matrices by their shares.

    `loudness` is the network's: what maps are multiplied by before anything is compared.
    """
    count = len(next(iter(maps.values())))
    loss = next(iter(maps.values())).new_zeros(count, dtype=torch.float32)
    for name, wanted in content.items():
        apart = (maps[name].float() - wanted.float()).square().mean((1, 2, 3))
        loss = loss + content_weight * loudness**2 * apart
    for name, wanted in grams.items():
        apart = (gram(maps[name]) - wanted).square().mean((1, 2))
        loss = loss + shares[name] * loudness**4 * apart
    return loss


def seen_apart(
    maps: Mapping[str, Tensor],
    content: Mapping[str, Tensor],
    grams: Mapping[str, Tensor],
    content_weight: float,
) -> Column:
    """`transfer` as the embedded network sees it: content at stage4, style at all five stages."""
    shares = dict(zip(layers("embedded"), SHARES, strict=True))
    four, loudness = {"stage4": content["stage4"]}, PLANS["embedded"].loudness
    return transfer(maps, four, grams, shares, content_weight=content_weight, loudness=loudness)
