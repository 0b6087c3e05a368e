"""Compiled steps of the penalised logistic likelihood, for a handful of terms.

`estimators.regression._penalised_likelihood` has the formulas. Matrices are small:
plain loops cost less than the calls of a linear algebra library.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector

__all__ = [
    "CONVERGED",
    "SINGULAR_ON_THE_WAY",
    "SINGULAR_START",
    "climb",
    "evaluate",
    "limit_steps",
]

CONVERGED, SINGULAR_START, SINGULAR_ON_THE_WAY, NOT_CONVERGED = 0, 1, 2, 3
# A step moves no linear predictor further than this: odds change by exp(5) at most.
LONGEST_STEP = 5.0
# Squared length of a step in standard errors; after it, convergence being quadratic,
# the estimate is as exact as the score's own rounding allows.
SMALL_STEP = 1e-20
_LIMIT_STEP = 1e-18  # the same of a profile limit, whose error is the step's square
_NO_HIGHER = 1e-12
_LIMIT_STEPS = 40
_HALVINGS = 30

Problem: TypeAlias = "tuple[FloatMatrix, FloatVector, FloatVector, float, bool]"
Evaluation: TypeAlias = (
    "tuple[bool, float, float, FloatVector, FloatMatrix, FloatMatrix, FloatVector,"
    " FloatVector]"
)


@kernel()
def factorise(matrix: FloatMatrix, root: FloatMatrix) -> bool:
    """Write the lower Cholesky root; False unless the matrix is positive definite."""
    for j in range(matrix.shape[0]):
        for i in range(j, matrix.shape[0]):
            total = matrix[i, j]
            for m in range(j):
                total -= root[i, m] * root[j, m]
            if i > j:
                root[i, j] = total / root[j, j]
            elif total > 0.0 and total < np.inf:
                root[j, j] = math.sqrt(total)
            else:
                return False
    return True


@kernel()
def substitute(root: FloatMatrix, right: FloatVector) -> FloatVector:
    """Return (root root')^-1 right."""
    found = right.copy()
    n = right.size
    for i in range(n):
        for m in range(i):
            found[i] -= root[i, m] * found[m]
        found[i] /= root[i, i]
    for i in range(n - 1, -1, -1):
        for m in range(i + 1, n):
            found[i] -= root[m, i] * found[m]
        found[i] /= root[i, i]
    return found


@kernel()
def invert_root(root: FloatMatrix) -> FloatMatrix:
    """Return the inverse of a lower triangle."""
    n = root.shape[0]
    found = np.zeros((n, n))
    for j in range(n):
        found[j, j] = 1.0 / root[j, j]
        for i in range(j + 1, n):
            total = 0.0
            for m in range(j, i):
                total += root[i, m] * found[m, j]
            found[i, j] = -total / root[i, i]
    return found


@kernel()
def invert(matrix: FloatMatrix) -> tuple[bool, FloatMatrix]:
    """Return the inverse of a positive definite matrix, and whether it is one."""
    root = np.zeros_like(matrix)
    if not factorise(matrix, root):
        return False, root
    whitener = invert_root(root)
    return True, whitener.T @ whitener


@kernel()
def row_terms(problem: Problem, beta: FloatVector) -> tuple[float, FloatMatrix]:
    """Return the log likelihood and, by row, p, 1 - p and m p (1 - p)."""
    x, trials, events = problem[0], problem[1], problem[2]
    parts = np.empty((3, x.shape[0]))
    plain = 0.0
    for i in range(x.shape[0]):
        eta = 0.0
        for a in range(x.shape[1]):
            eta += x[i, a] * beta[a]
        small = math.exp(-abs(eta))
        larger, smaller = 1.0 / (1.0 + small), small / (1.0 + small)
        parts[0, i] = larger if eta >= 0 else smaller
        parts[1, i] = smaller if eta >= 0 else larger
        parts[2, i] = trials[i] * larger * smaller
        softplus = max(eta, 0.0) + math.log1p(small)
        plain += events[i] * eta - trials[i] * softplus
    return plain, parts


@kernel()
def weighted_squares(x: FloatMatrix, weight: FloatVector) -> FloatMatrix:
    """Return X' diag(weight) X."""
    k = x.shape[1]
    found = np.zeros((k, k))
    for i in range(x.shape[0]):
        for a in range(k):
            scaled = weight[i] * x[i, a]
            for b in range(a + 1):
                found[a, b] += scaled * x[i, b]
    for a in range(k):
        for b in range(a):
            found[b, a] = found[a, b]
    return found


@kernel()
def penalty_curvature(
    x: FloatMatrix, whitened: FloatMatrix, parts: FloatMatrix, leverage: FloatVector
) -> FloatMatrix:
    """Return the second derivative of log |X'WX|."""
    rows, k = x.shape
    slopes = np.zeros((k, k * (k + 1) // 2))
    product = np.empty(slopes.shape[1])
    weight = np.empty(rows)
    for i in range(rows):
        pq = parts[0, i] * parts[1, i]
        weight[i] = leverage[i] * (1.0 - 6.0 * pq)
        at = 0
        for b in range(k):
            for c in range(b):
                # Each pair stands twice in the full product.
                product[at] = math.sqrt(2.0) * whitened[i, b] * whitened[i, c]
                at += 1
            product[at] = whitened[i, b] ** 2
            at += 1
        pull = parts[2, i] * (parts[1, i] - parts[0, i])
        for a in range(k):
            scaled = pull * x[i, a]
            for at in range(product.size):
                slopes[a, at] += scaled * product[at]
    return weighted_squares(x, weight) - slopes @ slopes.T


@kernel()
def evaluate(problem: Problem, beta: FloatVector) -> Evaluation:
    """Return whether the information is regular and all of a `State` after beta."""
    x, trials, events, tau, exact = problem
    rows, k = x.shape
    plain, parts = row_terms(problem, beta)
    information = weighted_squares(x, parts[2])
    root = np.zeros((k, k))
    leverage, score = np.zeros(rows), np.zeros(k)
    if not factorise(information, root):
        return False, plain, plain, score, information, information, parts[0], leverage
    penalty = 0.0
    for a in range(k):
        penalty += 2.0 * math.log(root[a, a])
    whitener = invert_root(root)
    whitened = np.empty((rows, k))
    for i in range(rows):
        for b in range(k):
            total = 0.0
            for c in range(b + 1):
                total += whitener[b, c] * x[i, c]
            whitened[i, b] = total
            leverage[i] += parts[2, i] * total**2
        pull = 2.0 * tau * leverage[i] * (0.5 - parts[0, i])
        residual = events[i] - trials[i] * parts[0, i] + pull
        for a in range(k):
            score[a] += residual * x[i, a]
    curvature = information
    if exact:
        second = penalty_curvature(x, whitened, parts, leverage)
        curvature = information - tau * second
    penalised = plain + tau * penalty
    return True, plain, penalised, score, information, curvature, parts[0], leverage


@kernel()
def solve_part(
    matrix: FloatMatrix, right: FloatVector, chosen: BoolVector
) -> tuple[bool, FloatVector]:
    """Solve for the chosen unknowns; the others are 0."""
    place = np.flatnonzero(chosen)
    part = np.empty((place.size, place.size))
    for i in range(place.size):
        for j in range(place.size):
            part[i, j] = matrix[place[i], place[j]]
    root = np.zeros_like(part)
    found = np.zeros(right.size)
    if not factorise(part, root):
        return False, found
    solution = substitute(root, right[place])
    for i in range(place.size):
        found[place[i]] = solution[i]
    return True, found


@kernel()
def longest_reach(x: FloatMatrix, step: FloatVector) -> float:
    """Return by how much a step moves the linear predictor that it moves furthest."""
    farthest = 0.0
    for i in range(x.shape[0]):
        moved = 0.0
        for a in range(x.shape[1]):
            moved += x[i, a] * step[a]
        farthest = max(farthest, abs(moved))
    return farthest


@kernel()
def climb(
    problem: Problem, start: FloatVector, free: BoolVector, most: int
) -> tuple[int, float, FloatVector]:
    """Maximise over the free parameters by Newton steps that never lead downhill.

    Returns how it ended, the squared length of the last step and the parameters.
    """
    beta = start.copy()
    now = evaluate(problem, beta)
    if not now[0]:
        return SINGULAR_START, 0.0, beta
    length = 0.0
    for _ in range(most):
        regular, step = solve_part(now[5], now[3], free)
        if not regular:
            regular, step = solve_part(now[4], now[3], free)
        if not regular:
            return SINGULAR_ON_THE_WAY, length, beta
        length = float(now[3] @ step)
        reach = longest_reach(problem[0], step)
        if reach > LONGEST_STEP:
            step = step * (LONGEST_STEP / reach)
        # Near the top the gain drowns in rounding: equal up to it counts as uphill.
        least = now[2] - 1e-13 * (1.0 + abs(now[2]))
        higher = False
        for _halving in range(_HALVINGS):
            new = evaluate(problem, beta + step)
            if new[0] and new[2] >= least:
                higher = True
                break
            step = step * 0.5
        if not higher:  # no higher point within rounding: this is the top
            return (CONVERGED if length < _NO_HIGHER else NOT_CONVERGED), length, beta
        beta = beta + step
        now = new
        if length < SMALL_STEP:
            return CONVERGED, length, beta
    return NOT_CONVERGED, length, beta


@kernel()
def limit_steps(
    problem: Problem, top: FloatVector, start: FloatVector, term: int, floor: float
) -> tuple[bool, float]:
    """Venzon and Moolgavkar's steps from `start` to where the profile is at `floor`.

    Returns whether they arrived on the side of the start, and the term's value.
    """
    side = 1.0 if start[term] > top[term] else -1.0
    beta = start.copy()
    for _ in range(_LIMIT_STEPS):
        now = evaluate(problem, beta)
        known = now[0]
        if known:
            known, covariance = invert(now[5])
            if not known:
                known, covariance = invert(now[4])
        room = -1.0
        if known:
            toward_top = covariance @ now[3]
            room = float(now[2] - floor + 0.5 * (now[3] @ toward_top))
        if not room >= 0.0:
            # Too far out for a quadratic to reach the level: back towards the top.
            beta = (beta + top) / 2.0
            continue
        column = covariance[:, term]
        step = toward_top + side * math.sqrt(2.0 * room / column[term]) * column
        reach = longest_reach(problem[0], step)
        if reach > LONGEST_STEP:
            beta = beta + step * (LONGEST_STEP / reach)
            continue
        beta = beta + step
        if step @ (now[4] @ step) < _LIMIT_STEP:
            return side * (beta[term] - top[term]) > 0.0, beta[term]
    return False, beta[term]
