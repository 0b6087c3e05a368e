"""Draws of missing values from one column's model given the others.

Every draw is proper: the model's coefficients are drawn from their approximate
posterior first, then the values given these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from estimators.errors import ConvergenceError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = ["draw_categories", "draw_near_values"]

# Ridge relative to the diagonal: collinear predictors may stay in an imputation model.
_RIDGE = 1e-5
_MOST_STEPS = 50
_LONGEST_STEP = 5.0


def draw_near_values(
    predictors: FloatMatrix,
    value: FloatVector,
    wanted: FloatMatrix,
    *,
    donors: int,
    rng: np.random.Generator,
) -> FloatVector:
    """Return observed values of persons whose prediction is near: mean matching.

    Observed persons are predicted with the estimate, those without a value with drawn
    coefficients (type 1 matching); one of the nearest `donors` gives its value.
    """
    x, new = _with_constant(predictors), _with_constant(wanted)
    cross = x.T @ x
    cross += np.diag(_RIDGE * np.diag(cross) + 1e-12)
    root = np.linalg.cholesky(cross)
    beta = np.linalg.solve(cross, x.T @ value)
    residual = value - x @ beta
    df = max(len(value) - x.shape[1], 1)
    sigma = np.sqrt(residual @ residual / rng.chisquare(df))
    drawn = beta + sigma * np.linalg.solve(root.T, rng.standard_normal(beta.size))
    fitted = x @ beta
    order = rng.permutation(len(fitted))  # ties fall to no one in particular
    order = order[np.argsort(fitted[order], kind="stable")]
    ranked = fitted[order]
    count = min(donors, len(ranked))
    target = new @ drawn
    chosen = np.empty(len(target), dtype=np.int64)
    pick = rng.integers(0, count, len(target))
    places = np.searchsorted(ranked, target)
    for row, place in enumerate(places):
        low, high = max(place - count, 0), min(place + count, len(ranked))
        near = np.argsort(np.abs(ranked[low:high] - target[row]), kind="stable")
        chosen[row] = low + near[pick[row]]
    return np.asarray(value[order[chosen]])


def draw_categories(
    predictors: FloatMatrix,
    category: IntVector,
    wanted: FloatMatrix,
    *,
    categories: int,
    rng: np.random.Generator,
) -> IntVector:
    """Return categories from a multinomial logistic model with drawn coefficients.

    White, Daniel and Royston's (2010) augmentation keeps coefficients finite where some
    predictor separates the categories: for every predictor and category two rows of
    small weight, a standard deviation on either side of its mean.
    """
    x, place, weight = _augmented(predictors, category, categories)
    beta, root = _fit_multinomial(x, place, weight, categories)
    drawn = beta + np.linalg.solve(root.T, rng.standard_normal(beta.size))
    eta = np.zeros((len(wanted), categories))
    eta[:, 1:] = _with_constant(wanted) @ drawn.reshape(categories - 1, -1).T
    upto = np.cumsum(softmax(eta, axis=1), axis=1)
    return np.asarray(
        (rng.random(len(wanted))[:, None] > upto[:, :-1]).sum(axis=1), dtype=np.int64
    )


def _with_constant(predictors: FloatMatrix) -> FloatMatrix:
    return np.column_stack([np.ones(len(predictors)), predictors])


def _augmented(
    predictors: FloatMatrix, category: IntVector, categories: int
) -> tuple[FloatMatrix, IntVector, FloatVector]:
    columns = predictors.shape[1]
    mean, spread = predictors.mean(axis=0), predictors.std(axis=0)
    shifts = np.vstack([np.diag(spread), -np.diag(spread)])
    extra = np.tile(mean + shifts, (categories, 1))
    level = np.repeat(np.arange(categories), 2 * columns)
    if not columns:
        extra, level = np.empty((categories, 0)), np.arange(categories)
    each = (columns + 1) / len(level)
    x = _with_constant(np.vstack([predictors, extra]))
    weight = np.append(np.ones(len(category)), np.full(len(level), each))
    return x, np.append(category, level), weight


def _fit_multinomial(
    x: FloatMatrix, category: IntVector, weight: FloatVector, categories: int
) -> tuple[FloatVector, FloatMatrix]:
    """Return coefficients and the Cholesky factor of their information."""
    others, terms = categories - 1, x.shape[1]
    observed = (category[:, None] == np.arange(1, categories)).astype(np.float64)
    beta = np.zeros((others, terms))
    for _ in range(_MOST_STEPS):
        eta = np.zeros((len(x), categories))
        eta[:, 1:] = x @ beta.T
        p = softmax(eta, axis=1)[:, 1:]
        score = ((observed - p) * weight[:, None]).T @ x
        information = np.empty((others, terms, others, terms))
        for a in range(others):
            for b in range(others):
                held = weight * p[:, a] * ((a == b) - p[:, b])
                information[a, :, b, :] = (x * held[:, None]).T @ x
        flat = information.reshape(others * terms, others * terms)
        flat = flat + np.diag(_RIDGE * np.diag(flat) + 1e-12)
        step = np.linalg.solve(flat, score.ravel()).reshape(others, terms)
        reach = float(np.abs(x @ step.T).max())
        step *= min(1.0, _LONGEST_STEP / max(reach, 1e-300))
        beta = beta + step
        if np.abs(x @ step.T).max() < 1e-8:
            return beta.ravel(), np.asarray(np.linalg.cholesky(flat), dtype=np.float64)
    raise ConvergenceError(
        "The model of a categorical column did not converge: pool rare categories or "
        "leave predictors out."
    )
