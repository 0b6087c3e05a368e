"""Existence and uniqueness of an extended maximum likelihood estimate, by elimination.

Exact up to rounding of small ratios, and decided inside a kernel where a linear program
for every model and resample would take hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector

# Designs hold 0 and 1: what elimination leaves is a ratio of small whole numbers or 0.
ZERO = 1e-9


@kernel()
def eliminate(row: FloatVector, echelon: FloatMatrix, has_pivot: IntVector) -> bool:
    """Reduce a row by the rows kept so far; keep it if something is left."""
    for column in range(row.size):
        if abs(row[column]) <= ZERO:
            continue
        if not has_pivot[column]:
            pivot = row[column]
            for place in range(column):
                echelon[column, place] = 0.0
            for place in range(column, row.size):
                echelon[column, place] = row[place] / pivot
            has_pivot[column] = 1
            return True
        factor = row[column]
        for place in range(column, row.size):
            row[place] -= factor * echelon[column, place]
    return False


@kernel()
def null_space(echelon: FloatMatrix, has_pivot: IntVector) -> FloatMatrix:
    """Return a basis of the null space, shape (parameters, dimension)."""
    size = has_pivot.size
    basis = np.zeros((size, size - has_pivot.sum()))
    free = 0
    for column in range(size):
        if has_pivot[column]:
            continue
        basis[column, free] = 1.0
        for place in range(size - 1, -1, -1):
            if has_pivot[place]:
                rest = 0.0
                for other in range(place + 1, size):
                    rest -= echelon[place, other] * basis[other, free]
                basis[place, free] = rest
        free += 1
    return basis


@kernel()
def pivot_on(tableau: FloatMatrix, row: int, column: int) -> None:
    """Make a column of the tableau a unit vector."""
    scale = tableau[row, column]
    for place in range(tableau.shape[1]):
        tableau[row, place] /= scale
    for other in range(tableau.shape[0]):
        factor = tableau[other, column]
        if other == row or factor == 0.0:
            continue
        for place in range(tableau.shape[1]):
            tableau[other, place] -= factor * tableau[row, place]


@kernel()
def has_positive_solution(gaps: FloatMatrix) -> bool:
    """Tell whether some y > 0 has gaps' y = 0: phase one with Bland's rule.

    gaps (cells, dimension). With y = 1 + u the question is whether u >= 0 exists;
    scaling makes "above 0" and "at least 1" the same.
    """
    cells, size = gaps.shape
    tableau = np.zeros((size + 1, cells + 1))
    basis = np.arange(cells, cells + size)
    for row in range(size):
        total = gaps[:, row].sum()
        sign = 1.0 if total <= 0.0 else -1.0
        for place in range(cells):
            tableau[row, place] = sign * gaps[place, row]
        tableau[row, cells] = abs(total)
        tableau[size] -= tableau[row]
    while tableau[size, cells] < -ZERO:
        column = 0
        while column < cells and tableau[size, column] >= -ZERO:
            column += 1
        if column == cells:
            return False
        row, least = -1, np.inf
        for place in range(size):
            if tableau[place, column] > ZERO:
                ratio = tableau[place, cells] / tableau[place, column]
                closer = ratio < least - ZERO
                if closer or (ratio < least + ZERO and basis[place] < basis[row]):
                    row, least = place, min(ratio, least)
        pivot_on(tableau, row, column)
        basis[row] = column
    return True


@kernel()
def is_estimable(active: IntVector, counts: FloatVector, dead: IntVector) -> bool:
    """Decide existence and uniqueness from which counts are 0.

    Where the cells with somebody identify all parameters nothing else can matter.
    Otherwise an estimate exists if the empty cells can be filled without moving a
    margin, and is unique if they, too, identify what is left.
    """
    size = active.size
    echelon, has_pivot = np.zeros((size, size)), np.zeros(size, dtype=np.int64)
    row = np.zeros(size)
    rank, empty = 0, 0
    for cell in range(1, counts.size):
        if dead[cell] or counts[cell] <= 0:
            empty += not dead[cell]
            continue
        for place in range(size):
            row[place] = (cell & active[place]) == active[place]
        rank += eliminate(row, echelon, has_pivot)
        if rank == size:
            return True
    basis = null_space(echelon, has_pivot)
    left = size - rank
    gaps = np.zeros((empty, left))
    smaller, pivots = np.zeros((left, left)), np.zeros(left, dtype=np.int64)
    rank, empty = 0, 0
    for cell in range(1, counts.size):
        if dead[cell] or counts[cell] > 0:
            continue
        for place in range(size):
            if (cell & active[place]) == active[place]:
                gaps[empty] += basis[place]
        rank += eliminate(gaps[empty].copy(), smaller, pivots)
        empty += 1
    return rank == left and has_positive_solution(gaps)
