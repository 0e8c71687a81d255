"""The whole numbers of a code to bytes and back, channel by channel, each in its context."""

import numpy as np
import torch
from jaxtyping import Float, Int32
from torch import Tensor

from sfumato.errors import DataError
from sfumato.io.entropy import Reader, Writer
from sfumato.nn.prior import BEFORE, LOWEST, MOST, OFFSET_BITS, TOTAL, level

Numbers = Float[Tensor, "C H W"]
"""Whole numbers from -REACH to REACH."""
Tables = Int32[np.ndarray, "C K N"]
"""Cumulative frequencies for each channel and context: `Prior.tables` of one row."""


def write(numbers: Numbers, tables: Tables) -> bytes:
    """The numbers' bytes: of each channel the symbols, context by context, then the offsets."""
    writer, seen = Writer(), _Seen(numbers.shape[1:])
    for channel, table in zip(numbers.long(), tables, strict=True):
        context = seen.contexts(len(table))
        symbols = torch.searchsorted(LOWEST, channel, right=True) - 1
        for number, frequencies in enumerate(table):
            writer.write(symbols[context == number].numpy(), frequencies)
        for symbol in _wide(symbols):
            offsets = channel[symbols == symbol] - LOWEST[symbol]
            writer.write_bits(offsets.numpy(), int(OFFSET_BITS[symbol]))
        seen.add(channel)
    return writer.close()


def read(data: bytes, tables: Tables, height: int, width: int) -> Numbers:
    """The numbers that `write` was given. Raises DataError for bytes it never wrote.

    Nothing is allocated for more numbers than so few bytes can hold.
    """
    if least_bits(tables, height * width) > 8 * len(data) + 64:
        raise DataError(f"{len(data)} bytes cannot hold the picture it speaks of.")
    reader, seen = Reader(data), _Seen((height, width))
    numbers = torch.empty(len(tables), height, width)
    for place, table in zip(numbers, tables, strict=True):
        context, symbols = seen.contexts(len(table)), torch.zeros(height, width, dtype=torch.long)
        for number, frequencies in enumerate(table):
            here = context == number
            symbols[here] = torch.from_numpy(reader.read(int(here.sum()), frequencies)).long()
        channel = LOWEST[symbols]
        for symbol in _wide(symbols):
            here = symbols == symbol
            offsets = reader.read_bits(int(here.sum()), int(OFFSET_BITS[symbol]))
            channel[here] += torch.from_numpy(offsets).long()
        place.copy_(channel)
        seen.add(channel)
    return numbers


def least_bits(tables: Tables, places: int) -> float:
    """What numbers at so many places cost if each is the likeliest of all."""
    likeliest = np.diff(tables).max((1, 2)) / TOTAL
    return -float(np.log2(likeliest).sum()) * places


class _Seen:
    """How large the last few channels are, place by place: `contexts` one channel at a time."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.total = torch.zeros(shape, dtype=torch.long)
        self.sizes: list[Tensor] = []

    def contexts(self, count: int) -> Tensor:
        return level(self.total, len(self.sizes), count)

    def add(self, channel: Tensor) -> None:
        self.sizes.append(channel.abs().clamp(max=MOST))
        self.total += self.sizes[-1]
        if len(self.sizes) > BEFORE:
            self.total -= self.sizes.pop(0)


def _wide(symbols: Tensor) -> list[int]:
    """Those of the symbols that stand for several numbers, in order."""
    return [int(symbol) for symbol in symbols.unique() if OFFSET_BITS[symbol]]
