"""Zero-truncated Poisson regression as written in van der Heijden et al. (2003).

One row per person, one sample at a time.
"""

import numpy as np


def fit(matrix, y, steps=60):
    """Return coefficients by Newton-Raphson; stops early where a rate runs to 0."""
    beta = np.zeros(matrix.shape[1])
    for _ in range(steps):
        rate = np.exp(matrix @ beta)
        mean = rate / -np.expm1(-rate)
        variance = mean * (1 + rate - mean)
        score = matrix.T @ (y - mean)
        step = np.linalg.solve(matrix.T @ (matrix * variance[:, None]), score)
        beta = beta + step
        if np.abs(step).max() < 1e-10 or (matrix @ beta).min() < -15:
            break
    return beta


def size(matrix, y):
    """Return the Horvitz-Thompson size, infinite where a rate ran to 0."""
    eta = matrix @ fit(matrix, y)
    if eta.min() < -15:
        return np.inf
    return float((1 / -np.expm1(-np.exp(eta))).sum())
