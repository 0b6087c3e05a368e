"""Space-time scan: where and since when (or for how long) there are too many cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from estimators.checks import (
    as_generator,
    check_choice,
    check_counts,
    check_level,
    check_resamples,
)
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.spatial.cluster_search import find_clusters, simulated_maxima
from estimators.spatial.cylinder_windows import CylinderWindows
from estimators.spatial.example import surveyed_rounds
from estimators.spatial.neighbour_order import (
    Metric,
    areas_within,
    neighbour_order,
    read_distance,
    read_places,
)
from estimators.spatial.scan_input import SIDES, Side, share_between
from estimators.spatial.scan_models import (
    ScanModel,
    bernoulli_model,
    expectation_model,
    permutation_model,
    poisson_model,
    read_counts,
)
from estimators.spatial.scan_result import (
    NOTHING,
    SEARCHED,
    ScanClusters,
    describe_clusters,
    risk_rows,
)
from estimators.spatial.windows import cut_ordering

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector

__all__ = ["space_time_scan"]

Model = Literal["poisson", "bernoulli", "permutation", "expectation"]
Analysis = Literal["retrospective", "prospective"]


@estimator(
    family="spatial",
    label="Space-time scan statistic (Kulldorff; Neill)",
    source="Kulldorff et al. 1998, 2005; Neill et al. 2005",
    example=lambda: {**surveyed_rounds(), "model": "bernoulli", "n_resamples": 99},
)
def space_time_scan(  # noqa: PLR0913 - the options of one scan, all by keyword
    cases: FloatMatrix,
    population: FloatMatrix | None,
    coordinates: FloatMatrix,
    *,
    model: Model = "poisson",
    analysis: Analysis = "retrospective",
    metric: Metric = "euclidean",
    max_population_share: float = 0.5,
    max_distance: float | None = None,
    max_areas: int | None = None,
    max_duration: int | None = None,
    direction: Side = "high",
    expected: FloatMatrix | None = None,
    min_cases: int = 2,
    max_clusters: int = 10,
    n_resamples: int = 999,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> ScanClusters:
    """Find areas that have more (or fewer) cases than chance gives for a while.

    Zones are cylinders: a circle of areas during a run of periods.

    Parameters
    ----------
    cases : array_like of shape (n, periods)
        Cases by area and period (interview round, month), in order of time.
    population : array_like of shape (n, periods) or (n,), or None
        Persons at risk, or interviewed for Bernoulli; the permutation and expectation
        models need none.
    coordinates : array_like of shape (n, 2)
        As `spatial_scan` takes them.
    model : {"poisson", "bernoulli", "permutation", "expectation"}
        Given the number of cases, they fall in proportion to persons at risk; or are
        drawn among persons interviewed; or keep their areas and their periods, but mix
        them (no denominator needed: hotline calls); or are independent Poisson counts
        round what was expected.
    analysis : {"retrospective", "prospective"}
        Any run of periods, or only runs that last until now (the last period).
    metric : {"euclidean", "great_circle"}
    max_population_share : float
        Greatest share in a circle of the population (of the cases or the expected
        cases where there is none), over all periods.
    max_distance : float, optional
        Greatest radius of a circle; see `spatial_scan`.
    max_areas : int, optional
        Greatest number of areas in a circle.
    max_duration : int, optional
        Most periods in a run: half of all unless given; all for prospective scans.
    direction : {"high", "low", "both"}
    expected : array_like of shape (n, periods), optional
        Expected cases. Poisson scales them to the number of cases; for the expectation
        model they are the null itself and may come from earlier periods. Without them
        the expectation model takes the overall rate of the data.
    min_cases : int
        Fewest cases in a high cluster.
    max_clusters : int
    n_resamples : int
    level : float
        Of the limits of relative risks.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    ScanClusters
        As `spatial_scan` returns it; every cluster has its `period`, first and last.

    Raises
    ------
    InputError
        If the data have gaps or shapes differ, cases lie where nobody is, or options
        contradict each other.
    NotEstimableError
        If there are no cases, or only cases.

    Notes
    -----
    Secondary clusters share no area with a likelier one. The p-value of a prospective
    scan holds for one look; who looks every month must expect false alarms in
    proportion. The expectation model's simulated counts vary as Poisson counts:
    overdispersed data alarm too often.

    References
    ----------
    Kulldorff, M., Heffernan, R., Hartman, J., Assuncao, R. and Mostashari, F. (2005).
    A space-time permutation scan statistic for disease outbreak detection. PLoS
    Medicine 2, e59. https://doi.org/10.1371/journal.pmed.0020059

    Neill, D. B., Moore, A. W., Sabhnani, M. and Daniel, K. (2005). Detection of
    emerging space-time clusters. Proceedings of KDD 2005, 218-227.

    Examples
    --------
    >>> from estimators.spatial import space_time_scan
    >>> from estimators.spatial.example import surveyed_rounds
    >>> found = space_time_scan(**surveyed_rounds(), model="bernoulli", rng=1)
    >>> sorted(found.clusters[0].members), found.clusters[0].period
    ([0, 1, 5, 6], (2, 3))
    """
    check_choice("direction", direction, tuple(SIDES))
    check_choice("analysis", analysis, ("retrospective", "prospective"))
    check_level(level)
    data = _read(cases, population, coordinates, model, metric, expected)
    most = check_counts(min_cases=min_cases, max_clusters=max_clusters)
    null = _null_model(data, model, most["min_cases"])
    kept = data.weight.sum(axis=1) > 0
    order = neighbour_order(data.places[kept], metric=metric)
    cap = share_between(max_population_share, "max_population_share", 1.0)
    reach = read_distance(max_distance)
    within = areas_within(data.places[kept], metric=metric, max_distance=reach)
    windows = CylinderWindows(
        ordering=cut_ordering(
            order[:, : _most_areas(max_areas)], data.share[kept], cap, within
        ),
        periods=data.periods,
        first_end=data.periods - 1 if analysis == "prospective" else 0,
        longest=_longest(max_duration, data.periods, analysis),
    )
    inside = _within(null, np.repeat(kept, data.periods))
    sides = SIDES[direction]
    maxima = simulated_maxima(
        inside,
        windows,
        sides,
        n_resamples=check_resamples(n_resamples, least=9),
        rng=as_generator(rng),
    )
    judged = find_clusters(
        inside, windows, sides, maxima, max_clusters=most["max_clusters"]
    )
    clusters = describe_clusters(
        [one.renumbered(np.flatnonzero(kept), data.periods) for one in judged], null
    )
    rows, groups = risk_rows(
        clusters,
        null,
        method=f"space_time_scan ({model}, {analysis})",
        level=level,
        n_obs=data.n_obs,
    )
    return ScanClusters(
        rows=rows,
        groups=groups,
        notes=(*data.notes(kept), SEARCHED if clusters else NOTHING),
        clusters=clusters,
        null_maxima=maxima,
        n_areas=len(data.places),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cells:
    """Checked data: cases and weights (n, periods), share of each area (n,)."""

    cases: FloatMatrix
    weight: FloatMatrix
    share: FloatVector
    places: FloatMatrix
    n_obs: int

    @property
    def periods(self) -> int:
        """Number of periods."""
        return int(self.cases.shape[1])

    def notes(self, kept: BoolVector) -> tuple[str, ...]:
        """Return what a reader must know about areas left out."""
        empty = int((~kept).sum())
        if not empty:
            return ()
        return (
            f"{empty} of {kept.size} areas have no population (or cases expected) in "
            "any period and belong to no zone.",
        )


def _read(  # noqa: PLR0917 - the data arguments of the public door
    cases: Any,  # noqa: ANN401
    population: Any,  # noqa: ANN401
    coordinates: Any,  # noqa: ANN401
    model: str,
    metric: Metric,
    expected: Any,  # noqa: ANN401
) -> _Cells:
    check_choice("model", model, ("poisson", "bernoulli", "permutation", "expectation"))
    check_choice("metric", metric, ("euclidean", "great_circle"))
    places = read_places(coordinates, metric, "coordinates")
    if np.ndim(cases) != 2:
        raise InputError(
            f"cases has shape {np.shape(cases)}; one row per area and one column per "
            "period were expected. Without periods use spatial_scan."
        )
    shape = (len(places), np.shape(cases)[1])
    found: FloatMatrix = read_counts(cases, "cases", shape)  # type: ignore[assignment]
    weight = _weight(found, population, expected, model)
    _check_cells(found, weight, model)
    share = weight.sum(axis=1) / weight.sum()
    n_obs = round(weight.sum() if model == "bernoulli" else found.sum())
    return _Cells(cases=found, weight=weight, share=share, places=places, n_obs=n_obs)


def _weight(
    found: FloatMatrix,
    population: Any,  # noqa: ANN401
    expected: Any,  # noqa: ANN401
    model: str,
) -> FloatMatrix:
    """Return persons, expected cases or, without either, what the margins expect."""
    if expected is not None:
        if model not in ("poisson", "expectation"):
            raise InputError("expected= goes with model='poisson' or 'expectation'.")
        return read_counts(expected, "expected", found.shape)  # type: ignore[return-value]
    if model == "permutation":
        total = found.sum()
        if total <= 0:
            raise NotEstimableError("cases are all 0: there is nothing to cluster.")
        margins: FloatMatrix = np.outer(found.sum(axis=1), found.sum(axis=0)) / total
        return margins
    if population is None:
        raise InputError(
            f"population=None: model={model!r} needs persons (or expected=); "
            "model='permutation' needs neither."
        )
    if np.ndim(population) == 1:
        one = read_counts(population, "population", (len(found),))
        persons = np.repeat(one[:, None], found.shape[1], axis=1)
    else:
        persons = read_counts(population, "population", found.shape)
    if model == "expectation":
        if persons.sum() <= 0:
            raise InputError("population is 0 everywhere.")
        persons = persons * (found.sum() / persons.sum())
    return persons


def _check_cells(found: FloatMatrix, weight: FloatMatrix, model: str) -> None:
    problems: list[str] = []
    nobody = np.argwhere((found > 0) & (weight <= 0))
    if nobody.size:
        problems.append(
            f"cells {nobody[:5].tolist()} have cases, but no population (or expected)"
        )
    if model == "bernoulli":
        over = np.argwhere(found > weight * (1 + 1e-9))
        if over.size:
            problems.append(
                f"cells {over[:5].tolist()} have more cases than population"
            )
        if (np.abs(weight - np.round(weight)) > 1e-9).any():
            problems.append("population must be whole persons for model='bernoulli'")
    if model == "permutation" and (np.abs(found - np.round(found)) > 1e-9).any():
        problems.append("cases must be whole for model='permutation'")
    if problems:
        raise InputError(f"cases and population: {'; '.join(problems)} (from 0).")
    if found.sum() <= 0 or weight.sum() <= 0:
        raise NotEstimableError("cases are all 0: there is nothing to cluster.")
    if model == "bernoulli" and found.sum() >= weight.sum():
        raise NotEstimableError("All of population are cases: no zone can stand out.")


def _null_model(data: _Cells, model: str, min_cases: int) -> ScanModel:
    cases, weight = data.cases.ravel(), data.weight.ravel()
    if model == "permutation":
        return permutation_model(data.cases, min_cases=min_cases)
    make = {
        "poisson": poisson_model,
        "bernoulli": bernoulli_model,
        "expectation": expectation_model,
    }[model]
    return make(cases, weight, min_cases=min_cases)


def _within(model: ScanModel, cells: BoolVector) -> ScanModel:
    """Return the model of the cells of areas that zones may hold."""
    return model if cells.all() else model.of(cells)


def _most_areas(max_areas: int | None) -> int | None:
    if max_areas is None:
        return None
    areas = check_counts(max_areas=max_areas)["max_areas"]
    if areas < 1:
        raise InputError("max_areas=0: a circle holds at least its centre.")
    return areas


def _longest(max_duration: int | None, periods: int, analysis: str) -> int:
    if max_duration is None:
        return periods if analysis == "prospective" else max(periods // 2, 1)
    longest = check_counts(max_duration=max_duration)["max_duration"]
    if not 1 <= longest <= periods:
        raise InputError(
            f"max_duration={longest}: there are {periods} periods; give 1 to {periods}."
        )
    return longest
