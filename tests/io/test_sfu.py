"""The .sfu file: what goes in comes out, and nothing else does."""

import struct
import zlib

import numpy as np
import pytest

from sfumato.errors import DataError
from sfumato.io.entropy import Reader, Writer
from sfumato.io.sfu import Header, pack, unpack

HEADER = Header(b"\x12\x34\x56\x78", 3, 5, 300, 20_000)


def sealed(body):
    """Bytes with the checksum that belongs to them: a forger can do that."""
    return body + struct.pack("<I", zlib.crc32(body))


@pytest.mark.parametrize("width", [1, 127, 128, 300, 16_383, 16_384, 2_097_152])
def test_it_comes_back(width):
    header = Header(b"abcd", 1, 9, width, 3)
    assert unpack(pack(header, b"payload")) == (header, b"payload")


def test_a_small_picture_pays_sixteen_bytes_for_it():
    assert len(pack(Header(b"abcd", 3, 1, 32, 32), b"")) == 16


@pytest.mark.parametrize("payload", [b"", b"\0", bytes(range(200))], ids=len)
def test_every_changed_byte_is_found(payload):
    data = pack(HEADER, payload)
    for place in range(len(data)):
        for bit in range(8):
            broken = bytearray(data)
            broken[place] ^= 1 << bit
            with pytest.raises(DataError, match=r"no \.sfu file|its checksum does not fit"):
                unpack(bytes(broken))


def test_every_cut_and_every_addition_is_found():
    data = pack(HEADER, bytes(range(200)))
    for length in range(len(data)):
        with pytest.raises(DataError, match=r"no \.sfu file|damaged or cut short"):
            unpack(data[:length])
    for more in (b"\0", b"\0\0\0\0", b"x" * 100):
        with pytest.raises(DataError, match="damaged or cut short"):
            unpack(data + more)


def test_other_files_are_no_sfu():
    for data in (b"", b"SF", b"\x89PNG\r\n\x1a\n" + bytes(100)):
        with pytest.raises(DataError, match=r"it is no \.sfu file\."):
            unpack(data)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b"SFU\x02abcd\x03\x05\x20\x20" + bytes(9),
            "made by a newer Sfumato .version 2, this one",
        ),
        (b"SFU\x00abcd\x03\x05\x20\x20" + bytes(9), "header says what no Sfumato writes"),
        (b"SFU\x01abcd\x02\x05\x20\x20" + bytes(9), "header says what no Sfumato writes"),
        (b"SFU\x01abcd\x03\x00\x20\x20" + bytes(9), "header says what no Sfumato writes"),
        (b"SFU\x01abcd\x03\x05\xff\xff\xff\xff\xff\x01" + bytes(9), "what no Sfumato writes"),
        (b"SFU\x01abcd\x03\x05\xff\xff", "header says what no Sfumato writes"),
        (b"SFU\x01abcd\x03\x05\x00\x20" + bytes(9), "0x32 pixels cannot be; 1 to 67108864"),
        (b"SFU\x01abcd\x03\x05\x20\x00" + bytes(9), "32x0 pixels cannot be"),
    ],
)
def test_a_forged_header_is_refused(body, words):
    with pytest.raises(DataError, match=words):
        unpack(sealed(body))


def test_a_picture_too_large_is_neither_written_nor_believed():
    with pytest.raises(DataError, match="20000x20000 pixels cannot be"):
        pack(Header(b"abcd", 3, 1, 20_000, 20_000), b"")
    forged = b"SFU\x01abcd\x03\x05" + b"\xa0\x9c\x01" * 2 + bytes(9)
    with pytest.raises(DataError, match="20000x20000 pixels cannot be"):
        unpack(sealed(forged))


# ------------------------------------------------------------------ range coding


def table(rng, size):
    """Frequencies of `size` symbols that add up to 65536, most of them rare."""
    counts = 1 + np.floor(rng.dirichlet(np.full(size, 0.1)) * (65_536 - size)).astype(int)
    counts[counts.argmax()] += 65_536 - counts.sum()
    return np.concatenate([[0], counts.cumsum()]).astype(np.int32)


def test_symbols_come_back_at_the_price_of_their_tables():
    rng, ideal, spent = np.random.default_rng(0), 0.0, 0
    for _ in range(30):
        tables = [table(rng, size) for size in rng.integers(2, 200, 12)]
        lists = [
            rng.choice(len(t) - 1, rng.integers(0, 30), p=np.diff(t) / 65_536) for t in tables
        ]
        writer = Writer()
        for symbols, frequencies in zip(lists, tables, strict=True):
            writer.write(symbols, frequencies)
            ideal -= np.log2(np.diff(frequencies)[symbols] / 65_536).sum()
        data = writer.close()
        spent += 8 * len(data)
        reader = Reader(data)
        for symbols, frequencies in zip(lists, tables, strict=True):
            assert np.array_equal(reader.read(len(symbols), frequencies), symbols)
    assert spent < ideal + 30 * 8, "a byte a file is all that the end may cost"


def test_rare_symbols_come_back_too():
    frequencies = np.array([0, 1, 65_535, 65_536], np.int32)
    symbols = np.array([0, 2, 0, 0, 2, 1, 2] * 400)
    writer = Writer()
    writer.write(symbols, frequencies)
    data = writer.close()
    assert len(data) > 4096
    assert np.array_equal(Reader(data).read(len(symbols), frequencies), symbols)


def test_nothing_written_is_no_byte():
    writer = Writer()
    writer.write(np.zeros(0, int), np.array([0, 1, 2], np.int32))
    assert writer.close() == b""
    assert len(Reader(b"").read(0, np.array([0, 1, 2], np.int32))) == 0


def test_bytes_that_nobody_wrote_give_symbols_or_one_line():
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(200):
        reader = Reader(rng.bytes(40))
        try:
            found = reader.read(500, table(rng, 9))
        except DataError:
            refused += 1
        else:
            assert 0 <= found.min() <= found.max() <= 8
    assert refused < 200
