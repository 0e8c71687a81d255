"""Randomness is a function of names and numbers, never of what ran before.

A step of training draws from `generator(seed, "step", step)`, an epoch's order from
`generator(seed, "epoch", epoch)`. So a run cut at any step resumes
exactly with no generator state saved.
"""

from hashlib import blake2b
from numbers import Integral

import torch

from sfumato.errors import ConfigError


def derive(*parts: object) -> int:
    """A 63-bit seed from any names and numbers; the same on every machine and Python version."""
    text = "\x1f".join(map(_told, parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(*parts: object, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator on `device` whose state depends on `parts` alone."""
    return torch.Generator(device=device).manual_seed(derive(*parts))


def _told(part: object) -> str:
    """A part with its kind; whole numbers of any library are Python's."""
    if isinstance(part, bool | str):
        return f"{type(part).__name__}:{part}"
    if not isinstance(part, Integral):
        raise ConfigError(f"a seed must be a whole number; got {part!r}.")
    return f"int:{int(part)}"
