"""Adjusted prevalences, their differences and ratios, from a fitted model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtr

from estimators.checks import check_choice, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import critical_value
from estimators.registry import estimator
from estimators.regression.counterfactuals import (
    Averages,
    levels_of,
    mean_predictions,
    mean_slope,
)
from estimators.regression.maximum_likelihood import logistic
from estimators.regression.regression_fit import RegressionFit
from estimators.regression.term_tests import check_regression_fit
from estimators.results import Estimate, Estimates, Interval

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix

__all__ = [
    "MarginVariance",
    "chosen_values",
    "margin_covariance",
    "margin_example",
    "margin_notes",
    "marginal_effects",
    "outcome_name",
    "outcome_unit",
]

EffectScale: TypeAlias = Literal["difference", "ratio"]
MarginVariance: TypeAlias = Literal["linearised", "delta"]


def margin_example() -> dict[str, object]:
    """Return counts of exploitation by debt and minority."""
    rows = [(0, 0, 1, 2), (0, 0, 0, 40), (1, 0, 1, 9), (1, 0, 0, 30), (0, 1, 1, 3),
            (0, 1, 0, 11), (1, 1, 1, 12), (1, 1, 0, 5)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["debt", "minor", "exploited", "persons"])
    fit = logistic("exploited ~ debt + minor", frame, count="persons", ci="wald")
    return {"fit": fit, "variable": "debt"}


@estimator(
    family="regression",
    label="Average marginal effects and adjusted prevalence ratios",
    source="Graubard and Korn 1999; Localio, Margolis and Berlin 2007",
    example=margin_example,
)
def marginal_effects(
    fit: RegressionFit,
    variable: str,
    *,
    scale: EffectScale = "difference",
    values: Sequence[Any] | None = None,
    at: Mapping[str, Any] | None = None,
    variance: MarginVariance = "linearised",
    level: float = 0.95,
) -> Estimates:
    """Estimate what a variable changes in the mean prediction, all else as it is.

    Everybody in the sample is predicted twice, with one value of the variable and with
    another; the weighted means are compared. For a logistic model this gives adjusted
    prevalence differences and ratios, which (unlike odds ratios) mean what they seem
    to. They are effects only if the model holds all common causes.

    Parameters
    ----------
    fit : RegressionFit
        From `logistic`, `survey_glm`, `risk_ratio` or `risk_difference`.
    variable : str
        Column of the frame that the model uses.
    scale : {"difference", "ratio"}
        Ratios have limits made on the log scale.
    values : sequence, optional
        Values to compare, the first with each of the others. By default all values of a
        categorical or 0/1 variable; for a numeric one the mean derivative is estimated.
    at : mapping of str to value, optional
        Other variables held at values for everybody.
    variance : {"linearised", "delta"}
        Full: the coefficients and the persons averaged over are both from the sample.
        The delta method takes the persons as fixed, as most programs do, and for
        independent persons believes the model's own covariance.
    level : float

    Returns
    -------
    Estimates
        Group columns ``variable`` and ``contrast`` (``"1 - 0"``, ``"1 / 0"`` or
        ``"slope"``). Diagnostics ``df``, ``statistic``, ``p_value`` (of no difference,
        or of a ratio of 1).

    Raises
    ------
    InputError
        If the fit is of another kind, the model has no such variable, it has one value,
        or a ratio of a numeric variable is asked for without `values`.
    NotEstimableError
        If the fit has no variance, or a ratio is of means that are not positive.

    Notes
    -----
    The variance is that of the total of w_i (prediction_i - mean) / sum w + gradient'
    influence_i(coefficients): so the covariance between the coefficients and the
    persons averaged over is counted, which R's svypredmeans leaves out. With replicate
    weights, each replicate has its own coefficients and its own weighted mean.

    References
    ----------
    Graubard, B. I. and Korn, E. L. (1999). Predictive margins with survey data.
    Biometrics 55, 652-659. https://doi.org/10.1111/j.0006-341X.1999.00652.x

    Localio, A. R., Margolis, D. J. and Berlin, J. A. (2007). Relative risks and
    confidence intervals were easily computed indirectly from multivariable logistic
    regression. Journal of Clinical Epidemiology 60, 874-882.
    https://doi.org/10.1016/j.jclinepi.2006.12.001

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.regression import logistic, marginal_effects
    >>> cells = pd.DataFrame({"debt": [0, 0, 1, 1], "forced": [0, 1, 0, 1],
    ...     "persons": [18, 2, 6, 4]})
    >>> fit = logistic("forced ~ debt", cells, count="persons")
    >>> effect = marginal_effects(fit, "debt")[0]  # 4 / 10 - 2 / 20
    >>> round(effect.estimate, 6)
    0.3
    """
    check_level(level)
    check_regression_fit(fit)
    check_choice("scale", scale, ("difference", "ratio"))
    check_choice("variance", variance, ("linearised", "delta"))
    held = dict(at or {})
    chosen = chosen_values(fit, variable, values, held)
    if chosen is None:
        if scale == "ratio":
            raise InputError(
                f"{variable!r} is numeric: a ratio compares two values of it; state "
                "them, as in values=(20, 30)."
            )
        found = mean_slope(fit, variable, held)
        effects = _Effects(
            found.value, margin_covariance(found, fit, variance), ["slope"], linear=True
        )
    else:
        found = mean_predictions(fit, [{**held, variable: v} for v in chosen])
        effects = _contrasts(
            found, margin_covariance(found, fit, variance), chosen, scale
        )
    what = "ratio" if scale == "ratio" else "difference"
    words = {
        "estimand": f"adjusted {what} in {outcome_name(fit)} by {variable}",
        "unit": "ratio" if scale == "ratio" else outcome_unit(fit),
    }
    if effects.contrast == ["slope"]:
        words["estimand"] = f"mean change in {outcome_name(fit)} per unit of {variable}"
        words["unit"] = f"{outcome_unit(fit)} per unit of {variable}"
    return Estimates(
        rows=tuple(
            _effect_row(effects, place, fit, words, level=level)
            for place in range(len(effects.contrast))
        ),
        groups=tuple(
            {"variable": variable, "contrast": name} for name in effects.contrast
        ),
        covariance=effects.response_covariance(),
        notes=margin_notes(fit, variance),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Effects:
    """Contrasts, linear or as logarithms of ratios, with their covariance."""

    value: np.ndarray
    covariance: FloatMatrix
    contrast: list[str]
    linear: bool

    def response_covariance(self) -> FloatMatrix:
        if self.linear:
            return self.covariance
        ratio = np.exp(self.value)
        return np.asarray(self.covariance * np.outer(ratio, ratio))


def chosen_values(
    fit: RegressionFit,
    variable: str,
    values: Sequence[Any] | None,
    held: Mapping[str, Any],
) -> list[Any] | None:
    """Return the values to compare, None for a numeric variable without any stated."""
    levels = levels_of(fit, variable)
    if variable in held:
        raise InputError(f"{variable!r} cannot vary and be held by at= at once.")
    if values is None:
        return levels
    chosen = list(values)
    if len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise InputError(f"values={chosen!r}: two or more different values are needed.")
    if levels is not None:
        unknown = [value for value in chosen if value not in levels]
        if unknown:
            raise InputError(
                f"{variable!r} has no value {', '.join(map(repr, unknown))} in the "
                f"rows of the model; it has {', '.join(map(repr, levels))}."
            )
    return chosen


def margin_covariance(
    found: Averages, fit: RegressionFit, variance: MarginVariance
) -> FloatMatrix:
    """Return the covariance of averages, full or by the delta method."""
    if variance == "delta":
        return found.delta_covariance(fit)
    return found.covariance(fit)


def _contrasts(
    found: Averages, covariance: FloatMatrix, values: list[Any], scale: EffectScale
) -> _Effects:
    matrix = np.hstack([-np.ones((len(values) - 1, 1)), np.eye(len(values) - 1)])
    if scale == "difference":
        names = [f"{value} - {values[0]}" for value in values[1:]]
        return _Effects(
            matrix @ found.value, matrix @ covariance @ matrix.T, names, linear=True
        )
    if (found.value <= 0).any():
        raise NotEstimableError(
            "A ratio needs positive means; the model predicts "
            f"{', '.join(f'{value:.3g}' for value in found.value)}."
        )
    weights = matrix / found.value
    names = [f"{value} / {values[0]}" for value in values[1:]]
    return _Effects(
        matrix @ np.log(found.value), weights @ covariance @ weights.T, names,
        linear=False,
    )  # fmt: skip


def _effect_row(
    effects: _Effects,
    place: int,
    fit: RegressionFit,
    words: Mapping[str, str],
    *,
    level: float,
) -> Estimate:
    value = float(effects.value[place])
    error = math.sqrt(effects.covariance[place, place])
    reach = critical_value(level, df=fit.df) * error
    limits, estimate, scale = (value - reach, value + reach), value, ""
    std_error = error
    if not effects.linear:
        limits = (math.exp(limits[0]), math.exp(limits[1]))
        estimate, scale = math.exp(value), "log "
        std_error = estimate * error
    ratio = value / error if error > 0 else math.copysign(math.inf, value)
    tail = ndtr(-abs(ratio)) if math.isinf(fit.df) else stdtr(fit.df, -abs(ratio))
    name = "normal" if math.isinf(fit.df) else "t"
    return Estimate(
        **words,
        estimate=estimate,
        std_error=std_error,
        ci=Interval(
            low=limits[0], high=limits[1], level=level, method=f"{scale}{name}"
        ),
        method="marginal_effects",
        n_obs=fit.n_obs,
        notes=() if error > 0 else ("the variance is 0: the interval shows nothing",),
        diagnostics={"df": fit.df, "statistic": ratio, "p_value": float(2 * tail)},
    )


def outcome_name(fit: RegressionFit) -> str:
    """Return the outcome as the formula has it."""
    return fit.formula.split("~", 1)[0].strip()


def outcome_unit(fit: RegressionFit) -> str:
    """Return the unit of the outcome's mean."""
    zero_one = bool(np.isin(fit.sample.rows.outcome, (0.0, 1.0)).all())
    return "proportion" if zero_one else f"unit of {outcome_name(fit)}"


def margin_notes(fit: RegressionFit, variance: MarginVariance) -> tuple[str, ...]:
    """Return the fit's notes, and what the delta method leaves out."""
    if variance == "linearised":
        return fit.notes
    return (
        *fit.notes,
        "delta method: the persons averaged over are taken as fixed",
    )
