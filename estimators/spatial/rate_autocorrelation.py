"""Do rates of unequal populations cluster: Moran's I of standardised deviates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.registry import estimator
from estimators.spatial.area_counts import read_counts
from estimators.spatial.autocorrelation import moran
from estimators.spatial.local_testing import warm_corner
from estimators.spatial.rate_priors import map_moments

if TYPE_CHECKING:
    from estimators.results import Estimate
    from estimators.spatial.global_testing import GlobalInference
    from estimators.spatial.local_inference import Alternative
    from estimators.spatial.weights import SpatialWeights

__all__ = ["empirical_bayes_moran"]


def _example() -> dict[str, Any]:
    corner = warm_corner()
    persons = np.tile([40.0, 200.0, 1000.0], 12)
    cases = np.round(persons * corner["values"])
    return {"cases": cases, "population": persons, "weights": corner["weights"]}


@estimator(
    family="spatial",
    label="Empirical Bayes Moran's I of rates",
    source="Assunção and Reis 1999",
    example=_example,
)
def empirical_bayes_moran(
    cases: Any,  # noqa: ANN401 - any vector of numbers
    population: Any,  # noqa: ANN401 - any vector of numbers
    weights: SpatialWeights,
    *,
    level: float = 0.95,
    inference: GlobalInference = "permutation",
    alternative: Alternative = "two-sided",
    n_resamples: int = 999,
    rng: int | np.random.Generator | None = None,
) -> Estimate:
    """Measure whether rates cluster where populations are unequal.

    Plain Moran's I takes rates as exchangeable, though those of small places vary more.
    Here each rate p_i of x_i persons becomes ``(p_i - b) / sqrt(a + b / x_i)``, with
    the pooled rate b and the variance a of the true rates as in
    `empirical_bayes_rates`; the deviates, about their mean, go into Moran's I.

    Parameters
    ----------
    cases : array_like of shape (n,)
        Cases per area, from 0 on; NaN where unknown.
    population : array_like of shape (n,)
        Persons (or person-time) at risk per area, from 0 on; NaN where unknown.
    weights : SpatialWeights
        Of the same n areas.
    level : float
        Of the limits.
    inference : {"permutation", "normal"}
        p-value from shuffled deviates or from z; see `moran`.
    alternative : {"two-sided", "greater", "less"}
        "greater" asks whether neighbours have like rates.
    n_resamples : int
        Shuffled maps, 19 or more.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the shuffled maps.

    Returns
    -------
    Estimate
        See `moran`; `diagnostics` also hold pooled_rate and rate_variance (a, below 0
        where rates vary less than Poisson counts would).

    Raises
    ------
    InputError
        If lengths differ, a number is below 0 or infinite, or cases come from nobody.
    NotEstimableError
        If there are no cases, fewer than four areas have persons at risk, rates are all
        equal or nobody has a neighbour.

    Notes
    -----
    Where a is below 0 it is taken as 0, as Marshall's estimator and R spdep have it;
    esda keeps it in the areas where ``a + b / x_i`` stays above 0, which gives large
    areas variances near 0. Areas with nobody at risk or unknown counts are left
    out, with a note. Cases are taken as Poisson: for frequent outcomes ``b / x_i``
    overstates the noise of small places.

    References
    ----------
    Assunção, R. M. and Reis, E. A. (1999). A new proposal to adjust Moran's I for
    population density. Statistics in Medicine 18, 2147-2162.

    Examples
    --------
    >>> from estimators.spatial import SpatialWeights, empirical_bayes_moran
    >>> chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(5)], n_areas=6)
    >>> result = empirical_bayes_moran(
    ...     [9, 30, 4, 10, 1, 2], [40, 150, 60, 150, 50, 90], chain, rng=1)
    >>> round(result.estimate, 3)
    0.575
    """
    counts = read_counts(cases, population, weights)
    b, variance, _, _ = map_moments(counts)
    deviates = np.full(counts.cases.size, np.nan)
    x, c = counts.persons[counts.known], counts.cases[counts.known]
    deviates[counts.known] = (c / x - b) / np.sqrt(max(variance, 0.0) + b / x)
    result = moran(
        deviates,
        weights,
        level=level,
        inference=inference,
        alternative=alternative,
        n_resamples=n_resamples,
        rng=rng,
    )
    notes = list(counts.notes())
    if variance <= 0:
        notes.append(
            "rates vary no more than Poisson counts of one rate would: deviates have "
            "their Poisson variance alone"
        )
    return replace(
        result,
        method="empirical_bayes_moran",
        estimand="Moran's I of rates",
        notes=(*result.notes, *notes),
        diagnostics={
            **result.diagnostics,
            "pooled_rate": b,
            "rate_variance": variance,
        },
    )
