"""Rates of small places, drawn towards the map's or the neighbourhood's rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import gammainccinv, gammaincinv

from estimators.checks import check_choice, check_level
from estimators.errors import InputError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval
from estimators.spatial.area_counts import AreaCounts, read_counts
from estimators.spatial.rate_priors import (
    Prior,
    clayton_kaldor_moments,
    likeliest_moments,
    map_moments,
    neighbourhood_moments,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.spatial.weights import SpatialWeights

__all__ = ["empirical_bayes_rates"]

RateMethod = Literal["marshall", "likelihood", "clayton_kaldor"]
_NOBODY = "nobody at risk"
_TOO_NARROW = "limits take the prior as known; they are too narrow when areas are few"


def _example() -> dict[str, Any]:
    return {
        "cases": np.array([0.0, 3.0, 9.0, 1.0, 12.0]),
        "population": np.array([40.0, 60.0, 90.0, 50.0, 60.0]),
    }


@estimator(
    family="spatial",
    label="Empirical Bayes rates",
    source="Marshall 1991; Clayton and Kaldor 1987",
    example=_example,
)
def empirical_bayes_rates(
    cases: Any,  # noqa: ANN401 - any vector of numbers
    population: Any,  # noqa: ANN401 - any vector of numbers
    *,
    weights: SpatialWeights | None = None,
    areas: Sequence[Any] | None = None,
    method: RateMethod = "marshall",
    level: float = 0.95,
) -> Estimates:
    """Shrink the rates of areas towards a common one, the more the smaller the area.

    With the pooled rate b, the variance of the true rates ``a = max(0, sum x_i (p_i -
    b)^2 / sum x_i - b / mean(x))`` and the area's own rate p_i of x_i persons, the rate
    is ``b + a (p_i - b) / (a + b / x_i)``.

    Parameters
    ----------
    cases : array_like of shape (n,)
        Cases per area, from 0 on; NaN where unknown.
    population : array_like of shape (n,)
        Persons (or person-time) at risk per area, from 0 on; NaN where unknown.
    weights : SpatialWeights, optional
        Shrink towards the area's neighbourhood, itself included, instead of the whole
        map. Only the links count, not their weights.
    areas : sequence, optional
        Labels; by default those of `weights`, or positions.
    method : {"marshall", "likelihood", "clayton_kaldor"}
        How mean b and variance a of the true rates are found: as above, by the maximum
        of the likelihood of gamma rates (counts are then negative binomial), or by
        Clayton and Kaldor's two moment equations, in which every area counts alike.
        The last two are of the whole map only.
    level : float
        Of the limits.

    Returns
    -------
    Estimates
        Rows by ``area`` and ``category``: "smoothed", "pooled" where the data show no
        variance of true rates, "nobody at risk" or "no data" (both NaN, and left out
        of the common rate). Limits are quantiles of the gamma posterior with prior
        mean b and variance a; of pooled areas, of the pooled rate. `diagnostics` hold
        crude (the area's own rate), prior_mean and prior_variance.

    Raises
    ------
    InputError
        If lengths differ, a number is below 0 or infinite, cases come from nobody, or
        `weights` come with another method than Marshall's.
    NotEstimableError
        If nobody is at risk or there are no cases at all.
    ConvergenceError
        If Clayton and Kaldor's equations do not settle.

    Notes
    -----
    The prior is taken as known: limits are too narrow when areas are few. Cases are
    taken as Poisson: for frequent outcomes the true limits are narrower.

    References
    ----------
    Clayton, D. and Kaldor, J. (1987). Empirical Bayes estimates of age-standardized
    relative risks for use in disease mapping. Biometrics 43, 671-681.
    https://doi.org/10.2307/2532003
    Marshall, R. J. (1991). Mapping disease and mortality rates using empirical Bayes
    estimators. Applied Statistics 40, 283-294. https://doi.org/10.2307/2347593

    Examples
    --------
    >>> from estimators.spatial import empirical_bayes_rates
    >>> rates = empirical_bayes_rates([0, 3, 9, 1, 12], [40, 60, 90, 50, 60])
    >>> [round(row.estimate, 3) for row in rates]
    [0.033, 0.06, 0.096, 0.042, 0.165]
    """
    check_level(level)
    check_choice("method", method, ("marshall", "likelihood", "clayton_kaldor"))
    counts = read_counts(cases, population, weights, areas)
    if weights is None:
        prior = _everywhere(counts, method)
    elif method == "marshall":
        prior = neighbourhood_moments(counts, weights)
    else:
        raise InputError(
            f"method={method!r} is of the whole map: leave weights out, or take "
            'method="marshall", which shrinks towards neighbourhoods.'
        )
    found, persons, known = counts.cases, counts.persons, counts.known
    rows = []
    for at, label in enumerate(counts.areas):
        if known[at]:
            own = (float(found[at]), float(persons[at]))
            b, a, c, x = (float(part[at]) for part in prior)
            rows.append((label, *_posterior(own, (b, a, c, x), level=level)))
        else:
            category = "no data" if counts.unknown[at] else _NOBODY
            nothing = Interval(
                low=-math.inf, high=math.inf, level=level, method="not estimated"
            )
            rows.append((label, category, math.nan, math.nan, nothing))
    return Estimates(
        rows=tuple(
            Estimate(
                estimand="rate",
                unit="cases per person",
                estimate=rate,
                std_error=error,
                ci=interval,
                method="empirical_bayes_rates",
                n_obs=int(people) if here else 0,
                diagnostics={
                    "crude": count / people if here else math.nan,
                    "prior_mean": float(mean) if here else math.nan,
                    "prior_variance": float(variance) if here else math.nan,
                },
            )
            for (
                _,
                _,
                rate,
                error,
                interval,
            ), people, count, here, mean, variance in zip(
                rows, persons, found, known, prior[0], prior[1], strict=True
            )
        ),
        groups=tuple({"area": row[0], "category": row[1]} for row in rows),
        notes=(_TOO_NARROW, *counts.notes()),
    )


def _everywhere(counts: AreaCounts, method: RateMethod) -> Prior:
    """Return the moments of the map, the same for each area."""
    b, variance, cases, persons = map_moments(counts)
    if method == "likelihood":
        b, variance = likeliest_moments(counts)
    elif method == "clayton_kaldor":
        b, variance = clayton_kaldor_moments(counts)
    n = counts.cases.size
    return (
        np.full(n, b),
        np.full(n, max(0.0, variance)),
        np.full(n, cases),
        np.full(n, persons),
    )


def _posterior(
    own: tuple[float, float], prior: tuple[float, float, float, float], *, level: float
) -> tuple[str, float, float, Interval]:
    """Return category, rate, its spread and limits of the gamma posterior."""
    tail = (1 - level) / 2
    count, persons = own
    mean, variance, all_cases, all_persons = prior
    if variance > 0 and mean > 0:
        shape = mean**2 / variance + count
        rate = mean / variance + persons
        low = float(gammaincinv(shape, tail)) / rate
        high = float(gammainccinv(shape, tail)) / rate
        interval = Interval(low=low, high=high, level=level, method="gamma posterior")
        return "smoothed", shape / rate, math.sqrt(shape) / rate, interval
    low = float(gammaincinv(all_cases, tail)) if all_cases else 0.0
    high = float(gammainccinv(all_cases + 1, tail))
    interval = Interval(
        low=low / all_persons,
        high=high / all_persons,
        level=level,
        method="exact Poisson, pooled",
    )
    return "pooled", mean, math.sqrt(all_cases) / all_persons, interval
