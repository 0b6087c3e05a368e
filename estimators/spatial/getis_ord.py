"""Where high or low values lie together: Getis-Ord Gi and Gi*."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.errors import InputError
from estimators.registry import estimator
from estimators.spatial.area_values import AreaValues, read_values
from estimators.spatial.local_inference import Alternative, drawn_moments
from estimators.spatial.local_result import LocalStatistics
from estimators.spatial.local_testing import (
    Adjustment,
    Inference,
    TestPlan,
    area_table,
    deviates_of,
    enough_areas,
    everyone,
    floor_notes,
    others,
    skewness_notes,
    tails_of,
    warm_corner,
)
from estimators.spatial.weights import SpatialWeights

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["getis_ord"]


@estimator(
    family="spatial",
    label="Getis-Ord Gi and Gi*",
    source="Getis and Ord 1992; Ord and Getis 1995",
    example=lambda: {**warm_corner(), "inference": "pearson"},
)
def getis_ord(  # noqa: PLR0913 - conventions that must be told apart
    values: Any,  # noqa: ANN401 - any vector of numbers
    weights: SpatialWeights,
    *,
    star: bool = True,
    self_weight: float = 1.0,
    inference: Inference = "permutation",
    alternative: Alternative = "two-sided",
    adjust: Adjustment = "fdr",
    level: float = 0.95,
    n_resamples: int = 9999,
    rng: int | np.random.Generator | None = None,
) -> LocalStatistics:
    """Find neighbourhoods whose values are high (hot) or low (cold) beyond chance.

    The standardised statistic ``(sum_j w_ij x_j - W_i m) / (s sqrt((n S_i - W_i^2) /
    (n - 1)))`` of Ord and Getis, with W the sum and S the sum of squares of the
    neighbourhood's weights.

    Parameters
    ----------
    values : array_like of shape (n,)
        One number per area, in any unit; NaN means no data.
    weights : SpatialWeights
        Of the same n areas; binary ones are usual.
    star : bool
        Gi*: the area belongs to its neighbourhood, and ``m, s`` are those of all areas.
        Otherwise Gi: it does not, and they are those of the others.
    self_weight : float
        Of the area in its own neighbourhood, before weights are divided by their sum.
    inference : {"permutation", "pearson", "normal"}
        See `local_moran`. For Gi* whole neighbourhoods, the area included, are drawn
        from all areas, which is the null of its formula.
    alternative : {"two-sided", "greater", "less"}
        "greater" looks for hotspots alone.
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
        Estimates in standard deviations of chance. `table` adds the ``share`` of the
        values' total in the neighbourhood, the original G, and ``expected_share``; they
        are NaN if a value is negative. Categories "hot", "cold", "ns", "no neighbours"
        (also for Gi*: one area alone is no neighbourhood) and "no data".

    Raises
    ------
    InputError
        If values and weights differ in length, a value is infinite or `self_weight` is
        not above 0.
    NotEstimableError
        If fewer than four areas have data or all values are equal.

    Notes
    -----
    Values are taken as exchangeable under the null; see `local_moran`, also for what
    the formulas are worth.

    References
    ----------
    Getis, A. and Ord, J. K. (1992). The analysis of spatial association by use of
    distance statistics. Geographical Analysis 24, 189-206.
    https://doi.org/10.1111/j.1538-4632.1992.tb00261.x

    Ord, J. K. and Getis, A. (1995). Local spatial autocorrelation statistics:
    distributional issues and an application. Geographical Analysis 27, 286-306.
    https://doi.org/10.1111/j.1538-4632.1995.tb00912.x

    Examples
    --------
    >>> from estimators.spatial import SpatialWeights, getis_ord
    >>> chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(9)], n_areas=10)
    >>> result = getis_ord([9, 9, 8, 1, 2, 1, 2, 1, 2, 1], chain, inference="pearson")
    >>> round(result[1].estimate, 3)
    2.968
    """
    plan = TestPlan(
        inference=inference,
        alternative=alternative,
        adjust=adjust,
        level=level,
        n_resamples=n_resamples,
        rng=rng,
    )
    if not 0 < self_weight < math.inf:
        raise InputError(f"self_weight={self_weight!r}: a number above 0 was expected.")
    area = enough_areas(read_values(values, weights))
    z = area.centred()
    links = area.weights.with_self(self_weight) if star else area.weights
    pool = everyone(z) if star else others(z)
    chance = drawn_moments(pool, links)
    total = links.lag(z)
    tails = tails_of(
        plan,
        z,
        area,
        total,
        chance,
        pool="all" if star else "others",
        links=links,
    )
    deviates = deviates_of(total, chance.mean, chance.variance)
    zero = np.zeros_like(z)
    found = np.where(deviates > 0, "hot", "cold").astype(object)
    table = area_table(area, plan, (deviates, zero, zero + 1), tails, found)
    share, expected_share = _shares(area, links, star=star)
    table = table.assign(
        share=area.spread_out(share), expected_share=area.spread_out(expected_share)
    )
    table.loc[~table["tested"], ["share", "expected_share"]] = np.nan
    notes = area.notes + _self_weight_notes(area.weights, self_weight, star=star)
    return LocalStatistics.build(
        table,
        words=(
            "getis_ord",
            "Getis-Ord Gi*" if star else "Getis-Ord Gi",
            "standard deviations",
        ),
        level=level,
        n_obs=z.size,
        notes=notes
        + floor_notes(plan, table)
        + skewness_notes(plan, chance, area.weights),
    )


def _shares(
    area: AreaValues, links: SpatialWeights, *, star: bool
) -> tuple[FloatVector, FloatVector]:
    """Return Getis and Ord's G of 1992 and its expectation."""
    x, n = area.values, area.values.size
    whole = x.sum() - (0 if star else x)
    lawful = (x >= 0).all() & (np.asarray(whole) > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(lawful, links.lag(x) / whole, np.nan)
    expected = links.row_sums() / (n if star else n - 1)
    return share, np.where(lawful, expected, np.nan)


def _self_weight_notes(
    weights: SpatialWeights, self_weight: float, *, star: bool
) -> tuple[str, ...]:
    raw = weights.weight
    if not star or not raw.size or (raw == self_weight).all():
        return ()
    return (
        f"each area has weight {self_weight:g} in its own neighbourhood, against "
        f"{raw.min():.3g} to {raw.max():.3g} for its neighbours: weights that were "
        "scaled before they came here give the area too much; let `row_standardised` "
        "scale them",
    )
