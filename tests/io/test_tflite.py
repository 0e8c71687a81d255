"""Constants of a TensorFlow Lite file, read from a buffer built here by hand."""

import struct

import numpy as np
import pytest

from sfumato.errors import DataError
from sfumato.io.tflite import constants


class Writer:
    """A flat buffer from its end to its beginning: whatever is pointed at comes later."""

    def __init__(self):
        self.parts, self.size = [], 0

    def put(self, content):
        """Where the content begins, counted from the buffer's end."""
        self.parts.append(content)
        self.size += len(content)
        return self.size

    def vector(self, items, kind):
        return self.put(struct.pack(f"<I{len(items)}{kind}", len(items), *items))

    def tables(self, places):
        """A vector of offsets to tables."""
        at = self.size + 4 * len(places)
        offsets = [at - 4 * i - place for i, place in enumerate(places)]
        return self.put(struct.pack(f"<I{len(places)}I", len(places), *offsets))

    def table(self, fields):
        """A table of fields, each `("at", place)`, `("b", byte)` or `("I", number)`, or None."""
        size, slots = 4, []
        for field in fields:
            slots.append(0 if field is None else size)
            size += 0 if field is None else 4
        begin = self.size + size
        body = b""
        for field in fields:
            if field is not None:
                kind, value = field
                here = begin - 4 - len(body)
                body += {
                    "at": lambda v, h=here: struct.pack("<I", h - v),
                    "b": lambda v, h=here: struct.pack("<bxxx", v),
                    "I": lambda v, h=here: struct.pack("<I", v),
                }[kind](value)
        layout = struct.pack(f"<HH{len(slots)}H", 4 + 2 * len(slots), size, *slots)
        self.put(struct.pack("<i", len(layout)) + body)
        self.put(layout)
        return begin


def file(stored, scale=0.5, zero=3):
    """One operator that takes an input of no content and one quantised kernel, 2 by 3."""
    w = Writer()
    content = w.table([("at", w.vector(stored, "B"))])
    empty = w.table([None])
    rule = w.table([None, None, ("at", w.vector([scale], "f")), ("at", w.vector([zero], "q"))])
    kernel = [("at", w.vector([2, 3], "i")), ("b", 3), ("I", 1), None, ("at", rule)]
    kernel = w.table(kernel)
    given = w.table([("at", w.vector([1, 2], "i")), ("b", 3), ("I", 0)])
    operator = w.table([None, ("at", w.vector([0, 1, -1], "i"))])
    tensors, operators = w.tables([given, kernel]), w.tables([operator])
    graph = w.table([("at", tensors), None, None, ("at", operators)])
    graphs, buffers = w.tables([graph]), w.tables([empty, content])
    root = w.table([("I", 3), None, ("at", graphs), None, ("at", buffers)])
    head = struct.pack("<I4s", 8 + w.size - root, b"TFL3")
    return head + b"".join(reversed(w.parts))


def test_a_kernel_is_scale_times_stored_less_zero(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(file([0, 1, 2, 3, 4, 255]))
    ((kernel,),) = constants(path)
    assert kernel.dtype == np.float32
    assert kernel.tolist() == [[-1.5, -1.0, -0.5], [0.0, 0.5, 126.0]]


@pytest.mark.parametrize("cut", [4, 40, 100, 150])
def test_a_damaged_file_is_one_line(tmp_path, cut):
    path = tmp_path / "net.tflite"
    path.write_bytes(file([0, 1, 2, 3, 4, 5])[:-cut])
    with pytest.raises(DataError, match="is no TensorFlow Lite file, or is damaged"):
        constants(path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and more", bytes(100), b"\xff" * 4 + b"TFL3"])
def test_another_file_is_one_line(tmp_path, content):
    path = tmp_path / "net.tflite"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is no TensorFlow Lite file, or is damaged"):
        constants(path)
