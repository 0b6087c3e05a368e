"""Scans of nested zones: every centre's neighbours in order, one more at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector
    from estimators.spatial._kernels import Int32Array

__all__ = ["best_nested", "nested_lengths", "nested_maxima"]


@kernel()
def nested_lengths(order: Int32Array, share: FloatVector, cap: float) -> IntVector:
    """Count the neighbours that a centre may take in before their share passes `cap`.

    order (centres, n): areas by distance; share (n,): of the population. The first
    area that would pass the cap ends the row (Kulldorff 1997).
    """
    lengths = np.zeros(order.shape[0], dtype=np.int64)
    for g in range(order.shape[0]):
        held = 0.0
        for at in range(order.shape[1]):
            held += share[order[g, at]]
            if held > cap * (1 + 1e-12):
                break
            lengths[g] += 1
    return lengths


@kernel()
def best_nested(  # noqa: PLR0917 - kernels take arrays by position
    order: Int32Array,
    start: IntVector,
    size: FloatVector,
    cases: FloatVector,
    taken: BoolVector,
    law: Law,
) -> tuple[float, int, int, float]:
    """Return the greatest ratio in the data, its first and last place in `order`.

    Rows end at the first area that is taken, so zones overlap no earlier cluster. Of
    equal zones the one with the fewest areas stands, then the first. Also returned:
    the size of the zone.
    """
    best, first, last, area = 0.0, -1, -1, 0.0
    for g in range(start.size - 1):
        count, zone = 0.0, 0.0
        for at in range(start[g], start[g + 1]):
            if taken[order[at]]:
                break
            count += cases[order[at]]
            zone += size[order[at]]
            if not worth_a_look(count, zone, law, best - TIE):
                continue
            ratio = likelihood_ratio(count, zone, law)
            shorter = at - start[g] < last - first
            if ratio > best + TIE or (ratio > best - TIE and shorter and first >= 0):
                best, first, last, area = max(ratio, best), start[g], at, zone
    return best, first, last, area


@kernel()
def _walk(  # noqa: PLR0917 - kernels take arrays by position
    zones: Int32Array,
    size: FloatVector,
    counts: Int32Array,
    held: Int32Array,
    best: FloatVector,
    over: Int32Array,
    law: Law,
) -> None:
    """Take in the areas of `zones` one by one and let each zone compete."""
    last, scale = over.shape[0] - 1, bin_scale(over.shape[0], law)
    held[:] = 0
    zone = 0.0
    for at in range(zones.size):
        zone += size[zones[at]]
        place = min(int(scale * math.sqrt(zone)), last)
        if take_in(held, 0, counts, zones[at], over, place):
            settle(held[0], zone, over[place], best, law)


@kernel(parallel=True)
def nested_maxima(  # noqa: PLR0917 - kernels take arrays by position
    order: Int32Array,
    start: IntVector,
    size: FloatVector,
    counts: Int32Array,
    best: FloatMatrix,
    bins: int,
    law: Law,
) -> None:
    """Raise `best` (batches, LANES) to the greatest ratio of every replicate.

    counts (batches, n, LANES): simulated cases times `law.side`. Every batch writes its
    own row, so the answer does not depend on the number of threads.
    """
    for batch in numba.prange(counts.shape[0]):
        over = np.empty((bins, LANES), dtype=np.int32)
        tabulated = np.full(LANES, -math.inf)
        held = np.empty((1, LANES), dtype=np.int32)
        for g in range(start.size - 1):
            refresh(best[batch], tabulated, over, law)
            zones = order[start[g] : start[g + 1]]
            _walk(zones, size, counts[batch], held, best[batch], over, law)
