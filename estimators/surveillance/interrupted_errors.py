"""Covariance of an interrupted series' terms: the model's, Newey-West, AR(1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import toeplitz
from scipy.optimize import brentq

from estimators.checks import check_choice, check_counts
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.surveillance.count_regression import CountFit

__all__ = [
    "HIGHEST_CORRELATION",
    "ErrorEstimate",
    "FittedSeries",
    "autocorrelation",
    "error_estimate",
]

HIGHEST_CORRELATION = 0.95  # beyond it a series is one long swing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedSeries:
    """A fit with the variance that its family gives each period."""

    fit: CountFit
    variance: FloatVector
    dispersion: float
    size: float
    quasi: bool = True

    def pearson(self, values: FloatVector) -> FloatVector:
        """Return residuals with variance 1 up to the dispersion."""
        return np.asarray((values - self.fit.mean) / np.sqrt(self.variance))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ErrorEstimate:
    """A covariance of the terms, its degrees of freedom and how it was made."""

    kind: str
    covariance: FloatMatrix
    df: float
    method: str = "Wald"
    statistics: Mapping[str, float] = field(default_factory=dict)


def error_estimate(
    fitted: FittedSeries,
    design: FloatMatrix,
    values: FloatVector,
    *,
    correlation: str,
    hac_lags: int | None,
    hac_adjust: bool,
) -> ErrorEstimate:
    """Return the covariance that the options ask for.

    Raises
    ------
    InputError
        If the options clash or `hac_lags` is no less than the number of periods.
    """
    check_choice("correlation", correlation, ("independent", "ar1"))
    if correlation == "ar1" and (hac_lags is not None or not fitted.quasi):
        raise InputError(
            "correlation='ar1' goes with the quasi families and without hac_lags: the "
            "size of a negative binomial is found as if periods were independent."
        )
    if correlation == "ar1":
        return _ar1(fitted, design, values)
    if hac_lags is None:
        return ErrorEstimate(
            kind="model",
            covariance=np.asarray(fitted.fit.covariance * fitted.dispersion),
            df=fitted.fit.df,
        )
    return _newey_west(fitted, design, values, lags=hac_lags, adjust=hac_adjust)


def autocorrelation(residual: FloatVector) -> FloatVector:
    """Return the autocorrelations up to lag 12, fewer for a short series."""
    residual = residual - residual.mean()
    total = float(residual @ residual)
    reach = max(1, min(12, residual.size // 4))
    return np.array(
        [float(residual[k:] @ residual[:-k]) / total for k in range(1, reach + 1)]
    )


def _newey_west(
    fitted: FittedSeries,
    design: FloatMatrix,
    values: FloatVector,
    *,
    lags: int,
    adjust: bool,
) -> ErrorEstimate:
    reach = check_counts(hac_lags=lags)["hac_lags"]
    n, terms = design.shape
    if reach >= n:
        raise InputError(f"hac_lags={reach} must be below the {n} periods.")
    # d mean / d eta over the variance is 1 for log and logit but not for the negative
    # binomial, whose score is the residual by (1 + mean / size).
    slack = 1 + fitted.fit.mean / fitted.size
    score = design * ((values - fitted.fit.mean) / slack)[:, None]
    middle = score.T @ score
    for lag in range(1, reach + 1):
        cross = score[lag:].T @ score[:-lag]
        middle += (1 - lag / (reach + 1)) * (cross + cross.T)
    bread = fitted.fit.covariance
    factor = n / (n - terms) if adjust else 1.0
    return ErrorEstimate(
        kind="newey_west",
        covariance=np.asarray(bread @ middle @ bread) * factor,
        df=fitted.fit.df,
        method=f"Newey-West ({reach} lags) Wald",
    )


def _ar1(
    fitted: FittedSeries, design: FloatMatrix, values: FloatVector
) -> ErrorEstimate:
    """Take Pearson residuals as a first-order autoregression.

    The residuals are (I - H) times the errors. Their correlation at lag 1 is therefore
    less than the errors', and their sum of squares falls short: both are set to what
    they are expected to be under the correlation found.
    """
    residual = fitted.pearson(values)
    scaled = design * np.sqrt(fitted.variance)[:, None]  # canonical links only
    bread = fitted.fit.covariance
    maker = np.eye(values.size) - scaled @ bread @ scaled.T
    square = float(residual @ residual)
    seen = float(residual[1:] @ residual[:-1]) / square if square else 0.0
    rho = _correlation_behind(seen, maker)
    correlation = toeplitz(rho ** np.arange(values.size))
    shrunk = maker @ correlation
    freedom = float(np.trace(shrunk))
    dispersion = square / freedom
    middle = scaled.T @ correlation @ scaled
    return ErrorEstimate(
        kind="ar1",
        covariance=np.asarray(bread @ middle @ bread) * dispersion,
        df=freedom**2 / float((shrunk * shrunk.T).sum()),
        method="AR(1) Wald",
        statistics={"ar1_correlation": rho, "ar1_dispersion": dispersion},
    )


def _correlation_behind(seen: float, maker: FloatMatrix) -> float:
    """Return the correlation in [0, 0.95] that lets one expect the one seen."""
    neighbours = (np.eye(len(maker), k=1) + np.eye(len(maker), k=-1)) / 2
    above, below = _lag_sums(maker @ neighbours @ maker), _lag_sums(maker)
    power = np.arange(len(maker))

    def excess(rho: float) -> float:
        terms = rho**power
        return float(terms @ above) / float(terms @ below) - seen

    if excess(0.0) >= 0:
        return 0.0
    if excess(HIGHEST_CORRELATION) <= 0:
        return HIGHEST_CORRELATION
    return float(brentq(excess, 0.0, HIGHEST_CORRELATION, xtol=1e-12))


def _lag_sums(matrix: FloatMatrix) -> FloatVector:
    """Return what each power of rho is multiplied by in trace(matrix @ correlation)."""
    sums = np.array([np.trace(matrix, offset=lag) for lag in range(len(matrix))])
    return np.concatenate([sums[:1], 2 * sums[1:]])
