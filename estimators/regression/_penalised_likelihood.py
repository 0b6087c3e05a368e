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

from estimators.errors import ConvergenceError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector

__all__ = ["Likelihood", "State", "inverse", "maximise", "solve"]

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

    @property
    def problem(self) -> tuple[FloatMatrix, FloatVector, FloatVector, float, bool]:
        """What the kernels take; the last says whether curvatures are exact."""
        rows, terms = self.matrix.shape
        return (
            np.ascontiguousarray(self.matrix, dtype=np.float64),
            np.ascontiguousarray(self.trials, dtype=np.float64),
            np.ascontiguousarray(self.events, dtype=np.float64),
            float(self.tau),
            self.tau != 0 and rows * terms**2 <= _EXACT_CELLS,
        )

    def at(self, beta: FloatVector) -> State | None:
        """Return the state at `beta`, None where the information is singular."""
        from estimators.regression._kernels import evaluate

        beta = np.asarray(beta, dtype=np.float64)
        found = evaluate(self.problem, beta)
        return State(beta, *found[1:]) if found[0] else None


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
    from estimators.regression import _kernels

    ending, length, beta = _kernels.climb(
        likelihood.problem, np.asarray(start, dtype=np.float64), free, most
    )
    if ending == _kernels.CONVERGED:
        state = likelihood.at(beta)
        if state is not None:
            return state
    if ending == _kernels.SINGULAR_START:
        raise ConvergenceError("The starting values make the information singular.")
    if ending == _kernels.SINGULAR_ON_THE_WAY:
        raise ConvergenceError("The information became singular on the way.")
    raise ConvergenceError(
        f"The penalised likelihood was not maximised in {most} steps; the last moved "
        f"the estimate by {np.sqrt(length):.1e} standard errors. Look for terms on "
        "wildly different scales or nearly collinear ones."
    )
