"""The variance between areas: likelihoods on arrays, and where they are highest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.optimize import brentq

from estimators.errors import ConvergenceError, NotEstimableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["AreaFit", "Criterion", "VarianceMethod", "fit_areas", "log_likelihood"]

VarianceMethod = Literal["reml", "ml", "moment"]
Criterion = Literal["reml", "ml", "moment", "adjusted_reml", "adjusted_ml"]
_GRID = 60
_DOUBLINGS = 200
# Below this share of the smallest sampling variance a variance counts as 0.
_SMALLEST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AreaFit:
    """A fitted area model of m sampled areas and p terms.

    Attributes
    ----------
    between : float
        Variance A of the areas about the regression.
    criterion : str
        What it was made from; ``adjusted_...`` if the method asked for gave 0.
    beta : ndarray of shape (p,)
    covariance : ndarray of shape (p, p)
        ``(X' V^-1 X)^-1`` with ``V = diag(A + D)``.
    between_variance : float
        Large-sample variance of `between`.
    bias : float
        Bias of `between` to order 1/m.
    """

    between: float
    criterion: Criterion
    beta: FloatVector
    covariance: FloatMatrix
    between_variance: float
    bias: float


@dataclass(frozen=True, slots=True)
class _Weighted:
    """Generalised least squares at one value of the variance."""

    total: FloatVector
    residual: FloatVector
    leverage: FloatVector
    beta: FloatVector
    triangle: FloatMatrix


def _weighted(y: FloatVector, x: FloatMatrix, total: FloatVector) -> _Weighted:
    scale = 1 / np.sqrt(total)
    basis, triangle = np.linalg.qr(x * scale[:, None])
    beta = np.linalg.solve(triangle, basis.T @ (y * scale))
    leverage = np.einsum("ij,ij->i", basis, basis)
    return _Weighted(total, y - x @ beta, leverage, beta, triangle)


def _score(at: _Weighted, between: float, criterion: Criterion) -> float:
    """Return a quantity that is positive while the variance is too small."""
    squared = at.residual**2 / at.total
    if criterion == "moment":
        terms = at.triangle.shape[1]
        return float(squared.sum() - (at.total.size - terms))
    restricted = criterion.endswith("reml")
    kept = 1 - at.leverage if restricted else 1.0
    score = 0.5 * float(((squared - kept) / at.total).sum())
    return score + (1 / between if criterion.startswith("adjusted") else 0.0)


def _on_grid(
    y: FloatVector,
    x: FloatMatrix,
    sampling: FloatVector,
    grid: FloatVector,
    criterion: Criterion,
) -> FloatVector:
    """Return the log likelihoods at all variances of a grid, up to one constant."""
    basis = np.linalg.qr(x)[0]
    weight = 1 / (sampling + grid[:, None])
    cross = np.einsum("gi,ij,ik->gjk", weight, basis, basis, optimize=True)
    slope = np.linalg.solve(cross, (weight * y @ basis)[..., None])[..., 0]
    residual = y - slope @ basis.T
    value = 0.5 * (np.log(weight) - weight * residual**2).sum(axis=1)
    if criterion.endswith("reml"):
        value -= 0.5 * np.linalg.slogdet(cross)[1]
    if criterion.startswith("adjusted"):
        value += np.log(grid)
    return np.asarray(value)


def log_likelihood(
    y: FloatVector, x: FloatMatrix, sampling: FloatVector, between: float
) -> float:
    """Return the normal log likelihood at a variance, coefficients at their best."""
    at = _weighted(y, x, sampling + between)
    return -0.5 * float(
        (np.log(2 * np.pi * at.total) + at.residual**2 / at.total).sum()
    )


def fit_areas(
    y: FloatVector, x: FloatMatrix, sampling: FloatVector, *, method: VarianceMethod
) -> AreaFit:
    """Fit the model; a variance of 0 is replaced by that of the adjusted density.

    Parameters
    ----------
    y : ndarray of shape (m,)
        Direct estimates.
    x : ndarray of shape (m, p)
        Full column rank.
    sampling : ndarray of shape (m,)
        Sampling variances D, above 0.

    Raises
    ------
    NotEstimableError
        If the variance is 0 and m - p < 3, so that the adjusted density has no top.
    """
    criterion: Criterion = method
    between = _maximise(y, x, sampling, criterion)
    if between <= _SMALLEST * float(sampling.min()):
        if y.size - x.shape[1] < 3:
            raise NotEstimableError(
                f"The variance between areas is estimated as 0, and {y.size} areas "
                f"with {x.shape[1]} terms are too few for the adjusted density: "
                f"at least {x.shape[1] + 3} sampled areas are needed. Use fewer terms."
            )
        criterion = "adjusted_ml" if method == "ml" else "adjusted_reml"
        between = _maximise(y, x, sampling, criterion)
    at = _weighted(y, x, sampling + between)
    root = np.linalg.inv(at.triangle)
    variance, bias = _large_sample(at, between, criterion)
    return AreaFit(
        between=between,
        criterion=criterion,
        beta=at.beta,
        covariance=np.asarray(root @ root.T),
        between_variance=variance,
        bias=bias,
    )


def _large_sample(
    at: _Weighted, between: float, criterion: Criterion
) -> tuple[float, float]:
    """Return the variance of the variance and its bias, to order 1/m."""
    first, second = float((1 / at.total).sum()), float((1 / at.total**2).sum())
    if criterion == "moment":
        m = at.total.size
        return 2 * m / first**2, 2 * (m * second - first**2) / first**3
    bias = 0.0
    if not criterion.endswith("reml"):
        bias -= float((at.leverage / at.total).sum()) / second
    if criterion.startswith("adjusted"):
        bias += 2 / (between * second)
    return 2 / second, bias


def _maximise(
    y: FloatVector, x: FloatMatrix, sampling: FloatVector, criterion: Criterion
) -> float:
    def score(between: float) -> float:
        at = _weighted(y, x, sampling + between)
        return _score(at, between, criterion)

    start = _SMALLEST * float(sampling.min())
    top = float(sampling.max()) + float(np.var(y))
    for _ in range(_DOUBLINGS):
        if score(top) < 0:
            break
        top *= 2
    else:
        raise ConvergenceError("The variance between areas has no finite estimate.")
    adjusted = criterion.startswith("adjusted")
    if criterion == "moment":
        # Falls throughout: one root, or none above 0.
        return 0.0 if score(0.0) <= 0 else _root(score, 0.0, top)
    grid = np.geomspace(start, top, _GRID)
    grid = grid if adjusted else np.append(0.0, grid)
    best = int(np.argmax(_on_grid(y, x, sampling, grid, criterion)))
    slope = score(float(grid[best]))
    if slope == 0 or (best == 0 and slope < 0):
        return float(grid[best])
    ends = (best, best + 1) if slope > 0 else (best - 1, best)
    return _root(score, float(grid[ends[0]]), float(grid[ends[1]]))


def _root(score: Callable[[float], float], low: float, high: float) -> float:
    if score(low) <= 0:
        return low
    if score(high) >= 0:
        raise ConvergenceError(
            f"The likelihood of the variance between areas has no single top between "
            f"{low:.4g} and {high:.4g}; try method='moment'."
        )
    xtol = 4 * np.finfo(float).eps * high
    return float(brentq(score, low, high, xtol=xtol, rtol=1e-14))
