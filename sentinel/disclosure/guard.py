"""The two readers that a release is guarded against, and the test of each.

The *informed* reader is told which hidden cells are small (the release says "fewer than
11") and which were hidden for their sake; a cell is safe if everything from 1 to
``k - 1`` still fits. Where the tables are too tight for that, the release marks all
hidden cells alike and guards against the *outside* reader, who knows that counts are
not negative; a cell is safe if the values that fit it are at least ``k`` wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sentinel.disclosure.cells import TOLERANCE, CellSystem, solve_extreme

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, IntVector

__all__ = ["Guard", "failing_cells", "with_groups"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Guard:
    """One reader to guard against, on one system of cells."""

    system: CellSystem
    minimum: int
    primary: BoolVector
    informed: bool

    @property
    def ranges(self) -> FloatMatrix:
        """What the reader knows of each cell once it is hidden."""
        value, k = self.system.value, self.minimum
        top = float(4 * value.sum() + 10 * k)  # finite: no programme is unbounded
        low = np.zeros(value.size)
        high = np.full(value.size, top)
        if self.informed:
            low[self.primary] = 1
            high[self.primary] = k - 1
            low[(value >= k) & ~self.system.free] = k
        return np.column_stack([low, high])

    @property
    def hideable(self) -> BoolVector:
        """Cells that may be hidden for the sake of others."""
        allowed = ~self.system.known
        if self.informed:
            allowed &= ~self.system.margin & (self.system.value >= self.minimum)
        # A group goes together or not at all.
        blocked = np.unique(self.system.group[~allowed & ~self.primary])
        return allowed & ~np.isin(self.system.group, blocked)

    def is_safe(self, low: float, high: float) -> bool:
        """Return whether the values that fit a small cell are many enough."""
        if self.informed:
            return low <= 1 + TOLERANCE and high >= self.minimum - 1 - TOLERANCE
        return high - low >= self.minimum - TOLERANCE


def failing_cells(guard: Guard, hidden: BoolVector) -> IntVector:
    """Return the small cells that a reader can solve for too closely.

    One programme serves many cells: every solution is a table that fits, so it widens
    what is known to fit for all cells at once.
    """
    ranges = guard.ranges
    waiting = np.flatnonzero(guard.primary)
    low = guard.system.value.astype(np.float64)
    high = low.copy()
    failing: list[int] = []
    together = True
    while waiting.size:
        chosen = waiting if together else waiting[:1]
        objective = np.zeros(len(guard.system))
        objective[chosen] = 1.0
        for sign in (1.0, -1.0):
            solution = solve_extreme(guard.system, hidden, ranges, sign * objective)
            if solution is not None:
                low = np.minimum(low, solution)
                high = np.maximum(high, solution)
        safe = np.array([guard.is_safe(low[cell], high[cell]) for cell in waiting])
        if not together and not safe[0]:
            failing.append(int(waiting[0]))
            safe[0] = True
        together = bool(safe.any()) and together
        waiting = waiting[~safe]
    return np.array(failing, dtype=np.int64)


def with_groups(system: CellSystem, cells: BoolVector) -> BoolVector:
    """Return the cells with all that are hidden together with them."""
    together = np.isin(system.group, np.unique(system.group[cells]))
    return (together | cells) & ~system.known
