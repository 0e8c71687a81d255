"""A part of one picture set into another so that no seam is seen."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sfumato import registry
from sfumato.encoding import called, loaded
from sfumato.errors import ConfigError, RunError
from sfumato.imaging.gaussian_poisson import gaussian_poisson, resized
from sfumato.imaging.placing import placed
from sfumato.imaging.poisson import mixed, modified, poisson
from sfumato.imaging.splines import splines
from sfumato.io.alpha import opaque_where
from sfumato.io.images import (
    Source,
    colours,
    from_picture,
    marks,
    opacity,
    seen,
    to_bytes,
    to_picture,
)
from sfumato.model import Model, Translator
from sfumato.nn.channels import in_channels
from sfumato.shapes import Images, Masks, Others

METHODS: dict[str, Callable[[Images, Images, Masks], Images]] = {
    "poisson": poisson,
    "mixed": mixed,
    "modified": modified,
    "splines": splines,
    "gaussian-poisson": gaussian_poisson,
}
"""Each takes source, destination and mask of one size, and returns the blend, not clipped."""
NETWORK, SHIPPED = "gp-gan", "gp_gan-photos"
"""The method whose small picture a network paints, and the zoo's weights of it."""


def blend(
    source: Source,
    destination: Source,
    mask: Source | None = None,
    *,
    at: tuple[int, int] = (0, 0),
    method: str | Path | Model = "poisson",
    device: str = "cpu",
) -> Image.Image:
    """The destination with what the mask marks of the source blended in.

    The mask is as large as the source; what is at least half white is taken, nothing where it is
    transparent. Without a mask the source's own opacity is one. `at` is where (x, y) of the
    destination the source's upper left corner lies, and may be negative. `method` is a name in
    `METHODS`, or `gp-gan`, or a Translator or the run or bundle of one, which paints on `device`
    the small picture that `gaussian-poisson` begins with. The destination's transparency is kept,
    and what is set in is opaque. Raises SfumatoError, one line, on a user's mistake.
    """
    ours = METHODS.get(method) if isinstance(method, str) else None
    way = ours or _networked(method, device)
    shape, clear = opacity(source), opacity(destination)
    # colours on both sides of a seam tell how things go on, so nothing unseen may stand there
    under, over = from_picture(seen(destination)), from_picture(seen(source))
    over, inside = placed(over, _marked(shape, mask), under.shape[2:], at)
    channels = max(over.shape[1], under.shape[1])
    blended = way(in_channels(over, channels), in_channels(under, channels), inside)
    found = to_picture(to_bytes(blended)[0])
    if clear is None:
        return found
    # what shows through keeps the colour it is stored with
    return opaque_where(found, clear, inside[0, 0].numpy() > 0, colours(destination))


def _networked(
    method: str | Path | Model, device: str
) -> Callable[[Images, Images, Masks], Images]:
    """Gaussian-Poisson blending from what that network paints."""
    if method == NETWORK and SHIPPED not in registry.shipped():
        raise RunError(
            "gp-gan is not shipped with weights; train some (docs/models/gp_gan.md) and name the "
            "run with --method."
        )
    place = SHIPPED if method == NETWORK else method
    model = loaded(place, "blend", device, (*METHODS, NETWORK))
    if not isinstance(model, Translator) or model.takes or model.scale != 1:
        raise ConfigError(
            f"blend needs a model that makes a picture of a picture alone, of the same size; "
            f"{called(place)} holds a {type(model).__name__}. Train gp_gan for it."
        )
    network = model

    def blended(source: Images, destination: Images, mask: Masks) -> Images:
        small = painted(network, torch.where(mask > 0, source, destination))
        return gaussian_poisson(source, destination, mask, small)

    return blended


@torch.no_grad()
def painted(model: Translator, composite: Images) -> Others:
    """What a network makes of a pasted picture, at the side it learned."""
    channels, height, width = model.schema.shape
    small = resized(composite, height, width)
    made = model.translate(in_channels(small, channels).to(model.device)).cpu()
    return in_channels(made, composite.shape[1])


def _marked(shape: Image.Image | None, mask: Source | None) -> Masks:
    """What is taken of the source, 1 1 H W of 0 and 1: what is marked, else its own shape."""
    found = shape if mask is None else marks(mask)
    if found is None:
        raise ConfigError(
            "--mask is missing, and the source has no transparency to serve as one; give a "
            "picture as large as the source, white where it is to be taken."
        )
    return torch.from_numpy(np.asarray(found) > 127).float()[None, None]
