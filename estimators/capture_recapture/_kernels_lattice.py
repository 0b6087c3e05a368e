"""One hierarchical Poisson model on the lattice of histories, without a design matrix.

Histories and terms are bit masks. The linear predictor of a history is the sum over its
subsets, a margin is the sum over supersets, and the information between two terms is
the fitted margin of their union.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from estimators.numba_options import kernel

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector

MOST_STEPS = 100
MOST_HALVINGS = 50
# The step that follows a decrement below this squares what is left of the error.
SMALL_DECREMENT = 1e-12
SMALLEST_PIVOT = 1e-13
# Rows of the working space: parameters by place, their last values, the Newton step,
# the gradient, and by history the fitted counts and their margins.
ALPHA, BEFORE, STEP, GRADIENT, FITTED, MARGINS = range(6)
ROWS = 6


@kernel()
def superset_sums(values: FloatVector) -> None:
    """Replace each value by the sum over its supersets, in place."""
    bit = 1
    while bit < values.size:
        for mask in range(values.size):
            if not mask & bit:
                values[mask] += values[mask | bit]
        bit <<= 1


@kernel()
def subset_sums(values: FloatVector) -> None:
    """Replace each value by the sum over its subsets, in place."""
    bit = 1
    while bit < values.size:
        for mask in range(values.size):
            if mask & bit:
                values[mask] += values[mask ^ bit]
        bit <<= 1


@kernel()
def solve_symmetric(
    matrix: FloatMatrix, known: FloatVector, answer: FloatVector
) -> bool:
    """Solve by LDL', the upper triangle overwritten; False if a pivot vanishes."""
    size = known.size
    for row in range(size):
        answer[row] = known[row]
    for row in range(size):
        whole, pivot = matrix[row, row], matrix[row, row]
        for above in range(row):
            pivot -= matrix[above, row] ** 2 * matrix[above, above]
        if not pivot > SMALLEST_PIVOT * whole:
            return False
        matrix[row, row] = pivot
        for column in range(row + 1, size):
            rest = matrix[row, column]
            for above in range(row):
                rest -= (
                    matrix[above, row] * matrix[above, column] * matrix[above, above]
                )
            matrix[row, column] = rest / pivot
        for above in range(row):
            answer[row] -= matrix[above, row] * answer[above]
    for row in range(size - 1, -1, -1):
        answer[row] /= matrix[row, row]
        for below in range(row + 1, size):
            answer[row] -= matrix[row, below] * answer[below]
    return True


@kernel()
def first_guess(
    active: IntVector,
    counts: FloatVector,
    dead: IntVector,
    work: FloatMatrix,
    information: FloatMatrix,
) -> bool:
    """Fill starting parameters by least squares on log(count + 1/2), so weighted."""
    size = active.size
    for cell in range(counts.size):
        weight = 0.0 if dead[cell] else counts[cell] + 0.5
        work[MARGINS, cell] = weight
        work[FITTED, cell] = weight * math.log(counts[cell] + 0.5)
    superset_sums(work[MARGINS])
    superset_sums(work[FITTED])
    for row in range(size):
        work[GRADIENT, row] = work[FITTED, active[row]]
        for column in range(row, size):
            information[row, column] = work[MARGINS, active[row] | active[column]]
    return solve_symmetric(information, work[GRADIENT, :size], work[ALPHA, :size])


@kernel()
def fit_cells(
    active: IntVector, margins: FloatVector, dead: IntVector, work: FloatMatrix
) -> float:
    """Fill fitted counts and margins; returns the log-likelihood, constant apart."""
    fitted, sums = work[FITTED], work[MARGINS]
    fitted[:] = 0.0
    likelihood = 0.0
    for place in range(active.size):
        fitted[active[place]] = work[ALPHA, place]
        likelihood += work[ALPHA, place] * margins[active[place]]
    subset_sums(fitted)
    for cell in range(fitted.size):
        fitted[cell] = 0.0 if dead[cell] else math.exp(fitted[cell])
        sums[cell] = fitted[cell]
    superset_sums(sums)
    return float(likelihood - sums[0])


@kernel()
def newton_step(
    active: IntVector,
    margins: FloatVector,
    work: FloatMatrix,
    information: FloatMatrix,
) -> float:
    """Fill the Newton step; returns its decrement, negative if it is not defined."""
    size = active.size
    for row in range(size):
        work[GRADIENT, row] = margins[active[row]] - work[MARGINS, active[row]]
        for column in range(row, size):
            information[row, column] = work[MARGINS, active[row] | active[column]]
    gradient, step = work[GRADIENT, :size], work[STEP, :size]
    if not solve_symmetric(information, gradient, step):
        return -1.0
    decrement = 0.0
    for row in range(size):
        decrement += gradient[row] * step[row]
    return max(decrement, 0.0)


@kernel()
def maximise(
    active: IntVector,
    margins: FloatVector,
    dead: IntVector,
    work: FloatMatrix,
    information: FloatMatrix,
) -> bool:
    """Climb from the parameters in `work`, of a model known to be estimable.

    active (parameters,) masks of finite terms, the intercept first; margins (2 ** t,)
    of the data; dead (2 ** t,) 1 where a history cannot occur or is unobserved. Fitted
    margins are left in `work`. False if it does not settle.
    """
    likelihood = fit_cells(active, margins, dead, work)
    for _ in range(MOST_STEPS):
        decrement = newton_step(active, margins, work, information)
        if decrement < 0:
            return False
        reached, scale = likelihood, 1.0
        for place in range(active.size):
            work[BEFORE, place] = work[ALPHA, place]
        for _ in range(MOST_HALVINGS):
            for place in range(active.size):
                work[ALPHA, place] = work[BEFORE, place] + scale * work[STEP, place]
            likelihood = fit_cells(active, margins, dead, work)
            if likelihood >= reached - 1e-12 * (1.0 + abs(reached)):
                break
            scale *= 0.5
        if decrement < SMALL_DECREMENT:
            return True
    return False
