"""Counts tied by sums: what a reader can solve for, given what is shown.

A set of published tables is one vector of non-negative cells with linear equations
between them (a margin is the sum of its cells, respondents are cases plus non-cases).
Whoever reads the shown cells can solve for the hidden ones; `feasible_intervals` is
that attack, one pair of linear programmes per hidden cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from sentinel.disclosure.programmes import linear_programme

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = ["CellSystem", "SystemBuilder", "feasible_intervals", "solve_extreme"]

TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellSystem:
    """Cells and the equations between them.

    Attributes
    ----------
    value : ndarray of shape (cells,)
        True counts.
    equations : sparse array of shape (equations, cells)
        ``equations @ value == 0``.
    group : ndarray of shape (cells,)
        Cells with the same number are hidden together.
    cost : ndarray of shape (cells,)
        What hiding the cell costs; margins cost more than inner cells.
    margin : ndarray of bool, shape (cells,)
        Sums of other cells: hidden only when nothing else helps.
    known : ndarray of bool, shape (cells,)
        The reader has it from elsewhere; hiding it helps nothing.
    private : ndarray of bool, shape (cells,)
        Never shown to anyone, yet a difference of shown cells.
    free : ndarray of bool, shape (cells,)
        Private, and nothing about it is to be protected: an unpublished sum.
    between : ndarray of bool, shape (cells,)
        Private: persons counted by one question and not by another.
    untold : ndarray of bool, shape (cells,)
        A release never says of it whether it is small: no table has such a cell, or its
        row is withheld for its few respondents, and no more is said.
    least : ndarray of int, shape (cells,)
        Smallest count that is a small one: 1, or 0 where nobody is as telling as few
        (a group in which everybody is a case).
    """

    value: IntVector
    equations: csr_array
    group: IntVector
    cost: FloatVector
    margin: BoolVector
    known: BoolVector
    private: BoolVector
    free: BoolVector
    between: BoolVector
    untold: BoolVector
    least: IntVector

    def __len__(self) -> int:
        return self.value.size

    def small(self, minimum: int) -> BoolVector:
        """Return which cells are small and no reader has from elsewhere."""
        counted = (self.value >= self.least) & (self.value < minimum)
        return counted & ~self.known & ~self.free

    def components(self) -> list[IntVector]:
        """Return the cells of each part that no equation or group ties to another."""
        n_equations, n_cells = self.equations.shape
        rows, columns = self.equations.nonzero()
        n_groups = int(self.group.max()) + 1 if n_cells else 0
        left = np.concatenate([columns, np.arange(n_cells)])
        right = np.concatenate([rows + n_cells, self.group + n_cells + n_equations])
        size = n_cells + n_equations + n_groups
        graph = csr_array((np.ones(left.size), (left, right)), shape=(size, size))
        _, label = connected_components(graph, directed=False)
        cells = label[:n_cells]
        return [np.flatnonzero(cells == part) for part in np.unique(cells)]

    def part(self, cells: IntVector) -> CellSystem:
        """Return the system of some cells (a whole component)."""
        rows = self.equations[:, cells]
        kept = np.flatnonzero(np.diff(rows.indptr))
        _, group = np.unique(self.group[cells], return_inverse=True)
        return CellSystem(
            value=self.value[cells],
            equations=csr_array(rows[kept]),
            group=group.astype(np.int64),
            cost=self.cost[cells],
            margin=self.margin[cells],
            known=self.known[cells],
            private=self.private[cells],
            free=self.free[cells],
            between=self.between[cells],
            untold=self.untold[cells],
            least=self.least[cells],
        )


class SystemBuilder:
    """Collects cells and equations, then builds the `CellSystem`."""

    def __init__(self) -> None:
        self._value: list[int] = []
        self._group: list[int] = []
        self._cost: list[float] = []
        self._flags: list[tuple[bool, ...]] = []
        self._least: list[int] = []
        self._equations: list[dict[int, float]] = []

    def add(
        self,
        value: float,
        *,
        kind: str = "cell",
        group: int = -1,
        cost: float = 1.0,
        least: int = 1,
        untold: bool = False,
    ) -> int:
        """Add a cell and return its number.

        `kind` is cell, margin, known, private, free or between; `group` is the number
        of an earlier cell that it is hidden together with.
        """
        number = len(self._value)
        self._value.append(round(value))
        self._group.append(number if group < 0 else self._group[group])
        self._cost.append(cost)
        self._flags.append(
            (
                kind == "margin",
                kind == "known",
                kind in ("private", "free", "between"),
                kind == "free",
                kind == "between",
                untold or kind == "between",
            )
        )
        self._least.append(least)
        return number

    def sums(self, total: int, parts: Iterable[int]) -> None:
        """State that `total` is the sum of `parts`."""
        self._equations.append({**dict.fromkeys(parts, 1.0), total: -1.0})

    def value(self, cell: int) -> int:
        """Return the true count of a cell."""
        return self._value[cell]

    def build(self) -> CellSystem:
        """Return the system."""
        n_cells = len(self._value)
        flags = np.array(self._flags, dtype=bool).reshape(n_cells, 6)
        rows = [row for row, terms in enumerate(self._equations) for _ in terms]
        columns = [cell for terms in self._equations for cell in terms]
        weights = [weight for terms in self._equations for weight in terms.values()]
        _, group = np.unique(self._group, return_inverse=True)
        return CellSystem(
            value=np.array(self._value, dtype=np.int64),
            equations=csr_array(
                (weights, (rows, columns)), shape=(len(self._equations), n_cells)
            ),
            group=group.astype(np.int64),
            cost=np.array(self._cost, dtype=np.float64),
            margin=flags[:, 0],
            known=flags[:, 1],
            private=flags[:, 2],
            free=flags[:, 3],
            between=flags[:, 4],
            untold=flags[:, 5],
            least=np.array(self._least, dtype=np.int64),
        )


def feasible_intervals(
    system: CellSystem,
    hidden: BoolVector,
    cells: Sequence[int] | IntVector,
    ranges: FloatMatrix | None = None,
) -> FloatMatrix:
    """Return the smallest and largest value of hidden cells that fit what is shown.

    Parameters
    ----------
    system : CellSystem
    hidden : ndarray of bool, shape (cells,)
    cells : sequence of int
        Hidden cells to bound.
    ranges : ndarray of shape (cells, 2), optional
        What the reader knows of each hidden cell beforehand; 0 to infinity by default.

    Returns
    -------
    ndarray of shape (len(cells), 2)
        ``inf`` where nothing bounds a cell from above. The limits are those of the
        linear relaxation: in tables of two classifications they are attained by whole
        numbers, in linked tables whole numbers may reach less far.
    """
    if ranges is None:
        ranges = np.column_stack([np.zeros(len(system)), np.full(len(system), np.inf)])
    found = np.empty((len(cells), 2))
    for row, cell in enumerate(np.asarray(cells, dtype=np.int64)):
        objective = np.zeros(len(system))
        objective[cell] = 1.0
        for side, sign in enumerate((1.0, -1.0)):
            solution = solve_extreme(system, hidden, ranges, sign * objective)
            found[row, side] = np.inf if solution is None else solution[cell]
    return found


def _right_side(system: CellSystem, shown: FloatVector) -> FloatVector:
    return np.asarray(-(system.equations @ shown), dtype=np.float64).reshape(-1)


def solve_extreme(
    system: CellSystem, hidden: BoolVector, ranges: FloatMatrix, objective: FloatVector
) -> FloatVector | None:
    """Minimise a linear function of the hidden cells; None if it is unbounded."""
    which = np.flatnonzero(hidden)
    shown = np.where(hidden, 0, system.value).astype(np.float64)
    found = linear_programme(
        objective[which],
        equal=(system.equations[:, which], _right_side(system, shown)),
        bounds=ranges[which],
    )
    if found is None:
        return None
    solution = system.value.astype(np.float64)
    solution[which] = found.x
    return solution
