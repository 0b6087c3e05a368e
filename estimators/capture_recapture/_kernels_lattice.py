"""One hierarchical Poisson model on the lattice of histories, without a design matrix.

Histories and terms are bit masks; cell 0 is unobserved. The linear predictor of a
history is the sum over its subsets, a margin is the sum over supersets, all of them at
once in t * 2 ** (t - 1) additions, and the information between two terms is the fitted
margin of their union.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector

MOST_STEPS = 60
MOST_HALVINGS = 40
# A fit is taken to have converged once its Newton decrement, in units of twice the
# log-likelihood, is below this: the step that follows squares what is left.
SMALL_DECREMENT = 1e-10
SMALLEST_PIVOT = 1e-13
# A direction that shows non-existence has small whole numbers as coefficients, so its
# cells cannot exceed the residual margins by more than this.
CERTAIN = 1e3
# How an ascent ends: at a maximum that surely exists; settled, but it may lie at
# infinity; more parameters than cells; left because it cannot win; not settled.
SURE, UNDECIDED, TOO_MANY, LEFT, NOT_SETTLED = range(5)
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
def substitute(factor: FloatMatrix, known: FloatVector, answer: FloatVector) -> None:
    """Solve from the factor that `solve` leaves: pivots, and pivots times rows."""
    size = known.size
    for k in range(size):
        answer[k] = known[k]
    for k in range(size):
        scaled = answer[k] / factor[k, k]
        for i in range(k + 1, size):
            answer[i] -= factor[k, i] * scaled
    for k in range(size - 1, -1, -1):
        rest = answer[k]
        for i in range(k + 1, size):
            rest -= factor[k, i] * answer[i]
        answer[k] = rest / factor[k, k]


@kernel()
def solve(matrix: FloatMatrix, known: FloatVector, answer: FloatVector) -> bool:
    """Solve a positive definite system by LDL'; the upper triangle is overwritten.

    Returns False if a pivot vanishes beside its diagonal.
    """
    size = known.size
    for k in range(size):
        answer[k] = matrix[k, k]
    for k in range(size):
        pivot = matrix[k, k]
        if not pivot > SMALLEST_PIVOT * answer[k]:
            return False
        for i in range(k + 1, size):
            factor = matrix[k, i] / pivot
            for j in range(i, size):
                matrix[i, j] -= factor * matrix[k, j]
    substitute(matrix, known, answer)
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
    return solve(information, work[GRADIENT, :size], work[ALPHA, :size])


@kernel()
def evaluate(
    active: IntVector,
    counts: FloatVector,
    margins: FloatVector,
    dead: IntVector,
    work: FloatMatrix,
) -> tuple[float, float, float]:
    """Fill fitted counts, their margins and the gradient at the parameters in `work`.

    Returns the log-likelihood without its constant, the sum of absolute residual
    margins, and the least fitted count among empty cells that were kept.
    """
    fitted, sums = work[FITTED], work[MARGINS]
    fitted[:] = 0.0
    for place in range(active.size):
        fitted[active[place]] = work[ALPHA, place]
    subset_sums(fitted)
    likelihood, least = 0.0, np.inf
    for cell in range(counts.size):
        linear, fitted[cell] = fitted[cell], 0.0
        if not dead[cell]:
            fitted[cell] = math.exp(linear)
            if counts[cell] > 0:
                likelihood += counts[cell] * linear
            elif fitted[cell] < least:
                least = fitted[cell]
        sums[cell] = fitted[cell]
    superset_sums(sums)
    residual = 0.0
    for place in range(active.size):
        term = active[place]
        work[GRADIENT, place] = margins[term] - sums[term]
        residual += abs(work[GRADIENT, place])
    return likelihood - sums[0], residual, least


@kernel()
def newton_step(
    active: IntVector, work: FloatMatrix, information: FloatMatrix
) -> float:
    """Write the Newton step; returns its decrement, negative if it is not defined."""
    size = active.size
    for i in range(size):
        for j in range(i, size):
            information[i, j] = work[MARGINS, active[i] | active[j]]
    gradient, step = work[GRADIENT, :size], work[STEP, :size]
    if not solve(information, gradient, step):
        return -1.0
    decrement = 0.0
    for i in range(size):
        decrement += gradient[i] * step[i]
    return decrement if decrement >= 0 else 0.0


@kernel()
def climb(  # noqa: PLR0917 - kernels take arrays by position
    active: IntVector,
    counts: FloatVector,
    margins: FloatVector,
    dead: IntVector,
    work: FloatMatrix,
    information: FloatMatrix,
    least_wanted: float,
) -> tuple[float, int]:
    """Maximise from the parameters in `work`; returns the log-likelihood and a code.

    active (parameters,) masks of finite terms, the intercept first; margins (2 ** t,)
    of the data; dead (2 ** t,) 1 where a history cannot occur or is unobserved. A fit
    that cannot reach `least_wanted` is left early. It is certain that the estimate
    exists once every empty cell that was kept has a fitted mean far above the residual
    margins; a fit that converges without that is undecided.
    """
    size = active.size
    likelihood, residual, least = evaluate(active, counts, margins, dead, work)
    decrement = np.inf
    for _ in range(MOST_STEPS):
        if decrement < SMALL_DECREMENT and CERTAIN * residual < least:
            return likelihood, SURE
        small_before = decrement < SMALL_DECREMENT
        decrement = newton_step(active, work, information)
        if decrement < 0:
            return likelihood, NOT_SETTLED
        if small_before and decrement < SMALL_DECREMENT:
            return likelihood, UNDECIDED
        if decrement < 0.1 and likelihood + 10 * decrement < least_wanted:
            return likelihood, LEFT
        before = likelihood
        scale = 1.0
        for place in range(size):
            work[BEFORE, place] = work[ALPHA, place]
        for _ in range(MOST_HALVINGS):
            for place in range(size):
                work[ALPHA, place] = work[BEFORE, place] + scale * work[STEP, place]
            likelihood, residual, least = evaluate(active, counts, margins, dead, work)
            if likelihood >= before - 1e-9 * (1.0 + abs(before) * 1e-3):
                break
            scale *= 0.5
    return likelihood, NOT_SETTLED
