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
