"""Scans of flows: circles of origins times circles of destinations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numba
import numpy as np

from estimators.numba_options import kernel
from estimators.spatial._kernels import (
    LANES,
    TIE,
    Law,
    likelihood_ratio,
    refresh,
    settle,
    worth_a_look,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector
    from estimators.spatial._kernels import Int32Array

__all__ = ["FlowZones", "best_flow_zone", "flow_maxima", "mix_flows"]


class FlowZones(NamedTuple):
    """Nearest origins and destinations of every place, and the greatest zone.

    from_near (origins, k), to_near (destinations, m); a zone's size is at most `cap`.
    """

    from_near: Int32Array
    to_near: Int32Array
    cap: float


@kernel()
def best_flow_zone(
    zones: FlowZones,
    cases: FloatMatrix,
    size: FloatMatrix,
    taken: FloatMatrix,
    law: Law,
) -> tuple[float, int, int, int, int]:
    """Return the greatest ratio, its centres (o, d) and numbers of places (k, m).

    cases, size, taken (origins, destinations); a zone holds no pair that is taken. Of
    equal zones the one with the fewest pairs stands, then the first.
    """
    best, o, d, k, m = 0.0, -1, -1, 0, 0
    near, far = zones.from_near.shape[1], zones.to_near.shape[1]
    rows = np.zeros((cases.shape[0], far, 3))
    held = np.zeros((far, 3))
    for to in range(zones.to_near.shape[0]):
        for i in range(cases.shape[0]):
            c, s, t = 0.0, 0.0, 0.0
            for b in range(far):
                j = zones.to_near[to, b]
                c, s, t = c + cases[i, j], s + size[i, j], t + taken[i, j]
                rows[i, b, 0], rows[i, b, 1], rows[i, b, 2] = c, s, t
        for origin in range(zones.from_near.shape[0]):
            held[:] = 0.0
            for a in range(near):
                held += rows[zones.from_near[origin, a]]
                for b in range(far):
                    c, s = held[b, 0], held[b, 1]
                    if held[b, 2] > 0 or s > zones.cap:
                        break
                    if not worth_a_look(c, s, law, best - TIE):
                        continue
                    ratio = likelihood_ratio(c, s, law)
                    fewer = (a + 1) * (b + 1) < k * m
                    if ratio > best + TIE or (ratio > best - TIE and fewer):
                        best = max(best, ratio)
                        o, d, k, m = origin, to, a + 1, b + 1
    return best, o, d, k, m


@kernel()
def _prefix(
    dense: Int32Array, size: FloatMatrix, near: Int32Array, rows: Int32Array
) -> FloatMatrix:
    """Sum every origin's flows to the nearest destinations; return sizes likewise.

    dense (origins, destinations, LANES); rows (origins, m, LANES) is written.
    """
    sizes = np.zeros((size.shape[0], near.size))
    for i in range(size.shape[0]):
        total = 0.0
        for b in range(near.size):
            total += size[i, near[b]]
            sizes[i, b] = total
            for lane in range(rows.shape[2]):
                before = rows[i, b - 1, lane] if b else 0
                rows[i, b, lane] = before + dense[i, near[b], lane]
    return sizes


@kernel()
def _take_in(  # noqa: PLR0917 - kernels take arrays by position
    rows: Int32Array,
    sizes: FloatVector,
    held: Int32Array,
    zone: FloatVector,
    cap: float,
    best: FloatVector,
    over: Int32Array,
    law: Law,
) -> None:
    """Take in one more origin and let its zones with 1 to m destinations compete."""
    lanes, bins, largest = held.shape[1], over.shape[0], law.largest
    for b in range(held.shape[0]):
        zone[b] += sizes[b]
        if zone[b] > cap:
            # Farther zones are greater still, and greater yet with further origins.
            zone[b:] = math.inf
            break
        count, row = held[b], rows[b]
        least = over[min(int(bins * math.sqrt(zone[b] / largest)), bins - 1)]
        for lane in range(lanes):
            count[lane] += row[lane]
        passed = False
        for lane in range(lanes):
            passed |= count[lane] > least[lane]
        if passed:
            settle(count, zone[b], least, best, law)


@kernel(parallel=True)
def flow_maxima(  # noqa: PLR0917 - kernels take arrays by position
    zones: FlowZones,
    pair: IntVector,
    size: FloatMatrix,
    counts: Int32Array,
    best: FloatMatrix,
    bins: int,
    law: Law,
) -> None:
    """Raise `best` (batches, LANES) to the greatest ratio of every replicate.

    counts (batches, pairs, LANES): simulated cases of the pairs that have any size,
    times `law.side`; pair (pairs,): origin * destinations + destination.
    """
    origins, destinations = size.shape
    near, far = zones.from_near.shape[1], zones.to_near.shape[1]
    for batch in numba.prange(counts.shape[0]):
        over = np.empty((bins, LANES), dtype=np.int32)
        tabulated = np.full(LANES, -math.inf)
        dense = np.zeros((origins, destinations, LANES), dtype=np.int32)
        for at in range(pair.size):
            dense[pair[at] // destinations, pair[at] % destinations] = counts[batch, at]
        rows = np.empty((origins, far, LANES), dtype=np.int32)
        held, zone = np.empty((far, LANES), dtype=np.int32), np.empty(far)
        mine = best[batch]
        for to in range(zones.to_near.shape[0]):
            sizes = _prefix(dense, size, zones.to_near[to], rows)
            for origin in range(zones.from_near.shape[0]):
                refresh(mine, tabulated, over, law)
                held[:] = 0
                zone[:] = 0.0
                for a in range(near):
                    i = zones.from_near[origin, a]
                    _take_in(rows[i], sizes[i], held, zone, zones.cap, mine, over, law)


@kernel(nogil=True)
def mix_flows(
    generator: np.random.Generator,
    origin: IntVector,
    destination: IntVector,
    log_weight: FloatMatrix,
    sweeps: int,
) -> None:
    """Mix the destinations of trips in place: a Metropolis chain of swaps.

    Its stationary law gives a set of trips with the same margins a chance in
    proportion to the product of its weights; pairs of weight 0 (log -inf) are left as
    soon as they can be and never entered.
    """
    trips = origin.size
    for _ in range(sweeps * trips):
        a, b = generator.integers(0, trips), generator.integers(0, trips)
        now = (
            log_weight[origin[a], destination[a]]
            + log_weight[origin[b], destination[b]]
        )
        then = (
            log_weight[origin[a], destination[b]]
            + log_weight[origin[b], destination[a]]
        )
        if then == -math.inf:
            continue
        if now == -math.inf or then >= now or math.log(generator.random()) < then - now:
            destination[a], destination[b] = destination[b], destination[a]
