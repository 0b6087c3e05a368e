"""Does the whole map cluster: global Moran, Geary and Getis-Ord G."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from scipy.special import ndtr

from estimators.checks import check_choice, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import critical_value
from estimators.registry import estimator
from estimators.results import Estimate, Interval
from estimators.spatial.area_values import AreaValues, read_values
from estimators.spatial.global_testing import GlobalInference, GlobalTest
from estimators.spatial.local_inference import Alternative
from estimators.spatial.local_testing import warm_corner
from estimators.spatial.weights import SpatialWeights

__all__ = ["against_chance", "geary", "getis_ord_global", "linked_areas", "moran"]

Assumption = Literal["randomisation", "normality"]


@estimator(
    family="spatial",
    label="Global Moran's I",
    source="Moran 1950; Cliff and Ord 1981",
    example=warm_corner,
)
def moran(
    values: Any,  # noqa: ANN401 - any vector of numbers
    weights: SpatialWeights,
    *,
    assumption: Assumption = "randomisation",
    level: float = 0.95,
    inference: GlobalInference = "normal",
    alternative: Alternative = "two-sided",
    n_resamples: int = 999,
    rng: int | np.random.Generator | None = None,
) -> Estimate:
    """Measure whether neighbours have like values: above -1 / (n - 1) they do.

    ``I = n / S0 * sum_ij w_ij z_i z_j / sum_i z_i^2``.

    Parameters
    ----------
    values : array_like of shape (n,)
        One number per area, in any unit; NaN means no data.
    weights : SpatialWeights
        Of the same n areas.
    assumption : {"randomisation", "normality"}
        The null: values shuffled over the areas, or drawn from a normal distribution.
    level : float
        Of the limits.
    inference : {"normal", "permutation"}
        p-value from z, or from shuffled maps: a map that reaches the statistic counts,
        ``(1 + as extreme) / (1 + n_resamples)``. Shuffling is the safer of the two on
        few areas or skew values.
    alternative : {"two-sided", "greater", "less"}
        Whether the statistic is greater or less than expected; two-sided is twice the
        smaller tail.
    n_resamples : int
        Shuffled maps, 19 or more.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the shuffled maps.

    Returns
    -------
    Estimate
        `std_error` is the spread under the null, and the limits are the estimate -+ z
        times it. `diagnostics` hold expected, variance, z and p_value.

    Raises
    ------
    InputError
        If values and weights differ in length, a value is infinite, or shuffled maps
        are asked for beside the assumption of normal values.
    NotEstimableError
        If fewer than four areas have data, values are all equal or nobody has a
        neighbour.

    Notes
    -----
    Areas without neighbours stay in the mean and in n: shuffling moves values onto them
    too, and for that null the moments are exact. R spdep leaves them out of n and keeps
    them in the mean, which is the null of neither map.

    References
    ----------
    Cliff, A. D. and Ord, J. K. (1981). Spatial Processes: Models and Applications.
    Pion, London.

    Examples
    --------
    >>> from estimators.spatial import SpatialWeights, moran
    >>> chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(5)], n_areas=6)
    >>> round(moran([1, 2, 3, 4, 5, 6], chain).estimate, 3)
    0.6
    """
    test = _planned(assumption, inference, alternative, (n_resamples, rng))
    area = linked_areas(read_values(values, weights))
    z, n = area.centred(), area.values.size
    s0, s1, s2 = area.weights.moments()
    expected = -1 / (n - 1)
    if assumption == "normality":
        square = (n * n * s1 - n * s2 + 3 * s0**2) / ((n * n - 1) * s0**2)
    else:
        b2 = n * float((z**4).sum()) / float(z @ z) ** 2
        square = n * ((n * n - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
        square -= b2 * ((n * n - n) * s1 - 2 * n * s2 + 6 * s0**2)
        square /= (n - 1) * (n - 2) * (n - 3) * s0**2
    found = n / s0 * float(z @ area.weights.lag(z)) / float(z @ z)
    result = against_chance(
        ("moran", "Moran's I", "index"),
        (found, expected, square - expected**2),
        area,
        level=level,
    )
    return test.judge(result, z, area.weights)


@estimator(
    family="spatial",
    label="Global Geary's c",
    source="Geary 1954; Cliff and Ord 1981",
    example=warm_corner,
)
def geary(
    values: Any,  # noqa: ANN401 - any vector of numbers
    weights: SpatialWeights,
    *,
    assumption: Assumption = "randomisation",
    level: float = 0.95,
    inference: GlobalInference = "normal",
    alternative: Alternative = "two-sided",
    n_resamples: int = 999,
    rng: int | np.random.Generator | None = None,
) -> Estimate:
    """Measure how much neighbours differ: below 1 they are more alike than chance.

    ``c = (n - 1) / (2 S0) * sum_ij w_ij (x_i - x_j)^2 / sum_i z_i^2``.

    Parameters
    ----------
    values : array_like of shape (n,)
        One number per area, in any unit; NaN means no data.
    weights : SpatialWeights
        Of the same n areas.
    assumption : {"randomisation", "normality"}
        See `moran`.
    level : float
        Of the limits.
    inference : {"normal", "permutation"}
        See `moran`.
    alternative : {"two-sided", "greater", "less"}
        "less" asks whether neighbours are more alike than chance would have them.
    n_resamples : int
        Shuffled maps, 19 or more.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the shuffled maps.

    Returns
    -------
    Estimate
        See `moran`; z is above 0 where neighbours differ, below where they are alike.

    Raises
    ------
    InputError
        If values and weights differ in length, a value is infinite, or shuffled maps
        are asked for beside the assumption of normal values.
    NotEstimableError
        If fewer than four areas have data, values are all equal or nobody has a
        neighbour.

    References
    ----------
    Cliff, A. D. and Ord, J. K. (1981). Spatial Processes: Models and Applications.
    Pion, London.

    Examples
    --------
    >>> from estimators.spatial import SpatialWeights, geary
    >>> chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(5)], n_areas=6)
    >>> round(geary([1, 2, 3, 4, 5, 6], chain).estimate, 4)
    0.1429
    """
    test = _planned(assumption, inference, alternative, (n_resamples, rng))
    area = linked_areas(read_values(values, weights))
    z, n, links = area.centred(), area.values.size, area.weights
    s0, s1, s2 = links.moments()
    if assumption == "normality":
        variance = ((2 * s1 + s2) * (n - 1) - 4 * s0**2) / (2 * (n + 1) * s0**2)
    else:
        k = n * float((z**4).sum()) / float(z @ z) ** 2
        variance = (n - 1) * s1 * (n * n - 3 * n + 3 - (n - 1) * k)
        variance -= (n - 1) * s2 * (n * n + 3 * n - 6 - (n * n - n + 2) * k) / 4
        variance += s0**2 * (n * n - 3 - (n - 1) ** 2 * k)
        variance /= n * (n - 2) * (n - 3) * s0**2
    gaps = links.scaled * (z[links.owner] - z[links.neighbour]) ** 2
    found = (n - 1) / (2 * s0) * float(gaps.sum()) / float(z @ z)
    names = ("geary", "Geary's c", "index")
    result = against_chance(names, (found, 1.0, variance), area, level=level)
    return test.judge(result, z, links, squares=True)


@estimator(
    family="spatial",
    label="Global Getis-Ord G",
    source="Getis and Ord 1992",
    example=warm_corner,
)
def getis_ord_global(
    values: Any,  # noqa: ANN401 - any vector of numbers
    weights: SpatialWeights,
    *,
    level: float = 0.95,
) -> Estimate:
    """Tell maps whose high values lie together from maps whose low values do.

    ``G = sum_ij w_ij x_i x_j / sum_(i != j) x_i x_j``.

    Parameters
    ----------
    values : array_like of shape (n,)
        One number >= 0 per area, with a natural zero; NaN means no data.
    weights : SpatialWeights
        Of the same n areas; binary ones are usual.
    level : float
        Of the limits.

    Returns
    -------
    Estimate
        See `moran`; the null shuffles the values.

    Raises
    ------
    InputError
        If values and weights differ in length, or a value is infinite or below 0.
    NotEstimableError
        If fewer than four areas have data, fewer than two are above 0, values are all
        equal or nobody has a neighbour.

    References
    ----------
    Getis, A. and Ord, J. K. (1992). The analysis of spatial association by use of
    distance statistics. Geographical Analysis 24, 189-206.
    https://doi.org/10.1111/j.1538-4632.1992.tb00261.x

    Examples
    --------
    >>> from estimators.spatial import SpatialWeights, getis_ord_global
    >>> chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(5)], n_areas=6)
    >>> round(getis_ord_global([1, 2, 3, 4, 5, 6], chain).estimate, 3)
    0.4
    """
    area = linked_areas(read_values(values, weights))
    x, n = area.values, area.values.size
    area.centred()
    if (x < 0).any():
        raise InputError(
            f"{int((x < 0).sum())} values are below 0: G needs a natural zero. Use "
            "moran or geary for differences and residuals."
        )
    if np.count_nonzero(x) < 2:
        raise NotEstimableError("G needs two or more areas with values above 0.")
    s0, s1, s2 = area.weights.moments()
    m1, m2, m3, m4 = (float((x**p).sum()) for p in (1, 2, 3, 4))
    square = ((n * n - 3 * n + 3) * s1 - n * s2 + 3 * s0**2) * m2**2
    square -= ((n * n - n) * s1 - 2 * n * s2 + 6 * s0**2) * m4
    square -= (2 * n * s1 - (n + 3) * s2 + 6 * s0**2) * m1**2 * m2
    square += (4 * (n - 1) * s1 - 2 * (n + 1) * s2 + 8 * s0**2) * m1 * m3
    square += (s1 - s2 + s0**2) * m1**4
    square /= (m1**2 - m2) ** 2 * n * (n - 1) * (n - 2) * (n - 3)
    expected = s0 / (n * (n - 1))
    found = float(x @ area.weights.lag(x)) / (m1**2 - m2)
    return against_chance(
        ("getis_ord_global", "Getis-Ord G", "share of products"),
        (found, expected, square - expected**2),
        area,
        level=level,
    )


def _planned(
    assumption: Assumption,
    inference: GlobalInference,
    alternative: Alternative,
    draws: tuple[int, int | np.random.Generator | None],
) -> GlobalTest:
    """Check the choices of `moran` and `geary`, alone and together."""
    check_choice("assumption", assumption, ("randomisation", "normality"))
    test = GlobalTest(
        inference=inference,
        alternative=alternative,
        n_resamples=draws[0],
        rng=draws[1],
    )
    if inference == "permutation" and assumption == "normality":
        raise InputError(
            'inference="permutation" shuffles the values: it takes '
            'assumption="randomisation".'
        )
    return test


def linked_areas(area: AreaValues) -> AreaValues:
    """Refuse maps of too few areas, or without a link."""
    if area.values.size < 4 or not area.weights.neighbour.size:
        raise NotEstimableError(
            f"{area.values.size} areas have data, with {area.weights.neighbour.size} "
            "links among them: four areas and one link are the least."
        )
    return area


def against_chance(
    names: tuple[str, str, str],
    moments: tuple[float, float, float],
    area: AreaValues,
    *,
    level: float,
) -> Estimate:
    """Compare a statistic with its exact null mean and variance."""
    check_level(level)
    found, expected, variance = moments
    # A variance of rounding: every order of the values gives this statistic.
    spread = math.sqrt(variance) if variance > 1e-14 * (1 + expected**2) else 0.0
    z = (found - expected) / spread if spread else 0.0
    reach = critical_value(level) * spread
    notes = area.notes
    if not spread:
        notes = (*notes, "every order of the values gives this: nothing can be tested")
    method, estimand, unit = names
    return Estimate(
        estimand=estimand,
        unit=unit,
        estimate=found,
        std_error=spread,
        ci=Interval(
            low=found - reach, high=found + reach, level=level, method="chance spread"
        ),
        method=method,
        n_obs=area.values.size,
        notes=notes,
        diagnostics={
            "expected": expected,
            "variance": variance,
            "z": z,
            "p_value": float(2 * ndtr(-abs(z))),
        },
    )
