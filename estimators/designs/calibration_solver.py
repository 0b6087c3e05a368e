"""Weights that reproduce totals and stay as near as can be to those they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from estimators.designs.calibration import inverse_cross_product

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.designs.calibration import Distance

__all__ = ["Solution", "is_partition", "solve_ratios"]

_TOLERANCE = 1e-12
_GOOD_ENOUGH = 1e-9  # relative error of a total that rounding may leave
_ITERATIONS = 200
_SHORTEST = 1e-6  # share of a Newton step
_FREED = 0.1  # slope lent to rows at a bound
_LARGEST = 600.0  # exponent below overflow
_Ratio: TypeAlias = Callable[["FloatVector"], "tuple[FloatVector, FloatVector]"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """Ratios by distinct row, multipliers, and the relative error of each total."""

    ratio: FloatVector
    multipliers: FloatVector
    error: FloatVector

    @property
    def converged(self) -> bool:
        """Whether every total is reproduced."""
        return bool(np.isfinite(self.error).all() and self.error.max() <= _GOOD_ENOUGH)


def is_partition(matrix: FloatMatrix) -> bool:
    """Return whether each row is in exactly one of the columns (post-strata)."""
    return bool(np.isin(matrix, (0.0, 1.0)).all() and (matrix.sum(axis=1) == 1).all())


def solve_ratios(
    matrix: FloatMatrix,
    weights: FloatVector,
    totals: FloatVector,
    *,
    distance: Distance,
    bounds: tuple[float, float] | None = None,
    start: FloatVector | None = None,
) -> Solution:
    """Solve ``sum w g(x' lambda) x = totals`` for lambda by Newton's method.

    Parameters
    ----------
    matrix : ndarray of shape (m, p)
        Calibration variables.
    weights : ndarray of shape (m,)
    totals : ndarray of shape (p,)
    distance : {"linear", "raking", "logit"}
        g(u) is 1 + u, exp(u) or Deville and Särndal's logit between the bounds.
    bounds : pair of float, optional
        Least and largest ratio; the first two are cut there.
    start : ndarray of shape (p,), optional
        Multipliers to begin with.

    Returns
    -------
    Solution
        Also where no solution was found: ask `converged`.
    """
    size = _sizes(matrix, weights, totals)
    if bounds is None and is_partition(matrix):
        have = matrix.T @ weights
        factor = np.divide(totals, have, np.full_like(totals, np.nan), where=have > 0)
        return Solution(
            ratio=factor[matrix.argmax(axis=1)],
            multipliers=np.zeros(totals.size),
            error=np.where(have > 0, 0.0, np.inf),
        )
    problem = _Problem(
        matrix=matrix,
        weights=weights,
        totals=totals,
        size=size,
        form=_ratio_form(distance, bounds),
    )
    at = problem.at(np.zeros(totals.size) if start is None else start.copy())
    for _ in range(_ITERATIONS):
        if at.error <= _TOLERANCE:
            break
        # Rows that sit at a bound have no slope. Where all that could help do, a plain
        # descent step frees them.
        for slope in (at.slope, np.maximum(at.slope, _FREED)):
            found = _walk(problem, at, slope)
            if found is not None:
                break
        if found is None:
            break
        at = found
    return Solution(
        ratio=at.ratio, multipliers=at.multipliers, error=np.abs(at.miss) / size
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Point:
    multipliers: FloatVector
    ratio: FloatVector
    slope: FloatVector
    miss: FloatVector
    error: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Problem:
    matrix: FloatMatrix
    weights: FloatVector
    totals: FloatVector
    size: FloatVector
    form: _Ratio

    def at(self, multipliers: FloatVector) -> _Point:
        ratio, slope = self.form(self.matrix @ multipliers)
        miss = self.totals - self.matrix.T @ (self.weights * ratio)
        error = float(np.linalg.norm(miss / self.size))
        return _Point(
            multipliers=multipliers, ratio=ratio, slope=slope, miss=miss, error=error
        )


def _walk(problem: _Problem, at: _Point, slope: FloatVector) -> _Point | None:
    """Take the Newton step, halved until it helps; None where nothing does."""
    inverse = inverse_cross_product(problem.matrix, problem.weights * slope)
    step = inverse @ at.miss
    length = 1.0
    while length > _SHORTEST:
        tried = problem.at(at.multipliers + length * step)
        if tried.error < at.error:
            return tried
        length /= 2
    return None


def _sizes(
    matrix: FloatMatrix, weights: FloatVector, totals: FloatVector
) -> FloatVector:
    """Return what an error of each total is measured against."""
    size: FloatVector = np.maximum(np.abs(totals), np.abs(matrix).T @ np.abs(weights))
    size[size == 0] = 1
    return size


def _ratio_form(distance: Distance, bounds: tuple[float, float] | None) -> _Ratio:
    """Return g and its derivative as one function."""
    if distance == "logit" and bounds is not None:
        return _logit(*bounds)
    low, high = bounds or (-np.inf, np.inf)

    def form(u: FloatVector) -> tuple[FloatVector, FloatVector]:
        free = 1 + u if distance == "linear" else np.exp(np.minimum(u, _LARGEST))
        rise = np.ones_like(u) if distance == "linear" else free
        inside = (free > low) & (free < high)
        return np.clip(free, low, high), np.where(inside, rise, 0.0)

    return form


def _logit(low: float, high: float) -> _Ratio:
    rate = (high - low) / ((1 - low) * (high - 1))

    def form(u: FloatVector) -> tuple[FloatVector, FloatVector]:
        power = np.exp(np.clip(rate * u, -_LARGEST, _LARGEST))
        base = (high - 1) + (1 - low) * power
        ratio = (low * (high - 1) + high * (1 - low) * power) / base
        slope = (ratio - low) * (high - ratio) / ((1 - low) * (high - 1))
        return ratio, slope

    return form
