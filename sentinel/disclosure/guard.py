"""The readers that a release is guarded against, and the test of each.

A release may *tell* which hidden cells are small ("fewer than 11") and which were
hidden for their sake; or it marks hidden cells all alike. A small cell of which the
release tells is safe if everything from 1 to ``k - 1`` still fits. One of which it does
not is safe if that fits too, or if the values that fit are at least ``k`` wide. Of
persons between two questions (counted by one and not by the other) nothing is ever
told, and they are safe if as many values fit as "fewer than k" leaves open, ``k - 1``.
Either way the reader solves all tables together and uses all that is told of any cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sentinel.disclosure.cells import TOLERANCE, CellSystem, solve_extreme
from sentinel.disclosure.programmes import linear_programme

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = ["Extreme", "Guard", "failing_cells", "with_groups"]

CLEARED_ALONE = 2


class Extreme(NamedTuple):
    """The least or most of a cell, and how much of it each bound is worth."""

    value: float
    lower: FloatVector
    upper: FloatVector


@dataclass(frozen=True, kw_only=True, eq=False)
class Guard:
    """A reader of one system of cells, and the tables found so far that fit."""

    system: CellSystem
    minimum: int
    primary: BoolVector
    told: BoolVector
    _fitting: list[FloatVector] = field(default_factory=list)
    _extremes: dict[tuple[bytes, int, float], Extreme] = field(default_factory=dict)
    _reach: dict[bytes, tuple[int, FloatVector, FloatVector]] = field(
        default_factory=dict
    )

    @cached_property
    def ranges(self) -> FloatMatrix:
        """What the reader knows of each cell once it is hidden."""
        value, k = self.system.value, self.minimum
        top = float(4 * value.sum() + 10 * k)  # finite: no programme is unbounded
        low = np.zeros(value.size)
        high = np.full(value.size, top)
        small = self.words & self.primary
        low[small] = self.system.least[small]
        high[small] = k - 1
        low[self.words & (value >= k) & ~self.system.free] = k
        return np.column_stack([low, high])

    @cached_property
    def words(self) -> BoolVector:
        """Cells of which the release says whether they are small."""
        return self.told & ~self.system.untold

    @cached_property
    def hideable(self) -> BoolVector:
        """Cells that may be hidden for the sake of others."""
        kept = self.told & (self.system.margin | (self.system.value < self.minimum))
        allowed = ~self.system.known & ~kept
        # A group goes together or not at all.
        blocked = np.unique(self.system.group[~allowed & ~self.primary])
        return allowed & ~np.isin(self.system.group, blocked)

    @property
    def value(self) -> FloatVector:
        """True counts as floats."""
        return self.system.value.astype(np.float64)

    def lacking(self, cell: int, low: float, high: float) -> tuple[float, float]:
        """Return by how much the least is too high and the most too low.

        A cell of which nothing is told lacks width only, unless 1 to k - 1 fit anyway:
        the lack of width is put on the upper side.
        """
        ends = low - 1.0, self.minimum - 1.0 - high
        if self.words[cell] or max(ends) <= TOLERANCE:
            return ends
        return 0.0, self.width(cell) - (high - low)

    def width(self, cell: int) -> int:
        """Return how far the values of a cell of which nothing is told must reach."""
        return self.minimum - 2 if self.system.between[cell] else self.minimum

    def unsafe(self, hidden: BoolVector) -> IntVector:
        """Return the small cells for which too few values are known to fit."""
        key = hidden.tobytes()
        used, low, high = self._reach.get(key, (0, self.value, self.value))
        if used < len(self._fitting):
            found = np.array(self._fitting[used:])
            # A table found while more was hidden must agree with what is shown now.
            gap = np.abs(found - self.value)[:, ~hidden].max(axis=1, initial=0.0)
            found = np.vstack([found[gap < TOLERANCE], [low], [high]])
            low, high = found.min(axis=0), found.max(axis=0)
            self._reach[key] = (len(self._fitting), low, high)
        cells = np.flatnonzero(self.primary)
        lack = [max(self.lacking(int(at), low[at], high[at])) for at in cells]
        return cells[np.array(lack, dtype=np.float64) > TOLERANCE]

    def add(self, table: FloatVector) -> None:
        """Remember a table that obeys every equation and range."""
        self._fitting.append(table)

    def explore_together(
        self, hidden: BoolVector, cells: IntVector, rng: np.random.Generator
    ) -> None:
        """Find two opposite tables that fit, each with much in half of the cells."""
        objective = np.zeros(len(self.system))
        objective[cells] = rng.choice((-1.0, 1.0), cells.size)
        for sign in (1.0, -1.0):
            found = solve_extreme(self.system, hidden, self.ranges, sign * objective)
            if found is not None:
                self.add(found)

    def extreme(self, hidden: BoolVector, cell: int, sign: float) -> Extreme:
        """Return the least (1) or the most (-1) of one cell."""
        key = (hidden.tobytes(), cell, sign)
        if key not in self._extremes:
            self._extremes[key] = self._solve(hidden, cell, sign)
        return self._extremes[key]

    def explore(self, hidden: BoolVector, cell: int) -> None:
        """Find the fitting tables with most and, if need be, least in a cell."""
        for sign in (-1.0, 1.0):
            self.extreme(hidden, cell, sign)
            if cell not in self.unsafe(hidden):
                return

    def _solve(self, hidden: BoolVector, cell: int, sign: float) -> Extreme:
        which = np.flatnonzero(hidden)
        objective = np.where(which == cell, sign, 0.0)
        equations = self.system.equations
        shown = np.where(hidden, 0.0, self.value)
        found = linear_programme(
            objective,
            equal=(equations[:, which], -np.asarray(equations @ shown)),
            bounds=self.ranges[which],
        )
        if found is None:
            raise ArithmeticError("the attack's linear programme failed")
        table = self.value
        table[which] = found.x
        self.add(table)
        # A shown cell has its value for both bounds: its worth is its reduced cost.
        worth = -np.asarray(equations.T @ found.equal)
        lower, upper = np.maximum(worth, 0.0), np.minimum(worth, 0.0)
        lower[which], upper[which] = found.lower, found.upper
        return Extreme(float(table[cell]), lower, upper)


def failing_cells(
    guard: Guard, hidden: BoolVector, *, most: int | None = None
) -> IntVector:
    """Return the small cells that a reader can solve for too closely.

    One programme serves many cells: every solution is a table that fits, so it widens
    what is known to fit for all cells at once, and for later choices that hide more.

    Parameters
    ----------
    guard : Guard
    hidden : ndarray of bool, shape (cells,)
    most : int, optional
        Stop as soon as so many failing cells are found.
    """
    waiting = guard.unsafe(hidden)
    failing: list[int] = []
    together = True
    rng = np.random.default_rng(0)  # only decides which attack is tried first
    while waiting.size and (most is None or len(failing) < most):
        if together:
            guard.explore_together(hidden, waiting, rng)
        else:
            guard.explore(hidden, int(waiting[0]))
        left = np.setdiff1d(guard.unsafe(hidden), failing)
        if not together and left.size and left[0] == waiting[0]:
            failing.append(int(waiting[0]))
            left = left[1:]
        # Together only as long as that clears more cells than one by one would.
        together = together and waiting.size - left.size > CLEARED_ALONE
        waiting = left
    return np.array(failing, dtype=np.int64)


def with_groups(system: CellSystem, cells: BoolVector) -> BoolVector:
    """Return the cells with all that are hidden together with them."""
    together = np.isin(system.group, np.unique(system.group[cells]))
    return (together | cells) & ~system.known
