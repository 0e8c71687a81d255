"""CIFAR-10: 50,000 + 10,000 colour pictures of 32 x 32 in ten classes.

Read from the published python or binary batches, or from folders named after the classes.
Krizhevsky (2009), Learning multiple layers of features from tiny images.
"""

import io
import pickle
import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sfumato.data.folder import of_files
from sfumato.data.places import File, files
from sfumato.data.source import Source
from sfumato.data.splits import pick
from sfumato.data.stock import Pixels, Stock
from sfumato.errors import DataError

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_BATCHES = {"train": r"data_batch_\d+(\.bin)?", "test": r"test_batch(\.bin)?"}


def read(source: Source, place: Path) -> Stock:
    """The pictures of one split."""
    everything = files(place)
    if any(file.picture for file in everything):
        return of_files(everything, source)
    wanted = pick(source, _BATCHES)
    chosen = [f for f in everything if re.fullmatch(wanted, f.base)]
    if not chosen:
        raise DataError(f"{place} holds neither class folders nor {source.split} batches.")
    pixels, label = zip(*map(_batch, chosen), strict=True)
    return Stock(
        pictures=Pixels(np.concatenate(pixels)),
        label=np.concatenate(label),
        classes=CLASSES,
    )


def _batch(file: File) -> tuple[np.ndarray, np.ndarray]:
    """Pixels N 32 32 3 and labels N."""
    read = _binary if file.name.endswith(".bin") else _python
    planes, label = read(file.read(), file.name)
    if planes.shape != (len(label), 3072) or not ((label >= 0) & (label < 10)).all():
        raise DataError(f"{file.name} holds {planes.shape} pixels and {len(label)} labels.")
    return planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), label.astype(np.int64)


def _binary(content: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    if len(content) % 3073:
        raise DataError(f"{name} is truncated: {len(content)} bytes are no multiple of 3073.")
    rows = np.frombuffer(content, np.uint8).reshape(-1, 3073)
    return rows[:, 1:], rows[:, 0]


def _python(content: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        said = _Plain(io.BytesIO(content), encoding="latin1").load()
        said = {k.decode() if isinstance(k, bytes) else k: v for k, v in said.items()}
        return said["data"].array, np.array(said["labels"], np.int64)
    except Exception as error:  # hostile bytes can make it raise anything
        raise DataError(f"{name} is no batch of CIFAR-10 ({error}).") from error


class _Array:
    """Stands in for numpy's array while a batch is read, so that none of numpy's own code runs."""

    def __init__(self, *_: Any) -> None:
        self.array = np.empty((0, 0), np.uint8)

    def __setstate__(self, state: tuple[int, tuple[int, ...], "_Type", bool, Any]) -> None:
        _, shape, kind, fortran, content = state
        if kind.name != "u1" or fortran:
            raise ValueError("only rows of bytes are read")
        content = content.encode("latin1") if isinstance(content, str) else content
        self.array = np.frombuffer(content, np.uint8).reshape(shape)


class _Type:
    """Stands in for numpy's dtype."""

    def __init__(self, name: str = "", *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like; bytes have none."""


def _from_buffer(content: Any, kind: _Type, shape: tuple[int, ...], order: str) -> _Array:
    """How pickles of protocol 5 spell an array."""
    array = _Array()
    array.__setstate__((1, shape, kind, order == "F", bytes(content)))
    return array


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1")


class _Plain(pickle._Unpickler):
    """Reads numbers, texts, lists and dicts, and knows four names; any other name is refused.

    The slow reader in Python, because the fast one can be made to claim memory without bound.
    """

    KNOWN: ClassVar = {
        **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
        **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Type,
        ("_codecs", "encode"): _encoded,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.KNOWN:
            raise ValueError(f"it asks for {module}.{name}, which is refused")
        return self.KNOWN[module, name]
