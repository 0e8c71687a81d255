"""Every name that data can have, and the module that opens it; imports nothing heavy."""

import re
from dataclasses import dataclass

from sfumato.data.shelf import found, is_archive, wish
from sfumato.data.source import Source
from sfumato.errors import DataError, UnknownName, nearest
from sfumato.io.files import at_home, named_on_hub, nearby


@dataclass(frozen=True)
class Entry:
    """One named source."""

    module: str
    """Module of `sfumato.data`, with the functions `stamp(source)` and `stock(source)`; of a known
    set with the function `read(source, place)` that `sfumato.data.known` calls.
    """
    summary: str
    """One line for people."""
    known: bool = False
    """Looked for in `$SFUMATO_DATA`, then fetched; otherwise it needs no file at all."""
    public: bool = True
    """Whether a known set may be fetched; one whose licence nobody states must be brought."""


ENTRIES = {
    "digits": Entry("digits", "1,797 real handwritten digits, 8x8 grey, 10 classes"),
    "glyphs": Entry("glyphs", "letters and figures drawn here, with all there is to know of each"),
    "scenes": Entry("scenes", "one to six letters, 32x32 grey, labelled by how many there are"),
    "signs": Entry("signs", "traffic signs drawn here, 20 kinds by the names of gtsrb"),
    "photos": Entry("photos", "squares from ten photographs, 64x64 colour, 10 classes"),
    "mnist": Entry("mnist", "70,000 handwritten digits, 28x28 grey, 10 classes", known=True),
    "fashion-mnist": Entry("mnist", "70,000 clothes, 28x28 grey, 10 classes", known=True),
    "cifar10": Entry("cifar10", "60,000 photographs, 32x32 colour, 10 classes", known=True),
    "celeba": Entry("celeba", "faces of celebrities, 178x218 colour, 40 attributes", known=True),
    "facades": Entry(
        "facades",
        "fronts of houses and maps of their parts, 256x256 colour",
        known=True,
        public=False,
    ),
    "gtsrb": Entry(
        "gtsrb", "photographed traffic signs, 32x32 colour, 43 classes", known=True, public=False
    ),
    "anime-faces": Entry(
        "anime_faces", "drawn faces, 64x64 colour, hair and eyes", known=True, public=False
    ),
}
"""Name to entry, in the order they are listed."""


def module(name: str) -> str:
    """The module of `sfumato.data` that opens `name`: it has `stamp(source)` and `stock(source)`.

    A listed name comes first, so a folder that is called like one is written ./mnist; then what
    exists as a path; then a repository id. Raises UnknownName or DataError.
    """
    if not name.strip():
        raise DataError("--data is empty; name a set or a folder of pictures.")
    if name in ENTRIES:
        return "known" if ENTRIES[name].known else ENTRIES[name].module
    path = at_home(name)
    if path.exists():
        return "folder"
    if named_on_hub(name) and not is_archive(name):
        return "hub"
    if re.search(r"[/\\]", name) or is_archive(name):
        near = nearby(path)
        hint = f"did you mean {near}?" if near else "give a folder or archive of pictures."
        raise DataError(f"--data {name} does not exist; {hint}")
    raise UnknownName(
        f"--data {name!r} is unknown; {nearest(name, ENTRIES)} "
        "The path of a folder of pictures works as well."
    )


def identity(name: str) -> str:
    """One name for a source however it is spelt: of a path that exists where it leads."""
    path = at_home(name)
    try:
        return name if name in ENTRIES or not path.exists() else str(path.resolve())
    except OSError:  # below a folder that may not be entered
        return name


def places(source: Source) -> dict[str, str]:
    """Field to the folder that it names by a path, which may be relative."""
    named = {"name": source.name, "other": source.other}
    found = {field: identity(name) for field, name in named.items() if name is not None}
    return {field: place for field, place in found.items() if place != named[field]}


def fetch(source: Source) -> tuple[str, dict[str, int]]:
    """Where a source is, fetched if need be; for a fetched one, how many images its parts have.

    Raises DataError where it can be neither found nor fetched.
    """
    here = module(source.name)
    if here == "folder":
        return source.name, {}
    if source.name in ENTRIES and (found(source.name) or not ENTRIES[source.name].known):
        return where(source.name), {}
    from sfumato.data import hub  # slow to import

    return "the cache of Hugging Face", hub.parts(source)


def where(name: str) -> str:
    """Where a listed source is, in a few words, and what to do where it is nowhere."""
    if not ENTRIES[name].known:
        return "embedded"
    place = found(name)
    if place:
        return str(place)
    return f"fetched when used; or {wish(name)}" if ENTRIES[name].public else wish(name)
