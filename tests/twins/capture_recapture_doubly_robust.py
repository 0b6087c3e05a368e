"""The doubly robust size as Das, Kennedy and Jewell (2021) write it, fold by fold.

The three classes of membership are fitted by a general minimiser, nothing is shared
with the estimator but the folds.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax


def shares(train, kind, new):
    """Return the chances (rows of `new`, 3) of a main-effects multinomial logit."""
    width = train.shape[1]
    member = np.eye(3)[kind]

    def linear(beta, rows):
        free = rows @ beta.reshape(width, 2)
        return np.column_stack([np.zeros(len(rows)), free])

    def loss(beta):
        eta = linear(beta, train)
        residual = softmax(eta, axis=1) - member
        slope = train.T @ residual[:, 1:]
        value = -(member * log_softmax(eta, axis=1)).sum()
        return value / len(train), slope.ravel() / len(train)

    found = minimize(
        loss, np.zeros(2 * width), jac=True, method="BFGS", options={"gtol": 1e-10}
    )
    return softmax(linear(found.x, new), axis=1)


def size(first, second, covariates, fold):
    """Return the one-step size and its standard error, truncation left out."""
    n = len(first)
    rows = np.column_stack([np.ones(n), covariates])
    kind = np.where(first * second == 1, 0, np.where(first == 1, 1, 2))
    phi = np.empty(n)
    for part in np.unique(fold):
        inside = fold == part
        q12, q10, q02 = shares(rows[~inside], kind[~inside], rows[inside]).T
        q1, q2 = q12 + q10, q12 + q02
        y1, y2 = first[inside], second[inside]
        phi[inside] = q1 * q2 / q12 * (y1 / q1 + y2 / q2 - y1 * y2 / q12)
    total = n * phi.mean()
    spread = np.mean([phi[fold == part].var(ddof=1) for part in np.unique(fold)])
    return total, np.sqrt(n * spread + total * (total - n) / n)
