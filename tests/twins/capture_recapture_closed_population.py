"""Slow twins of the closed-population models: by definition, cell by cell."""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import quad
from scipy.special import expit, gammaln, xlogy
from scipy.stats import norm

from estimators.capture_recapture import CaptureHistories

H = {
    "poisson2": lambda k: 2.0**k - 1,
    "darroch": lambda k: k * k / 2,
    "gamma3.5": lambda k: math.log(3.5) - math.log(3.5 + k),
}


def members(n_lists):
    """Return 0/1 rows of all histories but the empty one."""
    return np.array(
        [[cell >> j & 1 for j in range(n_lists)] for cell in range(1, 1 << n_lists)]
    )


def design(n_lists, model, heterogeneity=None):
    rows = members(n_lists)
    k = rows.sum(axis=1)
    columns = [np.ones(len(rows))]
    columns += [k] if model in ("M0", "Mh") else list(rows.T)
    if heterogeneity == "chao":
        columns += [np.maximum(k - j + 1, 0) for j in range(3, n_lists + 1)]
    elif heterogeneity is not None:
        columns.append([H[heterogeneity](int(value)) for value in k])
    return np.column_stack(columns).astype(float)


def stopped_early(x, y, tolerance=1e-8):
    """Return intercept and its variance where R's glm stops.

    It stops once the deviance changes by less than 1e-8 of itself, and takes the
    covariance at the weights of the step before.
    """

    def deviance(mu):
        return 2 * float((xlogy(y, y / mu) - (y - mu)).sum())

    mu = y + 0.1
    eta, old = np.log(mu), deviance(mu)
    while True:
        information = x.T @ (mu[:, None] * x)
        beta = np.linalg.solve(information, x.T @ (mu * (eta + (y - mu) / mu)))
        eta = x @ beta
        mu = np.exp(eta)
        new = deviance(mu)
        if abs(new - old) / (abs(new) + 0.1) < tolerance:
            return beta[0], np.linalg.inv(information)[0, 0]
        old = new


def constrained_maximum(x, y, n_terms):
    """Return log-likelihood and size with the last `n_terms` coefficients >= 0."""
    from scipy.optimize import minimize

    def minus(beta):
        mu = np.exp(x @ beta)
        return float((mu - y * (x @ beta)).sum()), x.T @ (mu - y)

    plain = x.shape[1] - n_terms
    start = np.zeros(x.shape[1])
    start[0], start[1:plain] = math.log(y.sum()), -2.0
    limits = [(None, None)] * plain + [(0.0, None)] * n_terms
    found = minimize(
        minus,
        start,
        jac=True,
        bounds=limits,
        method="L-BFGS-B",
        options={"maxiter": 5000, "maxfun": 20000, "ftol": 1e-15, "gtol": 1e-9},
    )
    likelihood = -found.fun - float(gammaln(y + 1).sum())
    return likelihood, float(y.sum() + np.exp(found.x[0]))


def mixed_logit_probabilities(logits, sigma):
    """Return the probabilities of all 2 ** t histories by adaptive quadrature."""
    rows = np.vstack([np.zeros((1, len(logits))), members(len(logits))])

    def density(z, row):
        p = expit(logits + sigma * z)
        return float(np.prod(np.where(row == 1, p, 1 - p)) * norm.pdf(z))

    return np.array(
        [quad(density, -12, 12, args=(row,), epsabs=1e-14)[0] for row in rows]
    )


def removal_likelihood(total, firsts, *, apart=None):
    """Return the log-likelihood of size `total` at the best chances, by search."""
    from scipy.optimize import minimize_scalar

    remaining, before = total, 0.0
    if apart is not None:
        p1 = apart / total
        before = gammaln(total + 1) - gammaln(apart + 1) - gammaln(total - apart + 1)
        before += xlogy(apart, p1) + xlogy(total - apart, 1 - p1)
        remaining = total - apart

    def minus(p):
        left, value = remaining, 0.0
        for caught in firsts:
            value += (
                gammaln(left + 1) - gammaln(caught + 1) - gammaln(left - caught + 1)
            )
            value += xlogy(caught, p) + xlogy(left - caught, 1 - p)
            left -= caught
        return -value

    found = minimize_scalar(
        minus, bounds=(1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-12}
    )
    return before - found.fun


def drawn(rng, size, logits, *, sigma=0.0, shift=0.0):
    chance = 1 / (1 + np.exp(-(logits + shift + sigma * rng.normal(size=(size, 1)))))
    seen = rng.random(chance.shape) < chance
    cells = seen @ (1 << np.arange(chance.shape[1]))
    dense = np.bincount(cells, minlength=1 << chance.shape[1])
    blank = CaptureHistories.from_counts({"1" * chance.shape[1]: 1})
    return blank.with_counts(dense)


def removal_example():
    counts = {
        "1000": 30, "0100": 22, "0010": 15, "0001": 15, "1100": 12, "1010": 8,
        "1001": 6, "0110": 9, "0101": 7, "0011": 8, "1110": 2, "1101": 1, "0111": 3,
        "1111": 1,
    }  # fmt: skip
    return CaptureHistories.from_counts(counts)
