"""Codes on their own: the way from one to another, and those near the middle of the prior."""

import torch
from torch import Generator

from sfumato.errors import ConfigError
from sfumato.model import Model, Sampler
from sfumato.shapes import Latents


def slerp(start: Latents, end: Latents, share: float) -> Latents:
    """The codes at `share` in [0, 1] of the way from `start` to `end`, axes B Z.

    Along the great circle, because normal codes lie near a sphere and a straight line between two
    of them passes where no code ever is (White 2016, https://arxiv.org/abs/1609.04468). Codes that
    point the same way, or in opposite ones, leave no circle to follow: there it is the line.
    """
    unit = [code / code.norm(dim=1, keepdim=True).clamp_min(1e-12) for code in (start, end)]
    angle = (unit[0] * unit[1]).sum(1, keepdim=True).clamp(-1, 1).arccos()
    whole = angle.sin()
    on_circle = (((1 - share) * angle).sin() * start + (share * angle).sin() * end) / whole
    return torch.where(whole.abs() < 1e-3, torch.lerp(start, end, share), on_circle)


def way(model: Model, start: Latents, end: Latents, share: float) -> Latents:
    """As `slerp` in a sampler's normal columns; a straight line in all others.

    Uniform codes fill a cube, and every point between two of them is as likely as they are; of
    codes without a prior nothing is known.
    """
    codes = torch.lerp(start, end, share)
    if isinstance(model, Sampler) and codes[:, model.normal].shape[1]:
        codes[:, model.normal] = slerp(start[:, model.normal], end[:, model.normal], share)
    return codes


def truncated(
    model: Sampler, codes: Latents, threshold: float | None, rng: Generator | None = None
) -> Latents:
    """`codes` with every normal coordinate beyond `threshold` drawn again until it is within.

    The truncation trick of Brock et al. (2019, https://arxiv.org/abs/1809.11096, section 3.1):
    below 1 pictures are more typical and less varied. The new numbers come from the truncated
    normal at once, by its quantiles, and all others stay. None leaves the codes alone. Raises
    ConfigError for a threshold of 0 or less, and where the prior has no normal coordinates.
    """
    if threshold is None:
        return codes
    if not threshold > 0:
        raise ConfigError(f"truncation {threshold:g} must be greater than 0, such as 0.7.")
    old = codes[:, model.normal]
    if not old.shape[1]:
        raise ConfigError(
            f"truncation {threshold:g} needs normal codes, and those of {type(model).__name__} "
            "are not; leave it out."
        )
    # float64, since near 1 the quantiles of float32 end at 5; not every device has it
    uniform = torch.rand(old.shape, generator=rng, device=old.device).cpu().double()
    widest = torch.tensor(threshold / 2**0.5, dtype=torch.float64).erf()
    new = (2**0.5 * ((2 * uniform - 1) * widest).erfinv()).to(old).clamp(-threshold, threshold)
    codes = codes.clone()
    codes[:, model.normal] = torch.where(old.abs() > threshold, new, old)
    return codes
