"""The .sfu file: a picture as a learned codec keeps it.

    bytes   what
    3       SFU
    1       version of this layout, 1
    4       digest of the model that decodes it
    1       channels: 1 grey, 3 colour
    1       quality, from 1
    1..4    width in pixels: seven bits a byte, lowest first, the eighth says that more follow
    1..4    height
    ...     what the range coder wrote
    4       CRC-32 of everything before, lowest byte first, at the end of every version

The checksum finds every change of up to four neighbouring bytes, and of all others, cuts among
them, all but one in four thousand million. It keeps nothing but the picture: no alpha, no EXIF,
no colour profile.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from torch import Tensor

from sfumato.errors import DataError
from sfumato.io.images import PIXELS

MAGIC = b"SFU"
VERSION = 1
SMALLEST = len(MAGIC) + 1 + 4 + 1 + 1 + 1 + 1 + 4


@dataclass(frozen=True)
class Header:
    """What stands before the coded numbers."""

    model: bytes
    """Four bytes that name the model's weights and tables."""
    channels: int
    """1 for grey, 3 for colour."""
    quality: int
    """From 1, the roughest."""
    width: int
    """Pixels across."""
    height: int
    """Pixels down."""


def pack(header: Header, payload: bytes) -> bytes:
    """The file's bytes."""
    checked(header.width, header.height)
    body = b"".join(
        (
            MAGIC,
            bytes((VERSION,)),
            header.model,
            bytes((header.channels, header.quality)),
            _number(header.width),
            _number(header.height),
            payload,
        )
    )
    return body + struct.pack("<I", zlib.crc32(body))


def unpack(data: bytes) -> tuple[Header, bytes]:
    """Header and coded numbers of a file's bytes.

    Raises DataError, one line, for bytes that are no such file, damaged, cut short, newer, or
    larger than a picture may be; nothing is allocated for what the header says.
    """
    if not data.startswith(MAGIC):
        raise DataError("it is no .sfu file.")
    if len(data) < SMALLEST or zlib.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
        raise DataError("it is damaged or cut short: its checksum does not fit.")
    if data[3] > VERSION:
        raise DataError(
            f"it was made by a newer Sfumato (version {data[3]}, this one reads up to {VERSION}); "
            "upgrade with pip install -U sfumato."
        )
    width, at = _read_number(data, 10)
    height, at = _read_number(data, at)
    header = Header(data[4:8], data[8], data[9], width, height)
    if header.channels not in (1, 3) or not (data[3] and header.quality):
        raise DataError("its header says what no Sfumato writes.")
    checked(width, height)
    return header, data[at:-4]


def name_of(words: str, weights: Mapping[str, Tensor]) -> bytes:
    """The four bytes that stand for a model: they differ where any word or weight does."""
    state = blake2b(words.encode(), digest_size=4)
    for name, value in sorted(weights.items()):
        array = value.detach().cpu().numpy()
        state.update(f"{name}{array.shape}".encode())
        state.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return state.digest()


def checked(width: int, height: int) -> None:
    """Raise DataError for a size that no picture here has."""
    if width < 1 or height < 1 or width * height > PIXELS:
        raise DataError(f"{width}x{height} pixels cannot be; 1 to {PIXELS} are coded.")


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends."""
    value = 0
    for place in range(4):
        if at + place >= len(data) - 4:
            break
        byte = data[at + place]
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, at + place + 1
    raise DataError("its header says what no Sfumato writes.")
