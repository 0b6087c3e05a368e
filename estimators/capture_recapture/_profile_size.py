"""Multinomial profile-likelihood intervals for the size of a population."""

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
from estimators.errors import ConvergenceError
from estimators.intervals import critical_value
from estimators.results import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = [
    "can_be_profiled",
    "likelihood_interval",
    "multinomial_profile",
    "profile_interval",
]

# Fewer unseen than this and the limit is the number seen.
LEAST_UNSEEN = 0.01
# Beyond so many times the estimate the likelihood is flat: no upper limit exists.
WIDEST = 1e6
# Factorials of more persons are not exact enough for a difference of 2 in their logs.
WIDEST_PROFILE = 1e12
MOST_FITS = 40
LIMIT_TOLERANCE = 1e-11


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
    finite, cells = reduced_table(counts, terms, n_lists)
    design = design_columns(np.concatenate([[0], cells]), terms)[:, finite]
    observed = counts[cells].astype(np.float64)

    def at(unseen: float) -> tuple[float, float]:
        table = np.concatenate([[unseen], observed])
        _, mean, _ = maximise_poisson(design, table)
        return multinomial_profile(table, mean)

    start = _poisson_unseen(design, observed)
    return likelihood_interval(at, float(observed.sum()), start, level=level)


def likelihood_interval(
    at: Callable[[float], tuple[float, float]],
    seen: float,
    start: float,
    *,
    level: float,
) -> tuple[float, Interval]:
    """Return the maximum of a profile likelihood of the size and its limits.

    Parameters
    ----------
    at : callable
        Takes the persons unseen; returns the profile log-likelihood and its slope.
    seen, start : float
        Persons seen, and unseen to start the search from.
    level : float

    Returns
    -------
    tuple of float and Interval
        The upper limit is infinite where the likelihood never falls so far.

    Raises
    ------
    ConvergenceError
        If rounding would decide the limits.
    """
    if not can_be_profiled(seen + start):
        raise ConvergenceError(
            f"The profile likelihood of about {seen + start:.3g} persons is lost in "
            "rounding: use `log_linear` or `closed_population` with "
            "interval='log_normal'."
        )
    best = _peak(lambda unseen: at(unseen)[1], start)
    top = at(best)[0]
    reach = critical_value(level)
    low = 0.0
    if best > LEAST_UNSEEN and at(LEAST_UNSEEN)[0] < top - reach**2 / 2:
        low = _limit(at, best, top, -reach)
    high = _limit(at, best, top, reach)
    return seen + best, Interval(
        low=seen + low, high=seen + high, level=level, method="profile likelihood"
    )


def can_be_profiled(size: float) -> bool:
    """Tell whether factorials of so many persons are exact enough."""
    return size <= WIDEST_PROFILE


def _limit(
    at: Callable[[float], tuple[float, float]], best: float, top: float, reach: float
) -> float:
    """Return the unseen at which the likelihood has fallen by half of reach squared.

    The root of twice the fall, with the sign of the side, is nearly a straight line
    in the logarithm of the unseen: Newton's steps reach it in a few fits.
    """
    side = math.copysign(1.0, reach)
    # The limit lies between the maximum and, below it, the least unseen.
    near = math.log(best) if best > 0 else -math.inf
    far = math.log(LEAST_UNSEEN) if side < 0 else math.inf
    place = math.log(max(best, 1.0)) + 0.3 if side > 0 else max(near - 0.3, far)
    for _ in range(MOST_FITS):
        value, slope = at(math.exp(place))
        root = math.sqrt(max(2 * (top - value), 0.0))
        near, far = (place, far) if root < abs(reach) else (near, place)
        rise = abs(slope) * math.exp(place)
        step = side * (abs(reach) - root) * root / rise if rise * root > 0 else side
        tried = place + max(-1.0, min(step, 1.0))
        # A step across the maximum would run away on its other side.
        place = tried if min(near, far) <= tried <= max(near, far) else (near + far) / 2
        if abs(step) < LIMIT_TOLERANCE:
            return math.exp(place)
        if place > math.log(WIDEST * max(best, 1.0)):
            return math.inf
    return _limit_between(at, best, top - reach**2 / 2, side)


def _limit_between(
    at: Callable[[float], tuple[float, float]], best: float, floor: float, side: float
) -> float:
    from scipy.optimize import brentq

    def above(unseen: float) -> float:
        return at(unseen)[0] - floor

    if side < 0:
        return float(brentq(above, LEAST_UNSEEN, best, xtol=1e-9, rtol=1e-12))
    end = 2 * max(best, 1.0)
    while above(end) > 0:
        end *= 2
        if end > WIDEST * max(best, 1.0):
            return math.inf
    return float(brentq(above, max(best, LEAST_UNSEEN), end, rtol=1e-12))


def multinomial_profile(table: FloatVector, mean: FloatVector) -> tuple[float, float]:
    """Return the multinomial log-likelihood in N and its slope.

    Parameters
    ----------
    table : ndarray of shape (cells,)
        Counts, the unseen first.
    mean : ndarray of shape (cells,)
        Maximum likelihood means of this table. Their own change with N adds nothing to
        the slope, by the envelope theorem.
    """
    total = table.sum()
    value = gammaln(total + 1) - gammaln(table + 1).sum()
    value += xlogy(table, mean / total).sum()
    slope = digamma(total + 1) - digamma(table[0] + 1) + math.log(mean[0] / total)
    return float(value), float(slope)


def _poisson_unseen(design: FloatMatrix, observed: FloatVector) -> float:
    beta, _, _ = maximise_poisson(design[1:], observed)
    return math.exp(beta[0])


def _peak(slope: Callable[[float], float], start: float) -> float:
    """Return the unseen at which the slope is 0, 0 if it falls from the outset."""
    from scipy.optimize import brentq

    high = max(start, 1.0)
    while slope(high) > 0:
        high *= 2
    low = 0.8 * high
    if slope(low) <= 0:
        low = LEAST_UNSEEN
        if slope(low) <= 0:
            return 0.0
    return float(brentq(slope, low, high, xtol=1e-9, rtol=1e-12))
