"""From a name or a path to batches of tensors."""

from importlib import import_module
from typing import TYPE_CHECKING

from sfumato.data.source import Source

if TYPE_CHECKING:
    from sfumato.data.dataset import Dataset

__all__ = ["Source", "names", "open"]


def open(source: Source) -> "Dataset":
    """The data set a source describes; raises DataError, UnknownName or ConfigError."""
    from sfumato.data.catalogue import module
    from sfumato.data.dataset import patched
    from sfumato.data.labels import forget
    from sfumato.data.prepare import realise
    from sfumato.data.unpaired import beside, opposite

    opener = import_module(f"sfumato.data.{module(source.name)}")
    dataset = realise(source, opener.stamp(source.origin), opener.stock)
    if source.labels is not None:
        dataset = forget(dataset, source)
    if source.other:
        dataset = beside(dataset, open(opposite(source, dataset.schema)))
    return patched(dataset, source.patch)


def names() -> dict[str, str]:
    """Name of every embedded and known source, and one line about it. Imports no torch."""
    from sfumato.data.catalogue import ENTRIES

    return {name: entry.summary for name, entry in ENTRIES.items()}
