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


def apart(rows: np.ndarray, source: Source, aside: np.ndarray | None = None) -> np.ndarray:
    """Of the training rows those that are learned from, or those held out; both in order.

    Which are held out follows from `source.seed`, or is said by `aside`, a truth for each row.
    Raises ConfigError where one of the two would be empty.
    """
    if not source.holdout or source.split not in ("train", "validation"):
        return rows
    held_out = drawn(np.arange(len(rows)), source) if aside is None else aside
    if not 0 < (kept := int(held_out.sum())) < len(rows):
        raise ConfigError(
            f"--data.holdout {source.holdout} keeps {kept} of {len(rows)} images aside; "
            "try 0.1, or take more images."
        )
    return rows[held_out if source.split == "validation" else ~held_out]


def drawn(groups: np.ndarray, source: Source) -> np.ndarray:
    """Whether each row is held out: whole groups are, of about `source.holdout` of all groups.

    `groups` is a number for each row, alike for what belongs together.
    """
    names, place = np.unique(groups, return_inverse=True)
    order = torch.randperm(len(names), generator=generator(source.seed, "held out"))
    held_out = np.zeros(len(names), bool)
    held_out[order[: round(source.holdout * len(names))].numpy()] = True
    return held_out[place]
