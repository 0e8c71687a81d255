"""Arrays on disk that are written front to back and read by mapping."""

from pathlib import Path
from typing import IO

import numpy as np


class ColumnFile:
    """An .npy file that grows by one row at a time; its header is completed on leaving.

    Written as a stream, not through a mapping, because a full disk kills a process that writes
    to a mapping and merely raises an error here.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shape: tuple[int, ...] | None = None
        self.count = 0
        self._dtype = np.dtype(np.uint8)
        self._file: IO[bytes]

    def __enter__(self) -> "ColumnFile":
        self._file = self.path.open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.shape is not None:
                self._file.seek(0)
                self._header()
        finally:
            self._file.close()

    def append(self, row: np.ndarray) -> None:
        """Add one row; the first decides shape and type."""
        if self.shape is None:
            self.shape, self._dtype = row.shape, row.dtype
            self._header()
        self._file.write(np.ascontiguousarray(row).data)
        self.count += 1

    def _header(self) -> None:
        """Numpy pads its header so that the number of rows may grow in place."""
        np.lib.format.write_array_header_1_0(
            self._file,
            {
                "descr": self._dtype.str,
                "fortran_order": False,
                "shape": (self.count, *(self.shape or ())),
            },
        )


def load_column(path: Path) -> np.ndarray:
    """Map an .npy file; OSError or ValueError where it is absent, damaged or holds objects."""
    return np.load(path, mmap_mode="r", allow_pickle=False)
