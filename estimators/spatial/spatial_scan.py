"""Spatial scan: the zones of a map with too many (or too few) cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.checks import as_generator, check_counts, check_level, check_resamples
from estimators.errors import InputError
from estimators.registry import estimator
from estimators.spatial.cluster_search import find_clusters, simulated_maxima
from estimators.spatial.example import surveyed_places
from estimators.spatial.neighbour_order import read_distance
from estimators.spatial.scan_input import (
    SIDES,
    Areas,
    Model,
    Settings,
    Shape,
    Side,
    check_areas,
    check_options,
    check_penalty,
    read_areas,
    share_between,
)
from estimators.spatial.scan_result import (
    NOTHING,
    SEARCHED,
    ScanClusters,
    describe_clusters,
    risk_rows,
)

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector
    from estimators.spatial.cluster_search import Judged
    from estimators.spatial.neighbour_order import Metric

__all__ = ["spatial_scan"]

_NO_RADIUS = (
    "max_distance= goes with circles and flexible shapes: an ellipse has no one "
    "radius. Bound ellipses by max_population_share."
)
_STOP_AT = 0.05  # an iterative scan goes on while its clusters are this unlikely


@estimator(
    family="spatial",
    label="Spatial scan statistic (Kulldorff)",
    source="Kulldorff 1997; Kulldorff et al. 2006; Tango and Takahashi 2005, 2012",
    example=lambda: {**surveyed_places(), "model": "bernoulli", "n_resamples": 99},
)
def spatial_scan(  # noqa: PLR0913 - the options of one scan, all by keyword
    cases: FloatVector,
    population: FloatVector,
    coordinates: FloatMatrix,
    *,
    model: Model = "poisson",
    shape: Shape = "circular",
    metric: Metric = "euclidean",
    max_population_share: float = 0.5,
    max_distance: float | None = None,
    direction: Side = "high",
    expected: FloatVector | None = None,
    design_effect: FloatVector | float | None = None,
    adjacency: Any = None,  # noqa: ANN401 - pairs or a matrix of any kind
    max_areas: int = 10,
    restriction: float = 0.2,
    penalty: float = 0.5,
    min_cases: int = 2,
    max_clusters: int = 10,
    iterative: bool = False,
    n_resamples: int = 999,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> ScanClusters:
    """Find zones of neighbouring areas with more (or fewer) cases than chance gives.

    All zones of a shape are compared by their likelihood ratio; the p-value is that of
    the greatest ratio of the whole map, so the search is paid for.

    Parameters
    ----------
    cases : array_like of shape (n,)
        Cases by area. Fractions are lawful (cases apportioned to areas, weighted
        cases); simulated maps hold the nearest whole number of cases.
    population : array_like of shape (n,)
        Persons at risk; for ``model="bernoulli"`` persons interviewed, cases included.
    coordinates : array_like of shape (n, 2)
        x, y in one unit; for great circles longitude, latitude in degrees.
    model : {"poisson", "bernoulli"}
        Bernoulli where a good part of the persons are cases, as among persons
        interviewed; Poisson where cases are few among many.
    shape : {"circular", "elliptic", "flexible", "restricted"}
        Circles; ellipses of axis ratios 1 to 5 in up to 15 directions; all connected
        sets among the nearest `max_areas`; of these only the sets of areas that are
        each raised by themselves.
    metric : {"euclidean", "great_circle"}
    max_population_share : float
        Greatest share of the population in a zone, above 0 and at most 1.
    max_distance : float, optional
        Greatest distance of a zone's areas from its centre, in the unit of the
        coordinates, for great circles in kilometres; besides the share. Not for
        ellipses, whose axes differ.
    direction : {"high", "low", "both"}
    expected : array_like of shape (n,), optional
        Cases to be expected by area, for instance by `indirect_expected`; scaled to the
        number of cases. Poisson only; `population` still bounds the zones.
    design_effect : float or array_like of shape (n,), optional
        Bernoulli only: variance of each area's weighted proportion over the variance of
        a simple random sample of as many persons. `cases` are then the weighted
        proportion times the persons interviewed.
    adjacency : array_like of shape (n, n) or (edges, 2), optional
        Which areas touch, as a matrix or as pairs of rows; for flexible shapes.
    max_areas : int
        Areas (centre included) among which flexible shapes are sought: at most 15, for
        the restricted at most 100.
    restriction : float
        Restricted shapes take areas whose own one-sided mid-p is below this.
    penalty : float
        Of long ellipses: 0 none, 0.5 medium, 1 strong.
    min_cases : int
        Fewest cases in a high cluster.
    max_clusters : int
        Clusters reported at most.
    iterative : bool
        Take away each cluster below p = 0.05 and scan the rest anew: p-values of
        secondary clusters are then no longer too great.
    n_resamples : int
        Simulated maps; 999 can show p = 0.001 at the least.
    level : float
        Of the limits of relative risks.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    ScanClusters
        `clusters` from the most likely on, each with `members` (rows from 0),
        `log_likelihood_ratio`, `p_value`, `observed`, `expected`; rows are the relative
        risks.

    Raises
    ------
    InputError
        If the data have gaps, cases lie where nobody is, cases exceed persons, options
        contradict each other, or flexible shapes come without `adjacency`.
    NotEstimableError
        If there are no cases, or only cases.

    Notes
    -----
    With c cases of C and E expected in a zone the Poisson ratio is ``c log(c / E) +
    (C - c) log((C - c) / (C - E))``. Zones grow by one area at a time, in order of
    distance and then of row, until the next area would pass the cap. Simulated cases
    are multinomial (Poisson) or drawn without replacement (Bernoulli); statistics
    within 1e-9 of each other are equal, and the p-value counts maps that reach the
    data's: ``(1 + number) / (1 + n_resamples)``. Secondary clusters overlap no likelier
    one; theirs is the p-value of a map's *greatest* ratio, which is too great unless
    `iterative`. Areas without population belong to no zone.

    A design effect turns m persons into m / deff effective ones, rounded down to whole
    persons for the simulation, which holds the level where the nearest does not. That
    assumes areas sampled apart from each other, and a design effect that holds under
    the null; estimate it over several areas or rounds. Shares of rare cases in a few
    groups are skewer than those of independent persons: with one case in ten, groups
    of six and an effect of 2, null maps showed a cluster in 7 to 9 of 100.

    References
    ----------
    Kulldorff, M. (1997). A spatial scan statistic. Communications in Statistics -
    Theory and Methods 26, 1481-1496. https://doi.org/10.1080/03610929708831995

    Kulldorff, M., Huang, L., Pickle, L. and Duczmal, L. (2006). An elliptic spatial
    scan statistic. Statistics in Medicine 25, 3929-3943.
    https://doi.org/10.1002/sim.2490

    Tango, T. and Takahashi, K. (2005). A flexibly shaped spatial scan statistic for
    detecting clusters. International Journal of Health Geographics 4, 11.
    https://doi.org/10.1186/1476-072X-4-11

    Examples
    --------
    >>> from estimators.spatial import spatial_scan
    >>> from estimators.spatial.example import surveyed_places
    >>> found = spatial_scan(**surveyed_places(), model="bernoulli", rng=1)
    >>> sorted(found.clusters[0].members), found.clusters[0].p_value
    ([0, 1, 5, 6], 0.001)
    """
    check_options(model, shape, metric, direction, expected, design_effect)
    if max_distance is not None and shape == "elliptic":
        raise InputError(_NO_RADIUS)
    settings = Settings(
        model=model,
        shape=shape,
        metric=metric,
        cap=share_between(max_population_share, "max_population_share", 1.0),
        max_distance=read_distance(max_distance),
        sides=SIDES[direction],
        max_areas=check_areas(shape, max_areas),
        restriction=share_between(restriction, "restriction", 1.0),
        penalty=check_penalty(penalty),
        min_cases=check_counts(min_cases=min_cases)["min_cases"],
        max_clusters=check_counts(max_clusters=max_clusters)["max_clusters"],
        n_resamples=check_resamples(n_resamples, least=9),
    )
    check_level(level)
    data = read_areas(
        cases, population, coordinates, settings, expected, design_effect, adjacency
    )
    generator = as_generator(rng)
    search = _scan_repeatedly if iterative else _scan_once
    judged, maxima = search(data, settings, generator)
    whole = data.model(settings, np.ones(len(data.places), dtype=np.bool_))
    clusters = describe_clusters(judged, whole)
    method = f"spatial_scan ({model}, {shape})"
    rows, groups = risk_rows(
        clusters, whole, method=method, level=level, n_obs=data.n_obs
    )
    notes = (*data.notes, SEARCHED) if clusters else (*data.notes, NOTHING)
    return ScanClusters(
        rows=rows,
        groups=groups,
        notes=notes,
        clusters=clusters,
        null_maxima=maxima,
        n_areas=len(data.places),
    )


def _scan_once(
    data: Areas, settings: Settings, rng: np.random.Generator
) -> tuple[list[Judged], FloatVector]:
    return _scan(data, settings, rng, data.weight > 0, settings.max_clusters)


def _scan_repeatedly(
    data: Areas, settings: Settings, rng: np.random.Generator
) -> tuple[list[Judged], FloatVector]:
    """Scan, take the likeliest cluster away, scan again (Zhang et al. 2010)."""
    kept = data.weight > 0
    judged, first = _scan(data, settings, rng, kept, 1)
    while judged and judged[-1].p_value < _STOP_AT:
        kept[list(judged[-1].found.members)] = False
        if len(judged) >= settings.max_clusters or not _varies(data, settings, kept):
            break
        more, _ = _scan(data, settings, rng, kept, 1)
        if not more:
            break
        judged.extend(more)
    return judged, first


def _scan(
    data: Areas,
    settings: Settings,
    rng: np.random.Generator,
    kept: BoolVector,
    max_clusters: int,
) -> tuple[list[Judged], FloatVector]:
    model = data.model(settings, kept)
    windows = data.windows(settings, kept, model)
    maxima = simulated_maxima(
        model, windows, settings.sides, n_resamples=settings.n_resamples, rng=rng
    )
    judged = find_clusters(
        model, windows, settings.sides, maxima, max_clusters=max_clusters
    )
    rows = np.flatnonzero(kept)
    return [one.renumbered(rows) for one in judged], maxima


def _varies(data: Areas, settings: Settings, kept: BoolVector) -> bool:
    """Tell whether what is left has cases, and not only cases."""
    total = data.cases[kept].sum()
    if kept.sum() < 2 or total < 1:
        return False
    return settings.model == "poisson" or bool(total < data.weight[kept].sum())
