"""Draws made before a kernel runs: kernels take numbers, never a generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.checks import as_generator, check_counts, check_resamples
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix

__all__ = ["multinomial_counts", "resample_indices"]


def multinomial_counts(
    probabilities: FloatVector,
    n: int,
    n_resamples: int,
    rng: int | np.random.Generator | None = None,
) -> IntMatrix:
    """Draw cell counts for every replicate at once, for kernels that take them drawn.

    Parameters
    ----------
    probabilities : ndarray of shape (cells,)
        At least 0; scaled to sum to 1.
    n : int
        Persons per replicate.
    n_resamples : int
    rng : int, numpy.random.Generator or None

    Returns
    -------
    ndarray of int64, shape (n_resamples, cells)
        Every row sums to `n`; the first rows do not depend on how many follow.

    Raises
    ------
    InputError
        If a probability is negative or not finite, or all are 0.

    Examples
    --------
    >>> import numpy as np
    >>> multinomial_counts(np.array([0.2, 0.8]), 10, 3, rng=1).sum(axis=1)
    array([10, 10, 10])
    """
    cells = np.asarray(probabilities, dtype=np.float64)
    total = cells.sum()
    if cells.ndim != 1 or not (np.isfinite(cells).all() and total > 0):
        raise InputError("probabilities must be a vector of finite numbers, not all 0.")
    if (cells < 0).any():
        raise InputError(f"probabilities must be >= 0; the least is {cells.min()!r}.")
    persons = check_counts(n=n)["n"]
    size = check_resamples(n_resamples)
    counts = as_generator(rng).multinomial(persons, cells / total, size=size)
    return counts.astype(np.int64, copy=False)


def resample_indices(
    n: int, n_resamples: int, rng: int | np.random.Generator | None = None
) -> IntMatrix:
    """Draw row numbers with replacement for every replicate at once.

    Parameters
    ----------
    n : int
        Rows of the data, at least 1.
    n_resamples : int
    rng : int, numpy.random.Generator or None

    Returns
    -------
    ndarray of int64, shape (n_resamples, n)
        Values from 0 to n - 1.

    Raises
    ------
    InputError
        If `n` is below 1.

    Examples
    --------
    >>> resample_indices(4, 2, rng=1).shape
    (2, 4)
    """
    rows = check_counts(n=n)["n"]
    if rows < 1:
        raise InputError("n=0: there is no row to draw from.")
    size = (check_resamples(n_resamples), rows)
    return as_generator(rng).integers(0, rows, size=size, dtype=np.int64)
