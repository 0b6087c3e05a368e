"""Coefficients of agreement as smooth functions of means over subjects.

Each coefficient is f(T) of a vector T of (weighted) means of per-subject numbers t_i:
its influence is the gradient of f times t_i - T, whatever the sampling design. The
gradient is taken by complex steps, which are exact to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from estimators.errors import NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntMatrix

__all__ = ["SubjectMeans", "alpha_means", "gwet_means", "kappa_means", "weight_matrix"]

Coefficient: TypeAlias = Callable[[np.ndarray], tuple[complex, complex, complex]]
_STEP = 1e-20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SubjectMeans:
    """Per-subject numbers and the coefficient as a function of their means.

    Attributes
    ----------
    values : ndarray of shape (subjects, k)
    used : ndarray of shape (subjects,)
        Subjects that enter the coefficient.
    function : callable
        Maps means of shape (k,) to coefficient, observed and expected agreement.
    """

    values: FloatMatrix
    used: BoolVector
    function: Coefficient

    def evaluate(self, weights: FloatVector) -> tuple[float, float, float, FloatVector]:
        """Return coefficient, observed and expected agreement, and influences.

        `weights` of shape (subjects,); influences are 0 for subjects not used.
        """
        share = np.where(self.used, weights, 0.0)
        total = float(share.sum())
        means = share @ self.values / total
        point, observed, expected = (float(v.real) for v in self.function(means))
        gradient = np.empty(means.size)
        for place in range(means.size):
            moved = means.astype(np.complex128)
            moved[place] += _STEP * 1j
            gradient[place] = self.function(moved)[0].imag / _STEP
        influence = np.where(self.used, (self.values - means) @ gradient, 0.0)
        return point, observed, expected, influence / total


def weight_matrix(values: FloatVector, weighting: str) -> FloatMatrix:
    """Return the agreement, in [0, 1], between any two categories of these values."""
    if weighting == "identity" or values.size == 1:
        return np.eye(values.size)
    if weighting == "ordinal":
        rank = np.arange(values.size)
        apart = np.abs(rank[:, None] - rank)
        pairs = np.array([[comb(int(d) + 1, 2) for d in row] for row in apart])
        return np.asarray(1 - pairs / comb(values.size, 2))
    apart = np.abs(values[:, None] - values) / np.ptp(values)
    return np.asarray(1 - (apart if weighting == "linear" else apart**2))


def kappa_means(codes: IntMatrix, weights: FloatMatrix) -> SubjectMeans:
    """Return Cohen's kappa of two raters: (po - pe) / (1 - pe) of their table."""
    size = weights.shape[0]
    used = (codes[:, 0] >= 0) & (codes[:, 1] >= 0)
    cell = np.where(used, codes[:, 0] * size + codes[:, 1], 0)
    values = np.zeros((codes.shape[0], size * size))
    values[np.flatnonzero(used), cell[used]] = 1.0

    def kappa(means: np.ndarray) -> tuple[complex, complex, complex]:
        table = means.reshape(size, size)
        observed = (weights * table).sum()
        expected = table.sum(axis=1) @ weights @ table.sum(axis=0)
        return _corrected(observed, expected), observed, expected

    return SubjectMeans(values=values, used=used, function=kappa)


def gwet_means(codes: IntMatrix, weights: FloatMatrix) -> SubjectMeans:
    """Return Gwet's AC1 (identity weights) or AC2, for any number of raters."""
    size = weights.shape[0]
    counts = _counts(codes, size)
    n_ratings = counts.sum(axis=1)
    pairs = n_ratings * (n_ratings - 1)
    agreeing = (counts * (counts @ weights - 1)).sum(axis=1) / np.maximum(pairs, 1)
    several, rated = pairs > 0, n_ratings > 0
    share = counts / np.maximum(n_ratings, 1)[:, None]
    values = np.column_stack(
        [np.where(several, agreeing, 0), several, rated, share]
    ).astype(np.float64)
    factor = weights.sum() / (size * (size - 1)) if size > 1 else 0.0

    def coefficient(means: np.ndarray) -> tuple[complex, complex, complex]:
        observed = means[0] / means[1]
        prevalence = means[3:] / means[2]
        expected = factor * (prevalence * (1 - prevalence)).sum()
        return _corrected(observed, expected), observed, expected

    return SubjectMeans(values=values, used=rated, function=coefficient)


def alpha_means(codes: IntMatrix, values: FloatVector, weighting: str) -> SubjectMeans:
    """Return Krippendorff's alpha with the nominal, ordinal or interval metric."""
    size = values.size
    counts = _counts(codes, size)
    n_ratings = counts.sum(axis=1)
    used = n_ratings > 1
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs[:, np.arange(size), np.arange(size)] -= counts
    pairs /= np.maximum(n_ratings - 1, 1)[:, None, None]
    pairs[~used] = 0.0
    n_pairable = float(n_ratings[used].sum())
    small = n_pairable / (n_pairable - 1) if n_pairable > 1 else 1.0

    def alpha(means: np.ndarray) -> tuple[complex, complex, complex]:
        coincidence = means.reshape(size, size)
        marginal = coincidence.sum(axis=0)
        total = marginal.sum()
        apart = _distances(marginal / total, values, weighting)
        observed = (coincidence * apart).sum() / total
        expected = marginal @ apart @ marginal / total**2 * small
        scale = apart.real.max() or 1.0
        point = 1 - observed / expected if expected != 0 else np.complex128(np.nan)
        return point, 1 - observed / scale, 1 - expected / scale

    return SubjectMeans(
        values=pairs.reshape(codes.shape[0], -1), used=used, function=alpha
    )


def _distances(marginal: np.ndarray, values: FloatVector, weighting: str) -> np.ndarray:
    """Return squared distances between categories."""
    if weighting == "identity":
        return 1 - np.eye(values.size)
    if weighting == "quadratic":
        return np.asarray((values[:, None] - values) ** 2)
    # Ordinal: ranks between two categories, their own ends counted half.
    middle = np.cumsum(marginal) - marginal / 2
    return np.asarray((middle[:, None] - middle) ** 2)


def _counts(codes: IntMatrix, size: int) -> FloatMatrix:
    """Return how many raters put each subject into each category."""
    return np.stack([(codes == k).sum(axis=1) for k in range(size)], axis=1).astype(
        np.float64
    )


def _corrected(observed: complex, expected: complex) -> complex:
    if abs(1 - expected) < 1e-12:
        raise NotEstimableError(
            "All ratings fall into one category: agreement by chance is complete and a "
            "chance-corrected coefficient does not exist. Report percent agreement."
        )
    return (observed - expected) / (1 - expected)
