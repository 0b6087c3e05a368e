"""Firth's penalised logistic likelihood, written from its formulas on all rows."""

from __future__ import annotations

import numpy as np
from scipy.special import expit


def penalised(x, trials, events, tau, beta):
    """Log likelihood plus tau log |X'WX|."""
    eta = x @ beta
    p = expit(eta)
    _, log_determinant = np.linalg.slogdet((x.T * (trials * p * (1 - p))) @ x)
    plain = events @ eta - trials @ np.logaddexp(0, eta)
    return plain + tau * log_determinant


def score(x, trials, events, tau, beta):
    """Slope of `penalised`: residuals pulled towards one half by the leverages."""
    p = expit(x @ beta)
    weight = trials * p * (1 - p)
    inverse = np.linalg.inv((x.T * weight) @ x)
    leverage = weight * np.einsum("ia,ab,ib->i", x, inverse, x)
    return x.T @ (events - trials * p + 2 * tau * leverage * (0.5 - p))


def curvature(x, trials, events, tau, beta, *, step=1e-5):
    """Minus the second derivative of `penalised`, by differences of the slope."""
    found = np.empty((beta.size, beta.size))
    for place in range(beta.size):
        move = np.zeros(beta.size)
        move[place] = step
        up = score(x, trials, events, tau, beta + move)
        down = score(x, trials, events, tau, beta - move)
        found[place] = (down - up) / (2 * step)
    return found


def maximum(x, trials, events, tau, *, held=None, steps=500):
    """Climb by Fisher's scoring with halved steps; `held` is (place, value) or None."""
    beta = np.zeros(x.shape[1])
    free = np.ones(beta.size, dtype=bool)
    if held is not None:
        beta[held[0]] = held[1]
        free[held[0]] = False
    for _ in range(steps):
        p = expit(x @ beta)
        information = (x.T * (trials * p * (1 - p))) @ x
        slope = score(x, trials, events, tau, beta)
        step = np.zeros(beta.size)
        step[free] = np.linalg.solve(information[np.ix_(free, free)], slope[free])
        now = penalised(x, trials, events, tau, beta)
        while penalised(x, trials, events, tau, beta + step) < now - 1e-12 * abs(now):
            step = step / 2
        beta = beta + step
        if np.abs(step).max() < 1e-12:
            break
    return beta
