"""Pictures through a translator in one pass, whole or in tiles without seams.

Networks that standardise their maps would give each tile its own mean and spread, and seams. Here
one look at the whole, made small, decides both for all tiles; and tiles overlap by more than the
network sees around a pixel.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.functional import pad

from sfumato.errors import ConfigError
from sfumato.imaging.objective import bounded, scaled, tiles
from sfumato.model import Translator
from sfumato.nn.statistics import held
from sfumato.shapes import Images, Others

LOOK = 512
"""Longer side, in pixels, of the look at the whole."""
REACH = 144
"""Pixels that tiles overlap by: more than any network here sees, a multiple of 16."""


@torch.inference_mode()
def translated(
    model: Translator,
    source: Images,
    reference: Others | None = None,
    *,
    strength: float = 1.0,
    tile: int = 1024,
    tell: Callable[[int], object] = lambda done: None,
) -> Images:
    """The translation of one picture, of any size, in bounded memory, where the picture is.

    `strength` is how far it goes, 1 all the way, of a model that can stop before. Larger pictures
    than `tile` along a side are cut up, and only a tile at a time goes to where
    the model is; `tell` is told 1 after every tile.
    """
    there, (high, wide) = model.device, source.shape[-2:]
    given: dict[str, Any] = {} if reference is None else {"reference": reference.to(there)}
    if strength != 1:
        if not model.graded:
            raise ConfigError(f"{type(model).__name__} knows no --strength; leave it out.")
        given["strength"] = strength
    # so that networks which halve sides do it at the same places in every tile
    more = [-side % model.multiple for side in (high, wide)]
    source = pad(source, (0, more[1], 0, more[0]), mode="replicate")
    if max(high, wide) <= tile:
        painted = model.translate(source.to(there), **given).to(source.device)
        tell(1)
        return painted[..., :high, :wide]
    painted = torch.empty_like(source)
    small = bounded(source, min(LOOK, max(source.shape[-2:])))
    with held(model, lambda: model.translate(small.to(there), **given)):
        for place in tiles(source.shape[-2:], tile, REACH):
            piece = model.translate(place.outer(source).to(there), **given)
            place.whole(painted).copy_(place.inner(piece))
            tell(1)
    return painted[..., :high, :wide]


def count(size: Sequence[int], tile: int) -> int:
    """How many tiles a picture of this height and width takes."""
    return 1 if max(size) <= tile else sum(1 for _ in tiles(size, tile))


def collage(pictures: Sequence[Others], weights: Sequence[float]) -> Others:
    """One picture that has the mixed statistics of several: strips as wide as their weights."""
    if len(pictures) == 1:
        return pictures[0]
    high = min(p.shape[2] for p in pictures)
    level = [scaled(p, (high, max(1, round(p.shape[3] * high / p.shape[2])))) for p in pictures]
    total = sum(weights)
    across = min(p.shape[3] * total / w for p, w in zip(level, weights, strict=True) if w > 0)
    strips = []
    for picture, weight in zip(level, weights, strict=True):
        wide = round(across * weight / total)
        left = (picture.shape[3] - wide) // 2
        strips.append(picture[..., max(0, left) : max(0, left) + wide])
    return torch.cat(strips, 3)
