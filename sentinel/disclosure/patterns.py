"""The least hiding that makes small cells ambiguous.

A small cell is safe when tables that fit what is shown reach far enough down and up in
that cell. How far they reach is a concave function of what is hidden, so each linear
programme of the attack gives a cut: what must be hidden in addition, in one way or
another. The cheapest choice under all cuts is a small binary programme; solve, attack,
add the cuts of what failed, until nothing fails. This is the scheme of Fischetti and
Salazar (Mathematical Programming 84, 1999, 283-312). Where it would take too long,
`cheapest_change` protects one cell at a time: as safe, and it may hide more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import block_diag, csr_array, hstack

from sentinel.disclosure.cells import TOLERANCE
from sentinel.disclosure.guard import Extreme, Guard, failing_cells, with_groups
from sentinel.disclosure.programmes import cheapest_cover, linear_programme

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector

__all__ = ["cheapest_change", "cheapest_hiding"]

MOST_CHOICES = 240
MOST_CUTS = 400
MOST_SOLVED = 32
CUTS_AT_ONCE = 8


def cheapest_hiding(guard: Guard, begin: BoolVector) -> tuple[BoolVector, bool]:
    """Return the hidden cells of least cost, and whether every small cell is safe.

    Where the problem is too large, or not solved within `MOST_SOLVED` programmes of
    limited nodes, what was found by then is where `cheapest_change` may begin. The
    limits count programmes and nodes, not seconds: the answer must not depend on the
    machine. A table of 8 by 8 took up to 23 s without them.
    """
    system = guard.system
    choice = np.unique(system.group[guard.hideable & ~begin])
    if choice.size > MOST_CHOICES:
        return begin, False
    cost = np.bincount(system.group, _costs(guard))[choice].astype(np.float64)
    cuts: list[FloatVector] = []
    hidden = begin
    failing = failing_cells(guard, hidden, most=CUTS_AT_ONCE)
    for _ in range(MOST_SOLVED):
        if not failing.size:
            return hidden, True
        for cell in failing.tolist():
            cuts.extend(_cuts(guard, begin, hidden, cell))
        if len(cuts) > MOST_CUTS:
            break
        cover = cheapest_cover(cost, np.array(cuts, dtype=np.float64)[:, choice])
        if cover is None:
            break
        chosen = np.isin(system.group, choice[cover])
        grown = begin | with_groups(system, chosen)
        if np.array_equal(grown, hidden):
            break
        hidden = grown
        failing = failing_cells(guard, hidden, most=CUTS_AT_ONCE)
    return hidden, not failing.size


def _cuts(
    guard: Guard, begin: BoolVector, hidden: BoolVector, cell: int
) -> list[FloatVector]:
    """Return rows ``row @ hidden_group >= 1`` that any hiding safe for `cell` obeys."""
    least = guard.extreme(hidden, cell, 1.0)
    most = guard.extreme(hidden, cell, -1.0)
    lack_low, lack_high = guard.lacking(cell, least.value, most.value)
    gain_low, gain_high = _gain(guard, begin, least), _gain(guard, begin, most)
    if not guard.words[cell]:
        gain_high = gain_high + gain_low
    system = guard.system
    size = int(system.group.max()) + 1
    chosen = hidden & ~begin
    rows = []
    for lack, gain in ((lack_low, gain_low), (lack_high, gain_high)):
        if lack > TOLERANCE:
            # Cells hidden at present may be shown again: then their worth is lacking.
            needed = lack + float(gain[chosen].sum())
            by_group = np.bincount(system.group, gain, minlength=size)
            # Hiding is all or nothing: no group can be worth more than what is needed.
            rows.append(np.minimum(np.round(by_group / needed, 9), 1.0))
    return rows


def _gain(guard: Guard, begin: BoolVector, extreme: Extreme) -> FloatVector:
    """Return how far hiding each cell can at most move the extreme."""
    wide = guard.ranges
    gain = extreme.lower * (guard.value - wide[:, 0])
    gain = gain - extreme.upper * (wide[:, 1] - guard.value)
    gain[begin | ~guard.hideable] = 0.0
    return gain


def cheapest_change(guard: Guard, hidden: BoolVector, cell: int) -> BoolVector:
    """Return the cells to hide so that `cell` becomes ambiguous, by a linear programme.

    Two tables that fit, one low and one high in the cell, are found together; hidden
    cells move at no cost, others in proportion to how far they move.
    """
    system = guard.system
    which = np.flatnonzero(hidden | guard.hideable)
    size = which.size
    value = system.value[which].astype(np.float64)
    ranges = guard.ranges[which]
    rise = np.maximum(ranges[:, 1] - value, 0.0)
    fall = np.maximum(value - ranges[:, 0], 0.0)
    cost = np.where(hidden[which], 0.0, _costs(guard)[which])
    equations = system.equations[:, which]
    # Columns: rises of the low table, falls of the low table, then of the high table.
    pair = csr_array(block_diag([hstack([equations, -equations])] * 2))
    at = int(np.searchsorted(which, cell))
    down, up = np.zeros((2, 4 * size))
    down[[at, size + at]] = -1.0, 1.0
    up[[2 * size + at, 3 * size + at]] = 1.0, -1.0
    if guard.words[cell]:
        need = np.vstack([down, up])
        least = np.array([value[at] - 1.0, guard.minimum - 1.0 - value[at]])
    else:
        need, least = (down + up)[None, :], np.array([float(guard.width(cell))])
    most = np.tile(np.concatenate([rise, fall]), 2)
    found = linear_programme(
        # A grain of cost on free moves keeps the solution small.
        np.tile(cost, 4) + 1e-7,
        equal=(pair, np.zeros(pair.shape[0])),
        least=(csr_array(need), least),
        bounds=np.column_stack([np.zeros(4 * size), most]),
    )
    moved = np.zeros(len(system), dtype=bool)
    if found is not None:
        moves = found.x.reshape(4, size)
        moved[which] = moves.max(axis=0) > TOLERANCE
        for rises, falls in (moves[:2], moves[2:]):
            table = system.value.astype(np.float64)
            table[which] += rises - falls
            guard.add(table)
    return moved


def _costs(guard: Guard) -> FloatVector:
    # Large counts are the last to go: the logarithm breaks ties without ruling.
    system = guard.system
    return system.cost * (1.0 + 0.01 * np.log1p(system.value))
