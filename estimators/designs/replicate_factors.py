"""Replicate weights over sampling weights: their distinct rows and their rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, IntVector

__all__ = ["distinct_rows", "replicate_rank"]

_SAME = 1e-12  # replicate weights over weights: equal but for the rounding of one ratio
_RANK = 1e-5  # relative singular value below which survey's rank counts zero, too


def replicate_rank(factors: FloatMatrix) -> int:
    """Return the rank of replicate weights from their factors of shape (units, R)."""
    smaller = factors.T if factors.shape[0] > factors.shape[1] else factors
    size = np.sqrt((smaller**2).sum(axis=1))
    smaller = smaller[size > 0] / size[size > 0, None]
    # Squares of the singular values, from the smaller Gram matrix: 0.1 s where the
    # decomposition of 10 000 x 500 takes seconds.
    squares = np.linalg.eigvalsh(smaller @ smaller.T)
    return int((squares > _RANK**2 * squares[-1]).sum()) if squares.size else 0


def distinct_rows(factors: FloatMatrix) -> tuple[FloatMatrix, IntVector]:
    """Return the distinct rows of a matrix and the place of every row among them."""
    angle = np.cos(np.arange(1, factors.shape[1] + 1, dtype=np.float64))
    mark = np.round(factors @ angle, 9)
    _, first, unit = np.unique(mark, return_index=True, return_inverse=True)
    shared = factors[first]
    for start in range(0, len(factors), 4096):  # never a second wide matrix
        rows = slice(start, start + 4096)
        away = np.abs(factors[rows] - shared[unit[rows]])
        if (away > _SAME * np.maximum(1, factors[rows])).any():
            return factors, np.arange(len(factors), dtype=np.int64)
    return shared, unit.astype(np.int64)
