"""Likelihood of pooled tests: binomial counts whose chance is a function of prevalence.

A pool of s persons is positive with probability (1 - Sp) + J (1 - q^s), where q is one
minus the prevalence and J = Se + Sp - 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln, xlogy

if TYPE_CHECKING:
    from collections.abc import Callable

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["Pools", "all_outcomes", "grouped", "root_of"]

_GRID = 1 / (1 + np.exp(-np.linspace(-18, 18, 721)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pools:
    """Positive pools `y` among `m` pools of `size` persons, shape (sizes,) each."""

    y: FloatVector
    m: FloatVector
    size: FloatVector
    sensitivity: float = 1.0
    specificity: float = 1.0

    def with_counts(self, y: FloatVector) -> Pools:
        """Return the same pools with other counts."""
        return replace(self, y=y)

    def chance(self, p: float) -> FloatVector:
        """Return the probability of a positive pool, by kind of pool."""
        youden = self.sensitivity + self.specificity - 1
        clean = self.size * np.log1p(-min(p, 1 - 1e-16))
        return np.asarray(1 - self.specificity - youden * np.expm1(clean))

    def log_likelihood(self, p: float) -> float:
        """Return the log-likelihood without binomial coefficients."""
        chance = self.chance(p)
        return float((xlogy(self.y, chance) + xlogy(self.m - self.y, 1 - chance)).sum())

    def score(self, p: float) -> tuple[float, float, float]:
        """Return score, information and Firth's correction of the score.

        The correction is minus information times the first-order bias, which for
        binomial counts is -1/2 sum(m c' c'' / v) / information^2 with c the chance of a
        positive pool and v = c (1 - c).
        """
        youden = self.sensitivity + self.specificity - 1
        q, s = 1 - p, self.size
        chance = self.chance(p)
        variance = np.maximum(chance * (1 - chance), 1e-300)
        slope = youden * s * q ** (s - 1)
        bend = -youden * s * (s - 1) * q ** np.maximum(s - 2, 0)
        score = float((slope * (self.y - self.m * chance) / variance).sum())
        information = float((self.m * slope**2 / variance).sum())
        correction = float((self.m * slope * bend / variance).sum()) / (2 * information)
        return score, information, correction

    def estimate(self, *, firth: bool) -> float:
        """Return the maximum likelihood or bias-corrected estimate in [0, 1]."""

        def equation(p: float) -> float:
            score, _, correction = self.score(p)
            return score + correction if firth else score

        values = np.array([equation(float(p)) for p in _GRID])
        crossing = np.flatnonzero((values[:-1] >= 0) & (values[1:] < 0))
        if not crossing.size:
            return 0.0 if values[0] < 0 else 1.0
        place = int(crossing[0])
        return root_of(equation, _GRID[place], _GRID[place + 1])


def grouped(
    y: FloatVector, m: FloatVector, size: FloatVector
) -> tuple[FloatVector, FloatVector, FloatVector]:
    """Return counts added up by pool size."""
    sizes, code = np.unique(size, return_inverse=True)
    return (
        np.bincount(code, y, sizes.size).astype(np.float64),
        np.bincount(code, m, sizes.size).astype(np.float64),
        sizes.astype(np.float64),
    )


def root_of(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the root between two points of different sign, to the last digits."""
    return float(brentq(function, low, high, xtol=1e-300, rtol=8.9e-16))


def all_outcomes(pools: Pools) -> tuple[FloatMatrix, FloatVector, FloatVector]:
    """Return every possible count vector, its estimate and its log coefficient."""
    axes = [np.arange(m + 1) for m in pools.m]
    counts = np.stack(
        [axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1
    ).astype(np.float64)
    low = np.full(counts.shape[0], -40.0)
    high = np.full(counts.shape[0], 40.0)
    youden = pools.sensitivity + pools.specificity - 1
    for _ in range(60):  # bisection of the score on the logit scale, all at once
        middle = (low + high) / 2
        q = (1 / (1 + np.exp(middle)))[:, None]
        chance = 1 - pools.specificity + youden * (1 - q**pools.size)
        slope = pools.size * q ** (pools.size - 1)
        variance = np.maximum(chance * (1 - chance), 1e-300)
        score = (slope * (counts - pools.m * chance) / variance).sum(axis=1)
        low = np.where(score > 0, middle, low)
        high = np.where(score > 0, high, middle)
    estimate = 1 / (1 + np.exp(-(low + high) / 2))
    choose = gammaln(pools.m + 1) - gammaln(counts + 1) - gammaln(pools.m - counts + 1)
    # Estimates that differ by rounding alone must tie.
    return counts, np.round(estimate, 10), choose.sum(axis=1)
