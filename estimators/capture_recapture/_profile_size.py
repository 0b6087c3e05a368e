"""Multinomial profile-likelihood interval for the size under one log-linear model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import digamma, gammaln, xlogy

from estimators.capture_recapture._extended_likelihood import (
    design_columns,
    maximise_poisson,
    reduced_table,
)
from estimators.intervals import critical_value
from estimators.results import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = ["profile_interval"]

# Fewer unseen than this and the limit is the number seen.
LEAST_UNSEEN = 0.01
# Beyond so many times the estimate the likelihood is flat: no upper limit exists.
WIDEST = 1e6


def profile_interval(
    counts: IntVector, terms: tuple[int, ...], n_lists: int, *, level: float
) -> tuple[float, Interval]:
    """Return the multinomial maximum and the limits, in persons.

    For a trial size N the unobserved cell gets N - n persons and the model is fitted
    to the full table; l(N) is the multinomial log-likelihood. Limits are where l is
    below its maximum by half the chi-squared quantile, not below n.

    Parameters
    ----------
    counts : ndarray of shape (2 ** n_lists,)
    terms : tuple of int
        A closed model that is estimable.
    n_lists : int
    level : float

    Returns
    -------
    tuple of float and Interval
        The upper limit is infinite where the likelihood never falls so far.
    """
    from scipy.optimize import brentq

    finite, cells = reduced_table(counts, terms, n_lists)
    design = design_columns(np.concatenate([[0], cells]), terms)[:, finite]
    observed = counts[cells].astype(np.float64)
    seen = float(observed.sum())

    def at(unseen: float) -> tuple[float, float]:
        return _profile(design, observed, unseen)

    start = _poisson_unseen(design, observed)
    best = _peak(lambda unseen: at(unseen)[1], start)
    drop = critical_value(level) ** 2 / 2
    floor = at(best)[0] - drop

    def above(unseen: float) -> float:
        return at(unseen)[0] - floor

    low = 0.0
    if best > LEAST_UNSEEN and above(LEAST_UNSEEN) < 0:
        low = float(brentq(above, LEAST_UNSEEN, best, xtol=1e-9, rtol=1e-12))
    reach = 2 * max(best, 1.0)
    while above(reach) > 0 and reach < WIDEST * max(best, 1.0):
        reach *= 2
    high = math.inf
    if above(reach) <= 0:
        high = float(brentq(above, max(best, LEAST_UNSEEN), reach, rtol=1e-12))
    return seen + best, Interval(
        low=seen + low, high=seen + high, level=level, method="profile likelihood"
    )


def _poisson_unseen(design: FloatMatrix, observed: FloatVector) -> float:
    beta, _, _ = maximise_poisson(design[1:], observed)
    return math.exp(beta[0])


def _profile(
    design: FloatMatrix, observed: FloatVector, unseen: float
) -> tuple[float, float]:
    """Return l and its derivative in N, by the envelope theorem."""
    table = np.concatenate([[unseen], observed])
    _, mean, _ = maximise_poisson(design, table)
    total = table.sum()
    value = gammaln(total + 1) - gammaln(table + 1).sum()
    value += xlogy(table, mean / total).sum()
    slope = digamma(total + 1) - digamma(unseen + 1) + math.log(mean[0] / total)
    return float(value), float(slope)


def _peak(slope: Callable[[float], float], start: float) -> float:
    """Return the unseen at which the slope is 0, 0 if it falls from the outset."""
    from scipy.optimize import brentq

    high = max(start, 1.0)
    while slope(high) > 0:
        high *= 2
    if slope(LEAST_UNSEEN) <= 0:
        return 0.0
    return float(brentq(slope, LEAST_UNSEEN, high, xtol=1e-9, rtol=1e-12))
