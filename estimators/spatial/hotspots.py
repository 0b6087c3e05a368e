"""Where neighbours are alike: local Moran and local Geary."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from estimators.checks import check_choice
from estimators.registry import estimator
from estimators.spatial.area_values import read_values
from estimators.spatial.local_inference import Alternative, drawn_moments, normal_tails
from estimators.spatial.local_result import LocalStatistics
from estimators.spatial.local_testing import (
    Adjustment,
    Inference,
    TestPlan,
    area_table,
    deviates_of,
    enough_areas,
    floor_notes,
    others,
    skewness_notes,
    squared_differences,
    tails_of,
    warm_corner,
)
from estimators.spatial.weights import SpatialWeights

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["local_geary", "local_moran"]


@estimator(
    family="spatial",
    label="Local Moran's I",
    source="Anselin 1995; Sokal, Oden and Thomson 1998",
    example=lambda: {**warm_corner(), "inference": "pearson"},
)
def local_moran(  # noqa: PLR0913 - conventions that must be told apart
    values: Any,  # noqa: ANN401 - any vector of numbers
    weights: SpatialWeights,
    *,
    inference: Inference = "permutation",
    alternative: Alternative = "two-sided",
    adjust: Adjustment = "fdr",
    moments: Literal["conditional", "total"] = "conditional",
    divisor: Literal["n", "n-1"] = "n",
    level: float = 0.95,
    n_resamples: int = 9999,
    rng: int | np.random.Generator | None = None,
) -> LocalStatistics:
    """Find areas that resemble their neighbours, or differ from them, beyond chance.

    ``I_i = z_i sum_j w_ij z_j / m2`` with ``z`` the values less their mean.

    Parameters
    ----------
    values : array_like of shape (n,)
        One number per area, in any unit; NaN means no data.
    weights : SpatialWeights
        Of the same n areas. Row-standardised ones make the areas comparable.
    inference : {"permutation", "pearson", "normal"}
        Where p-values come from: the area's value stays and its neighbours' values are
        drawn without replacement from all others; the exact mean, variance and
        skewness of these draws, matched by a shifted gamma (no floor, no randomness);
        or the normal distribution with `moments`.
    alternative : {"two-sided", "greater", "less"}
        Two-sided is twice the smaller tail. "greater" looks for likeness alone.
    adjust : {"fdr", "none"}
        Whether categories need a p-value adjusted by Benjamini and Hochberg.
    moments : {"conditional", "total"}
        Null moments shown as ``expected`` and ``variance``: given the area's own value
        (Sokal et al.), or with all values shuffled (Anselin).
    divisor : {"n", "n-1"}
        Of ``m2 = sum z^2 / divisor``. It scales the statistic with its moments and
        changes no z and no p.
    level : float
        Categories are given at p <= 1 - level.
    n_resamples : int
        At least 19.
    rng : int or numpy.random.Generator, optional

    Returns
    -------
    LocalStatistics
        Categories "HH", "LL" (like their neighbours), "HL", "LH" (unlike them), "ns",
        "no neighbours" and "no data". `n_obs` of every row counts areas with data.

    Raises
    ------
    InputError
        If values and weights differ in length or a value is infinite.
    NotEstimableError
        If fewer than four areas have data or all values are equal.

    Notes
    -----
    Values are taken as exchangeable under the null: rates of unequal populations are
    not; smooth them first, as `empirical_bayes_rates` does. Areas without
    neighbours keep their place in mean and pool, have NaN and are in no adjustment.

    Draws hold their level whatever the values. Formulas do for values near normal: with
    three or four neighbours and heavy-tailed values tests for high sums at 5 % reject
    6.5 % ("pearson") or 8 % ("normal") of null tests, since three moments, though
    exact, do not make a tail. With ``moments="total"`` 6.6 % are rejected even for
    normal values (`benchmarks/accuracy/spatial_autocorrelation.py`).

    References
    ----------
    Anselin, L. (1995). Local indicators of spatial association - LISA. Geographical
    Analysis 27, 93-115. https://doi.org/10.1111/j.1538-4632.1995.tb00338.x

    Sokal, R. R., Oden, N. L. and Thomson, B. A. (1998). Local spatial autocorrelation
    in a biological model. Geographical Analysis 30, 331-354.

    Examples
    --------
    >>> import numpy as np
    >>> from estimators.spatial import SpatialWeights, local_moran
    >>> chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(9)], n_areas=10)
    >>> result = local_moran([9, 9, 8, 1, 2, 1, 2, 1, 2, 1], chain, inference="pearson")
    >>> result[0].diagnostics["p_value"] < result[5].diagnostics["p_value"]
    True
    """
    plan = TestPlan(
        inference=inference,
        alternative=alternative,
        adjust=adjust,
        level=level,
        n_resamples=n_resamples,
        rng=rng,
    )
    check_choice("moments", moments, ("conditional", "total"))
    check_choice("divisor", divisor, ("n", "n-1"))
    area = enough_areas(read_values(values, weights))
    z, links = area.centred(), area.weights
    n = z.size
    m2 = float(z @ z) / (n if divisor == "n" else n - 1)
    lag = links.lag(z)
    conditional = drawn_moments(others(z), links)
    tails = tails_of(plan, z, area, lag, conditional, pool="others")
    # A low area's statistic is greater where its neighbours' sum is lower; one on the
    # mean has I = 0 whatever its neighbours are.
    above, below = tails
    tails = (
        np.where(z > 0, above, np.where(z < 0, below, 1.0)),
        np.where(z > 0, below, np.where(z < 0, above, 1.0)),
    )
    if moments == "conditional":
        expected = z * conditional.mean / m2
        variance = (z / m2) ** 2 * conditional.variance
    else:
        shrink = 1.0 if divisor == "n" else (n - 1) / n
        expected, variance = _total_moments(z, links, shrink)
    statistic = z * lag / m2
    if inference == "normal":
        tails = normal_tails(deviates_of(statistic, expected, variance))
    quadrant = np.where(z > 0, "H", "L") + np.where(lag > 0, "H", "L").astype(object)
    table = area_table(area, plan, (statistic, expected, variance), tails, quadrant)
    return LocalStatistics.build(
        table,
        words=("local_moran", "local Moran's I", "index"),
        level=level,
        n_obs=n,
        notes=area.notes
        + floor_notes(plan, table)
        + skewness_notes(plan, conditional, links),
    )


@estimator(
    family="spatial",
    label="Local Geary's c",
    source="Anselin 1995; Anselin 2019",
    example=lambda: {**warm_corner(), "n_resamples": 199},
)
def local_geary(
    values: Any,  # noqa: ANN401 - any vector of numbers
    weights: SpatialWeights,
    *,
    alternative: Alternative = "two-sided",
    adjust: Adjustment = "fdr",
    level: float = 0.95,
    n_resamples: int = 9999,
    rng: int | np.random.Generator | None = None,
) -> LocalStatistics:
    """Find areas whose neighbours have closer values, or further ones, than by chance.

    ``c_i = sum_j w_ij (x_i - x_j)^2 / s^2`` with ``s^2 = sum (x - mean)^2 / (n - 1)``.

    Parameters
    ----------
    values : array_like of shape (n,)
        One number per area, in any unit; NaN means no data.
    weights : SpatialWeights
        Of the same n areas.
    alternative : {"two-sided", "greater", "less"}
        "less" looks for likeness alone, "greater" for difference.
    adjust : {"fdr", "none"}
        Whether categories need a p-value adjusted by Benjamini and Hochberg.
    level : float
        Categories are given at p <= 1 - level.
    n_resamples : int
        At least 19.
    rng : int or numpy.random.Generator, optional

    Returns
    -------
    LocalStatistics
        Categories "HH" and "LL" (like neighbours, both above or both below the mean),
        "alike" (like neighbours on either side of the mean), "unlike", "ns", "no
        neighbours" and "no data".

    Raises
    ------
    InputError
        If values and weights differ in length or a value is infinite.
    NotEstimableError
        If fewer than four areas have data or all values are equal.

    Notes
    -----
    P-values come from drawing alone: the area's value stays, its neighbours' are drawn
    without replacement from all others. Squared differences are so skewed that neither
    a normal nor a shifted gamma distribution holds its level for them.

    References
    ----------
    Anselin, L. (1995). Local indicators of spatial association - LISA. Geographical
    Analysis 27, 93-115. https://doi.org/10.1111/j.1538-4632.1995.tb00338.x

    Anselin, L. (2019). A local indicator of multivariate spatial association: extending
    Geary's c. Geographical Analysis 51, 133-150. https://doi.org/10.1111/gean.12164

    Examples
    --------
    >>> from estimators.spatial import SpatialWeights, local_geary
    >>> chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(9)], n_areas=10)
    >>> result = local_geary([9, 9, 8, 1, 2, 1, 2, 1, 2, 1], chain, rng=1)
    >>> result[0].estimate
    0.0
    """
    plan = TestPlan(
        inference="permutation",
        alternative=alternative,
        adjust=adjust,
        level=level,
        n_resamples=n_resamples,
        rng=rng,
    )
    area = enough_areas(read_values(values, weights))
    z, links = area.centred(), area.weights
    y = z / math.sqrt(float(z @ z) / (z.size - 1))
    per_link = links.scaled * (y[links.owner] - y[links.neighbour]) ** 2
    statistic = links.sum_links(per_link)
    chance = drawn_moments(squared_differences(y), links)
    tails = tails_of(plan, y, area, statistic, chance, pool="squared differences")
    lag = links.lag(y)
    same = np.where((y > 0) & (lag > 0), "HH", np.where((y < 0) & (lag < 0), "LL", ""))
    alike = np.where(same == "", "alike", same)
    found = np.where(statistic < chance.mean, alike, "unlike").astype(object)
    moments = (statistic, chance.mean, chance.variance)
    table = area_table(area, plan, moments, tails, found)
    return LocalStatistics.build(
        table,
        words=("local_geary", "local Geary's c", "index"),
        level=level,
        n_obs=y.size,
        notes=area.notes + floor_notes(plan, table),
    )


def _total_moments(
    z: FloatVector, links: SpatialWeights, shrink: float
) -> tuple[FloatVector, FloatVector]:
    """Moments of local Moran with all values shuffled (Anselin 1995, eq. 13, 14)."""
    n = z.size
    s1, s2 = links.row_sums(), links.row_sums(2)
    b2 = n * float((z**4).sum()) / float(z @ z) ** 2
    expected = -s1 / (n - 1)
    second = s2 * (n - b2) / (n - 1)
    second += (s1**2 - s2) * (2 * b2 - n) / ((n - 1) * (n - 2))
    return expected * shrink, (second - expected**2) * shrink**2
