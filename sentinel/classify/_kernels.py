"""Compiled counting of indicators by strength."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["settle_counts"]

BLOCK = 4096


@kernel(nogil=True)
def settle_counts(
    truths: npt.NDArray[np.int8],
    strengths: npt.NDArray[np.int64],
    sums: npt.NDArray[np.int64],
    settled: npt.NDArray[np.int8],
) -> None:
    """Write 0 no, 1 unknown or 2 yes per person into `settled`, shape (n,).

    truths (k, n) in 0, 1, 2; strengths (k,) in 0..2, the axis of each indicator; sums
    (s + 2, m + 2, w + 2): how often the rule holds at counts below an index.
    """
    n_indicators, n_persons = truths.shape
    least = np.empty((3, BLOCK), np.int16)
    spare = np.empty((3, BLOCK), np.int16)
    for start in range(0, n_persons, BLOCK):
        size = min(BLOCK, n_persons - start)
        least[:] = 0
        spare[:] = 0
        for row in range(n_indicators):
            axis = strengths[row]
            for person in range(size):
                truth = truths[row, start + person]
                least[axis, person] += truth >> 1
                spare[axis, person] += truth & 1
        for person in range(size):
            s, m, w = least[0, person], least[1, person], least[2, person]
            a = s + spare[0, person] + 1
            b = m + spare[1, person] + 1
            c = w + spare[2, person] + 1
            holds = (
                sums[a, b, c] - sums[s, b, c] - sums[a, m, c] - sums[a, b, w]
                + sums[s, m, c] + sums[s, b, w] + sums[a, m, w] - sums[s, m, w]
            )  # fmt: skip
            if holds == 0:
                settled[start + person] = 0
            elif holds == (a - s) * (b - m) * (c - w):
                settled[start + person] = 2
            else:
                settled[start + person] = 1
