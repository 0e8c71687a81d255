"""Whole numbers to bytes and back by range coding, under tables of integers.

A table is the cumulative frequencies of its symbols 0, 1, ...: int32, rising from 0. The coder is
constriction's (Bamler 2022, https://arxiv.org/abs/2201.01741). It wants probabilities as floats,
and gets frequency / total: float64, exact where the total is a power of two. What it does with
them is one multiplication an entry, in one order, which IEEE 754 fixes to the last bit; so both
ends agree wherever they are.
"""

from typing import Any

import numpy as np
from constriction import stream

from sfumato.errors import DataError

Chances = Any
"""The coder's own form of a table."""
Decoder = Any
"""The coder's own reader."""

NONE = np.zeros(0, np.int32)
WORD = 4
"""Bytes that the coder moves at once."""
SHORT = 4096
"""Bytes up to which every byte of the end is worth a search."""


class Writer:
    """Collects symbols; keeps them until all are there."""

    def __init__(self) -> None:
        self._coder = stream.queue.RangeEncoder()
        self._written: list[tuple[np.ndarray, Chances]] = []

    def write(self, symbols: np.ndarray, table: np.ndarray) -> None:
        """Append `symbols`, whole numbers from 0 to `len(table) - 2`."""
        if len(symbols):
            self._append(symbols, _chances(table))

    def write_bits(self, numbers: np.ndarray, bits: int) -> None:
        """Append whole numbers below 2 ** `bits`, all of them equally likely."""
        if len(numbers):
            self._append(numbers, stream.model.Uniform(2**bits))

    def close(self) -> bytes:
        """All that was written, in as few bytes as tell it apart."""
        whole = self._coder.get_compressed().astype(">u4").tobytes()
        if len(whole) > SHORT:
            return whole.rstrip(b"\0")
        # the coder ends with whole words, of which a few bytes choose a point in its last interval
        for length in range(max(0, len(whole) - 2 * WORD), len(whole)):
            for point in _points(whole[:length]):
                if self._says(point):
                    return point
        return whole.rstrip(b"\0")

    def _append(self, symbols: np.ndarray, chances: Chances) -> None:
        self._coder.encode(symbols.astype(np.int32), chances)
        self._written.append((symbols, chances))

    def _says(self, data: bytes) -> bool:
        """Whether these bytes are read as what was written."""
        decoder = _decoder(data)
        try:
            return all(
                np.array_equal(decoder.decode(chances, len(symbols)), symbols)
                for symbols, chances in self._written
            )
        except AssertionError:  # how the coder answers bytes that mean nothing
            return False


class Reader:
    """Gives symbols back in the order they were written."""

    def __init__(self, data: bytes) -> None:
        self._coder = _decoder(data)

    def read(self, count: int, table: np.ndarray) -> np.ndarray:
        """The next `count` symbols, int32. Raises DataError for bytes that nobody wrote."""
        return self._take(count, _chances(table)) if count else NONE

    def read_bits(self, count: int, bits: int) -> np.ndarray:
        """The next `count` numbers below 2 ** `bits`, int32; raises as `read` does."""
        return self._take(count, stream.model.Uniform(2**bits)) if count else NONE

    def _take(self, count: int, chances: Chances) -> np.ndarray:
        try:
            return self._coder.decode(chances, count)
        except AssertionError:
            raise DataError("the coded numbers are none that this model writes.") from None


def _chances(table: np.ndarray) -> Chances:
    return stream.model.Categorical(
        np.diff(table).astype(np.float64) / table[-1], perfect=False, lazy=False
    )


def _decoder(data: bytes) -> Decoder:
    padded = data + b"\0" * (-len(data) % WORD)
    return stream.queue.RangeDecoder(np.frombuffer(padded, ">u4").astype(np.uint32))


def _points(head: bytes) -> list[bytes]:
    """The bytes themselves and the next larger number; zeros at the end need not be said."""
    number = int.from_bytes(head, "big") + 1
    found = [head]
    if number < 1 << (8 * len(head)):
        found.append(number.to_bytes(len(head), "big"))
    return [point.rstrip(b"\0") for point in found]
