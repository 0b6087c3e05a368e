"""Which cells to hide so that the small ones cannot be solved for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sentinel.disclosure.guard import Guard, failing_cells, with_groups
from sentinel.disclosure.patterns import cheapest_change, cheapest_hiding

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, IntVector
    from sentinel.disclosure.cells import CellSystem

__all__ = ["Suppression", "suppress"]

NONE_LEFT = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suppression:
    """Which cells are hidden, and why.

    Attributes
    ----------
    hidden : ndarray of bool, shape (cells,)
    primary : ndarray of bool, shape (cells,)
        Small themselves.
    told : ndarray of bool, shape (cells,)
        The release may say of this cell whether it is small (see
        `sentinel.disclosure.guard`).
    unprotected : ndarray of int
        Small cells that remain solvable although everything else is hidden.
    optimal : bool
        Every part was solved to the least cost.
    """

    hidden: BoolVector
    primary: BoolVector
    told: BoolVector
    unprotected: IntVector
    optimal: bool


def suppress(
    system: CellSystem,
    minimum: int,
    *,
    forced: BoolVector | None = None,
    exact: bool = True,
    tell: bool = True,
) -> Suppression:
    """Choose the cells to hide, each tied part of the system on its own.

    Parameters
    ----------
    system : CellSystem
    minimum : int
        Smallest count that may be shown, k.
    forced : ndarray of bool, shape (cells,), optional
        Cells that are hidden whatever their value.
    exact : bool
        Look for the choice of least cost where a part is small enough; else hide cells
        one after the other until the attack fails, which is as safe.
    """
    n_cells = len(system)
    primary = system.small(minimum)
    start = primary | system.private
    if forced is not None:
        start |= forced & ~system.known
    hidden = np.zeros(n_cells, dtype=bool)
    told = np.zeros(n_cells, dtype=bool)
    unprotected: list[int] = []
    optimal = True
    for cells in system.components():
        part = system.part(cells)
        begin = with_groups(part, start[cells])
        words, found, exact, failing = _solve(
            part, minimum, primary[cells], begin, exact=exact, tell=tell
        )
        hidden[cells] = found
        told[cells] = words
        optimal &= exact
        unprotected.extend(cells[failing].tolist())
    return Suppression(
        hidden=hidden,
        primary=primary,
        told=told,
        unprotected=np.array(sorted(unprotected), dtype=np.int64),
        optimal=optimal,
    )


def _solve(
    part: CellSystem,
    minimum: int,
    primary: BoolVector,
    begin: BoolVector,
    *,
    exact: bool,
    tell: bool,
) -> tuple[BoolVector, BoolVector, bool, IntVector]:
    """Return: told cells, hidden cells, optimal, cells still solvable."""
    everywhere = np.ones(len(part), dtype=bool)
    if not primary.any():
        return everywhere, begin, True, NONE_LEFT
    # The more is told, the more helps the reader of the release, honest or not: tell of
    # all cells, else of the margins, else of none.
    nowhere = ~everywhere
    for told in (everywhere, part.margin, nowhere) if tell else (nowhere,):
        guard = Guard(system=part, minimum=minimum, primary=primary, told=told)
        result = _protect(guard, begin, exact=exact)
        if result is not None:
            return told, *result, NONE_LEFT
    everything = with_groups(part, ~part.known)
    return ~everywhere, everything, False, failing_cells(guard, everything)


def _protect(
    guard: Guard, begin: BoolVector, *, exact: bool
) -> tuple[BoolVector, bool] | None:
    """Return hidden cells and whether they cost least; None if nothing suffices."""
    if not failing_cells(guard, begin, most=1).size:
        return begin, True
    everything = begin | with_groups(guard.system, guard.hideable)
    if failing_cells(guard, everything, most=1).size:
        return None
    hidden, safe = cheapest_hiding(guard, begin) if exact else (begin, False)
    return (hidden, True) if safe else (_greedy(guard, hidden), False)


def _greedy(guard: Guard, begin: BoolVector) -> BoolVector:
    """Protect one cell after the other, each by the cheapest change that fits."""
    hidden = begin.copy()
    done: set[int] = set()
    failing = failing_cells(guard, hidden)
    while failing.size:
        for cell in failing.tolist():
            if cell in guard.unsafe(hidden):
                change = cheapest_change(guard, hidden, cell)
                hidden = hidden | with_groups(guard.system, change)
        if set(failing.tolist()) <= done:
            # The solver's tolerance decides nothing here: hide all that may be hidden.
            return hidden | with_groups(guard.system, guard.hideable)
        done |= set(failing.tolist())
        failing = failing_cells(guard, hidden)
    return hidden
