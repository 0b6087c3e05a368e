"""Standard errors, tests and limits of the terms of a fitted binary model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.special import chdtrc, fdtrc, ndtr, stdtr

from estimators.errors import ConvergenceError
from estimators.intervals import critical_value
from estimators.regression._penalised_likelihood import Likelihood, State, inverse
from estimators.regression._profile import constrained, profile_limit

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = [
    "Inference",
    "IntervalKind",
    "ModelCovariance",
    "model_covariance",
    "profile_inference",
    "wald_inference",
    "with_wald_term",
]

IntervalKind: TypeAlias = Literal["profile", "wald"]
ModelCovariance: TypeAlias = Literal["fisher", "augmented"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inference:
    """What is said about each term; arrays of shape (terms,)."""

    covariance: FloatMatrix
    statistic: FloatVector
    p_value: FloatVector
    ci_low: FloatVector
    ci_high: FloatVector
    ci_method: str

    @property
    def std_error(self) -> FloatVector:
        """Square roots of the covariance's diagonal."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def model_covariance(
    likelihood: Likelihood, state: State, kind: ModelCovariance
) -> FloatMatrix:
    """Return the inverse information at `state`, or that of the augmented weights."""
    information = state.information
    if kind == "augmented":
        x, p = likelihood.matrix, state.probability
        augmented = likelihood.trials + 2 * likelihood.tau * state.leverage
        information = (x * (augmented * p * (1 - p))[:, None]).T @ x
    covariance = inverse(information)
    if covariance is None:
        raise ConvergenceError("The information is singular at the estimate.")
    return covariance


def wald_inference(
    beta: FloatVector, covariance: FloatMatrix, *, level: float, df: float = np.inf
) -> Inference:
    """Return z (or t) tests and symmetric limits; an infinite error tells nothing.

    An error of 0 gives an infinite ratio (0 for an estimate of 0): whoever may meet one
    says in notes that it measures nothing.
    """
    std_error = np.sqrt(np.diag(covariance))
    without = np.where(beta == 0, 0.0, np.copysign(np.inf, beta))
    ratio = np.divide(beta, std_error, out=without, where=std_error > 0)
    reach = critical_value(level, df=df) * std_error
    tail = ndtr(-np.abs(ratio)) if np.isinf(df) else stdtr(df, -np.abs(ratio))
    return Inference(
        covariance=covariance,
        statistic=ratio,
        p_value=np.asarray(2 * tail, dtype=np.float64),
        ci_low=beta - reach,
        ci_high=beta + reach,
        ci_method="Wald" if np.isinf(df) else f"Wald, t with {df:g} df",
    )


def profile_inference(
    likelihood: Likelihood,
    top: State,
    covariance: FloatMatrix,
    *,
    level: float,
    scale: FloatVector | None = None,
    df: float = np.inf,
    name: str = "profile penalised likelihood",
) -> Inference:
    """Return likelihood ratio tests of beta = 0 and profile limits.

    Parameters
    ----------
    likelihood : Likelihood
    top : State
        The maximum.
    covariance : ndarray of shape (terms, terms)
        Fewer terms than parameters leave the last parameters out of the report.
    level : float
    scale : ndarray of shape (terms,), optional
        By how much the likelihood ratio exceeds chi-square: the ratio of design to
        model variance of each term.
    df : float
        Denominator degrees of freedom.
    name : str
        What the result calls its limits.
    """
    terms = len(covariance)
    inflation = np.ones(terms) if scale is None else scale
    drops = 0.5 * critical_value(level, df=df) ** 2 * inflation
    statistic = np.empty(terms)
    limits = np.empty((2, terms))
    for term in range(terms):
        null = constrained(likelihood, top, {term: 0.0})
        gain = max(2 * (top.penalised - null.penalised), 0.0)
        statistic[term] = gain / inflation[term]
        for row, side in enumerate((-1, 1)):
            limits[row, term] = profile_limit(
                likelihood, top, term=term, side=side, drop=float(drops[term])
            )
    tail = chdtrc(1, statistic) if np.isinf(df) else fdtrc(1, df, statistic)
    return Inference(
        covariance=covariance,
        statistic=statistic,
        p_value=np.asarray(tail, dtype=np.float64),
        ci_low=limits[0],
        ci_high=limits[1],
        ci_method=name if scale is None else f"design-scaled {name}, {df:g} df",
    )


def with_wald_term(
    inference: Inference, wald: Inference, term: int, *, what: str
) -> Inference:
    """Return `inference` with one term's test and limits taken from `wald`."""
    columns = {}
    for name in ("statistic", "p_value", "ci_low", "ci_high"):
        values = getattr(inference, name).copy()
        values[term] = getattr(wald, name)[term]
        columns[name] = values
    method = inference.ci_method
    if method != wald.ci_method:
        method = f"{method}, {what} {wald.ci_method}"
    return replace(inference, covariance=wald.covariance, ci_method=method, **columns)
