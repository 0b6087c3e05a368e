"""Scans of cylinders: nested zones times runs of periods."""

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
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector
    from estimators.spatial._kernels import Int32Array

__all__ = ["Cylinders", "best_cylinder", "cylinder_maxima"]


class Cylinders(NamedTuple):
    """Neighbours of all centres and the runs of periods that are looked at.

    Row g is order[start[g]:start[g+1]]; a run ends at `first_end` or later and has at
    most `longest` of the `periods`.
    """

    order: Int32Array
    start: IntVector
    periods: int
    first_end: int
    longest: int


@kernel()
def best_cylinder(
    within: Cylinders,
    cases: FloatMatrix,
    size: FloatMatrix,
    taken: BoolVector,
    law: Law,
) -> tuple[float, int, int, int, int]:
    """Return the greatest ratio, its first and last place in `order`, start and end.

    cases, size (n, periods). Of equal cylinders the one met first stands: rows grow
    outwards and runs backwards from their end.
    """
    best, first, last, begin, end = 0.0, -1, -1, -1, -1
    count, zone = np.zeros(within.periods), np.zeros(within.periods)
    for g in range(within.start.size - 1):
        count[:] = 0.0
        zone[:] = 0.0
        for at in range(within.start[g], within.start[g + 1]):
            if taken[within.order[at]]:
                break
            count += cases[within.order[at]]
            zone += size[within.order[at]]
            for stop in range(within.first_end, within.periods):
                c, s = 0.0, 0.0
                for back in range(min(within.longest, stop + 1)):
                    c += count[stop - back]
                    s += zone[stop - back]
                    if not worth_a_look(c, s, law, best):
                        continue
                    ratio = likelihood_ratio(c, s, law)
                    if ratio > best + TIE:
                        best, first, last = ratio, within.start[g], at
                        begin, end = stop - back, stop
    return best, first, last, begin, end


@kernel()
def _runs(  # noqa: PLR0917 - kernels take arrays by position
    within: Cylinders,
    held: Int32Array,
    zone: FloatVector,
    run: Int32Array,
    best: FloatVector,
    over: Int32Array,
    law: Law,
) -> None:
    """Let every run of periods of one zone compete; held (periods, LANES)."""
    last, scale = over.shape[0] - 1, bin_scale(over.shape[0], law)
    for stop in range(within.first_end, within.periods):
        run[:] = 0
        size = 0.0
        for back in range(min(within.longest, stop + 1)):
            size += zone[stop - back]
            place = min(int(scale * math.sqrt(size)), last)
            if take_in(run, 0, held, stop - back, over, place):
                settle(run[0], size, over[place], best, law)


@kernel()
def _add(held: Int32Array, counts: Int32Array) -> None:
    """Add the counts of one area (periods, LANES)."""
    for t in range(held.shape[0]):
        for lane in range(held.shape[1]):
            held[t, lane] += counts[t, lane]


@kernel(parallel=True)
def cylinder_maxima(  # noqa: PLR0917 - kernels take arrays by position
    within: Cylinders,
    size: FloatMatrix,
    counts: Int32Array,
    best: FloatMatrix,
    bins: int,
    law: Law,
) -> None:
    """Raise `best` (batches, LANES) to the greatest ratio of every replicate.

    counts (batches, n * periods, LANES): simulated cases times `law.side`.
    """
    for batch in numba.prange(counts.shape[0]):
        over = np.empty((bins, LANES), dtype=np.int32)
        tabulated = np.full(LANES, -math.inf)
        held = np.empty((within.periods, LANES), dtype=np.int32)
        run, zone = np.empty((1, LANES), dtype=np.int32), np.empty(within.periods)
        for g in range(within.start.size - 1):
            refresh(best[batch], tabulated, over, law)
            held[:] = 0
            zone[:] = 0.0
            for at in range(within.start[g], within.start[g + 1]):
                cell = within.order[at] * within.periods
                _add(held, counts[batch, cell : cell + within.periods])
                zone += size[within.order[at]]
                _runs(within, held, zone, run, best[batch], over, law)
