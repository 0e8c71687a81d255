"""From a name or a path to batches of tensors."""

from importlib import import_module
from typing import TYPE_CHECKING

from sfumato.data.catalogue import ENTRIES
from sfumato.data.source import Source
from sfumato.errors import UnknownName, nearest

if TYPE_CHECKING:
    from sfumato.data.dataset import Dataset

__all__ = ["Source", "open"]


def open(source: Source) -> "Dataset":
    """The data set a source describes; raises DataError, UnknownName or ConfigError."""
    from sfumato.data.prepare import realise

    if source.name not in ENTRIES:
        raise UnknownName(f"data {source.name!r} is unknown; {nearest(source.name, ENTRIES)}")
    opener = import_module(f"sfumato.data.{ENTRIES[source.name].module}")
    return realise(opener.stock(source), source)
