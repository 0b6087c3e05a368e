"""From scans of places to what a map of clusters shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError
from sentinel.mapping.areas import Cluster

if TYPE_CHECKING:
    from estimators.results import Estimates
    from estimators.spatial import LocalStatistics, ScanClusters

__all__ = [
    "cluster_categories",
    "graded_categories",
    "local_categories",
    "scan_clusters",
]

# Categories of `estimators.spatial` and what the key of a map calls them.
_WORDS = {
    "HH": "high-high",
    "LL": "low-low",
    "LH": "low-high",
    "HL": "high-low",
    "hot": "hotspot",
    "cold": "coldspot",
    "ns": "not significant",
    "no neighbours": "no neighbours",
}
GRADES = ((0.01, 99), (0.05, 95), (0.10, 90))
IN_NONE = "in no cluster"


def local_categories(result: Estimates, codes: Sequence[str]) -> pd.DataFrame:
    """Return the categories of `local_moran` or `getis_ord` for a map of hotspots.

    Parameters
    ----------
    result : LocalStatistics
        One row per area.
    codes : sequence of str
        Place of each area, in the order of the data.

    Returns
    -------
    DataFrame
        ``place, category``. Areas without data are left out: a map shows no data there.

    Raises
    ------
    InputError
        If `codes` has another length, or a category is none that maps know.
    """
    table: pd.DataFrame | None = getattr(result, "table", None)
    if table is None or "category" not in table or len(table) != len(codes):
        raise InputError(
            f"Local statistics with a category for each of the {len(codes)} codes were "
            "expected: the result of local_moran or getis_ord, and one code per area."
        )
    frame = pd.DataFrame({"place": list(codes), "category": list(table["category"])})
    frame = frame[frame["category"] != "no data"].reset_index(drop=True)
    strange = sorted(set(frame["category"]) - set(_WORDS))
    if strange:
        raise InputError(
            f"Maps know no category {', '.join(strange)}, only {', '.join(_WORDS)}."
        )
    return frame.assign(category=frame["category"].map(_WORDS))


def graded_categories(result: LocalStatistics) -> list[str]:
    """Return Gi's categories of the key: hot or cold at 99, 95 or 90 %.

    Parameters
    ----------
    result : LocalStatistics
        Of `getis_ord`; the grade is that of the p-value as it was adjusted.

    Examples
    --------
    >>> from estimators.spatial import SpatialWeights, getis_ord
    >>> chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(9)], n_areas=10)
    >>> result = getis_ord([9, 9, 8, 1, 2, 1, 2, 1, 2, 1], chain, inference="pearson")
    >>> graded_categories(result)[:3]
    ['not significant', 'hot 90', 'not significant']
    """
    table = result.table
    grades = []
    for tested, z, p, found in zip(
        table["tested"], table["z"], table["p_adjusted"], table["category"], strict=True
    ):
        grade = next((word for most, word in GRADES if tested and p <= most), None)
        if not tested:
            grades.append(str(found))
        elif grade is None:
            grades.append(_WORDS["ns"])
        else:
            grades.append(f"{'hot' if z > 0 else 'cold'} {grade}")
    return grades


def cluster_categories(clusters: Sequence[Cluster], codes: Sequence[str]) -> list[str]:
    """Return whether each place is in a cluster, and of which kind.

    Parameters
    ----------
    clusters : sequence of Cluster
        As `scan_clusters` returns them; they share no place.
    codes : sequence of str
        The places that were scanned.
    """
    kinds = {
        code: f"in a {cluster.direction} cluster"
        for cluster in clusters
        for code in cluster.members
    }
    return [kinds.get(code, IN_NONE) for code in codes]


def scan_clusters(
    scan: ScanClusters, codes: Sequence[str], *, largest_p: float = 0.05, most: int = 5
) -> tuple[Cluster, ...]:
    """Return the clusters of a scan whose p-value is at most `largest_p`.

    Parameters
    ----------
    scan : ScanClusters
        As `estimators.spatial.spatial_scan` returns it.
    codes : sequence of str
        Place of each area that was scanned, in the order of the data.
    largest_p : float
        Largest p-value shown.
    most : int
        Most clusters shown; they come by likelihood.

    Returns
    -------
    tuple of Cluster
        Members as place codes, relative risk, number of places and log likelihood ratio
        in words. Counts of cases are left out: they may be small.

    Raises
    ------
    InputError
        If `codes` has another length than the data of the scan.

    Examples
    --------
    >>> from estimators.spatial import spatial_scan
    >>> scan = spatial_scan([40, 35, 4, 5, 6, 5], [100] * 6,
    ...     [[0, 0], [0, 1], [5, 0], [6, 1], [7, 3], [8, 0]], rng=1)
    >>> scan_clusters(scan, ["KH-1", "KH-2", "KH-3", "KH-4", "KH-5", "KH-6"])[0].members
    ('KH-1', 'KH-2')
    """
    if len(codes) != scan.n_areas:
        raise InputError(
            f"{len(codes)} codes came for the {scan.n_areas} areas of the scan; one "
            "for each area is needed, in the order of the data."
        )
    shown = [cluster for cluster in scan.clusters if cluster.p_value <= largest_p][
        :most
    ]
    return tuple(
        Cluster(
            label=(
                f"{cluster.direction} risk, {cluster.relative_risk:.2g} times the "
                f"rest, {len(cluster.members)} "
                f"{'place' if len(cluster.members) == 1 else 'places'}, LLR "
                f"{cluster.log_likelihood_ratio:.3g}"
            ),
            members=tuple(str(codes[member]) for member in cluster.members),
            p_value=float(cluster.p_value),
            direction=cluster.direction,
        )
        for cluster in shown
    )
