"""Neighbourhoods redrawn at random: how often chance reaches what was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    from typing import TypeAlias

    from estimators.array_types import BoolVector, FloatVector, IntMatrix, IntVector

    SeedVector: TypeAlias = np.ndarray[tuple[int], np.dtype[np.uint64]]

__all__ = ["count_extremes", "draw_below", "draw_share"]

# SplitMix64 (Steele, Lea and Flood 2014): the n-th number of a stream is a mix of
# seed + n * golden ratio, so that every area's stream is its seed's alone.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW = np.uint64(0xFFFFFFFF)
_TWO_32 = np.uint64(1 << 32)
_30, _27, _31, _32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_11, _HALF_53 = np.uint64(11), 2.0**-53


@kernel()
def draw_below(state: np.uint64, bound: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the next state and a whole number below `bound`, all equally likely.

    Lemire's multiplication: the few products that would favour some are redrawn.
    """
    state += _STEP
    word = (state ^ (state >> _30)) * _MIX_1
    word = (word ^ (word >> _27)) * _MIX_2
    product = ((word ^ (word >> _31)) >> _32) * bound
    if (product & _LOW) < bound:
        unfair = (_TWO_32 - bound) % bound
        while (product & _LOW) < unfair:
            state += _STEP
            word = (state ^ (state >> _30)) * _MIX_1
            word = (word ^ (word >> _27)) * _MIX_2
            product = ((word ^ (word >> _31)) >> _32) * bound
    return state, product >> _32


@kernel()
def draw_share(state: np.uint64) -> tuple[np.uint64, float]:
    """Return the next state and a number in [0, 1) of 53 bits."""
    state += _STEP
    word = (state ^ (state >> _30)) * _MIX_1
    word = (word ^ (word >> _27)) * _MIX_2
    return state, float((word ^ (word >> _31)) >> _11) * _HALF_53


@kernel(parallel=True)
def count_extremes(
    values: FloatVector,
    weights: tuple[IntVector, FloatVector],
    observed: tuple[FloatVector, FloatVector, BoolVector],
    seeds: SeedVector,
    options: tuple[int, bool, bool],
) -> IntMatrix:
    """Count the draws whose weighted sum is at least, and at most, the observed one.

    values (n,); weights = where each area's links start (n + 1,), their weights;
    observed = sums (n,), what counts as a tie (n,), which areas are tested (n,);
    options = draws, whether the area itself stays out of the pool, whether the pool
    holds squared differences from the area's value. Returns (n, 2).

    The pool is shuffled only as far as the neighbourhood reaches: from any order of
    the pool that gives every ordered sample without replacement the same chance.
    """
    first, weight = weights
    total, tie, tested = observed
    n_draws, hold, squares = options
    n = values.size
    counts = np.zeros((n, 2), dtype=np.int64)
    for area in numba.prange(n):
        if not tested[area]:
            continue
        pool = values.copy()
        size = n
        if hold:  # the last one takes the place of the area, which stays out
            pool[area] = pool[n - 1]
            size = n - 1
        if squares:
            for place in range(size):
                pool[place] = (values[area] - pool[place]) ** 2
        start, links = first[area], first[area + 1] - first[area]
        least, most = total[area] - tie[area], total[area] + tie[area]
        state = seeds[area]
        above = below = 0
        for _ in range(n_draws):
            drawn = 0.0
            for step in range(links):
                state, ahead = draw_below(state, np.uint64(size - step))
                chosen = step + np.int64(ahead)
                value = pool[chosen]
                pool[chosen] = pool[step]
                pool[step] = value
                drawn += weight[start + step] * value
            above += drawn >= least
            below += drawn <= most
        counts[area, 0], counts[area, 1] = above, below
    return counts
