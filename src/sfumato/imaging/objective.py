"""What a painting's pixels descend: the loss of Gatys et al. and its gradient, at one size.

A large picture is looked at in tiles. Gram matrices are sums over places, so a first look at every
tile adds them up, and a second sends back through each tile what the whole loss says of its part
of the sums. Tiles overlap by as much as the network's deepest layer sees: the gradient is that of
the whole picture.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate, mse_loss

from sfumato.errors import ConfigError
from sfumato.imaging.descent import gradient_of
from sfumato.io.images import PIXELS, room
from sfumato.losses.style import elements, gram, products, region, total_variation
from sfumato.nn.perceptual import Maps, Perceptual
from sfumato.nn.tiles import Span
from sfumato.nn.tiles import tiles as rectangles
from sfumato.shapes import Images, Masks, Others, Scalar

MARGIN = 96
"""Pixels that tiles reach beyond what they are asked about, a multiple of the deepest stride: as
far as block5_conv2 sees. The last two of VGG see up to 30 more, which changes slopes by 1 %.
"""
STRIDE = 16


@dataclass(frozen=True)
class Style:
    """A picture whose style is wanted, where, and how much."""

    images: Others
    """The picture."""
    weight: float = 1.0
    """Among the styles of the same region."""
    region: Others | None = None
    """Where on the content, 0 to 1 with soft edges; everywhere where absent. It is scaled to it,
    as `part` is to the style: who reads them from files sees to their shape (imaging/placing.py).
    """
    part: Others | None = None
    """Which part of the style; all of it where absent."""


@dataclass(frozen=True)
class Wanted:
    """Gram matrices wanted in one region."""

    grams: dict[str, Tensor]
    region: Others | None


class Objective:
    """The loss of a picture of one size, against contents and styles of that size."""

    def __init__(
        self,
        network: Perceptual,
        choices: Any,
        content: Images | None,
        styles: Sequence[Style],
        size: tuple[int, int],
    ) -> None:
        """`choices` is what `gatys.Choices` holds; pictures are scaled to `size`."""
        self.network, self.choices = network, choices
        self.tile = choices.tile
        self.places = choices.content or network.plan.usual_content if content is not None else {}
        self.strokes = choices.style or network.plan.usual_style if styles else {}
        loud = network.plan.loudness
        self.content_weight = choices.content_weight * loud**2
        self.style_weight = choices.style_weight * loud**4
        self.layers = list(dict.fromkeys([*self.places, *self.strokes]))
        self.content = None if content is None else scaled(content, size)
        self.maps = self._maps(self.content) if self.content is not None else {}
        self.wanted = [self._want(group, size) for group in _grouped(styles)]
        regions = [want.region for want in self.wanted]
        whole = not regions or any(found is None for found in regions) or content is None
        self.mask = None if whole else union([r for r in regions if r is not None])

    def kept(self, images: Images) -> Images:
        """A picture whose pixels outside all regions are the content's."""
        if self.mask is None or self.content is None:
            return images
        return self.content.lerp(images, self.mask)

    def evaluate(self, images: Images) -> tuple[float, Images]:
        """Loss and gradient; outside all regions there is no gradient."""
        high, wide = images.shape[-2:]
        if self.tile is None or max(high, wide) <= self.tile:
            loss, slope = gradient_of(self._whole)(images)
        else:
            loss, slope = self._tiled(images)
        return loss, slope if self.mask is None else slope * self.mask

    # ---- at once

    def _whole(self, images: Images) -> Scalar:
        maps = self.network(images, self.layers)
        loss = self._smooth(images)
        for layer, weight in self.places.items():
            term = mse_loss(maps[layer].float(), self.maps[layer].float())
            loss = loss + self.content_weight * weight * term
        for want in self.wanted:
            for layer, weight in self.strokes.items():
                mask = _fitted(want.region, maps[layer])
                term = mse_loss(gram(maps[layer], mask), want.grams[layer])
                loss = loss + self.style_weight * weight * term
        return loss

    def _smooth(self, images: Images) -> Scalar:
        # pixels of Gatys et al. reach from -127 to 127: a difference of 1 here is a large one
        if not self.choices.smooth:
            return images.new_zeros(())
        return self.choices.smooth * 1000 * total_variation(images)

    # ---- tile by tile

    def _tiled(self, images: Images) -> tuple[float, Images]:
        loss, slope = gradient_of(self._smooth)(images) if self.choices.smooth else (0.0, None)
        slope = torch.zeros_like(images) if slope is None else slope
        off, sums = self._add_up(images)
        pulls = []
        for want, added in zip(self.wanted, sums, strict=True):
            pull = {}
            for layer, weight in self.strokes.items():
                total, count = added[layer]
                apart = total / count - want.grams[layer]
                loss += self.style_weight * weight * float(apart.square().mean())
                pull[layer] = 2 * self.style_weight * weight * apart / (count * apart.numel())
            pulls.append(pull)
        loss += off
        for tile in tiles(images.shape[-2:], self.tile):
            pulled = partial(self._pulled, tile=tile, pulls=pulls)
            tile.outer(slope).add_(gradient_of(pulled)(tile.outer(images))[1])
        return loss, slope

    @torch.no_grad()
    def _add_up(self, images: Images) -> tuple[float, list[dict[str, tuple[Tensor, Tensor]]]]:
        """Loss of the content, and for each region the sums of its Gram matrices."""
        off = 0.0
        sums: list[dict[str, tuple[Tensor, Tensor]]] = [{} for _ in self.wanted]
        for tile in tiles(images.shape[-2:], self.tile):
            maps = self.network(tile.outer(images), self.layers)
            off += float(self._off(maps, tile))
            for want, added in zip(self.wanted, sums, strict=True):
                for layer in self.strokes:
                    inner, mask = self._inner(maps, layer, tile), self._region(want, layer, tile)
                    total, count = products(inner, mask), _count(inner, mask)
                    before = added.get(layer, (torch.zeros_like(total), torch.zeros_like(count)))
                    added[layer] = (before[0] + total, before[1] + count)
        for added in sums:
            for layer, (total, count) in added.items():
                added[layer] = (total, count.clamp(min=1.0))
        return off, sums

    def _off(self, maps: Mapping[str, Tensor], tile: "Tile") -> Scalar:
        """The tile's share of the content's loss."""
        loss = next(iter(maps.values())).new_zeros((), dtype=torch.float32)
        for layer, weight in self.places.items():
            wanted = tile.whole(self.maps[layer], self.network.stride(layer))
            apart = self._inner(maps, layer, tile).float() - wanted.float()
            share = apart.square().sum() / self.maps[layer].numel()
            loss = loss + self.content_weight * weight * share
        return loss

    def _pulled(
        self, images: Images, tile: "Tile", pulls: Sequence[Mapping[str, Tensor]]
    ) -> Scalar:
        """A number whose gradient is the whole loss's, as far as it goes through this tile."""
        maps = self.network(images, self.layers)
        loss = self._off(maps, tile)
        for want, pull in zip(self.wanted, pulls, strict=True):
            for layer, wish in pull.items():
                inner, mask = self._inner(maps, layer, tile), self._region(want, layer, tile)
                sums = products(inner, mask)
                loss = loss + (wish * sums).sum()
        return loss

    def _inner(self, maps: Mapping[str, Tensor], layer: str, tile: "Tile") -> Others:
        return tile.inner(maps[layer], self.network.stride(layer))

    def _region(self, want: Wanted, layer: str, tile: "Tile") -> Others | None:
        if want.region is None:
            return None
        stride, (high, wide) = self.network.stride(layer), want.region.shape[-2:]
        return tile.whole(region(want.region, (-(-high // stride), -(-wide // stride))), stride)

    # ---- what is wanted

    def _maps(self, images: Images) -> dict[str, Tensor]:
        """The content's maps, put together from tiles where it is large."""
        if self.tile is None or max(images.shape[-2:]) <= self.tile:
            return self.network(images, list(self.places))
        found: dict[str, Tensor] = {}
        for tile in tiles(images.shape[-2:], self.tile):
            for layer, maps in self.network(tile.outer(images), list(self.places)).items():
                stride = self.network.stride(layer)
                if layer not in found:
                    size = [-(-s // stride) for s in images.shape[-2:]]
                    found[layer] = maps.new_empty(1, maps.shape[1], *size)
                tile.whole(found[layer], stride).copy_(tile.inner(maps, stride))
        return found

    def _want(self, styles: Sequence[Style], size: tuple[int, int]) -> Wanted:
        """The Gram matrices of some styles of one region, mixed by weight."""
        total = sum(style.weight for style in styles)
        if not total > 0 or any(style.weight < 0 for style in styles):
            raise ConfigError("weights of styles must be 0 or more, and not all of them 0.")
        mixed: dict[str, Tensor] = {}
        longer = round(max(size) * self.choices.style_size)
        for style in styles:
            images = bounded(style.images, longer)
            part = None if style.part is None else scaled(style.part, images.shape[-2:])
            for layer, maps in self.network(images, list(self.strokes)).items():
                grams = gram(maps, _fitted(part, maps)) * (style.weight / total)
                mixed[layer] = mixed[layer] + grams if layer in mixed else grams
        place = styles[0].region
        return Wanted(mixed, None if place is None else scaled(place, size))


@dataclass(frozen=True)
class Tile:
    """A rectangle of a picture, and the larger one that is looked at for it."""

    rows: Span
    columns: Span

    def outer(self, images: Images) -> Others:
        """The larger rectangle of a whole picture; a view."""
        return images[:, :, self.rows.outer, self.columns.outer]

    def inner(self, maps: Maps, stride: int = 1) -> Others:
        """Of the maps of `outer`, a place every `stride` pixels, those of the rectangle itself."""
        return maps[:, :, self.rows.over(stride).inner, self.columns.over(stride).inner]

    def whole(self, maps: Maps, stride: int = 1) -> Others:
        """Of such maps of the whole picture, those of the rectangle; a view."""
        return maps[:, :, self.rows.over(stride).place, self.columns.over(stride).place]


def tiles(size: Sequence[int], side: int, margin: int = MARGIN) -> Iterator[Tile]:
    """Rectangles of at most about `side` that cover a picture, on multiples of the stride."""
    step = max(STRIDE, side // STRIDE * STRIDE)
    high, wide = size
    for rows, columns in rectangles(high, wide, step, margin):
        yield Tile(rows, columns)


def scaled(images: Images, size: Sequence[int]) -> Others:
    """A picture at this height and width."""
    if tuple(images.shape[-2:]) == tuple(size):
        return images
    return interpolate(images, tuple(size), mode="bilinear", antialias=True).clamp(-1, 1)


def bounded(images: Images, longer: int) -> Others:
    """A picture whose longer side has so many pixels, which are not too many to look at."""
    high, wide = images.shape[-2:]
    share = longer / max(high, wide)
    high, wide = max(1, round(high * share)), max(1, round(wide * share))
    room(wide, high, PIXELS)
    return scaled(images, (high, wide))


def carried(styles: Sequence[Style], device: torch.device) -> list[Style]:
    """The styles on a device; those that shared a region share it there, and stay a group."""
    regions = {id(s.region): s.region.to(device) for s in styles if s.region is not None}
    return [
        replace(
            style,
            images=style.images.to(device),
            region=regions.get(id(style.region)),
            part=None if style.part is None else style.part.to(device),
        )
        for style in styles
    ]


def _grouped(styles: Sequence[Style]) -> list[list[Style]]:
    """Styles that share their region, which is the same object or none."""
    groups: dict[int, list[Style]] = {}
    for style in styles:
        groups.setdefault(id(style.region), []).append(style)
    return list(groups.values())


def union(regions: Sequence[Masks]) -> Masks:
    """What lies in any of the regions, softly."""
    return 1 - torch.stack([1 - found for found in regions]).prod(0)


def _fitted(mask: Others | None, maps: Maps) -> Others | None:
    return None if mask is None else region(mask, (maps.shape[2], maps.shape[3]))


def _count(maps: Maps, mask: Masks | None) -> Tensor:
    """`elements` before its guard against empty regions, which sums over tiles need at the end."""
    return elements(maps) if mask is None else maps.shape[1] * mask.square().sum()
