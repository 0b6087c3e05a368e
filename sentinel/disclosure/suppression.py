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
        The release may say of this cell whether it is small: the informed reader was
        guarded against (see `sentinel.disclosure.guard`).
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
    system: CellSystem, minimum: int, *, forced: BoolVector | None = None
) -> Suppression:
    """Choose the cells to hide, each tied part of the system on its own.

    Parameters
    ----------
    system : CellSystem
    minimum : int
        Smallest count that may be shown, k.
    forced : ndarray of bool, shape (cells,), optional
        Cells that are hidden whatever their value.
    """
    n_cells = len(system)
    value = system.value
    primary = (value > 0) & (value < minimum) & ~system.known & ~system.free
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
        informed, found, exact, failing = _solve(part, minimum, primary[cells], begin)
        hidden[cells] = found
        told[cells] = informed
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
    part: CellSystem, minimum: int, primary: BoolVector, begin: BoolVector
) -> tuple[bool, BoolVector, bool, IntVector]:
    """Return: is the informed reader guarded against, hidden, optimal, failing."""
    if not primary.any():
        return True, begin, True, NONE_LEFT
    informed, outside = (
        Guard(system=part, minimum=minimum, primary=primary, informed=informed)
        for informed in (True, False)
    )
    for guard in (informed, outside):
        result = _protect(guard, begin)
        if result is not None:
            return guard is informed, *result, NONE_LEFT
    everything = with_groups(part, ~part.known)
    return False, everything, False, failing_cells(outside, everything)


def _protect(guard: Guard, begin: BoolVector) -> tuple[BoolVector, bool] | None:
    """Return hidden cells and whether they cost least; None if nothing suffices."""
    failing = failing_cells(guard, begin)
    if not failing.size:
        return begin, True
    if failing_cells(guard, begin | with_groups(guard.system, guard.hideable)).size:
        return None
    hidden = cheapest_hiding(guard, begin)
    if hidden is None:
        return _greedy(guard, begin), False
    return hidden, True


def _greedy(guard: Guard, begin: BoolVector) -> BoolVector:
    """Protect one cell after the other, each by the cheapest change that fits."""
    hidden = begin.copy()
    value = guard.system.value
    done: set[int] = set()
    failing = failing_cells(guard, hidden)
    while failing.size:
        left = [cell for cell in failing.tolist() if cell not in done]
        if not left:
            # The solver's tolerance decides nothing here: hide all that may be hidden.
            return hidden | with_groups(guard.system, guard.hideable)
        # The largest small cell first: its pattern often serves the smaller ones.
        cell = max(left, key=lambda item: (int(value[item]), -item))
        hidden = hidden | with_groups(
            guard.system, cheapest_change(guard, hidden, cell)
        )
        done.add(cell)
        failing = failing_cells(guard, hidden)
    return hidden
