"""Maximum likelihood of main effects with one pair's odds ratio held fixed.

A log-linear model with an offset has the likelihood equations of its margins: fitted
list sizes and the fitted number of persons observed equal those counted. Given a size N
the capture probabilities are n_j / N, hence one equation in N is left.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq

from estimators.errors import NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntVector

__all__ = ["fit_fixed_odds_ratio"]

_WIDEST = 1e15


def fit_fixed_odds_ratio(
    sizes: IntVector, observed: int, pair: tuple[int, int], odds_ratio: float
) -> tuple[float, float]:
    """Return the size of the population and its variance.

    Parameters
    ----------
    sizes : ndarray of shape (t,)
        Persons on each list, all above 0.
    observed : int
        Persons on any list.
    pair : tuple of int
        The two lists whose odds ratio given the others is fixed.
    odds_ratio : float
        1 gives independent lists.

    Raises
    ------
    NotEstimableError
        If no person is on two lists, or one list holds everyone observed.
    """
    counts = np.asarray(sizes, dtype=np.float64)
    if counts.sum() <= observed:
        raise NotEstimableError(
            "Nobody is on two lists, so that the size of the population may be any: "
            "without overlap there is nothing to estimate it from."
        )
    if counts.max() >= observed:
        raise NotEstimableError(
            "One list holds everyone observed: the other lists found nobody whom it "
            "missed, and the estimate would be the boundary, the persons observed. "
            "Leave that list out."
        )

    def excess(total: float) -> float:
        probability = counts / total
        none = _neither(probability[pair[0]], probability[pair[1]], odds_ratio)
        others = np.delete(probability, pair)
        return total * -math.expm1(math.log(none) + np.log1p(-others).sum()) - observed

    high = 2.0 * observed
    while excess(high) < 0:
        high *= 4
        if high > _WIDEST:
            raise NotEstimableError("The overlap is too small to give a finite size.")
    total = float(brentq(excess, observed * (1 + 1e-12), high, xtol=1e-10, rtol=1e-14))
    return total, _variance(counts / total, total, pair, odds_ratio)


def _neither(first: float, second: float, odds_ratio: float) -> float:
    """Return the probability of being on neither of two lists with an odds ratio."""
    if abs(odds_ratio - 1) < 1e-12:
        return (1 - first) * (1 - second)
    slope = 1 + (odds_ratio - 1) * (first + second)
    product = 4 * odds_ratio * (odds_ratio - 1) * first * second
    # The usual root multiplied out: it keeps its digits for small probabilities.
    both = 2 * odds_ratio * first * second
    both /= slope + math.sqrt(max(slope * slope - product, 0.0))
    return max(1 - first - second + both, 1e-300)


def _variance(
    probability: FloatVector, total: float, pair: tuple[int, int], odds_ratio: float
) -> float:
    """Return mu0 + mu0^2 Var(intercept), information of the observed cells."""
    n_lists = probability.size
    held = np.arange(1 << n_lists)[:, None] >> np.arange(n_lists) & 1
    cell = np.where(held == 1, probability, 1 - probability)
    cell[:, list(pair)] = 1.0
    first, second = (float(probability[place]) for place in pair)
    none = _neither(first, second, odds_ratio)
    joint = np.array([none, 1 - second - none, 1 - first - none, 0.0])
    joint[3] = 1 - joint.sum()
    mean = total * cell.prod(axis=1) * joint[held[:, pair[0]] + 2 * held[:, pair[1]]]
    design = np.column_stack([np.ones(mean.size), held])[1:]
    information = design.T @ (mean[1:, None] * design)
    intercept = float(np.linalg.inv(information)[0, 0])
    return float(mean[0] + mean[0] ** 2 * intercept)
