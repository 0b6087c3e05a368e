"""Interrupted time series: change of level and slope with an intervention."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import chdtrc, expit, gammaln, ndtr, stdtr

from estimators.checks import check_choice, check_counts, check_level, finite_vector
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import critical_value
from estimators.registry import estimator
from estimators.results import ModelFit
from estimators.surveillance.count_regression import (
    fit_counts,
    fit_shares,
)
from estimators.surveillance.interrupted_errors import (
    ErrorEstimate,
    FittedSeries,
    autocorrelation,
    error_estimate,
)
from estimators.surveillance.interrupted_notes import (
    interrupted_doubts,
    interrupted_notes,
)
from estimators.surveillance.monitored_series import read_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["interrupted_time_series"]

Family = Literal["quasi_poisson", "negative_binomial", "quasi_binomial"]
Correlation = Literal["independent", "ar1"]
Quantiles = Literal["t", "normal"]
_LEAST = 3  # periods on either side


@estimator(
    family="surveillance",
    label="Interrupted time series",
    source="Lopez Bernal, Cummins and Gasparrini 2017",
    example=lambda: {
        "counts": np.array([30.0, 34, 29, 33, 36, 31, 24, 22, 26, 21, 25, 27]),
        "intervention": 7,
        "slope": False,
    },
)
def interrupted_time_series(  # noqa: PLR0913 - the model's parts are asked for by name
    counts: Sequence[float] | FloatVector | pd.Series,
    *,
    intervention: Any,  # noqa: ANN401 - a label of the periods
    population: Sequence[float] | FloatVector | None = None,
    trials: Sequence[float] | FloatVector | None = None,
    slope: bool = True,
    harmonics: int = 0,
    frequency: float = 12,
    family: Family = "quasi_poisson",
    correlation: Correlation = "independent",
    hac_lags: int | None = None,
    hac_adjust: bool = True,
    quantiles: Quantiles = "t",
    level: float = 0.95,
) -> ModelFit:
    """Estimate the change of level and slope of a series at a known time.

    Parameters
    ----------
    counts : array or Series of shape (n,)
        Whole numbers, one per period in order of time, without gaps; a Series' index
        names the periods, else they are 1, 2, ..., n.
    intervention : label
        First period after the intervention, set beforehand: a time chosen because the
        series changes there gives no valid p-value (see `changepoints`).
    population : array of shape (n,), optional
        Exposure; its logarithm is the offset.
    trials : array of shape (n,), optional
        For ``family="quasi_binomial"``: interviews of which `counts` were positive.
    slope : bool
        Let the slope change too: term ``slope``, per period since the intervention.
    harmonics : int
        Pairs of sine and cosine of the year.
    frequency : float
        Periods of a year, for the harmonics.
    family : {"quasi_poisson", "negative_binomial", "quasi_binomial"}
        Rates with variance ``phi mean`` or ``mean + mean^2 / size``; shares of
        `trials` with variance ``phi`` times the binomial one, for interview rounds.
    correlation : {"independent", "ar1"}
        "ar1" widens the standard errors of the quasi families for neighbouring periods
        that are alike: Pearson residuals are a first-order autoregression, whose
        correlation (not below 0) allows for the terms fitted. Estimates stay the same.
    hac_lags : int, optional
        Newey-West standard errors with a Bartlett kernel up to this lag, in place of
        the model's.
    hac_adjust : bool
        Multiply the Newey-West covariance by n / (n - terms).
    quantiles : {"t", "normal"}
        Distribution behind limits and p-values. Student's t has the periods less the
        terms as degrees of freedom, for "ar1" fewer (Satterthwaite): the dispersion is
        estimated from them, and so is the size of the negative binomial, which maximum
        likelihood makes too large on few periods. "normal" is found in older software.
    level : float

    Returns
    -------
    ModelFit
        Terms ``Intercept, level, time, slope, sin1, cos1, ...`` on the log (or logit)
        scale; ``time`` is 1 in the first period and ``slope`` 1 in the first one of
        the intervention: ``level`` is the jump before the slope has run. Statistics
        ``dispersion, size, df, residual_acf_1`` and so on, ``ljung_box_p_value``; with
        "ar1" also ``ar1_correlation`` and the ``ar1_dispersion`` that goes with it.

    Raises
    ------
    InputError
        If a count is missing or not whole, the period is unknown, or options clash.
    NotEstimableError
        With fewer than three periods on a side, or no more periods than terms.
    ConvergenceError
        If a side holds only zeros.

    Notes
    -----
    There is no comparison series: whatever else happened at that time (another law, a
    new hotline number, a campaign) is part of ``level``. The dispersion is not kept
    above 1. Newey-West errors are too small with few periods, with the factor also:
    under autocorrelation "ar1" keeps nearer to its level.

    References
    ----------
    Lopez Bernal, J., Cummins, S. and Gasparrini, A. (2017). Interrupted time series
    regression for the evaluation of public health interventions: a tutorial.
    International Journal of Epidemiology 46, 348-355.

    Newey, W. K. and West, K. D. (1987). A simple, positive semi-definite,
    heteroskedasticity and autocorrelation consistent covariance matrix. Econometrica
    55, 703-708.

    Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance
    components. Biometrics Bulletin 2, 110-114.

    Zeger, S. L. (1988). A regression model for time series of counts. Biometrika 75,
    621-629. (Errors of an independence fit under correlated rates.)

    Examples
    --------
    >>> import numpy as np
    >>> from estimators import surveillance
    >>> calls = [20, 22, 19, 21, 20, 11, 9, 10, 10, 11]
    >>> fit = surveillance.interrupted_time_series(calls, intervention=6, slope=False)
    >>> round(float(np.exp(fit.estimate[fit.term.index("level")])), 2)
    0.5
    """
    check_choice(
        "family", family, ("quasi_poisson", "negative_binomial", "quasi_binomial")
    )
    check_choice("quantiles", quantiles, ("t", "normal"))
    check_level(level)
    values, labels = read_counts(counts)
    start = _start(labels, intervention)
    terms, design = _design(values.size, start, harmonics, frequency, slope=slope)
    weight = _exposure(values, population, trials, family)
    if values.size <= len(terms):
        raise NotEstimableError(
            f"{values.size} periods cannot carry {len(terms)} terms "
            f"({', '.join(terms)}): leave out harmonics or the slope."
        )
    fitted = _fitted(design, values, weight, family)
    error = error_estimate(
        fitted,
        design,
        values,
        correlation=correlation,
        hac_lags=hac_lags,
        hac_adjust=hac_adjust,
    )
    if quantiles == "normal":
        error = replace(error, df=np.inf)
    statistics = _statistics(fitted, error, values)
    return _result(
        fitted,
        error,
        terms,
        statistics=statistics,
        formula=f"{family}: {' + '.join(terms)}",
        level=level,
        notes=(
            *interrupted_notes(start, fitted),
            *interrupted_doubts(fitted, error, statistics),
        ),
    )


def _start(labels: list[Any], intervention: Any) -> int:  # noqa: ANN401
    if intervention not in labels:
        raise InputError(
            f"intervention={intervention!r} is not a period of counts, which run from "
            f"{labels[0]!r} to {labels[-1]!r}."
        )
    start = labels.index(intervention)
    after = len(labels) - start
    if min(start, after) < _LEAST:
        raise NotEstimableError(
            f"{start} periods before and {after} from intervention={intervention!r} "
            f"on: at least {_LEAST} on either side are needed. Report the counts "
            "themselves, or wait for more periods."
        )
    return start


def _design(
    n: int, start: int, harmonics: int, frequency: float, *, slope: bool
) -> tuple[tuple[str, ...], FloatMatrix]:
    waves = check_counts(harmonics=harmonics)["harmonics"]
    if not 2 <= frequency < np.inf or waves > frequency / 2:
        raise InputError(
            f"harmonics={harmonics}, frequency={frequency!r}: a year of at least 2 "
            "periods carries at most half as many harmonics."
        )
    time = np.arange(1, n + 1, dtype=np.float64)
    after = (np.arange(n) >= start).astype(np.float64)
    columns = {"Intercept": np.ones(n), "level": after, "time": time}
    if slope:
        columns["slope"] = after * (time - start)
    for wave in range(1, waves + 1):
        angle = 2 * np.pi * wave * time / frequency
        columns[f"sin{wave}"] = np.sin(angle)
        if wave < frequency / 2:  # the last sine of an even year is 0 throughout
            columns[f"cos{wave}"] = np.cos(angle)
        else:
            columns[f"cos{wave}"] = np.cos(angle)
            del columns[f"sin{wave}"]
    return tuple(columns), np.column_stack(list(columns.values()))


def _exposure(
    values: FloatVector,
    population: Any,  # noqa: ANN401 - checked here
    trials: Any,  # noqa: ANN401 - checked here
    family: str,
) -> FloatVector:
    if (trials is not None) != (family == "quasi_binomial") or (
        population is not None and trials is not None
    ):
        raise InputError(
            f"family={family!r}: trials belong to 'quasi_binomial' and to no other, "
            "population to the families of counts."
        )
    name = "population" if trials is None else "trials"
    given = population if trials is None else trials
    if given is None:
        return np.ones(values.size)
    weight = finite_vector(given, name)
    if weight.size != values.size or (weight <= 0).any():
        raise InputError(
            f"{name}: {values.size} numbers above 0 were expected, one per period; "
            f"{weight.size} came, the least {min(weight, default=0):g}."
        )
    above = np.flatnonzero(values > weight)
    if trials is not None and above.size:
        raise InputError(f"counts exceed trials in rows {list(above[:5])}.")
    return weight


def _fitted(
    design: FloatMatrix, values: FloatVector, weight: FloatVector, family: str
) -> FittedSeries:
    if family == "quasi_binomial":
        fit = fit_shares(design, values, weight)
        variance = fit.mean * (1 - fit.mean / weight)
        return FittedSeries(
            fit=fit, variance=variance, dispersion=fit.dispersion, size=np.inf
        )
    offset = np.log(weight)
    fit = fit_counts(design, values, offset)
    if family == "quasi_poisson":
        return FittedSeries(
            fit=fit, variance=fit.mean, dispersion=fit.dispersion, size=np.inf
        )
    size = _negative_binomial_size(design, values, offset)
    fit = fit_counts(design, values, offset, size=size)
    variance = fit.mean * (1 + fit.mean / size)
    return FittedSeries(
        fit=fit, variance=variance, dispersion=1.0, size=size, quasi=False
    )


def _negative_binomial_size(
    design: FloatMatrix, values: FloatVector, offset: FloatVector
) -> float:
    """Maximise the likelihood over the size; infinite without extra scatter."""

    def loss(log_size: float) -> float:
        size = float(np.exp(log_size))
        mean = fit_counts(design, values, offset, size=size).mean
        terms = (
            gammaln(values + size)
            - gammaln(size)
            - size * np.log1p(mean / size)
            + values * (np.log(mean) - np.log(size + mean))
        )
        return -float(terms.sum())

    found = minimize_scalar(
        loss, bounds=(-5, 15), method="bounded", options={"xatol": 1e-8}
    )
    return float(np.exp(found.x)) if found.x < 14 else np.inf


def _statistics(
    fitted: FittedSeries, error: ErrorEstimate, values: FloatVector
) -> dict[str, float]:
    acf = autocorrelation(fitted.pearson(values))
    n = values.size
    portmanteau = n * (n + 2) * (acf**2 / (n - np.arange(1, acf.size + 1))).sum()
    return {
        "dispersion": fitted.fit.dispersion,
        "size": fitted.size,
        "df": float(fitted.fit.df),
        **error.statistics,
        **{f"residual_acf_{k}": float(r) for k, r in enumerate(acf, start=1)},
        "ljung_box_p_value": float(chdtrc(acf.size, portmanteau)),
    }


def _result(
    fitted: FittedSeries,
    error: ErrorEstimate,
    terms: tuple[str, ...],
    *,
    statistics: dict[str, float],
    formula: str,
    level: float,
    notes: tuple[str, ...],
) -> ModelFit:
    std_error = np.sqrt(np.diag(error.covariance))
    b = fitted.fit.coefficient
    ratio = b / std_error
    reach = critical_value(level, df=error.df) * std_error
    normal = np.isinf(error.df)
    tail = ndtr(-np.abs(ratio)) if normal else stdtr(error.df, -np.abs(ratio))
    return ModelFit(
        method="interrupted_time_series",
        formula=formula,
        term=terms,
        estimate=b,
        std_error=std_error,
        statistic=ratio,
        p_value=np.asarray(2 * tail),
        ci_low=b - reach,
        ci_high=b + reach,
        covariance=error.covariance,
        ci_level=level,
        ci_method=error.method
        if normal
        else f"{error.method}, t with {error.df:.4g} df",
        n_obs=fitted.fit.mean.size,
        fit_statistics=statistics,
        inverse_link=expit if formula.startswith("quasi_binomial") else np.exp,
        notes=notes,
    )
