"""Randomness is a function of names and numbers, never of what ran before.

A step of training draws from `generator(seed, "step", step)`, an epoch's order from
`generator(seed, "epoch", epoch)`. So a run cut at any step resumes
exactly with no generator state saved.
"""

from hashlib import blake2b

import torch


def derive(*parts: int | str) -> int:
    """A 63-bit seed from any names and numbers; the same on every machine and Python version."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(*parts: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator on `device` whose state depends on `parts` alone."""
    return torch.Generator(device=device).manual_seed(derive(*parts))
