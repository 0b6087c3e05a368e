"""How far true rates vary round a common one: moments and likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import gammaln

from estimators.errors import ConvergenceError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector
    from estimators.spatial.area_counts import AreaCounts
    from estimators.spatial.weights import SpatialWeights

__all__ = [
    "Prior",
    "clayton_kaldor_moments",
    "likeliest_moments",
    "map_moments",
    "neighbourhood_moments",
]

# Mean and variance of the true rates, cases and persons behind them, one per area.
Prior = tuple["FloatVector", "FloatVector", "FloatVector", "FloatVector"]


# Shapes of the gamma prior that are tried, as logarithms: beyond e^14 true rates differ
# by a thousandth of their mean, which no count shows.
_SHAPES = np.linspace(-8.0, 14.0, 89)
_NO_GAIN = 1e-7  # log likelihoods closer than this are rounding
_STEPS, _STILL, _ALIKE = 20_000, 1e-13, 1e6


def map_moments(counts: AreaCounts) -> tuple[float, float, float, float]:
    """Return Marshall's mean and variance, cases and persons of the whole map.

    The variance may come out below 0: rates then vary less than Poisson counts would.
    """
    x, c = counts.persons[counts.known], counts.cases[counts.known]
    b = c.sum() / x.sum()
    variance = float((x * (c / x - b) ** 2).sum() / x.sum() - b / x.mean())
    return float(b), variance, float(c.sum()), float(x.sum())


def neighbourhood_moments(counts: AreaCounts, weights: SpatialWeights) -> Prior:
    """Return the same of each area's neighbourhood, no variance below 0.

    Areas without persons count in no neighbourhood.
    """
    known = counts.known
    near = weights.binary().with_self(1.0)
    here = known.astype(np.float64)
    x = np.where(known, counts.persons, 0.0)
    c = np.where(known, counts.cases, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(known, c / x, 0.0)
        total, count, areas = near.lag(x), near.lag(c), near.lag(here)
        b = count / total
        gaps = x[near.neighbour] * (own[near.neighbour] - b[near.owner]) ** 2
        variance = np.maximum(near.sum_links(gaps) / total - b * areas / total, 0.0)
    return b, variance, count, total


def likeliest_moments(counts: AreaCounts) -> tuple[float, float]:
    """Return mean and variance of gamma rates that make the counts likeliest.

    Given the rates counts are Poisson, so without them negative binomial. The variance
    is 0 where no gamma distribution beats one common rate.
    """
    x, c = counts.persons[counts.known], counts.cases[counts.known]
    pooled = float(c.sum() / x.sum())
    terms = np.where(c > 0, c, 0.0)

    def mean_at(shape: float) -> float:
        """Solve the score of the mean; it lies between the least and greatest rate."""

        def score(mean: float) -> float:
            return float(((c - mean * x) / (1 + mean * x / shape)).sum())

        low, high = float((c / x).min()), float((c / x).max())
        return float(brentq(score, low, high, xtol=1e-15 * high)) if low < high else low

    def loss(log_shape: float) -> float:
        shape = float(np.exp(log_shape))
        spread = mean_at(shape) * x / shape
        gain = gammaln(c + shape) - gammaln(shape) - shape * np.log1p(spread)
        gain += terms * (np.log(np.maximum(spread, 1e-300)) - np.log1p(spread))
        return -float(gain.sum())

    losses = np.array([loss(at) for at in _SHAPES])
    best = int(np.clip(losses.argmin(), 1, _SHAPES.size - 2))
    found = minimize_scalar(
        loss,
        bounds=(_SHAPES[best - 1], _SHAPES[best + 1]),
        method="bounded",
        options={"xatol": 1e-10},
    )
    one_rate = -float(
        (terms * np.log(np.where(c > 0, pooled * x, 1.0))).sum() - c.sum()
    )
    if one_rate - float(found.fun) < _NO_GAIN:
        return pooled, 0.0
    shape = float(np.exp(found.x))
    mean = mean_at(shape)
    return mean, mean**2 / shape


def clayton_kaldor_moments(counts: AreaCounts) -> tuple[float, float]:
    """Return mean and variance of gamma rates by Clayton and Kaldor's equations.

    On ratios r of observed to expected cases E, smoothed to ``(c + nu) / (E + alpha)``:
    ``nu / alpha`` is their mean and ``nu / alpha^2`` the sum of ``(1 + alpha / E) (r -
    mean)^2`` over n - 1. Every area counts alike. The variance is 0 where alpha grows
    beyond a million times the greatest E.
    """
    x, c = counts.persons[counts.known], counts.cases[counts.known]
    pooled = float(c.sum() / x.sum())
    if x.size < 2:
        return pooled, 0.0
    expected = pooled * x
    ratio = c / expected
    mean, variance = float(ratio.mean()), float(ratio.var(ddof=1))
    for _ in range(_STEPS):
        if variance <= mean / (_ALIKE * expected.max()):
            return pooled, 0.0
        alpha, before = mean / variance, (mean, variance)
        ratio = (c + mean * alpha) / (expected + alpha)
        mean = float(ratio.mean())
        gaps = (1 + alpha / expected) * (ratio - mean) ** 2
        variance = float(gaps.sum() / (x.size - 1))
        moved = max(abs(mean - before[0]) / mean, abs(variance / before[1] - 1))
        if moved < _STILL:
            return pooled * mean, pooled**2 * variance
    raise ConvergenceError(
        f"Clayton and Kaldor's equations did not settle in {_STEPS:,} steps: counts "
        'hardly vary more than chance. Use method="likelihood" or "marshall".'
    )
