"""From scans of places to what a map of clusters shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.mapping.areas import Cluster

if TYPE_CHECKING:
    from estimators.spatial import ScanClusters

__all__ = ["scan_clusters"]


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
        Members as place codes, relative risk and number of places in words. Counts of
        cases are left out: they may be small.

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
                f"rest, {len(cluster.members)} places"
            ),
            members=tuple(str(codes[member]) for member in cluster.members),
            p_value=float(cluster.p_value),
        )
        for cluster in shown
    )
