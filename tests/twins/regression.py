"""Generalised linear models one fit at a time, written from the score equations."""

from __future__ import annotations

import numpy as np


def logistic_coefficients(matrix, outcome, weight, start=None, steps=50):
    """Newton's method on all rows."""
    beta = np.zeros(matrix.shape[1]) if start is None else start.copy()
    for _ in range(steps):
        p = 1 / (1 + np.exp(-matrix @ beta))
        step = np.linalg.solve(
            (matrix * (weight * p * (1 - p))[:, None]).T @ matrix,
            matrix.T @ (weight * (outcome - p)),
        )
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            return beta
    return np.full_like(beta, np.nan)


def replicate_logistic(matrix, outcome, replicate_weights, start):
    """One warm-started fit per column of weights, shape (R, k)."""
    return np.array(
        [
            logistic_coefficients(matrix, outcome, weight, start)
            for weight in replicate_weights.T
        ]
    )


def numerical_influence(statistic, weight, step=1e-5):
    """Derivative of a weighted statistic in every row's weight, shape (n, q)."""
    found = []
    for row in range(len(weight)):
        up, down = weight.copy(), weight.copy()
        up[row] += step
        down[row] -= step
        found.append((statistic(up) - statistic(down)) / (2 * step))
    return np.array(found)


def exact_distribution(matrix, outcome, interest):
    """Number of outcome vectors by value of one statistic, all others as observed.

    Every one of the 2^n vectors is looked at.
    """
    design = np.column_stack([np.ones(len(matrix)), matrix])
    observed = outcome @ design
    others = [c for c in range(design.shape[1]) if c != interest + 1]
    found = {}
    for code in range(2 ** len(outcome)):
        vector = np.array([(code >> place) & 1 for place in range(len(outcome))])
        total = vector @ design
        if np.abs(total[others] - observed[others]).max() < 1e-9:
            value = round(float(total[interest + 1]), 9)
            found[value] = found.get(value, 0) + 1
    return dict(sorted(found.items()))
