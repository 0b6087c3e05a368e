"""Counts that scatter beyond Poisson: the negative binomial model by its likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import chdtrc

from estimators.checks import check_choice, check_level
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.intervals import critical_value
from estimators.model_formula import wrong_rows
from estimators.registry import estimator
from estimators.regression._nb2_likelihood import NB2
from estimators.regression.inference import wald_inference
from estimators.regression.model_rows import ModelRows, read_model_rows
from estimators.regression.regression_fit import inverse_information
from estimators.regression.survey_models import offset_predictor
from estimators.results import ModelFit

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["negative_binomial"]

CountVariance: TypeAlias = Literal["observed", "robust"]
_STEPS = 100
_SETTLED = 1e-13
_FAR = 30.0  # of a linear predictor: the mean is 0 or beyond all counts
_WIDEST = 12.0  # of log alpha
_FEW_ROWS = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fitted:
    beta: FloatVector
    mean: FloatVector
    alpha: float


def _example() -> dict[str, object]:
    calls = [60, 25, 102, 64, 64, 61, 90, 67, 58, 50, 72, 38, 84, 49, 63, 102]
    promotion = [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1]
    frame = pd.DataFrame({"calls": calls, "promotion": promotion})
    return {"formula": "calls ~ promotion", "frame": frame}


@estimator(
    family="regression",
    label="Negative binomial regression of counts (NB2)",
    source="Lawless 1987; Cameron and Trivedi 1998",
    example=_example,
)
def negative_binomial(
    formula: str,
    frame: pd.DataFrame,
    *,
    offset: str | None = None,
    variance: CountVariance = "observed",
    level: float = 0.95,
) -> ModelFit:
    """Regress counts on covariates, their scatter beyond Poisson estimated as well.

    The mean is ``exp(terms + offset)``, the variance ``mean + alpha mean^2``, as of
    Poisson counts whose rates differ by a gamma law. Coefficients and ``alpha`` are
    those of greatest likelihood together. Rows are taken as independent: of a series,
    each period of the one before.

    Parameters
    ----------
    formula : str
        ``count ~ terms``, as formulaic reads it; whole numbers >= 0.
    frame : pandas.DataFrame of shape (n, ...)
        Rows with a missing value in a column of the model are left out, counted as
        ``n_excluded`` and named in `notes`.
    offset : str, optional
        Numeric column added to the linear predictor: for a rate, the logarithm of the
        exposure.
    variance : {"observed", "robust"}
        Inverse of minus the second derivatives at the maximum; or the sandwich with the
        scores of the rows (HC0), which does not believe the variance function.
    level : float

    Returns
    -------
    ModelFit
        Coefficients are logarithms of ratios of means. `fit_statistics`: ``alpha``,
        ``alpha_std_error, alpha_ci_low, alpha_ci_high`` (on the log scale; none where
        alpha is 0), ``log_likelihood``, ``aic``, ``df`` (slopes), ``poisson_p_value``
        (likelihood ratio of alpha = 0, which lies on the edge: half a chi-squared),
        ``n_excluded``.

    Raises
    ------
    InputError
        If the formula, a column or an option is not as described, a count is not
        whole, or terms are collinear.
    NotEstimableError
        If no row is complete, all counts are alike, or there are no more rows than
        coefficients.
    ConvergenceError
        If a category holds only zeros: its ratio is 0 or without bound.

    Notes
    -----
    For each alpha the coefficients are found by Fisher scoring; alpha is the root of
    the profile's derivative. Where that is not above 0 at ``alpha = 0`` counts scatter
    no more than Poisson: alpha is 0, and the result is the Poisson one.

    References
    ----------
    Lawless, J. F. (1987). Negative binomial and mixed Poisson regression. Canadian
    Journal of Statistics 15, 209-225.

    Cameron, A. C. and Trivedi, P. K. (1998). Regression Analysis of Count Data.
    Cambridge University Press.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators import regression
    >>> calls = pd.DataFrame({"calls": [10, 30, 20, 40, 80, 60], "aired": [0] * 3 +
    ...     [1] * 3})
    >>> fit = regression.negative_binomial("calls ~ aired", calls)
    >>> round(float(np.exp(fit.estimate[1])), 6)  # 180 calls by 60
    3.0
    """
    check_choice("variance", variance, ("observed", "robust"))
    check_level(level)
    rows = read_model_rows(formula, frame, family="poisson", offset=offset)
    model = _model(rows, frame)
    fitted = _maximum(model)
    covariance = _covariance(model, fitted, variance)
    terms = len(rows.term)
    inference = wald_inference(fitted.beta, covariance[:terms, :terms], level=level)
    return ModelFit(
        method="negative_binomial",
        formula=formula,
        term=rows.term,
        estimate=fitted.beta,
        std_error=inference.std_error,
        statistic=inference.statistic,
        p_value=inference.p_value,
        ci_low=inference.ci_low,
        ci_high=inference.ci_high,
        covariance=np.ascontiguousarray(covariance[:terms, :terms]),
        ci_level=level,
        ci_method="Wald" if variance == "observed" else "robust Wald",
        n_obs=len(rows.outcome),
        fit_statistics={
            **_statistics(model, fitted, covariance, level),
            "df": float(len(rows.slopes)),
            "n_excluded": float(len(frame) - len(rows.outcome)),
        },
        linear_predictor=offset_predictor(rows, fitted.beta, offset),
        inverse_link=np.exp,
        notes=(*rows.notes, *_notes(len(rows.outcome), terms, fitted)),
    )


def _model(rows: ModelRows, frame: pd.DataFrame) -> NB2:
    outcome = rows.outcome
    parts = outcome != np.round(outcome)
    if parts.any():
        raise InputError(
            "The outcome counts: whole numbers >= 0 were expected, "
            f"{wrong_rows(frame.index[rows.kept], np.asarray(parts))}."
        )
    if outcome.size <= rows.matrix.shape[1]:
        raise NotEstimableError(
            f"{outcome.size} rows cannot carry {rows.matrix.shape[1]} coefficients and "
            "their scatter: leave out terms."
        )
    return NB2(outcome.astype(np.int64), rows.matrix, rows.offset)


def _maximum(model: NB2) -> _Fitted:
    poisson = _coefficients(model, 0.0, None)
    if _slope(model, poisson, 0.0) <= 0:
        return _Fitted(beta=poisson, mean=model.mean(poisson), alpha=0.0)
    beta = poisson

    def derivative(log_alpha: float) -> float:
        nonlocal beta
        alpha = float(np.exp(log_alpha))
        beta = _coefficients(model, alpha, beta)
        return _slope(model, beta, alpha)

    low, high = -2.0, -1.0
    while derivative(low) <= 0 and low > -2 * _WIDEST:
        low -= 2.0
    while derivative(high) > 0 and high < _WIDEST:
        high += 1.0
    if derivative(low) <= 0 or derivative(high) > 0:
        raise ConvergenceError(
            "The scatter of the counts has no greatest likelihood within reach: look "
            "for one count far beyond all others."
        )
    alpha = float(np.exp(brentq(derivative, low, high, xtol=1e-13, rtol=1e-14)))
    beta = _coefficients(model, alpha, beta)
    return _Fitted(beta=beta, mean=model.mean(beta), alpha=alpha)


def _slope(model: NB2, beta: FloatVector, alpha: float) -> float:
    return float(model.scores(model.mean(beta), alpha)[:, -1].sum())


def _coefficients(model: NB2, alpha: float, start: FloatVector | None) -> FloatVector:
    """Return the coefficients of greatest likelihood for one alpha."""
    x = model.matrix
    if start is None:
        guess = np.log(model.counts + 0.5) - model.offset
        start = np.linalg.lstsq(x, guess, rcond=None)[0]
    beta, best = start, model.log_likelihood(model.mean(start), alpha)
    for _ in range(_STEPS):
        mean = model.mean(beta)
        weight = mean / (1 + alpha * mean)
        score = model.scores(mean, alpha)[:, :-1].sum(axis=0)
        step = np.linalg.lstsq((x * weight[:, None]).T @ x, score, rcond=None)[0]
        beta, gain, best = _improved(model, alpha, beta, step, best)
        predictor = x @ beta + model.offset
        if np.abs(predictor).max() > _FAR:
            break
        if gain <= _SETTLED * (abs(best) + 1) and np.abs(score @ step) < 1e-16 * (
            abs(best) + 1
        ):
            return beta
    if np.abs(x @ beta + model.offset).max() <= _FAR:
        return beta
    raise ConvergenceError(
        "The ratios did not settle: look for a category in which all counts are 0, "
        "pool it with another or leave the term out."
    )


def _improved(
    model: NB2, alpha: float, beta: FloatVector, step: FloatVector, best: float
) -> tuple[FloatVector, float, float]:
    """Take the step, halved until the likelihood does not fall."""
    share = 1.0
    while share > 1e-8:
        tried = beta + share * step
        with np.errstate(over="ignore", invalid="ignore"):
            value = model.log_likelihood(model.mean(tried), alpha)
        if np.isfinite(value) and value >= best - 1e-12 * abs(best):
            return tried, value - best, max(value, best)
        share /= 2
    return beta, 0.0, best


def _covariance(model: NB2, fitted: _Fitted, variance: CountVariance) -> FloatMatrix:
    """Return the covariance of coefficients and, where it is above 0, alpha."""
    size = len(fitted.beta) + (fitted.alpha > 0)
    bread = inverse_information(
        model.information(fitted.mean, fitted.alpha)[:size, :size]
    )
    if variance == "observed":
        return bread
    scores = model.scores(fitted.mean, fitted.alpha)[:, :size]
    return np.asarray(bread @ (scores.T @ scores) @ bread)


def _statistics(
    model: NB2, fitted: _Fitted, covariance: FloatMatrix, level: float
) -> dict[str, float]:
    value = model.log_likelihood(fitted.mean, fitted.alpha)
    found = {
        "alpha": fitted.alpha,
        "log_likelihood": value,
        "aic": 2 * (len(fitted.beta) + 1 - value),
    }
    if fitted.alpha == 0:
        return found | {"poisson_p_value": 1.0}
    error = float(np.sqrt(covariance[-1, -1]))
    reach = float(np.exp(critical_value(level) * error / fitted.alpha))
    poisson = _coefficients(model, 0.0, fitted.beta)
    gain = 2 * (value - model.log_likelihood(model.mean(poisson), 0.0))
    return found | {
        "alpha_std_error": error,
        "alpha_ci_low": fitted.alpha / reach,
        "alpha_ci_high": fitted.alpha * reach,
        "poisson_p_value": 0.5 * float(chdtrc(1.0, max(gain, 0.0))),
    }


def _notes(n: int, terms: int, fitted: _Fitted) -> tuple[str, ...]:
    notes = []
    if fitted.alpha == 0:
        notes.append("counts scatter no more than Poisson: alpha is 0")
    if n < _FEW_ROWS * terms:
        notes.append(
            f"{n} rows for {terms} coefficients: normal limits are too narrow, and "
            "alpha is too small"
        )
    return tuple(notes)
