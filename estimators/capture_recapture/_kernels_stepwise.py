"""Forward selection of list pairs by Poisson tails, one table of counts at a time.

Existence is decided exactly, by elimination, before a model is fitted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture._kernels_estimability import is_estimable
from estimators.capture_recapture._kernels_lattice import (
    ALPHA,
    MARGINS,
    ROWS,
    UNDECIDED,
    climb,
    first_guess,
    superset_sums,
)
from estimators.numba_options import kernel

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix, IntVector

# Tails so near are equal but for rounding: the pair that comes first is taken.
TIE = 1e-9
# Codes of a selection.
DONE, NO_MAIN_EFFECTS, NOT_SETTLED = 0, 1, 2


@kernel()
def lesser_tail(observed: float, mean: float) -> float:
    """Return the lesser of P(X <= observed) and P(X >= observed), X Poisson."""
    if mean <= 0.0:
        return 1.0 if observed == 0.0 else 0.0
    mass = math.exp(observed * math.log(mean) - mean - math.lgamma(observed + 1.0))
    total, term, at = 1.0, 1.0, observed
    if observed < mean:
        while at > 0.0 and term > 1e-17 * total:
            term *= at / mean
            total += term
            at -= 1.0
    else:
        while term > 1e-17 * total:
            at += 1.0
            term *= mean / at
            total += term
    tail = mass * total
    return min(tail, 1.0 - tail + mass)


@kernel()
def pair_tails(
    pairs: IntVector,
    order: IntVector,
    margins: FloatVector,
    fitted: FloatVector,
    tails: FloatVector,
) -> None:
    """Fill the tails of the pairs that are not in the model; infinite for the rest."""
    for place in range(pairs.size):
        tails[place] = np.inf
        if order[place] == 0:
            tails[place] = lesser_tail(margins[pairs[place]], fitted[pairs[place]])


@kernel()
def least_place(tails: FloatVector) -> int:
    """Return the first place of the least tail; near ties count as ties."""
    best = 0
    for place in range(1, tails.size):
        if tails[place] < tails[best] * (1.0 - TIE):
            best = place
    return best


@kernel()
def next_pair(  # noqa: PLR0917 - kernels take arrays by position
    pairs: IntVector,
    tails: FloatVector,
    threshold: float,
    active: IntVector,
    finite: int,
    counts: FloatVector,
    margins: FloatVector,
    dead: IntVector,
) -> int:
    """Return the place of the pair of least tail whose model is estimable, or -1.

    `active` has room for one more; on success it and `dead` belong to the new model.
    """
    trial = dead.copy()
    while True:
        best = least_place(tails)
        if not tails[best] < threshold:
            return -1
        pair = pairs[best]
        trial[:] = dead
        if margins[pair] > 0:
            active[finite] = pair
        else:
            for cell in range(dead.size):
                if cell & pair == pair:
                    trial[cell] = 1
        if is_estimable(active[: finite + (margins[pair] > 0)], counts, trial):
            dead[:] = trial
            return best
        tails[best] = np.inf


@kernel()
def main_effects(margins: FloatVector, active: IntVector, dead: IntVector) -> int:
    """Start with the intercept and the lists that hold anybody; returns how many."""
    finite, single = 1, 1
    active[0], dead[0] = 0, 1
    while single < margins.size:
        if margins[single] > 0:
            active[finite] = single
            finite += 1
        else:
            for cell in range(dead.size):
                if cell & single:
                    dead[cell] = 1
        single <<= 1
    return finite


@kernel()
def select_pairs(
    counts: FloatVector,
    pairs: IntVector,
    threshold: float,
    order: IntVector,
    result: FloatVector,
) -> None:
    """Select pairs for one table.

    counts (2 ** t,); pairs (t (t - 1) / 2,) masks. Filled: order (pairs,), 0 or the
    step at which the pair came in; result (2,): exp(intercept), code.
    """
    cells = counts.size
    margins = counts.copy()
    superset_sums(margins)
    work, dead = np.zeros((ROWS, cells)), np.zeros(cells, dtype=np.int64)
    # There are never more parameters than cells, the unobserved one included.
    active = np.zeros(cells, dtype=np.int64)
    finite = main_effects(margins, active, dead)
    order[:] = 0
    result[0], result[1] = np.nan, NO_MAIN_EFFECTS
    if not is_estimable(active[:finite], counts, dead):
        return
    most = finite + pairs.size
    information, tails = np.zeros((most, most)), np.empty(pairs.size)
    result[1] = NOT_SETTLED
    if not first_guess(active[:finite], counts, dead, work, information):
        return
    step = 0
    while True:
        _, code = climb(
            active[:finite], counts, margins, dead, work, information, -np.inf
        )
        if code > UNDECIDED:
            return
        step += 1
        pair_tails(pairs, order, margins, work[MARGINS], tails)
        chosen = next_pair(
            pairs, tails, threshold, active, finite, counts, margins, dead
        )
        if chosen < 0:
            result[0], result[1] = math.exp(work[ALPHA, 0]), DONE
            return
        order[chosen] = step
        pair = pairs[chosen]
        if margins[pair] > 0:
            work[ALPHA, finite] = math.log(margins[pair] / work[MARGINS, pair])
            finite += 1


@kernel()
def select_pairs_of_tables(  # noqa: PLR0917 - kernels take arrays by position
    history: IntVector,
    counts: IntMatrix,
    cells: int,
    pairs: IntVector,
    threshold: float,
    orders: IntMatrix,
    results: FloatMatrix,
) -> None:
    """Select pairs for every table; counts (tables, histories), the rest is empty."""
    dense = np.zeros(cells)
    for table in range(counts.shape[0]):
        for place in range(history.size):
            dense[history[place]] = counts[table, place]
        select_pairs(dense, pairs, threshold, orders[table], results[table])
