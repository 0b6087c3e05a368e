"""Hadamard matrices: the balanced halves of balanced repeated replication."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import hadamard as sylvester

if TYPE_CHECKING:
    from estimators.array_types import IntMatrix, IntVector

__all__ = ["hadamard_matrix"]


def hadamard_matrix(least: int) -> IntMatrix:
    """Return the smallest Hadamard matrix of order `least` or above that we can build.

    Parameters
    ----------
    least : int
        Order wanted, >= 1.

    Returns
    -------
    ndarray of shape (order, order)
        Entries -1 and 1, orthogonal columns, the first one constant.

    Notes
    -----
    Sylvester's doubling and Paley's two constructions from primes; of the orders up to
    1000 that are multiples of four, the few without such a construction (52, 92, ...)
    are passed over for the next one. Paley (1933), On orthogonal matrices, Journal of
    Mathematics and Physics 12.

    Examples
    --------
    >>> from estimators.designs.hadamard import hadamard_matrix
    >>> h = hadamard_matrix(10)
    >>> h.shape, bool((h.T @ h == 12 * __import__("numpy").eye(12)).all())
    ((12, 12), True)
    """
    order = least if least <= 2 else 4 * math.ceil(least / 4)
    while (matrix := _build(order)) is None:
        order += 4
    return matrix * matrix[:, :1]


def _build(order: int) -> IntMatrix | None:
    if order & (order - 1) == 0:
        matrix: IntMatrix = sylvester(order).astype(np.int64)
        return matrix
    if order % 4:
        return None
    if _is_prime(order - 1):
        return _paley_one(order - 1)
    if (order // 2) % 2 == 0:
        half = _build(order // 2)
        if half is not None:
            return np.kron(sylvester(2).astype(np.int64), half)
    q = order // 2 - 1
    return _paley_two(q) if q % 4 == 1 and _is_prime(q) else None


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % d for d in range(2, math.isqrt(number) + 1))


def _residue_signs(q: int) -> IntVector:
    """Return 0 for 0, 1 for the squares modulo q, -1 for the rest."""
    sign = np.full(q, -1, dtype=np.int64)
    sign[np.arange(1, q, dtype=np.int64) ** 2 % q] = 1
    sign[0] = 0
    return sign


def _jacobsthal(q: int) -> IntMatrix:
    place = np.arange(q)
    matrix: IntMatrix = _residue_signs(q)[(place[:, None] - place) % q]
    return matrix


def _paley_one(q: int) -> IntMatrix:
    skew = np.zeros((q + 1, q + 1), dtype=np.int64)
    skew[0, 1:], skew[1:, 0] = 1, -1
    skew[1:, 1:] = _jacobsthal(q)
    return skew + np.eye(q + 1, dtype=np.int64)


def _paley_two(q: int) -> IntMatrix:
    core = np.zeros((q + 1, q + 1), dtype=np.int64)
    core[0, 1:] = core[1:, 0] = 1
    core[1:, 1:] = _jacobsthal(q)
    off = np.array([[1, 1], [1, -1]])
    on = np.array([[1, -1], [-1, -1]])
    return np.kron(core, off) + np.kron(np.eye(q + 1, dtype=np.int64), on)
