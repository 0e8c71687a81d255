"""Files by name, wherever they lie: in a folder, a zip, a tar or a compressed tar.

Nothing is unpacked to the disk under a name of the archive's choosing, so no archive can write
outside its place. What is read is bounded: one file by `FILE`, a compressed tar by `RATIO` times
its size.
"""

import gzip
import os
import tarfile
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import IO

from sfumato.data.shelf import ARCHIVES, is_archive
from sfumato.errors import DataError
from sfumato.io.images import ENDINGS

FILE = 512 * 2**20
"""Bytes of the largest single file that is read."""
RATIO, LEAST = 200, 2**30
"""A compressed tar may unpack to so many times its size, and always to so many bytes."""

_DAMAGE = (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile, RuntimeError)


@dataclass(frozen=True, order=True)
class File:
    """One file of a place."""

    name: str
    """Path inside the place, with slashes."""
    size: int
    """Bytes."""
    read: Callable[[], bytes]
    """Its content; may be called from several threads."""
    changed: int = 0
    """When it was, in nanoseconds; of what is inside an archive, when that was."""

    @property
    def base(self) -> str:
        """Its name without folders."""
        return PurePosixPath(self.name).name

    @property
    def picture(self) -> bool:
        """Whether its ending is a picture's."""
        return PurePosixPath(self.name).suffix.lower() in ENDINGS


def files(place: Path) -> list[File]:
    """All files of a folder or an archive, by name; hidden ones are left out.

    A folder that holds archives and no picture is read as if they were unpacked in it, each into
    a folder of its own name where their files would fall onto each other. Raises DataError in
    one line.
    """
    if not place.exists():
        raise DataError(f"{place} does not exist.")
    if place.is_file():
        if not is_archive(place):
            raise DataError(f"{place} is no folder and ends in none of {', '.join(ARCHIVES)}.")
        # of two members of one name the later is meant, as when they are unpacked
        return sorted({file.name: file for file in _archive(place)}.values(), key=_by_name)
    found = list(_folder(place))
    packed = [place / file.name for file in found if is_archive(file.name)]
    if packed and not any(file.picture for file in found):
        found = [file for file in found if not is_archive(file.name)] + _unpacked(packed)
    return sorted(found, key=_by_name)


def _by_name(file: File) -> str:
    return file.name


def stamp(place: Path) -> str:
    """A digest that changes with any file's name, size or time of change; nothing is opened."""
    state = blake2b(str(place.resolve()).encode(errors="surrogateescape"), digest_size=16)
    for _, inside, about in _walk(place) if place.is_dir() else [(place, "", place.stat())]:
        line = f"{inside}\0{about.st_size}\0{about.st_mtime_ns}\0"
        state.update(line.encode(errors="surrogateescape"))
    return state.hexdigest()


def _walk(
    place: str | Path, above: str = "", within: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[tuple[str, str, os.stat_result]]:
    """Path, path inside the place, and size and times of every file that is not hidden.

    Links are followed, but for those to a folder that they lie `within`.
    """
    try:
        own = Path(place).stat()
        within |= {(own.st_dev, own.st_ino)}
        with os.scandir(place) as found:  # pathlib takes several times as long
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{place} cannot be read ({error.strerror}).") from error
    for entry in entries:
        inside = above + entry.name
        if _hidden(entry.name):
            continue
        if entry.is_dir():
            there = entry.stat()
            if not entry.is_symlink() or (there.st_dev, there.st_ino) not in within:
                yield from _walk(entry.path, inside + "/", within)
        elif entry.is_file():
            yield entry.path, inside, entry.stat()
        elif entry.is_symlink() and not Path(entry.path).exists():
            # to nothing: read in vain, so that it is reported
            yield entry.path, inside, entry.stat(follow_symlinks=False)


def _folder(place: Path) -> Iterator[File]:
    for path, inside, about in _walk(place):
        size = about.st_size
        yield File(inside, size, partial(_from_disk, path, size), about.st_mtime_ns)


def _from_disk(path: str, size: int) -> bytes:
    try:
        return _bounded(size, Path(path).read_bytes)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})") from error


def _unpacked(archives: list[Path]) -> list[File]:
    opened = {path: list(_archive(path)) for path in archives}
    names = [file.name for members in opened.values() for file in members]
    if len(set(names)) == len(names):
        return [file for members in opened.values() for file in members]
    return [
        replace(file, name=f"{path.name.partition('.')[0]}/{file.name}")
        for path, members in opened.items()
        for file in members
    ]


def _archive(path: Path) -> list[File]:
    try:
        found = _zip(path) if path.suffix.lower() == ".zip" else _tar(path)
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(f"{path} is damaged ({' '.join(str(error).split())}).") from error
    changed = path.stat().st_mtime_ns
    plain = (f for f in found if not any(map(_hidden, PurePosixPath(f.name).parts)))
    return [replace(file, changed=changed) for file in plain]


def _zip(path: Path) -> list[File]:
    archive = zipfile.ZipFile(path)

    def reader(member: zipfile.ZipInfo) -> Callable[[], bytes]:
        return _member(member.file_size, lambda: archive.read(member))

    return [
        File(_inside(member.filename), member.file_size, reader(member))
        for member in archive.infolist()
        if not member.is_dir()
    ]


def _tar(path: Path) -> list[File]:
    with ExitStack() as stack:
        plain = stack.enter_context(
            path.open("rb") if path.suffix.lower() == ".tar" else _inflated(path)
        )
        archive, lock = tarfile.open(fileobj=plain, mode="r:"), Lock()  # noqa: SIM115
        members = [member for member in archive if member.isreg()]
        stack.pop_all()
    weakref.finalize(archive, plain.close)  # open as long as somebody may read from it

    def reader(member: tarfile.TarInfo) -> Callable[[], bytes]:
        def read() -> bytes:
            with lock:
                stream = archive.extractfile(member)
                return stream.read() if stream else b""

        return _member(member.size, read)

    return [File(_inside(member.name), member.size, reader(member)) for member in members]


def _inflated(path: Path) -> IO[bytes]:
    """The tar inside, in memory or, when large, in a file without a name."""
    most = max(LEAST, RATIO * path.stat().st_size)
    with ExitStack() as stack:
        plain: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=64 * 2**20)  # noqa: SIM115
        stack.enter_context(plain)
        stream = stack.enter_context(gzip.open(path))
        while piece := stream.read(2**20):
            plain.write(piece)
            if plain.tell() > most:
                raise DataError(f"{path} unpacks to more than {most} bytes and is not read.")
        stack.pop_all()
    stream.close()
    plain.seek(0)
    return plain


def _member(size: int, read: Callable[[], bytes]) -> Callable[[], bytes]:
    def bounded() -> bytes:
        try:
            return _bounded(size, read)
        except (*_DAMAGE, NotImplementedError) as error:
            raise DataError(f"cannot be read from its archive ({error})") from error

    return bounded


def _bounded(size: int, read: Callable[[], bytes]) -> bytes:
    if size > FILE:
        raise DataError(f"has {size} bytes; at most {FILE} are read")
    return read()


def _inside(name: str) -> str:
    """A member's name with nothing that leads out of the archive; it is never opened as a path."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "/".join(part for part in parts if part not in ("..", ".", "/"))


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))
