"""Likelihood of cumulative logit models, on cells of equal covariates and category.

P(Y <= j) = expit(zeta_j - x b - z c_j). A cell of category j has a = its linear
predictor at j (infinite at the top) and b at j - 1 (minus infinite at the bottom), and
log P = log(1 - e^(b - a)) + log expit(a) + log expit(-b): exact to rounding however far
out, and concave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, log_expit

from estimators.errors import ConvergenceError
from estimators.regression._penalised_likelihood import solve

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = [
    "CumulativeCells",
    "CumulativeState",
    "cumulative_rows",
    "maximise_cumulative",
]

_LONGEST_STEP = 5.0
_SMALL_STEP = 1e-22


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeState:
    """Parameters, log likelihood, each cell's score (g, k), and minus the Hessian."""

    theta: FloatVector
    log_likelihood: float
    scores: FloatMatrix  # of one person of the cell
    information: FloatMatrix  # observed, of all cells


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeCells:
    """Derivatives of each cell's two linear predictors, and its mass (g,)."""

    upper: FloatMatrix
    lower: FloatMatrix
    has_upper: BoolVector
    has_lower: BoolVector
    mass: FloatVector

    def at(self, theta: FloatVector) -> CumulativeState | None:
        """Return the state, None where some probability is not above 0."""
        a = np.where(self.has_upper, self.upper @ theta, np.inf)
        b = np.where(self.has_lower, self.lower @ theta, -np.inf)
        gap = a - b
        if not (gap[self.mass > 0] > 0).all():
            return None
        gap = np.maximum(gap, 1e-300)
        rest = 1 / np.expm1(np.minimum(gap, 700.0))
        log_p = np.log(-np.expm1(-gap)) + log_expit(a) + log_expit(-b)
        to_a, to_b = rest + expit(-a), -rest - expit(b)
        both = rest * (1 + rest)
        upper, lower = self.upper, self.lower
        mixed = (upper * (self.mass * both)[:, None]).T @ lower
        information = (
            (upper * (self.mass * (both + expit(a) * expit(-a)))[:, None]).T @ upper
            + (lower * (self.mass * (both + expit(b) * expit(-b)))[:, None]).T @ lower
            - mixed
            - mixed.T
        )
        return CumulativeState(
            theta=theta,
            log_likelihood=float(self.mass @ np.where(self.mass > 0, log_p, 0.0)),
            scores=upper * to_a[:, None] + lower * to_b[:, None],
            information=information,
        )


def cumulative_rows(
    matrix: FloatMatrix,
    category: IntVector,
    mass: FloatVector,
    *,
    categories: int,
    free: BoolVector,
) -> CumulativeCells:
    """Return the cells of persons' rows.

    Parameters
    ----------
    matrix : ndarray of shape (g, p)
        Covariates without a constant.
    category : ndarray of int, shape (g,)
        0 .. categories - 1.
    mass : ndarray of shape (g,)
    categories : int
    free : ndarray of bool, shape (p,)
        Covariates with a coefficient of their own at every threshold.

    Returns
    -------
    CumulativeCells
        Parameters: common coefficients, thresholds, then the free coefficients,
        threshold by threshold within each.
    """
    thresholds = categories - 1

    def side(level: IntVector) -> tuple[FloatMatrix, BoolVector]:
        exists = (level >= 0) & (level < thresholds)
        chosen = (level[:, None] == np.arange(thresholds)).astype(np.float64)
        separate = [-column[:, None] * chosen for column in matrix[:, free].T]
        common = -matrix[:, ~free] * exists[:, None]
        return np.column_stack([common, chosen, *separate]), np.asarray(exists)

    upper, has_upper = side(category)
    lower, has_lower = side(category - 1)
    return CumulativeCells(upper, lower, has_upper, has_lower, mass)


def maximise_cumulative(
    cells: CumulativeCells, start: FloatVector, *, most: int = 100
) -> CumulativeState:
    """Maximise by Newton's method, halving steps that lead downhill.

    Raises
    ------
    ConvergenceError
        If the steps do not become negligible.
    """
    state = cells.at(start)
    if state is None:
        raise ConvergenceError("The starting thresholds are not in order.")
    for _ in range(most):
        score = cells.mass @ state.scores
        step = solve(state.information, score)
        if step is None:
            break
        length = float(score @ step)
        reach = max(
            float(np.abs(cells.upper @ step).max(initial=0.0)),
            float(np.abs(cells.lower @ step).max(initial=0.0)),
        )
        step = step * min(1.0, _LONGEST_STEP / max(reach, 1e-300))
        new = _uphill(cells, state, step)
        if new is None:
            if length < 1e-12:
                return state
            break
        state = new
        if length < _SMALL_STEP:
            return state
    raise ConvergenceError(
        "The likelihood of the ordinal model was not maximised. Look for terms on "
        "wildly different scales or nearly collinear ones, or categories with hardly "
        "any person."
    )


def _uphill(
    cells: CumulativeCells, state: CumulativeState, step: FloatVector
) -> CumulativeState | None:
    slack = 1e-13 * (1.0 + abs(state.log_likelihood))
    for halving in range(40):
        new = cells.at(state.theta + step * 0.5**halving)
        if new is not None and new.log_likelihood >= state.log_likelihood - slack:
            return new
    return None
