"""Logistic likelihood with Firth's penalty, on distinct covariate rows.

l*(b) = sum_i [s_i eta_i - m_i log(1 + exp eta_i)] + tau log |I(b)|, I = X' W X,
W = diag(m p (1 - p)), over distinct rows i with m_i trials and s_i events. The score is
U* = X' (s - m p + 2 tau h (1/2 - p)) with leverages h. Its derivative is written out
here rather than taken as -I: Newton's method then converges quadratically.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtri
from scipy.special import expit

from estimators.errors import ConvergenceError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector

__all__ = ["Likelihood", "State", "inverse", "maximise", "solve"]

# A step moves no linear predictor further than this: odds change by exp(5) at most.
LONGEST_STEP = 5.0
# Squared length of a step in standard errors; after it, convergence being quadratic,
# the estimate is as exact as the score's own rounding allows.
SMALL_STEP = 1e-20
# The derivative of the penalty costs rows x terms^2 numbers; above this many, Fisher's
# information replaces it and steps become smaller in number of digits gained.
_EXACT_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Everything about one parameter vector; `information` is X'WX."""

    beta: FloatVector
    log_likelihood: float
    penalised: float
    score: FloatVector
    information: FloatMatrix
    curvature: FloatMatrix
    probability: FloatVector
    leverage: FloatVector


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """Distinct rows of a logistic model: matrix (g, k), trials (g,), events (g,)."""

    matrix: FloatMatrix
    trials: FloatVector
    events: FloatVector
    tau: float

    def at(self, beta: FloatVector) -> State | None:
        """Return the state at `beta`, None where the information is singular."""
        x = self.matrix
        eta = x @ beta
        p = expit(eta)
        q = expit(-eta)
        weight = self.trials * p * q
        information = (x * weight[:, None]).T @ x
        root, failed = dpotrf(information, lower=1)
        if failed or not np.isfinite(information).all():
            return None
        whitened = x @ dtrtri(root, lower=1)[0].T
        squares = whitened**2
        leverage = weight * squares.sum(axis=1)
        plain = float(self.events @ eta - self.trials @ np.logaddexp(0.0, eta))
        penalty = 2.0 * float(np.log(np.diag(root)).sum())
        pull = 2.0 * self.tau * leverage * (0.5 - p)
        return State(
            beta=beta,
            log_likelihood=plain,
            penalised=plain + self.tau * penalty,
            score=(self.events - self.trials * p + pull) @ x,
            information=information,
            curvature=self._curvature(information, whitened, (weight, p, leverage)),
            probability=p,
            leverage=leverage,
        )

    def _curvature(
        self,
        information: FloatMatrix,
        whitened: FloatMatrix,
        row: tuple[FloatVector, FloatVector, FloatVector],
    ) -> FloatMatrix:
        """Return minus the second derivative of the penalised log likelihood."""
        x = self.matrix
        rows, terms = x.shape
        if self.tau == 0 or rows * terms**2 > _EXACT_CELLS:
            return information
        weight, p, leverage = row
        pq = p * (1 - p)
        direct = (x * (leverage * (1 - 6 * pq))[:, None]).T @ x
        products = (whitened[:, :, None] * whitened[:, None, :]).reshape(rows, -1)
        slopes = (x * (weight * (1 - 2 * p))[:, None]).T @ products
        curvature: FloatMatrix = information - self.tau * (direct - slopes @ slopes.T)
        return curvature


def solve(curvature: FloatMatrix, right: FloatVector) -> FloatVector | None:
    """Return curvature^-1 right, None unless the curvature is positive definite."""
    root, failed = dpotrf(curvature, lower=1)
    if failed:
        return None
    solution, _ = dpotrs(root, right, lower=1)
    return np.asarray(solution)


def inverse(matrix: FloatMatrix) -> FloatMatrix | None:
    """Return the inverse of a positive definite matrix, None if it is not one."""
    root, failed = dpotrf(matrix, lower=1)
    if failed:
        return None
    # Not dpotri: OpenBLAS starts threads for it even on a 7 x 7 matrix.
    whitener = dtrtri(root, lower=1)[0]
    return np.asarray(whitener.T @ whitener)


def maximise(
    likelihood: Likelihood, start: FloatVector, free: BoolVector, *, most: int = 100
) -> State:
    """Maximise over the free parameters; the others stay as in `start`.

    Raises
    ------
    ConvergenceError
        If the steps do not become negligible within `most` iterations.
    """
    state = likelihood.at(start)
    if state is None:
        raise ConvergenceError("The starting values make the information singular.")
    for _ in range(most):
        step, length = _newton_step(state, free)
        reach = float(np.abs(likelihood.matrix @ step).max(initial=0.0))
        if reach > LONGEST_STEP:
            step = step * (LONGEST_STEP / reach)
        new = _uphill(likelihood, state, step)
        if new is None:
            if length < 1e-12:  # no higher point within rounding: this is the top
                return state
            break
        state = new
        if length < SMALL_STEP:
            return state
    raise ConvergenceError(
        f"The penalised likelihood was not maximised in {most} steps; the last moved "
        f"the estimate by {np.sqrt(length):.1e} standard errors. Look for terms on "
        "wildly different scales or nearly collinear ones."
    )


def _newton_step(state: State, free: BoolVector) -> tuple[FloatVector, float]:
    score = state.score[free]
    if not score.size:
        return np.zeros_like(state.beta), 0.0
    inside = np.ix_(free, free)
    part = solve(state.curvature[inside], score)
    if part is None:
        part = solve(state.information[inside], score)
    if part is None:
        raise ConvergenceError("The information became singular on the way.")
    step = np.zeros_like(state.beta)
    step[free] = part
    return step, float(score @ part)


def _uphill(likelihood: Likelihood, state: State, step: FloatVector) -> State | None:
    """Halve the step until it does not lead downhill."""
    # Near the top the gain drowns in rounding: equal up to it counts as uphill.
    slack = 1e-13 * (1.0 + abs(state.penalised))
    for halving in range(30):
        new = likelihood.at(state.beta + step * 0.5**halving)
        if new is not None and new.penalised >= state.penalised - slack:
            return new
    return None
