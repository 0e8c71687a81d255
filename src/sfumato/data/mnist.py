"""MNIST and Fashion-MNIST: 60,000 + 10,000 grey pictures of 28 x 28 in ten classes, as IDX files.

LeCun, Cortes & Burges (1998); Xiao, Rasul & Vollgraf (2017), https://arxiv.org/abs/1708.07747
"""

import gzip
import io
import zlib
from hashlib import md5
from pathlib import Path

import numpy as np

from sfumato.data.places import File, files
from sfumato.data.source import Source
from sfumato.data.splits import pick
from sfumato.data.stock import Pixels, Stock
from sfumato.errors import DataError

CLASSES = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
}
MD5 = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
}
"""The published files' checksums."""

_LIMIT = 2**30


def read(source: Source, place: Path) -> Stock:
    """The pictures of one split, as stored."""
    prefix = pick(source, {"train": "train", "test": "t10k"})
    images, image_note = _file(place, f"{prefix}-images-idx3-ubyte", source.name)
    labels, label_note = _file(place, f"{prefix}-labels-idx1-ubyte", source.name)
    if images.ndim != 3 or labels.shape != images.shape[:1] or (labels > 9).any():
        raise DataError(
            f"{place} holds {images.shape} images and {labels.shape} labels that do not fit."
        )
    return Stock(
        pictures=Pixels(images[..., None]),
        label=labels.astype(np.int64),
        classes=CLASSES[source.name],
        notes=tuple(note for note in (image_note, label_note) if note),
    )


def read_idx(content: bytes, name: str) -> np.ndarray:
    """The uint8 array of an IDX file, compressed where `name` says so.

    Raises DataError where it is damaged.
    """
    try:
        data = _unpacked(content) if name.endswith(".gz") else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} cannot be read ({error}).") from error
    if len(data) < 4 or data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * data[3]:
        raise DataError(f"{name} is no IDX file of bytes.")
    shape = np.frombuffer(data, ">u4", data[3], 4).astype(int)
    body = data[4 + 4 * data[3] :]
    if len(body) != int(np.prod(shape)):
        raise DataError(f"{name} is truncated: {len(body)} of {int(np.prod(shape))} bytes.")
    return np.frombuffer(bytearray(body), np.uint8).reshape(shape)


def _unpacked(content: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        return file.read(_LIMIT)


def _file(place: Path, stem: str, name: str) -> tuple[np.ndarray, str]:
    """The array, and a note where the file is not the published one."""
    spellings = {stem, stem.replace("-idx", ".idx")}
    for file in files(place):
        if file.base.removesuffix(".gz") in spellings:
            content = _content(file, place)
            official = MD5[name].get(file.base)
            differs = official and md5(content).hexdigest() != official
            note = f"{file.base} is not the published file" if differs else ""
            return read_idx(content, f"{place}/{file.name}"), note
    raise DataError(f"{place} lacks {stem}.gz; put the four published files there.")


def _content(file: File, place: Path) -> bytes:
    try:
        return file.read()
    except DataError as error:
        raise DataError(f"{place}/{file.name} {error}.") from error
