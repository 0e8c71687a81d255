"""Choosing one part of a source: by name, or by what is held out from training."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import torch

from sfumato.data.source import Source
from sfumato.errors import ConfigError, UnknownName, nearest
from sfumato.randomness import generator

T = TypeVar("T")


def pick(source: Source, parts: Mapping[str, T]) -> T:
    """The part called `source.split`; raises UnknownName with the parts there are."""
    if source.split not in parts:
        raise UnknownName(
            f"--data.split {source.split!r} is no part of {source.name}; "
            + nearest(source.split, parts)
        )
    return parts[source.split]


def apart(rows: np.ndarray, source: Source) -> np.ndarray:
    """Of the training rows those that are learned from, or those held out; both in order.

    Which are held out follows from `source.seed`. Raises ConfigError where one of the two would
    be empty.
    """
    if not source.holdout or source.split not in ("train", "validation"):
        return rows
    aside = round(source.holdout * len(rows))
    if not 0 < aside < len(rows):
        raise ConfigError(
            f"--data.holdout {source.holdout} keeps {aside} of {len(rows)} images aside; "
            "try 0.1, or take more images."
        )
    order = torch.randperm(len(rows), generator=generator(source.seed, "held out"))
    held_out = np.zeros(len(rows), bool)
    held_out[order[:aside].numpy()] = True
    return rows[held_out if source.split == "validation" else ~held_out]
