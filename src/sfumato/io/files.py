"""Files and folders that are either written whole or not at all."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from sfumato.errors import DataError, RunError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENOENT,
}


@contextmanager
def atomic(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Lend a temporary name beside `path`; what was written there becomes `path`, or vanishes.

    The name ends like `path`, so that writers which choose a format by the ending choose right.
    The caller may write one file there, or make a folder there and fill it; a folder replaces
    `path` only where that is absent or empty. Where it is `durable` the bytes are on the disk
    before the name changes, so a power cut too leaves the old file or the new one; that can take
    half a second, and pictures and tables of a run, which it can make again, do without.

    Raises RunError when the disk is full or the place may not be written.
    """
    path = Path(path)
    path = path.resolve() if path.is_symlink() else path  # what it points to is meant
    room = 255 - len(f"..{os.getpid()}-12345678.tmp{path.suffix}".encode())
    stem = path.stem.encode()[:room].decode(errors="ignore")  # names have 255 bytes at most
    temporary = path.with_name(f".{stem}.{os.getpid()}-{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if durable:
            _settle(temporary)
        temporary.replace(path)
        if durable:
            _sync(path.parent)
    except OSError as error:
        raise _said(error, path, temporary) from error
    finally:
        discard(temporary)


def writable(path: Path) -> None:
    """Raise RunError where nothing can be written at `path`, as far as can be told beforehand."""
    above = next((place for place in path.absolute().parents if place.exists()), path)
    if not above.is_dir():
        raise RunError(f"{path} cannot be written ({above} is a file); choose another place.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise RunError(f"{path} cannot be written ({above} is read-only); choose another place.")


def numbered(path: Path, ending: str | None = None) -> Iterator[Path]:
    """`path`, then `path-2`, `path-3` and so on, before its ending; a folder has none, ""."""
    ending = path.suffix if ending is None else ending
    yield path
    yield from (path.with_name(f"{path.name.removesuffix(ending)}-{n}{ending}") for n in count(2))


def at_home(place: str | Path) -> Path:
    """`place` with ~ as the user's folder, unless it is there as it is written or is a file.

    Raises RunError where no such folder is known.
    """
    path = Path(place)
    if path.exists() or (len(path.parts) == 1 and path.suffix):
        return path
    try:
        return path.expanduser()
    except RuntimeError:
        raise RunError(f"{place}: no such home folder is known; write it in full.") from None


def installed(package: str) -> Path:
    """The folder of an installed package, which is not imported."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"{package} is not installed; install sfumato again.")
    return Path(spec.submodule_search_locations[0])


def named_on_hub(place: str | Path) -> bool:
    """Whether a place is written like a repository of a hub, and cannot be a slip in a path.

    Below a folder that is here nothing is looked up elsewhere: its name is nobody's business. Nor
    below `runs`, where trainings are put unless another place is named.
    """
    name = str(place)
    written = re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name)
    return bool(written) and not name.startswith("runs/") and not Path(name).parent.is_dir()


def nearby(path: Path) -> Path | None:
    """What is called most like `path` in its folder; None where nothing there is."""
    try:
        names = [found.name for found in path.parent.iterdir() if found.name[0] != "."]
    except OSError:
        return None
    near = get_close_matches(path.name, names, n=1)
    return path.with_name(near[0]) if near else None


def _settle(place: Path) -> None:
    """Push a file, or everything in a folder, out of the page cache."""
    if place.is_dir():
        for child in place.iterdir():
            _settle(child)
    _sync(place)


def _sync(place: Path) -> None:
    if place.is_dir() and os.name == "nt":  # Windows cannot open a folder to sync it
        return
    # and flushes only what was opened for writing
    handle = os.open(place, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def discard(place: Path) -> None:
    """Delete a file or a folder with all it holds; nothing there is no error."""
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    elif place.exists() or place.is_symlink():
        place.unlink()


def _said(error: OSError, path: Path, temporary: Path) -> Exception:
    """The same error in our words where it is about the disk or about `path`, else unchanged."""
    if error.errno in _FULL:
        return RunError(
            f"the disk is full: {path} was not written; free some space or choose another place."
        )
    ours = str(error.filename or temporary).startswith((str(temporary), str(path)))
    above = error.filename is not None and Path(error.filename) in path.parents
    if error.errno in _REFUSED | {errno.EEXIST, errno.ENOTEMPTY} and (ours or above):
        return RunError(f"{path} cannot be written ({error.strerror}); choose another place.")
    return error
