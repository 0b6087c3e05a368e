"""Scans of all connected sets of areas near a centre.

Every connected set that holds the centre is met once: a set grows by one of the areas
that touch it, and areas passed over by an elder set are closed to its younger siblings.
"""

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

if TYPE_CHECKING:
    from estimators.array_types import (
        BoolMatrix,
        BoolVector,
        FloatMatrix,
        FloatVector,
        IntVector,
    )
    from estimators.spatial._kernels import Int32Array

__all__ = ["Surroundings", "best_flexible", "flexible_maxima", "restricted_maxima"]

_MOST = 62  # areas near a centre that fit the bits of a mask


class Surroundings(NamedTuple):
    """Where sets of areas are sought.

    near (n, k): areas by distance from each centre, -1 beyond reach; touching (n, n);
    share (n,) of the population, of which a set may hold at most `cap`.
    """

    near: Int32Array
    touching: BoolMatrix
    share: FloatVector
    cap: float


@kernel()
def _local_masks(
    near: Int32Array,
    allowed: BoolVector,
    touching: BoolMatrix,
    who: IntVector,
    masks: IntVector,
) -> int:
    """Give allowed areas near a centre numbers and mark who touches whom, as bits."""
    found = 0
    for at in range(near.size):
        if found == _MOST or near[at] < 0:
            break
        if not allowed[near[at]]:
            if at == 0:
                return 0
            continue
        who[found] = near[at]
        masks[found] = 0
        for other in range(found):
            if touching[near[at], who[other]]:
                masks[found] |= 1 << other
                masks[other] |= 1 << found
        found += 1
    return found


@kernel()
def _lowest(bits: int) -> int:
    """Place of the lowest bit that is set."""
    place = 0
    while not (bits >> place) & 1:
        place += 1
    return place


@kernel()
def _best_near(  # noqa: PLR0917 - kernels take arrays by position
    who: IntVector,
    masks: IntVector,
    around: Surroundings,
    cases: FloatVector,
    size: FloatVector,
    law: Law,
    state: FloatVector,
) -> int:
    """Return the best set with the first area in it as bits, 0 if none beats `state`.

    state (2,): the best ratio so far, raised in place, and how many sets may still be
    looked at: below 0 the search has been given up.
    """
    share, cap = around.share, around.cap * (1 + 1e-12)
    if share[who[0]] > cap:
        return 0
    chosen = 0
    sets = np.zeros(_MOST + 1, dtype=np.int64)
    open_, closed = np.zeros_like(sets), np.zeros_like(sets)
    sums = np.zeros((_MOST + 1, 3))
    sets[0], open_[0], closed[0] = 1, masks[0], 1
    sums[0] = cases[who[0]], size[who[0]], share[who[0]]
    depth, fresh = 0, True
    while depth >= 0:
        if fresh:
            state[1] -= 1.0
            if state[1] < 0:
                return 0
            count, zone = sums[depth, 0], sums[depth, 1]
            if worth_a_look(count, zone, law, state[0]):
                ratio = likelihood_ratio(count, zone, law)
                if ratio > state[0] + TIE:
                    state[0], chosen = ratio, sets[depth]
        fresh = False
        if not open_[depth]:
            depth -= 1
            continue
        place = _lowest(open_[depth])
        open_[depth] &= ~(1 << place)
        closed[depth] |= 1 << place
        area = who[place]
        if sums[depth, 2] + share[area] > cap:
            continue
        fresh = True
        sets[depth + 1] = sets[depth] | (1 << place)
        closed[depth + 1] = closed[depth]
        open_[depth + 1] = (open_[depth] | masks[place]) & ~closed[depth]
        sums[depth + 1, 0] = sums[depth, 0] + cases[area]
        sums[depth + 1, 1] = sums[depth, 1] + size[area]
        sums[depth + 1, 2] = sums[depth, 2] + share[area]
        depth += 1
    return chosen


