"""Flow scan of a published table: small legs hidden, totals told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.checks import as_generator, check_counts, check_level, check_resamples
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.spatial.cluster_search import find_clusters, simulated_maxima
from estimators.spatial.example import published_flows
from estimators.spatial.flow_windows import FlowWindows
from estimators.spatial.neighbour_order import Metric, neighbour_order, read_places
from estimators.spatial.scan_input import share_between
from estimators.spatial.scan_models import ScanModel, expectation_model, read_counts
from estimators.spatial.scan_result import (
    NOTHING,
    SEARCHED,
    FlowClusters,
    describe_clusters,
    risk_rows,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix, IntVector

__all__ = ["released_flow_scan"]


@estimator(
    family="spatial",
    label="Scan statistic of flows of which small ones are hidden",
    source="Gao et al. 2018; Kulldorff 1997; Fisher's hypergeometric null",
    example=lambda: {**published_flows(), "n_resamples": 99},
)
def released_flow_scan(  # noqa: PLR0913 - the options of one scan, all by keyword
    flows: FloatMatrix,
    origin_totals: FloatVector,
    destination_totals: FloatVector,
    total: int,
    *,
    origins: FloatMatrix,
    destinations: FloatMatrix,
    least: int = 11,
    metric: Metric = "euclidean",
    max_places: int = 20,
    max_trip_share: float = 0.5,
    max_clusters: int = 10,
    n_resamples: int = 999,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> FlowClusters:
    """Find flows, from near origins to near destinations, that exceed their ends.

    For tables as statistical offices print them: legs below a minimum are hidden, while
    the totals of places and of all are told.

    Parameters
    ----------
    flows : array_like of shape (origins, destinations)
        Persons from each origin to each destination; NaN where hidden. A number below
        `least` counts as hidden.
    origin_totals : array_like of shape (origins,)
        Persons from each origin, wherever they went: also to places that are not
        in the table.
    destination_totals : array_like of shape (destinations,)
        Persons to each destination, wherever they came from.
    total : int
        All persons, those of other and unknown places included.
    origins, destinations : array_like of shape (origins, 2) and (destinations, 2)
        As `spatial_scan` takes coordinates.
    least : int
        Smallest number that is told, 1 or more.
    metric : {"euclidean", "great_circle"}
    max_places : int
        Origins, and destinations, in a circle at most.
    max_trip_share : float
        Greatest share of all expected persons in a zone.
    max_clusters : int
    n_resamples : int
    level : float
        Of the limits of relative risks.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    FlowClusters
        As `flow_scan` returns it: `members` of a cluster are its origins. `observed`
        counts told persons, so that relative risks are least ones.

    Raises
    ------
    InputError
        If shapes differ, numbers are not whole, a leg exceeds a total or totals exceed
        `total`.
    NotEstimableError
        If no leg is told.

    Notes
    -----
    Under the null origins and destinations meet at random, given both totals: the table
    extended by one row and one column for all others is multivariate hypergeometric,
    and a leg has the expectation ``a b / N``. A leg below `least` counts as nothing, in
    the data and in every drawn table alike, so that hiding favours no zone. Zones are
    ranked by ``c log(c / e) + e - c`` where their told persons c are above the
    expectation e of all their legs, hidden ones included. Legs hidden for the sake of
    others count as nothing although they may be larger; that only takes from c, and
    makes the test careful. There are no low clusters: what is hidden looks low.

    References
    ----------
    Gao, Y., Li, T., Wang, S., Jeong, M.-H. and Soltani, K. (2018). A multidimensional
    spatial scan statistics approach to movement pattern comparison. International
    Journal of Geographical Information Science 32, 1304-1325.
    https://doi.org/10.1080/13658816.2018.1426859

    Kulldorff, M. (1997). A spatial scan statistic. Communications in Statistics -
    Theory and Methods 26, 1481-1496. https://doi.org/10.1080/03610929708831995

    Examples
    --------
    >>> from estimators.spatial import released_flow_scan
    >>> from estimators.spatial.example import published_flows
    >>> best = released_flow_scan(**published_flows(), rng=1).clusters[0]
    >>> sorted(best.members), sorted(best.destinations), best.p_value
    ([0, 1], [2, 3], 0.001)
    """
    check_level(level)
    most = check_counts(least=least, max_clusters=max_clusters, max_places=max_places)
    if most["least"] < 1 or most["max_places"] < 1:
        raise InputError(f"least={least}, max_places={max_places}: both are 1 or more.")
    start = read_places(origins, metric, "origins")
    stop = read_places(destinations, metric, "destinations")
    told, hidden = _told(flows, (len(start), len(stop)), most["least"])
    margins = _margins(told, origin_totals, destination_totals, total)
    null, pair = _null_model(told, margins, most["least"])
    windows = FlowWindows(
        from_near=_nearest(start, metric, most["max_places"]),
        to_near=_nearest(stop, metric, most["max_places"]),
        pair=pair,
        cap=share_between(max_trip_share, "max_trip_share", 1.0),
    )
    maxima = simulated_maxima(
        null,
        windows,
        (1,),
        n_resamples=check_resamples(n_resamples, least=9),
        rng=as_generator(rng),
    )
    judged = find_clusters(
        null, windows, (1,), maxima, max_clusters=most["max_clusters"]
    )
    clusters = describe_clusters(judged, null)
    rows, groups = risk_rows(
        clusters, null, method="released_flow_scan", level=level, n_obs=margins.total
    )
    note = (
        f"{hidden} of {told.size} legs are hidden or below {least} and count as "
        "nothing, in the data and in drawn tables alike."
    )
    return FlowClusters(
        rows=rows,
        groups=groups,
        notes=(note, SEARCHED if clusters else NOTHING),
        clusters=clusters,
        null_maxima=maxima,
        n_areas=len(start),
        n_destinations=len(stop),
    )


class _Margins:
    """Totals by origin, by destination and of all, those of others at the end."""

    def __init__(self, rows: FloatVector, columns: FloatVector, total: int) -> None:
        self.total = total
        self.rows = np.append(rows, total - rows.sum()).astype(np.int64)
        self.columns = np.append(columns, total - columns.sum()).astype(np.int64)


def _told(
    flows: Any,  # noqa: ANN401
    shape: tuple[int, int],
    least: int,
) -> tuple[FloatMatrix, int]:
    """Return the legs that are told, 0 for others, and how many others there are."""
    try:
        raw = np.array(flows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"flows must be numbers: {error}.") from error
    absent = np.isnan(raw)
    counts: FloatMatrix = read_counts(np.where(absent, 0.0, raw), "flows", shape)  # type: ignore[assignment]
    if (counts != np.round(counts)).any():
        raise InputError("flows count persons: whole numbers were expected.")
    small = absent | ((counts > 0) & (counts < least))
    told: FloatMatrix = np.where(small, 0.0, counts)
    if not told.any():
        raise NotEstimableError(
            f"No leg of flows has {least} persons or more: there is nothing to scan."
        )
    return told, int(small.sum())


def _margins(
    told: FloatMatrix,
    origin_totals: Any,  # noqa: ANN401
    destination_totals: Any,  # noqa: ANN401
    total: int,
) -> _Margins:
    rows = read_counts(origin_totals, "origin_totals", told.shape[:1])
    columns = read_counts(destination_totals, "destination_totals", told.shape[1:])
    whole = check_counts(total=total)["total"]
    problems = []
    for name, totals, sums in (
        ("origin_totals", rows, told.sum(axis=1)),
        ("destination_totals", columns, told.sum(axis=0)),
    ):
        if (totals != np.round(totals)).any():
            problems.append(f"{name} must be whole persons")
        low = np.flatnonzero(totals < sums)
        if low.size:
            problems.append(
                f"{name}: rows {low[:5].tolist()} (counted from 0) are below the sum "
                "of their own legs"
            )
        if totals.sum() > whole:
            problems.append(f"{name} sum to {totals.sum():,.0f}, above total={whole:,}")
    if problems:
        raise InputError(f"{'; '.join(problems)}.")
    return _Margins(rows, columns, whole)


def _null_model(
    told: FloatMatrix, margins: _Margins, least: int
) -> tuple[ScanModel, IntVector]:
    """Return the model of the legs that can be told, and which they are."""
    a, b = margins.rows[:-1], margins.columns[:-1]
    expected = np.outer(a, b).ravel() / margins.total
    pair: IntVector = np.flatnonzero(expected > 0)

    def draw(n_resamples: int, rng: np.random.Generator) -> IntMatrix:
        return _draw(margins, least, n_resamples, rng)[:, pair]

    model = expectation_model(told.ravel()[pair], expected[pair], min_cases=least)
    return replace(model, draws=draw), pair


def _draw(
    margins: _Margins, least: int, n_resamples: int, rng: np.random.Generator
) -> IntMatrix:
    """Draw tables with these totals and return their told legs, 0 for the others."""
    shape = (margins.rows.size, margins.columns.size)
    first = np.repeat(np.arange(shape[0]) * shape[1], margins.rows)
    second = np.repeat(np.arange(shape[1]), margins.columns)
    drawn = np.empty((n_resamples, shape[0] - 1, shape[1] - 1), dtype=np.int64)
    for replicate in range(n_resamples):
        rng.shuffle(second)
        table = np.bincount(first + second, minlength=shape[0] * shape[1])
        drawn[replicate] = table.reshape(shape)[:-1, :-1]
    drawn[drawn < least] = 0
    return drawn.reshape(n_resamples, -1)


def _nearest(places: FloatMatrix, metric: Metric, most: int) -> Any:  # noqa: ANN401
    return np.ascontiguousarray(neighbour_order(places, metric=metric)[:, :most])
