"""Two ways to give Firth's predictions the right mean (Puhr et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from estimators.errors import ConvergenceError
from estimators.regression._penalised_likelihood import Likelihood, State, maximise

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["augment_data", "refit_intercept"]


def refit_intercept(likelihood: Likelihood, top: State, intercept: int) -> State:
    """FLIC: move the intercept until the predictions sum to the observed events."""
    predictor = likelihood.matrix @ top.beta

    def surplus(shift: float) -> float:
        return float(
            likelihood.trials @ expit(predictor + shift) - likelihood.events.sum()
        )

    reach = 1.0
    while surplus(-reach) > 0 or surplus(reach) < 0:
        reach *= 2
    beta: FloatVector = top.beta.copy()
    beta[intercept] += brentq(surplus, -reach, reach, xtol=1e-14, rtol=8.9e-16)
    state = likelihood.at(beta)
    if state is None:
        raise ConvergenceError("The information is singular at the new intercept.")
    return state


def augment_data(likelihood: Likelihood, top: State) -> tuple[Likelihood, State]:
    """FLAC: add pseudo-observations of both outcomes, told apart by an indicator.

    Each person gets two copies of weight tau * h, one per outcome: rows of 2 tau h
    trials with half of them events. The indicator's coefficient is the last one.
    """
    x = likelihood.matrix
    added = 2 * likelihood.tau * top.leverage
    marked = np.vstack(
        [np.hstack([x, np.zeros((len(x), 1))]), np.hstack([x, np.ones((len(x), 1))])]
    )
    augmented = Likelihood(
        marked,
        np.concatenate([likelihood.trials, added]),
        np.concatenate([likelihood.events, added / 2]),
        0.0,
    )
    start = np.append(top.beta, 0.0)
    return augmented, maximise(augmented, start, np.ones(start.size, dtype=bool))
