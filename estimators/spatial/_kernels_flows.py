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
    bin_scale,
    likelihood_ratio,
    refresh,
    settle,
    take_in,
    worth_a_look,
)
from estimators.spatial._kernels_permutation import draw_below, draw_share

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix, IntVector
    from estimators.spatial._kernels import Int32Array
    from estimators.spatial._kernels_permutation import SeedVector

__all__ = ["FlowZones", "best_flow_zone", "flow_maxima", "mixed_flows"]


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
    grown: tuple[FloatVector, IntVector],
    cap: float,
    best: FloatVector,
    over: Int32Array,
    law: Law,
) -> None:
    """Take in one more origin and let its zones with 1 to m destinations compete.

    grown: sizes of the zones and places of their thresholds, written.
    """
    zone, place = grown
    last, scale = over.shape[0] - 1, bin_scale(over.shape[0], law)
    within = 0
    for b in range(held.shape[0]):
        zone[b] += sizes[b]
        if zone[b] > cap:
            # Farther zones are greater still, and greater yet with further origins.
            zone[b:] = math.inf
            break
        place[b] = min(int(scale * math.sqrt(zone[b])), last)
        within += 1
    for b in range(within):
        if take_in(held, b, rows, b, over, place[b]):
            settle(held[b], zone[b], over[place[b]], best, law)


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
        held = np.empty((far, LANES), dtype=np.int32)
        zone = np.empty(far)
        grown = zone, np.empty(far, dtype=np.int64)
        mine = best[batch]
        for to in range(zones.to_near.shape[0]):
            sizes = _prefix(dense, size, zones.to_near[to], rows)
            for origin in range(zones.from_near.shape[0]):
                refresh(mine, tabulated, over, law)
                held[:] = 0
                zone[:] = 0.0
                for a in range(near):
                    i = zones.from_near[origin, a]
                    cells, more = rows[i], sizes[i]
                    _take_in(cells, more, held, grown, zones.cap, mine, over, law)


@kernel()
def _mix(
    trips: tuple[Int32Array, Int32Array],
    weight: FloatMatrix,
    state: np.uint64,
    sweeps: int,
) -> None:
    """Mix the destinations of trips in place: a Metropolis chain of swaps and rounds.

    trips: origins and destinations. Every trip in turn offers to swap with one trip at
    random; in every second sweep to pass destinations round with two: swaps alone do
    not reach all tables where pairs are impossible (three places without trips inside
    any; Aoki and Takemura 2005). The chain's law gives a set of trips with the same
    margins a chance in proportion to the product of its weights; pairs of weight 0 are
    never entered.
    """
    origin, destination = trips
    number = np.uint64(origin.size)
    for sweep in range(sweeps):
        for at in range(origin.size):
            a = np.int64(at)
            state, drawn = draw_below(state, number)
            b = np.int64(drawn)
            c = a  # a swap is a round of two
            if sweep % 2:
                state, drawn = draw_below(state, number)
                c = np.int64(drawn)
                if c in (a, b) or a == b:
                    continue
            one, two, three = destination[a], destination[b], destination[c]
            now = weight[origin[a], one] * weight[origin[b], two]
            then = weight[origin[a], two] * weight[origin[b], three]
            if c != a:
                now *= weight[origin[c], three]
                then *= weight[origin[c], one]
            if then < now:
                state, share = draw_share(state)
                if then <= 0 or share * now >= then:
                    continue
            destination[a], destination[b] = two, three
            if c != a:
                destination[c] = one


@kernel(parallel=True)
def mixed_flows(
    origin: Int32Array,
    destination: Int32Array,
    weight: FloatMatrix,
    seeds: SeedVector,
    sweeps: int,
) -> IntMatrix:
    """Return flows (replicates, origins * destinations) after a chain from the data's.

    origin, destination (trips,); weight (origins, destinations) at most 1. Every
    replicate has a seed, so the answer does not depend on the number of threads.
    """
    columns = weight.shape[1]
    drawn = np.zeros((seeds.size, weight.size), dtype=np.int64)
    for replicate in numba.prange(seeds.size):
        mixed = destination.copy()
        _mix((origin, mixed), weight, seeds[replicate], sweeps)
        for trip in range(origin.size):
            drawn[replicate, origin[trip] * columns + mixed[trip]] += 1
    return drawn
