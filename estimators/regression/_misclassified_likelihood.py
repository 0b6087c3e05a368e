"""Likelihood of a 0/1 outcome that is recorded with known Se and Sp.

A true outcome has p = expit(eta), the recorded one pi = (1 - Sp) + D p with
D = Se + Sp - 1. Over distinct rows with m_i trials and s_i recorded events

l*(b) = sum_i [s_i log pi_i + (m_i - s_i) log(1 - pi_i)] + tau log |X' W X|,
W = diag(m (D p q)^2 / (pi (1 - pi))).

With tau = 1/2 the penalty is that of Jeffreys' prior. W vanishes at both ends of eta,
so the penalised maximum is finite whatever the data (Kosmidis and Firth 2021).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from estimators.errors import ConvergenceError
from estimators.regression._penalised_likelihood import inverse, solve

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["MisclassifiedLikelihood", "MisclassifiedState", "maximise_misclassified"]

_LONGEST_STEP = 3.0
_SMALL_STEP = 1e-22
_SLOWLY = 1e-12
_MOST_STEPS = 500
# Relative step of central differences of an analytic score: the cube root of rounding.
_DIFFERENCE = 6e-6
_TINY = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class MisclassifiedState:
    """Everything about one parameter vector."""

    beta: FloatVector
    log_likelihood: float
    penalised: float
    score: FloatVector  # of the penalised likelihood
    information: FloatMatrix  # expected
    observed: FloatMatrix  # minus the second derivative, without the penalty
    share: FloatVector  # each row's part of the penalty in the score, per trial


@dataclass(frozen=True, slots=True, eq=False)
class MisclassifiedLikelihood:
    """Distinct rows: matrix (g, k), trials (g,), recorded events (g,)."""

    matrix: FloatMatrix
    trials: FloatVector
    events: FloatVector
    sensitivity: float
    specificity: float
    tau: float

    def at(self, beta: FloatVector) -> MisclassifiedState | None:
        """Return the state at `beta`, None where the information is singular."""
        x, m, s = self.matrix, self.trials, self.events
        eta = x @ beta
        p, q = expit(eta), expit(-eta)
        gain = self.sensitivity + self.specificity - 1
        # Both sums of terms >= 0, exact to rounding also where a recorded outcome is
        # all but impossible.
        share = (1 - self.specificity) * q + self.sensitivity * p
        rest = self.specificity * q + (1 - self.sensitivity) * p
        share, rest = np.maximum(share, _TINY), np.maximum(rest, _TINY)
        slope = gain * p * q
        up, down = slope / share, slope / rest
        pull = s * up - (m - s) * down
        weight = m * up * down
        information = (x * weight[:, None]).T @ x
        size = np.sqrt(np.diag(information))
        if not (np.isfinite(size).all() and (size > 0).all()):
            return None
        scaled = inverse(information / np.outer(size, size))
        if scaled is None or not np.isfinite(scaled).all():
            return None
        sign, logarithm = np.linalg.slogdet(information)
        if sign <= 0:
            return None
        leverage = weight * np.einsum(
            "ij,jk,ik->i", x / size, scaled, x / size, optimize=True
        )
        bend = 2 * (q - p) - up + down
        push = self.tau * leverage * bend
        bent = s * up * (q - p - up) - (m - s) * down * (q - p + down)
        plain = float(s @ np.log(share) + (m - s) @ np.log(rest))
        return MisclassifiedState(
            beta=beta,
            log_likelihood=plain,
            penalised=plain + self.tau * float(logarithm),
            score=(pull + push) @ x,
            information=information,
            observed=-(x * bent[:, None]).T @ x,
            share=np.divide(push, m, out=np.zeros_like(push), where=m > 0),
        )

    def curvature(self, state: MisclassifiedState) -> FloatMatrix:
        """Return minus the second derivative of the penalised likelihood."""
        if self.tau == 0:
            return state.observed
        columns = []
        for place in range(state.beta.size):
            ends = []
            step = _DIFFERENCE * max(1.0, abs(state.beta[place]))
            for side in (-1, 1):
                beta = state.beta.copy()
                beta[place] += side * step
                ends.append(self._score(beta))
            columns.append((ends[0] - ends[1]) / (2 * step))
        found = np.column_stack(columns)
        return np.asarray((found + found.T) / 2)

    def accuracy_slopes(self, state: MisclassifiedState) -> FloatMatrix:
        """Return the derivative of the score in Se and Sp, shape (k, 2)."""
        columns = []
        for name in ("sensitivity", "specificity"):
            value = getattr(self, name)
            low, high = max(value - _DIFFERENCE, 0.0), min(value + _DIFFERENCE, 1.0)
            ends = [
                replace(self, **{name: end})._score(state.beta) for end in (low, high)
            ]
            columns.append((ends[1] - ends[0]) / (high - low))
        return np.column_stack(columns)

    def _score(self, beta: FloatVector) -> FloatVector:
        state = self.at(beta)
        if state is None:
            raise ConvergenceError("The information is singular beside the estimate.")
        return state.score


def maximise_misclassified(
    likelihood: MisclassifiedLikelihood, start: FloatVector
) -> tuple[MisclassifiedState, bool]:
    """Climb from `start`; return where it ended and whether that is a maximum.

    Newton's steps where the likelihood is concave, Fisher's elsewhere, halved until
    they lead uphill.

    Raises
    ------
    ConvergenceError
        If the information is singular at the start.
    """
    state = likelihood.at(start)
    if state is None:
        raise ConvergenceError("The starting values make the information singular.")
    for _ in range(_MOST_STEPS):
        step = solve(likelihood.curvature(state), state.score)
        if step is None:
            step = solve(state.information, state.score)
        if step is None:
            return state, False
        length = float(state.score @ step)
        reach = float(np.abs(likelihood.matrix @ step).max(initial=0.0))
        new = _uphill(likelihood, state, step * min(1.0, _LONGEST_STEP / max(reach, 1)))
        if new is None:
            return state, length < _SLOWLY
        state = new
        if length < _SMALL_STEP:
            return state, True
    return state, length < _SLOWLY


def _uphill(
    likelihood: MisclassifiedLikelihood, state: MisclassifiedState, step: FloatVector
) -> MisclassifiedState | None:
    slack = 1e-13 * (1.0 + abs(state.penalised))
    for halving in range(40):
        new = likelihood.at(state.beta + step * 0.5**halving)
        if new is not None and new.penalised >= state.penalised - slack:
            return new
    return None
