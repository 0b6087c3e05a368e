"""Steepest descent among hierarchical models: one term in or out at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from estimators.capture_recapture._kernels_all_models import contest, working_space
from estimators.capture_recapture._kernels_lattice import ALPHA, STEP, superset_sums
from estimators.numba_options import kernel

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix, IntVector


@kernel()
def may_move(place: int, member: IntVector, term: IntVector) -> bool:
    """Tell whether the model stays hierarchical when this term goes in or out."""
    mask = term[place]
    if mask & (mask - 1) == 0:
        return False
    for other in range(term.size):
        if other == place:
            continue
        if member[place]:
            if member[other] and term[other] & mask == mask:
                return False
        elif not member[other] and mask & term[other] == term[other]:
            return False
    return True


@kernel()
def try_model(  # noqa: PLR0917 - kernels take arrays by position
    member: IntVector,
    term: IntVector,
    counts: FloatVector,
    margins: FloatVector,
    penalty: float,
    known: FloatVector,
    to_beat: float,
    space: tuple[FloatMatrix, FloatMatrix, IntVector, IntVector],
) -> float:
    """Return the criterion as `contest` does; a winner's parameters fill `STEP`."""
    work, _, active, dead = space
    size = 0
    for place in range(term.size):
        if member[place]:
            dead[size] = term[place]
            size += 1
    if size + 1 > dead.size:
        return np.inf
    criterion, finite = contest(
        dead[:size].copy(), counts, margins, penalty, known, to_beat, space
    )
    if np.isfinite(criterion):
        work[STEP] = np.nan
        for place in range(finite):
            work[STEP, active[place]] = work[ALPHA, place]
    return criterion


@kernel()
def descend(  # noqa: PLR0917 - kernels take arrays by position
    counts: FloatVector,
    term: IntVector,
    penalty: float,
    locked: int,
    member: IntVector,
    moves: IntVector,
    result: FloatVector,
) -> None:
    """Go to the best neighbour until none is better; `member` ends where it stopped.

    locked: place of a term that stays as it is, or -1. Filled: moves (most,), places of
    the terms moved, -1 after the last; result (2,): criterion without constant and
    exp(intercept), infinite and NaN if nothing estimable was met.
    """
    cells = counts.size
    margins = counts.copy()
    superset_sums(margins)
    space = working_space(cells, min(cells, term.size + 1))
    known, best = np.full(cells, np.nan), np.full(cells, np.nan)
    moves[:] = -1
    least = try_model(member, term, counts, margins, penalty, known, np.inf, space)
    if np.isfinite(least):
        known[:] = space[0][STEP]
    for step in range(moves.size):
        moved = -1
        for place in range(term.size):
            if place == locked or not may_move(place, member, term):
                continue
            member[place] = 1 - member[place]
            criterion = try_model(
                member, term, counts, margins, penalty, known, least, space
            )
            member[place] = 1 - member[place]
            if criterion < least:
                least, moved = criterion, place
                best[:] = space[0][STEP]
        if moved < 0:
            break
        moves[step] = moved
        member[moved] = 1 - member[moved]
        known[:] = best
    result[0], result[1] = least, np.exp(known[0])


@kernel(parallel=True)
def descend_all(  # noqa: PLR0917 - kernels take arrays by position
    counts: FloatMatrix,
    table: IntVector,
    term: IntVector,
    penalties: FloatVector,
    locked: IntVector,
    members: IntMatrix,
    moves: IntMatrix,
    results: FloatMatrix,
) -> None:
    """Descend from every row of `members` on its table of `counts`, as `descend`."""
    for task in numba.prange(table.size):
        descend(
            counts[table[task]],
            term,
            penalties[table[task]],
            locked[task],
            members[task],
            moves[task],
            results[task],
        )
