"""Regression of counts and shares by iteratively reweighted least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, xlogy

from estimators.errors import ConvergenceError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["CountFit", "fit_counts", "fit_shares"]

_ITERATIONS = 100
_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountFit:
    """Coefficients, means and the inverse of the information for dispersion 1."""

    coefficient: FloatVector
    mean: FloatVector
    covariance: FloatMatrix
    pearson: float
    df: int

    @property
    def dispersion(self) -> float:
        """Pearson's statistic by its degrees of freedom; infinite without any."""
        return self.pearson / self.df if self.df > 0 else float("inf")


def fit_counts(
    design: FloatMatrix,
    counts: FloatVector,
    offset: FloatVector,
    *,
    size: float = np.inf,
) -> CountFit:
    """Fit log(mean) = design @ b + offset; variance mean + mean^2 / size.

    Raises
    ------
    NotEstimableError
        If the columns of the design are linearly dependent.
    ConvergenceError
        If the deviance does not settle (counts of 0 wherever a column is not).
    """
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise NotEstimableError(
            f"The {design.shape[1]} columns of the model are linearly dependent over "
            f"{design.shape[0]} periods: leave out harmonics or the slope."
        )
    mean = np.maximum(counts, 0.1)
    predictor = np.log(mean)
    old = np.inf
    for _ in range(_ITERATIONS):
        weight = mean / (1 + mean / size)
        working = predictor - offset + (counts - mean) / mean
        root = np.sqrt(weight)
        b = np.linalg.lstsq(design * root[:, None], working * root, rcond=None)[0]
        predictor = np.clip(design @ b + offset, -40, 40)
        mean = np.exp(predictor)
        deviance = _deviance(counts, mean, size)
        if abs(deviance - old) <= _TOLERANCE * (abs(deviance) + 0.1):
            break
        old = deviance
    else:
        raise ConvergenceError(
            f"The count model did not settle in {_ITERATIONS} steps: look for a part "
            "of the series (after the intervention, say) that holds only zeros."
        )
    weight = mean / (1 + mean / size)
    covariance = np.linalg.inv(design.T @ (design * weight[:, None]))
    pearson = float(((counts - mean) ** 2 / (mean * (1 + mean / size))).sum())
    return CountFit(
        coefficient=np.asarray(b, dtype=np.float64),
        mean=mean,
        covariance=np.asarray(covariance, dtype=np.float64),
        pearson=pearson,
        df=counts.size - design.shape[1],
    )


def fit_shares(
    design: FloatMatrix, positives: FloatVector, trials: FloatVector
) -> CountFit:
    """Fit logit(share) = design @ b; `mean` and `pearson` are of the positives.

    Raises
    ------
    NotEstimableError
        If the columns are linearly dependent.
    ConvergenceError
        If the shares of a part of the series are all 0 or all 1.
    """
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise NotEstimableError(
            f"The {design.shape[1]} columns of the model are linearly dependent over "
            f"{design.shape[0]} periods: leave out harmonics or the slope."
        )
    share = (positives + 0.5) / (trials + 1)
    predictor = logit(share)
    for _ in range(_ITERATIONS):
        weight = trials * share * (1 - share)
        working = predictor + (positives - trials * share) / weight
        root = np.sqrt(weight)
        b = np.linalg.lstsq(design * root[:, None], working * root, rcond=None)[0]
        new = np.clip(design @ b, -30, 30)
        moved = float(np.abs(new - predictor).max())
        predictor, share = new, expit(new)
        if moved < 1e-10:
            break
    if moved >= 1e-10 or float(np.abs(predictor).max()) > 25:
        raise ConvergenceError(
            "The model of shares did not settle: look for a part of the series (after "
            "the intervention, say) in which all shares are 0 or all are 1."
        )
    weight = trials * share * (1 - share)
    covariance = np.linalg.inv(design.T @ (design * weight[:, None]))
    return CountFit(
        coefficient=np.asarray(b, dtype=np.float64),
        mean=np.asarray(trials * share),
        covariance=np.asarray(covariance, dtype=np.float64),
        pearson=float(((positives - trials * share) ** 2 / weight).sum()),
        df=positives.size - design.shape[1],
    )


def _deviance(counts: FloatVector, mean: FloatVector, size: float) -> float:
    first = xlogy(counts, np.where(counts > 0, counts, 1) / mean)
    if np.isinf(size):
        return float(2 * (first - (counts - mean)).sum())
    second = (counts + size) * np.log((counts + size) / (mean + size))
    return float(2 * (first - second).sum())
