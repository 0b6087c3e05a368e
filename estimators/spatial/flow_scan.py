"""Flow scan: from where to where there are too many cases, or too many trips."""

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
from estimators.spatial.example import surveyed_flows
from estimators.spatial.flow_model import (
    distance_decay,
    draw_flows,
    fit_margins,
    pair_distances,
)
from estimators.spatial.flow_windows import FlowWindows
from estimators.spatial.neighbour_order import Metric, neighbour_order, read_places
from estimators.spatial.scan_input import SIDES, Side, share_between
from estimators.spatial.scan_models import (
    ScanModel,
    bernoulli_model,
    drawn_by,
    read_counts,
)
from estimators.spatial.scan_result import (
    NOTHING,
    SEARCHED,
    FlowClusters,
    describe_clusters,
    risk_rows,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, IntVector

__all__ = ["flow_scan"]

Model = Literal["bernoulli", "independence", "gravity"]


@estimator(
    family="spatial",
    label="Scan statistic of flows from origins to destinations",
    source="Gao et al. 2018; Kulldorff 1997",
    example=lambda: {**surveyed_flows(), "n_resamples": 99},
)
def flow_scan(  # noqa: PLR0913 - the options of one scan, all by keyword
    cases: FloatMatrix,
    trips: FloatMatrix | None,
    origins: FloatMatrix,
    destinations: FloatMatrix,
    *,
    model: Model = "bernoulli",
    metric: Metric = "euclidean",
    max_places: int = 20,
    max_trip_share: float = 0.5,
    within_place: bool = False,
    direction: Side = "high",
    min_cases: int = 2,
    max_clusters: int = 10,
    n_resamples: int = 999,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> FlowClusters:
    """Find flows, from near origins to near destinations, that stand out.

    Zones are pairs of circles: an origin with its neighbours times a destination with
    its neighbours.

    Parameters
    ----------
    cases : array_like of shape (origins, destinations)
        Trips of cases from each origin to each destination; for the other models than
        Bernoulli all trips that are compared with the null.
    trips : array_like of shape (origins, destinations), or None
        All trips, cases included; Bernoulli only.
    origins, destinations : array_like of shape (origins, 2) and (destinations, 2)
        As `spatial_scan` takes coordinates.
    model : {"bernoulli", "independence", "gravity"}
        Cases are drawn at random among trips; or trips join origins and destinations
        by their totals alone; or by their totals and a power of distance fitted to the
        data.
    metric : {"euclidean", "great_circle"}
    max_places : int
        Origins, and destinations, in a circle at most.
    max_trip_share : float
        Greatest share of all trips (of expected trips) in a zone.
    within_place : bool
        Whether a trip can start and end at the same coordinates; if not, such pairs
        are left out of the null of independence and gravity.
    direction : {"high", "low", "both"}
    min_cases : int
        Fewest cases in a high cluster.
    max_clusters : int
    n_resamples : int
    level : float
        Of the limits of relative risks.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    FlowClusters
        As `spatial_scan` returns it; `members` of a cluster are its origins and
        `destinations` its destinations.

    Raises
    ------
    InputError
        If the data have gaps, shapes differ, cases exceed trips, or trips inside a
        place come where there can be none.
    NotEstimableError
        If there are no cases, or only cases.
    ConvergenceError
        If no table without trips inside places has the data's totals.

    Notes
    -----
    Bernoulli: cases are relabelled among trips, without replacement. Independence and
    gravity: drawn flows have the totals of the data by origin and by destination; where
    pairs are impossible or distance deters, a Metropolis chain makes them: trips swap
    destinations, or pass them round in threes (without which three places that have no
    trips inside could show nothing but the data). Flows of one person in several
    trips are not independent: count persons. Secondary clusters share no pair that has
    trips with a likelier one.

    References
    ----------
    Gao, Y., Li, T., Wang, S., Jeong, M.-H. and Soltani, K. (2018). A multidimensional
    spatial scan statistics approach to movement pattern comparison. International
    Journal of Geographical Information Science 32, 1304-1325.
    https://doi.org/10.1080/13658816.2018.1426859

    Aoki, S. and Takemura, A. (2005). Markov chain Monte Carlo exact tests for
    incomplete two-way contingency tables. Journal of Statistical Computation and
    Simulation 75, 787-812. https://doi.org/10.1080/00949650410001690079

    Examples
    --------
    >>> from estimators.spatial import flow_scan
    >>> from estimators.spatial.example import surveyed_flows
    >>> best = flow_scan(**surveyed_flows(), rng=1).clusters[0]
    >>> sorted(best.members), sorted(best.destinations), best.p_value
    ([0, 1], [2, 3], 0.001)
    """
    check_choice("direction", direction, tuple(SIDES))
    check_level(level)
    most = check_counts(
        min_cases=min_cases, max_clusters=max_clusters, max_places=max_places
    )
    data = _read(cases, trips, origins, destinations, model, metric)
    null, pair, notes = _null_model(
        data, model, most["min_cases"], within_place=within_place
    )
    windows = FlowWindows(
        from_near=_nearest(data.origins, metric, most["max_places"]),
        to_near=_nearest(data.destinations, metric, most["max_places"]),
        pair=pair,
        cap=share_between(max_trip_share, "max_trip_share", 1.0),
    )
    maxima = simulated_maxima(
        null,
        windows,
        SIDES[direction],
        n_resamples=check_resamples(n_resamples, least=9),
        rng=as_generator(rng),
    )
    judged = find_clusters(
        null, windows, SIDES[direction], maxima, max_clusters=most["max_clusters"]
    )
    clusters = describe_clusters(judged, null)
    rows, groups = risk_rows(
        clusters, null, method=f"flow_scan ({model})", level=level, n_obs=data.n_obs
    )
    return FlowClusters(
        rows=rows,
        groups=groups,
        notes=(*notes, SEARCHED if clusters else NOTHING),
        clusters=clusters,
        null_maxima=maxima,
        n_areas=len(data.origins),
        n_destinations=len(data.destinations),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Flows:
    """Checked data; `trips` is None where there are only cases."""

    cases: FloatMatrix
    trips: FloatMatrix | None
    origins: FloatMatrix
    destinations: FloatMatrix
    distance: FloatMatrix
    n_obs: int


def _read(  # noqa: PLR0917 - the data arguments of the public door
    cases: Any,  # noqa: ANN401
    trips: Any,  # noqa: ANN401
    origins: Any,  # noqa: ANN401
    destinations: Any,  # noqa: ANN401
    model: str,
    metric: Metric,
) -> _Flows:
    check_choice("model", model, ("bernoulli", "independence", "gravity"))
    check_choice("metric", metric, ("euclidean", "great_circle"))
    start = read_places(origins, metric, "origins")
    stop = read_places(destinations, metric, "destinations")
    shape = (len(start), len(stop))
    found: FloatMatrix = read_counts(cases, "cases", shape)  # type: ignore[assignment]
    everyone: FloatMatrix | None = None
    if model == "bernoulli":
        if trips is None:
            raise InputError(
                "trips=None: model='bernoulli' compares cases with all trips; "
                "model='independence' compares trips with their totals."
            )
        everyone = read_counts(trips, "trips", shape)  # type: ignore[assignment]
    elif trips is not None:
        raise InputError(f"trips= goes with model='bernoulli', not with {model!r}.")
    _check_flows(found, everyone)
    return _Flows(
        cases=found,
        trips=everyone,
        origins=start,
        destinations=stop,
        distance=pair_distances(start, stop, great_circle=metric == "great_circle"),
        n_obs=round(found.sum() if everyone is None else everyone.sum()),
    )


def _check_flows(found: FloatMatrix, everyone: FloatMatrix | None) -> None:
    problems: list[str] = []
    if (np.abs(found - np.round(found)) > 1e-9).any():
        problems.append("cases must be whole trips")
    if everyone is not None:
        over = np.argwhere(found > everyone)
        if over.size:
            problems.append(f"pairs {over[:5].tolist()} (from 0) have more than trips")
        if (np.abs(everyone - np.round(everyone)) > 1e-9).any():
            problems.append("trips must be whole")
    if problems:
        raise InputError(f"cases and trips: {'; '.join(problems)}.")
    if found.sum() <= 0:
        raise NotEstimableError("cases are all 0: there is nothing to cluster.")
    if everyone is not None and found.sum() >= everyone.sum():
        raise NotEstimableError("All of trips are cases: no flow can stand out.")


def _null_model(
    data: _Flows, model: str, min_cases: int, *, within_place: bool
) -> tuple[ScanModel, IntVector, tuple[str, ...]]:
    """Return the model of the pairs that can have trips, and which they are."""
    if data.trips is not None:
        pair: IntVector = np.flatnonzero(data.trips.ravel() > 0)
        cases, size = data.cases.ravel()[pair], data.trips.ravel()[pair]
        return bernoulli_model(cases, size, min_cases=min_cases), pair, ()
    possible = np.ones_like(data.distance)
    if not within_place:
        possible = (data.distance > 0).astype(np.float64)
        inside = np.argwhere((possible == 0) & (data.cases > 0))
        if inside.size:
            raise InputError(
                f"cases: pairs {inside[:5].tolist()} (from 0) start and end at the "
                "same coordinates; give within_place=True if that can be."
            )
    notes: tuple[str, ...] = ()
    weight = possible
    expected = fit_margins(possible, data.cases)
    if model == "gravity":
        power, expected = distance_decay(data.distance, possible, data.cases)
        margins = np.outer(expected.sum(axis=1), expected.sum(axis=0))
        used = (expected > 0) & (margins > 0)
        # The fit over its margins: what is left is the deterrence, margins cancel.
        weight = np.where(used, expected / np.where(used, margins, 1.0), possible)
        notes = (f"Trips fall with distance to the power {-power:.3g}.",)
    pair = np.flatnonzero(expected.ravel() > 0)
    flows = data.cases
    null = drawn_by(
        data.cases.ravel()[pair],
        expected.ravel()[pair],
        lambda n, rng: draw_flows(flows, weight, n, rng)[:, pair],
        min_cases=min_cases,
    )
    return null, pair, notes


def _nearest(places: FloatMatrix, metric: Metric, most: int) -> Any:  # noqa: ANN401
    if most < 1:
        raise InputError("max_places=0: a circle holds at least its centre.")
    return np.ascontiguousarray(neighbour_order(places, metric=metric)[:, :most])
