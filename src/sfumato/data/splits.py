"""Choosing one part of a source by name."""

from collections.abc import Mapping
from typing import TypeVar

from sfumato.data.source import Source
from sfumato.errors import UnknownName, nearest

T = TypeVar("T")


def pick(source: Source, parts: Mapping[str, T]) -> T:
    """The part called `source.split`; raises UnknownName with the parts there are."""
    if source.split not in parts:
        raise UnknownName(
            f"--data.split {source.split!r} is no part of {source.name}; "
            + nearest(source.split, parts)
        )
    return parts[source.split]