@kernel()
def best_flexible(  # noqa: PLR0917 - kernels take arrays by position
    around: Surroundings,
    allowed: BoolVector,
    cases: FloatVector,
    size: FloatVector,
    law: Law,
    most_sets: float,
) -> tuple[float, IntVector]:
    """Return the greatest ratio over all centres and the areas of its set.

    The ratio is NaN if there are more than `most_sets` connected sets.
    """
    who, masks = np.zeros(_MOST, dtype=np.int64), np.zeros(_MOST, dtype=np.int64)
    state, members = np.array([0.0, most_sets]), np.zeros(0, dtype=np.int64)
    for g in range(around.near.shape[0]):
        found = _local_masks(around.near[g], allowed, around.touching, who, masks)
        if not found:
            continue
        chosen = _best_near(who, masks, around, cases, size, law, state)
        if state[1] < 0:
            return math.nan, members
        if chosen:
            members = np.array([who[i] for i in range(found) if (chosen >> i) & 1])
    return state[0], members


@kernel()
def _grow(  # noqa: PLR0913, PLR0917 - kernels take arrays by position
    who: IntVector,
    masks: IntVector,
    around: Surroundings,
    size: FloatVector,
    counts: Int32Array,
    held: Int32Array,
    best: FloatVector,
    over: Int32Array,
    law: Law,
) -> None:
    """Let all sets with the first area in it compete, for a batch of replicates."""
    share, cap = around.share, around.cap * (1 + 1e-12)
    if share[who[0]] > cap:
        return
    last, scale = over.shape[0] - 1, bin_scale(over.shape[0], law)
    open_, closed = np.zeros(_MOST, dtype=np.int64), np.zeros(_MOST, dtype=np.int64)
    sums = np.zeros((_MOST, 2))
    open_[0], closed[0] = masks[0], 1
    sums[0] = size[who[0]], share[who[0]]
    held[0] = 0
    area, depth = who[0], 0
    while depth >= 0:
        if area >= 0:
            before, zone = max(depth - 1, 0), sums[depth, 0]
            for lane in range(held.shape[1]):
                held[depth, lane] = held[before, lane]
            row = min(int(scale * math.sqrt(zone)), last)
            if take_in(held, depth, counts, area, over, row):
                settle(held[depth], zone, over[row], best, law)
        area = -1
        if not open_[depth]:
            depth -= 1
            continue
        place = _lowest(open_[depth])
        open_[depth] &= ~(1 << place)
        closed[depth] |= 1 << place
        if sums[depth, 1] + share[who[place]] > cap:
            continue
        area = who[place]
        closed[depth + 1] = closed[depth]
        open_[depth + 1] = (open_[depth] | masks[place]) & ~closed[depth]
        sums[depth + 1, 0] = sums[depth, 0] + size[area]
        sums[depth + 1, 1] = sums[depth, 1] + share[area]
        depth += 1


@kernel(parallel=True)
def flexible_maxima(  # noqa: PLR0917 - kernels take arrays by position
    around: Surroundings,
    size: FloatVector,
    counts: Int32Array,
    best: FloatMatrix,
    bins: int,
    law: Law,
) -> None:
    """Raise `best` (batches, LANES) to the greatest ratio of every replicate."""
    for batch in numba.prange(counts.shape[0]):
        over = np.empty((bins, LANES), dtype=np.int32)
        tabulated = np.full(LANES, -math.inf)
        held = np.zeros((_MOST, LANES), dtype=np.int32)
        who, masks = np.zeros(_MOST, dtype=np.int64), np.zeros(_MOST, dtype=np.int64)
        allowed = np.ones(size.size, dtype=np.bool_)
        for g in range(around.near.shape[0]):
            refresh(best[batch], tabulated, over, law)
            _local_masks(around.near[g], allowed, around.touching, who, masks)
            mine = counts[batch]
            _grow(who, masks, around, size, mine, held, best[batch], over, law)


@kernel(parallel=True)
def restricted_maxima(  # noqa: PLR0917 - kernels take arrays by position
    around: Surroundings,
    least: Int32Array,
    size: FloatVector,
    counts: Int32Array,
    best: FloatMatrix,
    most_sets: float,
    law: Law,
) -> None:
    """Raise `best` to the greatest ratio of sets of areas with `least` cases each.

    It becomes NaN where a map has more than `most_sets` of them.
    """
    for batch in numba.prange(counts.shape[0]):
        for lane in range(LANES):
            cases = counts[batch, :, lane].astype(np.float64)
            allowed = counts[batch, :, lane] >= least
            ratio, _ = best_flexible(around, allowed, cases, size, law, most_sets)
            if math.isnan(ratio) or ratio > best[batch, lane]:
                best[batch, lane] = ratio
