"""Known sets: read where the user keeps them, else fetched.

The module of each has one function, `read(source, place) -> Stock`: the asked-for part of what
lies at `place`, a folder or archive that exists.
"""

from importlib import import_module

from sfumato.data import hub, places
from sfumato.data.catalogue import ENTRIES
from sfumato.data.shelf import found
from sfumato.data.source import Source
from sfumato.data.stock import Stock


def stamp(source: Source) -> str:
    """Changes with the files, or with the repository."""
    place = found(source.name)
    return places.stamp(place) if place else hub.known_stamp(source)


def stock(source: Source) -> Stock:
    """One part of the known set `source.name`, as stored."""
    place = found(source.name)
    if place is None:
        return hub.known(source)
    reader = import_module(f"sfumato.data.{ENTRIES[source.name].module}")
    return reader.read(source, place)
