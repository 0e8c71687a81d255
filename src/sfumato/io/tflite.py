"""TensorFlow Lite model files: the constants of their layers, as numbers; nothing in them is run.

A flat buffer is tables that point at each other by offsets:

    root -> subgraph 0 -> operators -> inputs -> tensors -> shape, type, scale, zero, buffer
    real = scale * (stored - zero)

https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

import struct
from pathlib import Path

import numpy as np

from sfumato.errors import DataError

LIMIT = 2**28
"""Largest file read, in bytes."""
_TYPES = {0: "<f4", 2: "<i4", 3: "u1", 9: "i1"}


def constants(path: Path) -> list[list[np.ndarray]]:
    """For each operator in order the constants it takes, float32, in the shapes that are stored.

    A convolution's kernel has axes out, height, width, in; a depthwise one's 1, height, width,
    channels. Raises DataError where the file is none, or is damaged.
    """
    if path.stat().st_size > LIMIT:
        raise DataError(f"{path} has more than {LIMIT:,} bytes; it is no network read here.")
    try:
        found = _Buffer(path.read_bytes()).operators()
    except (struct.error, ValueError, IndexError, KeyError) as error:
        raise DataError(f"{path} is no TensorFlow Lite file, or is damaged ({error}).") from None
    return found


class _Buffer:
    """Bytes, and the few ways in which they point at each other."""

    def __init__(self, content: bytes) -> None:
        if content[4:8] != b"TFL3":
            raise ValueError("it does not begin as one")
        self.content = content
        root = self._at(0)
        (graph,) = self._tables(root, 2)[:1]
        self._buffers = self._tables(root, 4)
        self._tensors = self._tables(graph, 0)
        self._operators = self._tables(graph, 3)

    def operators(self) -> list[list[np.ndarray]]:
        """The constants of each operator."""
        taken = [self._numbers(table, 1, "<i4") for table in self._operators]
        held = [[self._constant(self._tensors[i]) for i in inputs if i >= 0] for inputs in taken]
        return [[array for array in arrays if array is not None] for arrays in held]

    def _constant(self, tensor: int) -> np.ndarray | None:
        """What a tensor holds; None where it is filled only when the network runs."""
        kind, where = self._scalar(tensor, 1, "<b"), self._scalar(tensor, 2, "<I")
        content = self._numbers(self._buffers[where], 0, "u1")
        if not len(content):
            return None
        array = content.view(_TYPES[kind]).reshape(self._numbers(tensor, 0, "<i4"))
        quantised = self._field(tensor, 4)
        none = np.empty(0, "<f4")
        scale = self._numbers(self._at(quantised), 2, "<f4") if quantised else none
        if not len(scale):
            return array.astype(np.float32)
        zero = self._numbers(self._at(quantised), 3, "<i8")
        if len(scale) != 1 or len(zero) != 1:
            raise ValueError("one of its tensors has several scales")
        return ((array.astype(np.int64) - zero[0]) * np.float64(scale[0])).astype(np.float32)

    def _at(self, place: int) -> int:
        """Where the offset stored at `place` leads."""
        return place + struct.unpack_from("<I", self.content, place)[0]

    def _field(self, table: int, number: int) -> int:
        """Where a table keeps a field; 0 where it has none."""
        layout = table - struct.unpack_from("<i", self.content, table)[0]
        slot = 4 + 2 * number
        if slot >= struct.unpack_from("<H", self.content, layout)[0]:
            return 0
        offset = struct.unpack_from("<H", self.content, layout + slot)[0]
        return table + offset if offset else 0

    def _scalar(self, table: int, number: int, kind: str) -> int:
        place = self._field(table, number)
        return struct.unpack_from(kind, self.content, place)[0] if place else 0

    def _numbers(self, table: int, number: int, kind: str) -> np.ndarray:
        """A field that is a vector of numbers; empty where it is absent."""
        place = self._field(table, number)
        if not place:
            return np.empty(0, kind)
        start = self._at(place)
        size = struct.unpack_from("<I", self.content, start)[0]
        return np.frombuffer(self.content, kind, size, start + 4)

    def _tables(self, table: int, number: int) -> list[int]:
        """A field that is a vector of tables."""
        place = self._field(table, number)
        if not place:
            raise ValueError("a part of it is missing")
        start = self._at(place)
        count = struct.unpack_from("<I", self.content, start)[0]
        if 4 * count > len(self.content):
            raise ValueError("a part of it is longer than the whole")
        return [self._at(start + 4 + 4 * index) for index in range(count)]
