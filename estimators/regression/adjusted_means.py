"""Adjusted prevalences: what a model predicts if all had one value of a variable."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scipy.special import expit, logit

from estimators.checks import check_choice, check_level
from estimators.errors import InputError
from estimators.intervals import critical_value
from estimators.registry import estimator
from estimators.regression.adjusted_effects import (
    MarginVariance,
    chosen_values,
    margin_covariance,
    margin_example,
    margin_notes,
    outcome_name,
    outcome_unit,
)
from estimators.regression.counterfactuals import mean_predictions
from estimators.regression.regression_fit import RegressionFit
from estimators.regression.term_tests import check_regression_fit
from estimators.results import Estimate, Estimates, Interval

__all__ = ["predictive_margins"]


@estimator(
    family="regression",
    label="Predictive margins (adjusted prevalences)",
    source="Graubard and Korn 1999",
    example=margin_example,
)
def predictive_margins(
    fit: RegressionFit,
    variable: str,
    *,
    values: Sequence[Any] | None = None,
    at: Mapping[str, Any] | None = None,
    variance: MarginVariance = "linearised",
    level: float = 0.95,
) -> Estimates:
    """Estimate the mean prediction if everybody had one value of a variable.

    For a logistic model: the prevalence of each group, adjusted to the covariates of
    the whole sample. The weighted mean over everybody is the standard.

    Parameters
    ----------
    fit : RegressionFit
        From `logistic`, `survey_glm`, `risk_ratio` or `risk_difference`.
    variable : str
        Column of the frame that the model uses.
    values : sequence, optional
        By default all values of a categorical or 0/1 variable.
    at : mapping of str to value, optional
        Other variables held at values for everybody.
    variance : {"linearised", "delta"}
        As `marginal_effects`.
    level : float

    Returns
    -------
    Estimates
        One row per value, with its joint covariance; group column: `variable`. Limits
        of probabilities are made on the logit scale.

    Raises
    ------
    InputError
        If the fit is of another kind, the model has no such variable, it has one value,
        or it is numeric and no `values` are stated.
    NotEstimableError
        If the fit has no variance.

    References
    ----------
    Graubard, B. I. and Korn, E. L. (1999). Predictive margins with survey data.
    Biometrics 55, 652-659. https://doi.org/10.1111/j.0006-341X.1999.00652.x

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.regression import logistic, predictive_margins
    >>> cells = pd.DataFrame({"debt": [0, 0, 1, 1], "forced": [0, 1, 0, 1],
    ...     "persons": [18, 2, 6, 4]})
    >>> fit = logistic("forced ~ debt", cells, count="persons")
    >>> [round(row.estimate, 6) for row in predictive_margins(fit, "debt")]
    [0.1, 0.4]
    """
    check_level(level)
    check_regression_fit(fit)
    check_choice("variance", variance, ("linearised", "delta"))
    held = dict(at or {})
    chosen = chosen_values(fit, variable, values, held)
    if chosen is None:
        raise InputError(
            f"{variable!r} is numeric: state the values to predict at, as in "
            "values=(20, 30, 40)."
        )
    found = mean_predictions(fit, [{**held, variable: v} for v in chosen])
    covariance = margin_covariance(found, fit, variance)
    rows = []
    for place, value in enumerate(found.value):
        error = math.sqrt(covariance[place, place])
        rows.append(
            Estimate(
                estimand=f"adjusted mean of {outcome_name(fit)}",
                unit=outcome_unit(fit),
                estimate=float(value),
                std_error=error,
                ci=_mean_interval(float(value), error, fit, level=level),
                method="predictive_margins",
                n_obs=fit.n_obs,
                diagnostics={"df": fit.df},
            )
        )
    return Estimates(
        rows=tuple(rows),
        groups=tuple({variable: value} for value in chosen),
        covariance=covariance,
        notes=margin_notes(fit, variance),
    )


def _mean_interval(
    value: float, error: float, fit: RegressionFit, *, level: float
) -> Interval:
    name = "normal" if math.isinf(fit.df) else "t"
    reach = critical_value(level, df=fit.df) * error
    if fit.model.family == "binomial" and 0 < value < 1:
        middle, half = float(logit(value)), reach / (value * (1 - value))
        low, high = float(expit(middle - half)), float(expit(middle + half))
        return Interval(low=low, high=high, level=level, method=f"logit {name}")
    return Interval(low=value - reach, high=value + reach, level=level, method=name)
