"""Limits where the profile of a penalised likelihood falls below its critical value.

Venzon and Moolgavkar's (1988) steps solve for the limit and the other parameters at
once; where they leave the ground (a step cap and a retreat towards the maximum keep
most on it), a bracket on the profile itself is narrowed instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq

from estimators.errors import ConvergenceError
from estimators.regression._penalised_likelihood import (
    Likelihood,
    State,
    inverse,
    maximise,
    solve,
)

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector

__all__ = ["constrained", "profile_limit"]

# Beyond this many multiples of the standard error a limit counts as infinite: the
# linear predictor has long left the range of double precision.
_FARTHEST = 2.0**12


def constrained(likelihood: Likelihood, top: State, values: dict[int, float]) -> State:
    """Maximise with some parameters held at `values`, starting from the maximum `top`.

    The penalty stays that of the full design, as in Heinze and Schemper (2002).
    """
    held = np.array(list(values), dtype=np.int64)
    free = np.ones(top.beta.size, dtype=bool)
    free[held] = False
    shift = np.array(list(values.values())) - top.beta[held]
    return maximise(likelihood, _follow(likelihood, top, held, shift), free)


def _follow(
    likelihood: Likelihood, top: State, held: np.ndarray, shift: FloatVector
) -> FloatVector:
    """Move some parameters and let the others follow the quadratic approximation."""
    beta = top.beta.copy()
    free = np.ones(beta.size, dtype=bool)
    free[held] = False
    beta[held] += shift
    pull = top.curvature[np.ix_(free, held)] @ shift
    part = solve(top.curvature[np.ix_(free, free)], pull) if free.any() else None
    if part is not None:
        guess = beta.copy()
        guess[free] -= part
        if likelihood.at(guess) is not None:
            return guess
    return beta


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    likelihood: Likelihood
    top: State
    term: int
    side: int
    floor: float  # value of the penalised log likelihood at the limit

    def start(self) -> FloatVector | None:
        covariance = inverse(self.top.curvature)
        if covariance is None:
            return None
        column = covariance[:, self.term]
        drop = self.top.penalised - self.floor
        return np.asarray(
            self.top.beta + self.side * math.sqrt(2 * drop / column[self.term]) * column
        )


def profile_limit(
    likelihood: Likelihood, top: State, *, term: int, side: int, drop: float
) -> float:
    """Return the parameter value where the profile lies `drop` below its maximum.

    Parameters
    ----------
    likelihood : Likelihood
    top : State
        The maximum.
    term : int
    side : int
        1 for the upper, -1 for the lower limit; infinite if the profile never falls.
    drop : float
        Half a quantile of chi-square with 1 degree of freedom.

    References
    ----------
    Venzon, D. J. and Moolgavkar, S. H. (1988). A method for computing
    profile-likelihood-based confidence intervals. Applied Statistics 37, 87-94.
    https://doi.org/10.2307/2347496
    """
    search = _Search(likelihood, top, term, side, top.penalised - drop)
    limit = _venzon_moolgavkar(search)
    return _bracketed(search) if limit is None else limit


def _venzon_moolgavkar(search: _Search) -> float | None:
    from estimators.regression._kernels import limit_steps

    start = search.start()
    if start is None:
        return None
    arrived, limit = limit_steps(
        search.likelihood.problem, search.top.beta, start, search.term, search.floor
    )
    return float(limit) if arrived else None


def _bracketed(search: _Search) -> float:
    """Step outwards until the profile is below the floor, then close in."""
    top, term = search.top, search.term
    covariance = inverse(top.information)
    if covariance is None:
        raise ConvergenceError("The information is singular at the maximum.")
    unit = search.side * math.sqrt(covariance[term, term])
    inner, state = 0.0, top
    free: BoolVector = np.ones(top.beta.size, dtype=bool)
    free[term] = False
    latest = [top]

    def height(distance: float) -> float:
        start = latest[0].beta.copy()
        start[term] = top.beta[term] + unit * distance
        if search.likelihood.at(start) is None:
            start = top.beta.copy()
            start[term] = top.beta[term] + unit * distance
        latest[0] = maximise(search.likelihood, start, free)
        return latest[0].penalised - search.floor

    outer = 1.0
    while outer <= _FARTHEST:
        try:
            value = height(outer)
        except ConvergenceError:
            return math.inf * search.side
        if value < 0:
            break
        inner, state = outer, latest[0]
        outer *= 1.5
    else:
        return math.inf * search.side
    latest[0] = state
    root = brentq(height, inner, outer, xtol=1e-12, rtol=8.9e-16)
    return float(top.beta[term] + unit * root)
