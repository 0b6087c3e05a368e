"""Logistic regression by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from estimators.checks import check_choice, check_level
from estimators.designs import Design
from estimators.registry import estimator
from estimators.regression._penalised_likelihood import Likelihood, State, maximise
from estimators.regression.design_inference import (
    residual_df,
    rows_under_study,
    wald_f_test,
    weights_of_mean_one,
)
from estimators.regression.doubts import infinite_limit_notes
from estimators.regression.glm_families import glm_model
from estimators.regression.glm_fit import GlmEstimate, fit_glm, glm_covariance
from estimators.regression.inference import (
    Inference,
    IntervalKind,
    profile_inference,
    wald_inference,
)
from estimators.regression.model_rows import read_model_rows
from estimators.regression.regression_fit import (
    ModelSample,
    RegressionFit,
    inverse_information,
)
from estimators.regression.survey_models import (
    event_statistics,
    offset_predictor,
    response,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["logistic"]

_ADVICE = (
    "Use firth_logistic, whose penalty keeps every estimate finite, pool categories, "
    "or drop the term."
)


def _example() -> dict[str, object]:
    rows = [(0, 0, 1, 2), (0, 0, 0, 40), (1, 0, 1, 9), (1, 0, 0, 30), (0, 1, 1, 3),
            (0, 1, 0, 11), (1, 1, 1, 12), (1, 1, 0, 5)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["debt", "minor", "exploited", "persons"])
    return {"formula": "exploited ~ debt + minor", "frame": frame, "count": "persons"}


@estimator(
    family="regression",
    label="Logistic regression by maximum likelihood",
    source="McCullagh and Nelder 1989; Binder 1983",
    example=_example,
)
def logistic(
    formula: str,
    frame: pd.DataFrame,
    *,
    design: Design | None = None,
    count: str | None = None,
    ci: IntervalKind = "profile",
    level: float = 0.95,
) -> RegressionFit:
    """Fit a logistic model by maximum likelihood; refuse separated data by name.

    Estimates log odds ratios for a 0/1 outcome of independent persons, or of a sample
    with a survey design. With few events per variable, or with separation, take
    `firth_logistic`: the maximum likelihood estimate is then biased away from 0, or
    infinite.

    Parameters
    ----------
    formula : str
        ``outcome ~ terms``, as formulaic reads it; the outcome is 0/1 or boolean.
    frame : pandas.DataFrame of shape (n, ...)
        One row per person. Rows with a missing value in a column of the model are left
        out, counted as ``n_excluded`` and named in `notes`.
    design : SurveyDesign or ReplicateDesign, optional
        How the rows of `frame` were sampled: row i of the design is row i of the frame.
        Standard errors are linearised, or follow from the replicates; limits and tests
        use t with the degrees of freedom of the design plus 1 minus the number of
        terms, and the profile is scaled by the ratio of design to model variance. Not
        with `count`.
    count : str, optional
        Column of whole numbers: how many persons a row stands for.
    ci : {"profile", "wald"}
        Profile likelihood limits with likelihood ratio tests, or Wald's.
    level : float

    Returns
    -------
    RegressionFit
        A `ModelFit` that `marginal_effects`, `predictive_margins` and `term_test` read.
        `statistic` is the likelihood ratio chi-square for profile limits (F with a
        design) and z or t for Wald. `fit_statistics`: ``log_likelihood`` (with a
        design at weights of mean 1), ``deviance``, ``aic`` and ``bic`` (independent
        persons), ``likelihood_ratio`` (with a design ``wald_f``) and ``p_value`` of all
        slopes together, ``df``, ``n_events``, ``events_per_variable``, ``n_excluded``.

    Raises
    ------
    InputError
        If the formula, a column, the outcome or an option is not as described, or
        terms are collinear (they are named).
    NotEstimableError
        If all outcomes are alike, no row is complete, or terms have no finite estimate
        (separation; they are named).
    ConvergenceError
        If the likelihood could not be maximised.

    References
    ----------
    McCullagh, P. and Nelder, J. A. (1989). Generalized Linear Models, second edition.
    Chapman and Hall.

    Albert, A. and Anderson, J. A. (1984). On the existence of maximum likelihood
    estimates in logistic regression models. Biometrika 71, 1-10.
    https://doi.org/10.1093/biomet/71.1.1

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"debt": [0, 0, 1, 1], "forced": [0, 1, 0, 1],
    ...     "persons": [18, 2, 6, 5]})
    >>> fit = logistic("forced ~ debt", cells, count="persons")
    >>> fit.terms()[["term", "estimate", "ci_low"]].round(3).to_numpy().tolist()
    [['Intercept', -2.197, -4.036], ['debt', 2.015, 0.235]]
    """
    check_level(level)
    check_choice("ci", ci, ("profile", "wald"))
    inside = rows_under_study(design, frame, count)
    model = glm_model("binomial")
    rows = read_model_rows(formula, frame, count=count, inside=inside)
    weight = weights_of_mean_one(design, rows)
    sample = ModelSample(frame=frame, rows=rows, weight=weight, design=design)
    estimate = fit_glm(sample, model, advice=_ADVICE)
    likelihood, top, null = _maxima(sample, estimate.beta)
    fit = _Fit(sample, estimate, likelihood, top, null)
    df, notes = residual_df(design, rows)
    if design is None:
        covariance = inverse_information(estimate.information)
    else:
        covariance = glm_covariance(sample, model, estimate)
        notes = (*design.notes, *notes)
    inference = _inference(fit, covariance, df, ci=ci, level=level)
    events, doubts = event_statistics(rows, "binomial")
    return RegressionFit(
        method="logistic",
        formula=formula,
        term=rows.term,
        estimate=estimate.beta,
        std_error=inference.std_error,
        statistic=inference.statistic,
        p_value=inference.p_value,
        ci_low=inference.ci_low,
        ci_high=inference.ci_high,
        covariance=covariance,
        ci_level=level,
        ci_method=inference.ci_method,
        n_obs=int(rows.frequency.sum()),
        fit_statistics={
            **_statistics(fit, covariance, df),
            **events,
            "n_excluded": float(rows.n_excluded),
        },
        linear_predictor=offset_predictor(rows, estimate.beta, None),
        inverse_link=response(model),
        notes=(
            *rows.notes,
            *doubts,
            *estimate.notes,
            *notes,
            *infinite_limit_notes(inference, rows),
        ),
        model=model,
        sample=sample,
        information=estimate.information,
        df=df,
        replicates=estimate.replicates,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    sample: ModelSample
    estimate: GlmEstimate
    likelihood: Likelihood
    top: State
    null: State


def _maxima(sample: ModelSample, beta: FloatVector) -> tuple[Likelihood, State, State]:
    """Return the likelihood on distinct rows, its maximum and that without slopes."""
    rows = sample.rows
    matrix, trials, events, _ = rows.distinct_rows(sample.mass)
    likelihood = Likelihood(matrix, trials, events, 0.0)
    top = maximise(likelihood, beta, np.ones(beta.size, dtype=bool))
    free = np.ones(beta.size, dtype=bool)
    free[rows.slopes] = False
    return likelihood, top, maximise(likelihood, np.zeros(beta.size), free)


def _inference(
    fit: _Fit, covariance: FloatMatrix, df: float, *, ci: IntervalKind, level: float
) -> Inference:
    if ci == "wald":
        return wald_inference(fit.estimate.beta, covariance, level=level, df=df)
    scale = None
    if fit.sample.design is not None:
        model = inverse_information(fit.estimate.information)
        scale = np.asarray(np.diag(covariance) / np.diag(model))
    return profile_inference(
        fit.likelihood,
        fit.top,
        covariance,
        level=level,
        scale=scale,
        df=df,
        name="profile likelihood",
    )


def _statistics(fit: _Fit, covariance: FloatMatrix, df: float) -> dict[str, float]:
    rows = fit.sample.rows
    slopes = rows.slopes
    found = {
        "log_likelihood": fit.top.log_likelihood,
        "deviance": -2 * fit.top.log_likelihood,
        "df": float(slopes.size),
    }
    if fit.sample.design is None:
        ratio = max(2 * (fit.top.log_likelihood - fit.null.log_likelihood), 0.0)
        persons = float(rows.frequency.sum())
        terms = len(rows.term)
        return {
            **found,
            "aic": found["deviance"] + 2 * terms,
            "bic": found["deviance"] + np.log(persons) * terms,
            "likelihood_ratio": ratio,
            "p_value": float(chdtrc(slopes.size, ratio)) if slopes.size else 1.0,
        }
    inside = cast("FloatMatrix", covariance[np.ix_(slopes, slopes)])
    ratio, p_value = wald_f_test(fit.estimate.beta[slopes], inside, df)
    return {**found, "residual_df": df, "wald_f": ratio, "p_value": p_value}
