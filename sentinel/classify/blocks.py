"""Run work over blocks of persons on all cores: each block writes its own cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numba

__all__ = ["BlockRunner"]

T = TypeVar("T")
BLOCK = 32_768


class BlockRunner:
    """Splits `n_rows` persons into blocks and calls functions on them.

    Threads, as the work is numpy's and compiled code's, which lets other threads run.
    As no block reads what another one writes, the answer does not depend on them. A
    small table is one block and starts no thread.
    """

    def __init__(self, n_rows: int) -> None:
        self._bounds = [
            (start, min(start + BLOCK, n_rows))
            for start in range(0, max(n_rows, 1), BLOCK)
        ]

    def __call__(self, work: Callable[[int, int], None]) -> None:
        """Call `work` with the bounds of every block."""
        self.each(lambda bounds: work(*bounds), self._bounds)

    def each(self, work: Callable[[T], None], items: Iterable[T]) -> None:
        """Call `work` with every item; the first error is raised."""
        n_threads = min(numba.get_num_threads(), len(self._bounds))
        if n_threads == 1:
            for item in items:
                work(item)
            return
        with ThreadPoolExecutor(n_threads) as pool:
            for _ in pool.map(work, items):
                pass
