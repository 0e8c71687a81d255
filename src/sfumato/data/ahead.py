"""One piece of work on many pictures: in order, on all cores, under a progress bar."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from sfumato.io.bars import bar

_CHUNK = 16


class Ahead:
    """`work` of each row, in order, a few rows ahead on every core, with a progress bar.

    Threads, because Pillow decodes and scales outside Python's lock and nothing need be sent
    about.
    """

    def __init__(
        self, work: Callable[[int], Any], rows: np.ndarray, total: int, title: str
    ) -> None:
        self.work, self.rows, self.total, self.title = work, rows, total, title

    def __enter__(self) -> Iterator[tuple[int, Any]]:
        self.pool = ThreadPoolExecutor(min(os.cpu_count() or 1, 8))
        self.bar = bar()
        self.bar.start()
        return self._run()

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(cancel_futures=True)
        self.bar.stop()

    def _run(self) -> Iterator[tuple[int, Any]]:
        task = self.bar.add_task(self.title, total=self.total)
        waiting: deque[Future[list[tuple[int, Any]]]] = deque()
        for start in range(0, len(self.rows), _CHUNK):
            waiting.append(self.pool.submit(self._chunk, start))
            if len(waiting) >= 16:
                yield from waiting.popleft().result()
                self.bar.advance(task, _CHUNK)
        while waiting:
            yield from waiting.popleft().result()
            self.bar.advance(task, _CHUNK)

    def _chunk(self, start: int) -> list[tuple[int, Any]]:
        return [(int(row), self.work(int(row))) for row in self.rows[start : start + _CHUNK]]
