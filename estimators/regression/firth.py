"""Logistic regression for rare outcomes and separated data, by Firth's penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc, expit

from estimators.checks import check_choice, check_level
from estimators.errors import InputError
from estimators.registry import estimator
from estimators.regression._penalised_likelihood import Likelihood, State, maximise
from estimators.regression.corrections import augment_data, refit_intercept
from estimators.regression.design_inference import (
    design_covariance,
    residual_df,
    wald_f_test,
    weights_of_mean_one,
)
from estimators.regression.doubts import (
    event_notes,
    infinite_limit_notes,
    infinite_terms,
    separation_notes,
)
from estimators.regression.glm_families import glm_model
from estimators.regression.inference import (
    Inference,
    IntervalKind,
    ModelCovariance,
    model_covariance,
    profile_inference,
    wald_inference,
    with_wald_term,
)
from estimators.regression.model_data import INTERCEPT, BinaryData, LinearPredictor
from estimators.regression.model_rows import read_model_rows
from estimators.regression.regression_fit import ModelSample, SampledFit

if TYPE_CHECKING:
    from estimators.array_types import IntVector
    from estimators.designs import SurveyDesign

__all__ = ["firth_logistic"]


def _example() -> dict[str, object]:
    """Return counts in which no minor with a debt stayed free: separation."""
    rows = [(0, 0, 1, 2), (0, 0, 0, 40), (1, 0, 1, 9), (1, 0, 0, 30), (0, 1, 1, 3),
            (0, 1, 0, 11), (1, 1, 1, 12)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["debt", "minor", "exploited", "persons"])
    return {"formula": "exploited ~ debt * minor", "frame": frame, "count": "persons"}


@estimator(
    family="regression",
    label="Logistic regression with Firth's penalised likelihood",
    source="Firth 1993; Heinze and Schemper 2002; Puhr et al. 2017",
    example=_example,
)
def firth_logistic(  # noqa: PLR0913 - the options of one model, all by keyword
    formula: str,
    frame: pd.DataFrame,
    *,
    design: SurveyDesign | None = None,
    count: str | None = None,
    ci: IntervalKind = "profile",
    level: float = 0.95,
    flic: bool = False,
    flac: bool = False,
    covariance: ModelCovariance = "fisher",
    tau: float = 0.5,
) -> SampledFit:
    """Fit a logistic model by maximum penalised likelihood (Firth's bias reduction).

    Estimates log odds ratios for a 0/1 outcome of independent persons, or of a sample
    with a survey design. The penalty tau * log det(X'WX) takes the first-order bias
    away and keeps every estimate finite where categories predict the outcome perfectly
    (separation). Predicted probabilities are drawn towards 1/2 by it: use `flic` or
    `flac` where probabilities, not odds ratios, are wanted.

    Parameters
    ----------
    formula : str
        ``outcome ~ terms``, as formulaic reads it; the outcome is 0/1 or boolean.
    frame : pandas.DataFrame of shape (n, ...)
        One row per person. Rows with a missing value in a column of the model are left
        out, counted as ``n_excluded`` and named in `notes`.
    design : SurveyDesign, optional
        How the rows of `frame` were sampled: row i of the design is row i of the frame.
        Weights, scaled to mean 1, enter the pseudo-likelihood; standard errors are
        linearised; limits and tests use t with the degrees of freedom of the design
        plus 1 minus the number of terms, and the profile is scaled by the ratio of
        design to model variance (1 at least for separated terms, whose linearised
        variance is too small). Not with `count`, `flic` or `flac`.
    count : str, optional
        Column of whole numbers: how many persons a row stands for. Sampling weights
        are not counts of persons.
    ci : {"profile", "wald"}
        Profile penalised likelihood limits with penalised likelihood ratio tests, or
        Wald limits and tests. Wald fails where profile is asymmetric: with separation.
    level : float
    flic : bool
        Refit the intercept by maximum likelihood, slopes unchanged, so that the mean
        predicted probability is the observed rate. Its limits and test are Wald.
    flac : bool
        Fit by maximum likelihood to the data augmented with pseudo-observations of
        weight tau * h and an indicator for them, which does the same and unbiases
        slopes differently.
    covariance : {"fisher", "augmented"}
        The inverse of X' W X at the estimate, as brglm2 has it; or, with 1 + 2 tau h
        times its weights, as logistf 1.26 has it: smaller standard errors. It decides
        `std_error`, `covariance` and Wald limits, never profile limits or tests.
    tau : float
        Strength of the penalty: 0.5 is Firth's (Jeffreys' prior), 0 maximum likelihood.

    Returns
    -------
    SampledFit
        A `ModelFit` that `regression.calibration` takes. Terms as formulaic names them,
        the intercept ``Intercept``. `statistic` is the likelihood ratio chi-square for
        profile limits (F with a design) and z or t for Wald. `fit_statistics`:
        ``log_likelihood`` (without penalty), ``penalised_log_likelihood``,
        ``null_penalised_log_likelihood`` (slopes 0, the penalty still that of the full
        design), ``df``, ``likelihood_ratio`` and ``p_value`` of all slopes together
        (with a design a Wald F test), ``n_events``, ``events_per_variable`` =
        min(events, non-events) / slopes, ``n_excluded``.

    Raises
    ------
    InputError
        If the formula, a column, the outcome or an option is not as described, or
        terms are collinear (they are named).
    NotEstimableError
        If all outcomes are alike, no row is complete, or tau = 0 with separation.
    ConvergenceError
        If the likelihood could not be maximised.

    Notes
    -----
    Tests and profiles keep the penalty of the full design when a term is held at 0, as
    Heinze and Schemper do; dropping the column gives another statistic.

    References
    ----------
    Firth, D. (1993). Bias reduction of maximum likelihood estimates. Biometrika 80,
    27-38. https://doi.org/10.1093/biomet/80.1.27

    Heinze, G. and Schemper, M. (2002). A solution to the problem of separation in
    logistic regression. Statistics in Medicine 21, 2409-2419.
    https://doi.org/10.1002/sim.1047

    Puhr, R., Heinze, G., Nold, M., Lusa, L. and Geroldinger, A. (2017). Firth's
    logistic regression with rare events: accurate effect estimates and predictions?
    Statistics in Medicine 36, 2302-2317. https://doi.org/10.1002/sim.7273

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"debt": [0, 0, 1], "forced": [0, 1, 1],
    ...     "persons": [18, 2, 5]})
    >>> fit = firth_logistic("forced ~ debt", cells, count="persons")
    >>> fit.terms()[["term", "estimate", "ci_low"]].round(3).to_numpy().tolist()
    [['Intercept', -2.001, -3.61], ['debt', 4.399, 1.851]]
    """
    check_level(level)
    check_choice("ci", ci, ("profile", "wald"))
    check_choice("covariance", covariance, ("fisher", "augmented"))
    options = _Options(ci, level, flic, flac, covariance)
    _check_options(options, tau)
    inside = None
    if design is not None:
        _check_design(design, frame, count, options)
        inside = design.domain
    data = read_model_rows(formula, frame, count=count, inside=inside)
    if flic and INTERCEPT not in data.term:
        raise InputError("flic=True refits the intercept, but the model has none.")
    weight = weights_of_mean_one(design, data)
    sample = ModelSample(frame=frame, rows=data, weight=weight, design=design)
    rows, trials, events, position = data.distinct_rows(sample.mass)
    firth = Likelihood(rows, trials, events, tau)
    infinite = infinite_terms(firth)
    separation = separation_notes(
        infinite, data.term, tau=tau, designed=design is not None
    )
    top = maximise(firth, np.zeros(rows.shape[1]), np.ones(rows.shape[1], dtype=bool))
    fitted = _correct(firth, top, data, options)
    if design is None:
        inference, extra = _independent(fitted, data, options)
    else:
        rows_read = _Rows(data, position, infinite)
        inference, extra = _designed(design, fitted, rows_read, options)
    beta = fitted.reported.beta[: len(data.term)].copy()
    statistics = _fit_statistics(fitted, data)
    return SampledFit(
        method="firth_logistic",
        formula=formula,
        term=data.term,
        estimate=beta,
        std_error=inference.std_error,
        statistic=inference.statistic,
        p_value=inference.p_value,
        ci_low=inference.ci_low,
        ci_high=inference.ci_high,
        covariance=inference.covariance,
        ci_level=level,
        ci_method=inference.ci_method,
        n_obs=int(data.frequency.sum()),
        fit_statistics={**statistics, **extra.statistics},
        linear_predictor=LinearPredictor(data.spec, beta),
        inverse_link=expit,
        notes=(
            *data.notes,
            *event_notes(statistics["events_per_variable"]),
            *separation,
            *extra.notes,
            *infinite_limit_notes(inference, data),
        ),
        model=glm_model("binomial"),
        sample=sample,
        df=extra.statistics.get("residual_df", np.inf),
    )


@dataclass(frozen=True, slots=True)
class _Options:
    ci: IntervalKind
    level: float
    flic: bool
    flac: bool
    covariance: ModelCovariance


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """The fit by Firth's penalty, and the one that limits and estimates come from."""

    firth: Likelihood
    likelihood: Likelihood  # augmented by pseudo-observations for FLAC
    top: State  # its maximum
    null: State  # its maximum with slopes 0
    reported: State  # the maximum, with FLIC's intercept


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The complete rows, which distinct row each one is, which terms are separated."""

    data: BinaryData
    position: IntVector
    infinite: IntVector


@dataclass(frozen=True, slots=True, eq=False)
class _Extra:
    statistics: dict[str, float]
    notes: tuple[str, ...]


def _check_options(options: _Options, tau: float) -> None:
    if options.flic and options.flac:
        raise InputError("flic and flac are two answers to one question: choose one.")
    if not 0 <= tau <= 1:
        raise InputError(
            f"tau={tau!r}: the strength of the penalty lies between 0 (maximum "
            "likelihood) and 1; Firth's is 0.5."
        )


def _check_design(
    design: SurveyDesign, frame: pd.DataFrame, count: str | None, options: _Options
) -> None:
    problems = []
    if len(design) != len(frame):
        problems.append(
            f"the design has {len(design)} rows and the frame {len(frame)}: row i of "
            "one is row i of the other; choose rows by design.subset, drop none"
        )
    if count is not None:
        problems.append("count= is for independent persons: give one row per person")
    if options.flic or options.flac:
        problems.append("flic= and flac= have no design-based variance")
    if options.covariance != "fisher":
        problems.append("covariance= does not apply: it follows from the design")
    if problems:
        raise InputError("With design=: " + "; ".join(problems) + ".")


def _correct(
    firth: Likelihood, top: State, data: BinaryData, options: _Options
) -> _Fitted:
    likelihood = firth
    if options.flac:
        likelihood, top = augment_data(firth, top)
    free = np.ones(top.beta.size, dtype=bool)
    free[data.slopes] = False
    null = maximise(likelihood, np.zeros(top.beta.size), free)
    reported = top
    if options.flic:
        reported = refit_intercept(firth, top, data.term.index(INTERCEPT))
    return _Fitted(firth, likelihood, top, null, reported)


def _independent(
    fitted: _Fitted, data: BinaryData, options: _Options
) -> tuple[Inference, _Extra]:
    terms = len(data.term)
    level = options.level
    full = model_covariance(fitted.likelihood, fitted.reported, options.covariance)
    covariance = full[:terms, :terms].copy()
    wald = wald_inference(fitted.reported.beta[:terms], covariance, level=level)
    slopes = len(data.slopes)
    ratio = max(2 * (fitted.top.penalised - fitted.null.penalised), 0.0)
    statistics = {
        "likelihood_ratio": ratio,
        "p_value": float(chdtrc(slopes, ratio)) if slopes else 1.0,
    }
    inference = wald
    if options.ci == "profile":
        inference = profile_inference(
            fitted.likelihood, fitted.top, covariance, level=level
        )
        if options.flic:
            place = data.term.index(INTERCEPT)
            inference = with_wald_term(inference, wald, place, what="intercept")
    notes = []
    if options.flic:
        notes.append(
            "FLIC: the intercept is refitted by maximum likelihood, its limits are "
            "Wald; the mean predicted probability is the observed rate"
        )
    if options.flac:
        notes.append(
            "FLAC: fitted to data augmented by pseudo-observations; the mean predicted "
            "probability is the observed rate"
        )
    return inference, _Extra(statistics, tuple(notes))


def _designed(
    design: SurveyDesign,
    fitted: _Fitted,
    rows: _Rows,
    options: _Options,
) -> tuple[Inference, _Extra]:
    data = rows.data
    top, level = fitted.top, options.level
    covariance = design_covariance(design, data, fitted.firth, top, rows.position)
    df, notes = residual_df(design, data)
    inference = wald_inference(top.beta, covariance, level=level, df=df)
    if options.ci == "profile":
        model = model_covariance(fitted.firth, top, "fisher")
        scale = np.diag(covariance) / np.diag(model)
        scale[rows.infinite] = np.maximum(scale[rows.infinite], 1.0)
        inference = profile_inference(
            fitted.firth, top, covariance, level=level, scale=scale, df=df
        )
    slopes = data.slopes
    ratio, p_value = wald_f_test(
        top.beta[slopes], covariance[np.ix_(slopes, slopes)], df
    )
    statistics = {"wald_f": ratio, "p_value": p_value, "residual_df": df}
    return inference, _Extra(statistics, (*design.notes, *notes))


def _fit_statistics(fitted: _Fitted, data: BinaryData) -> dict[str, float]:
    events = float(data.frequency @ data.outcome)
    rarer = min(events, float(data.frequency.sum()) - events)
    slopes = len(data.slopes)
    observed = fitted.firth.at(fitted.reported.beta[: len(data.term)])
    return {
        "log_likelihood": np.nan if observed is None else observed.log_likelihood,
        "penalised_log_likelihood": fitted.reported.penalised,
        "null_penalised_log_likelihood": fitted.null.penalised,
        "df": float(slopes),
        "n_events": events,
        "events_per_variable": rarer / slopes if slopes else np.inf,
        "n_excluded": float(data.n_excluded),
    }
