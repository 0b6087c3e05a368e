"""Likelihood of counts with variance ``mean + alpha mean^2``, down to ``alpha = 0``.

Written with sums over ``j < count`` instead of differences of gamma functions, and with
a series where ``alpha mean`` is small, so that nothing cancels near Poisson.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, xlogy

if TYPE_CHECKING:
    from collections.abc import Callable

    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = ["NB2"]

# Below it the series of h and its derivative are exact to rounding.
_SMALL = 1e-2
_TERMS = 12


@dataclass(frozen=True, slots=True, eq=False)
class NB2:
    """Counts, columns and offset; log link throughout."""

    counts: IntVector
    matrix: FloatMatrix
    offset: FloatVector

    def mean(self, beta: FloatVector) -> FloatVector:
        """Return the expected counts."""
        return np.asarray(np.exp(self.matrix @ beta + self.offset))

    def log_likelihood(self, mean: FloatVector, alpha: float) -> float:
        """Return the log likelihood, constants included."""
        y = self.counts.astype(np.float64)
        spread = mean if alpha == 0 else np.log1p(alpha * mean) / alpha
        terms = (
            self._over_counts(lambda j: np.log1p(alpha * j))
            - gammaln(y + 1)
            + xlogy(y, mean)
            - y * np.log1p(alpha * mean)
            - spread
        )
        return float(terms.sum())

    def scores(self, mean: FloatVector, alpha: float) -> FloatMatrix:
        """Return the derivatives of each row by coefficients and alpha, (n, terms + 1).

        At ``alpha = 0`` the last column is the one-sided derivative.
        """
        y = self.counts.astype(np.float64)
        slack = 1 + alpha * mean
        by_alpha = (
            self._over_counts(lambda j: j / (1 + alpha * j))
            + mean**2 * _h(alpha * mean)
            - y * mean / slack
        )
        return np.column_stack([self.matrix * ((y - mean) / slack)[:, None], by_alpha])

    def information(self, mean: FloatVector, alpha: float) -> FloatMatrix:
        """Return minus the second derivatives, (terms + 1, terms + 1)."""
        y = self.counts.astype(np.float64)
        slack2 = (1 + alpha * mean) ** 2
        weight = mean * (1 + alpha * y) / slack2
        cross = self.matrix.T @ (mean * (y - mean) / slack2)
        by_alpha = (
            self._over_counts(lambda j: -(j**2) / (1 + alpha * j) ** 2)
            + mean**3 * _h_slope(alpha * mean)
            + y * mean**2 / slack2
        )
        size = self.matrix.shape[1]
        found = np.empty((size + 1, size + 1))
        found[:size, :size] = self.matrix.T @ (self.matrix * weight[:, None])
        found[size, :size] = found[:size, size] = cross
        found[size, size] = -by_alpha.sum()
        return found

    def _over_counts(self, term: Callable[[FloatVector], FloatVector]) -> FloatVector:
        """Return, per row, the sum of a function over 0, 1, ..., count - 1."""
        steps = np.arange(int(self.counts.max(initial=0)), dtype=np.float64)
        sums = np.concatenate([[0.0], np.cumsum(term(steps))])
        return np.asarray(sums[self.counts])


def _h(z: FloatVector) -> FloatVector:
    """Return ``(log(1 + z) - z / (1 + z)) / z^2``, 1/2 at 0."""
    k = np.arange(2, 2 + _TERMS)
    series = (np.where(k % 2, -1.0, 1.0) * (k - 1) / k) @ _powers(z, k - 2)
    safe = np.where(z < _SMALL, 1.0, z)
    exact = (np.log1p(safe) - safe / (1 + safe)) / safe**2
    return np.asarray(np.where(z < _SMALL, series, exact))


def _h_slope(z: FloatVector) -> FloatVector:
    """Return the derivative of `_h`, -2/3 at 0."""
    k = np.arange(3, 3 + _TERMS)
    signs = np.where(k % 2, -1.0, 1.0)
    series = (signs * (k - 1) * (k - 2) / k) @ _powers(z, k - 3)
    safe = np.where(z < _SMALL, 1.0, z)
    exact = 1 / (safe * (1 + safe) ** 2) - 2 * _h(safe) / safe
    return np.asarray(np.where(z < _SMALL, series, exact))


def _powers(z: FloatVector, exponents: IntVector) -> FloatMatrix:
    small = np.where(z < _SMALL, z, 0.0)
    return np.asarray(small[None, :] ** exponents[:, None])
