"""Union of linked records, one per list that holds nobody twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    from estimators.array_types import IntMatrix, IntVector

MERGED, WITHIN, REFUSED = 1, 2, 3


@kernel()
def join_records(
    edges: IntMatrix, held: IntVector, once: int, verdict: IntVector
) -> IntVector:
    """Join the ends of edges in their order, unless a list would be held twice.

    edges (E, 2) record numbers; held (n,) bit mask of each record's list; once: bits of
    the lists that a cluster may hold one record of; verdict (E,) is filled with MERGED,
    WITHIN (one cluster already) or REFUSED. Returns the smallest record number of each
    record's cluster, shape (n,).
    """
    parent = np.arange(held.size)
    holds = held.copy()
    for edge in range(edges.shape[0]):
        low, high = edges[edge, 0], edges[edge, 1]
        while parent[low] != low:
            parent[low] = parent[parent[low]]
            low = parent[low]
        while parent[high] != high:
            parent[high] = parent[parent[high]]
            high = parent[high]
        if low == high:
            verdict[edge] = WITHIN
            continue
        if holds[low] & holds[high] & once:
            verdict[edge] = REFUSED
            continue
        verdict[edge] = MERGED
        if high < low:
            low, high = high, low
        parent[high] = low
        holds[low] |= holds[high]
    # A parent is never larger than its child, so one pass upwards settles all.
    for record in range(held.size):
        parent[record] = parent[parent[record]]
    return parent
