"""Ratios and differences of risks, adjusted for covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from estimators.checks import check_choice, check_level
from estimators.designs import Design, SurveyDesign, check_design
from estimators.errors import InputError
from estimators.registry import estimator
from estimators.regression.design_inference import check_same_rows, residual_df
from estimators.regression.glm_families import Model, glm_model
from estimators.regression.glm_fit import (
    EDGE_NOTE,
    GlmEstimate,
    fit_glm,
    glm_covariance,
)
from estimators.regression.inference import wald_inference
from estimators.regression.model_rows import ModelRows, read_model_rows
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

__all__ = ["risk_difference", "risk_ratio"]

RatioMethod: TypeAlias = Literal["modified_poisson", "log_binomial"]
DifferenceMethod: TypeAlias = Literal["least_squares", "binomial"]
_ADVICE = (
    "A risk of 0 in some category has no finite ratio: pool categories, drop the term, "
    "or use firth_logistic."
)
# Of a risk: below it residuals are rounding.
_NO_SPREAD = 1e-10
_FEW_CLUSTERS = 30


@dataclass(frozen=True, slots=True)
class _Choice:
    """What is fitted: `robust` variance does not believe the binomial model."""

    key: str
    model: Model
    robust: bool


def _example() -> dict[str, object]:
    rows = [(0, 0, 1, 2), (0, 0, 0, 40), (1, 0, 1, 9), (1, 0, 0, 30), (0, 1, 1, 3),
            (0, 1, 0, 11), (1, 1, 1, 12), (1, 1, 0, 5)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["debt", "minor", "exploited", "persons"])
    return {"formula": "exploited ~ debt + minor", "frame": frame, "count": "persons"}


@estimator(
    family="regression",
    label="Risk ratios: modified Poisson or log-binomial regression",
    source="Zou 2004; Wacholder 1986",
    example=_example,
)
def risk_ratio(
    formula: str,
    frame: pd.DataFrame,
    *,
    method: RatioMethod = "modified_poisson",
    design: Design | None = None,
    cluster: str | None = None,
    count: str | None = None,
    level: float = 0.95,
) -> RegressionFit:
    """Estimate adjusted risk ratios (prevalence ratios) of a 0/1 outcome.

    The coefficients are logarithms of risk ratios, which odds ratios exceed where the
    outcome is not rare. Both methods assume that risks multiply.

    Parameters
    ----------
    formula : str
        ``outcome ~ terms``, as formulaic reads it; the outcome is 0/1 or boolean.
    frame : pandas.DataFrame of shape (n, ...)
        Rows with a missing value in a column of the model are left out, counted as
        ``n_excluded`` and named in `notes`.
    method : {"modified_poisson", "log_binomial"}
        Poisson score equations with a sandwich variance (HC0), which always have a
        solution but may predict risks above 1 (the notes say so); or the binomial
        likelihood with a log link, whose maximum may lie on the edge where a predicted
        risk is 1: it is then reported without standard errors.
    design : SurveyDesign or ReplicateDesign, optional
        How the rows of `frame` were sampled, row by row: linearised or replicate
        variance, t with the design's degrees of freedom + 1 - terms.
    cluster : str, optional
        Column of clusters of independent sampling: short for a design whose PSUs they
        are. The variance has the factor G / (G - 1) for G clusters.
    count : str, optional
        Column of whole numbers: how many independent persons a row stands for.
    level : float

    Returns
    -------
    RegressionFit
        A `ModelFit` that `marginal_effects`, `predictive_margins` and `term_test` read;
        `plot` draws exp(estimate). `fit_statistics`: ``df`` (slopes), ``n_events``,
        ``events_per_variable``, ``largest_risk`` (predicted), ``n_excluded``, and
        ``residual_df`` with a design or clusters.

    Raises
    ------
    InputError
        If the formula, a column, the outcome or an option is not as described, or
        terms are collinear (they are named).
    NotEstimableError
        If all outcomes are alike, no row is complete, or a category has no event.
    ConvergenceError
        If the likelihood could not be maximised.

    Notes
    -----
    The log-binomial likelihood is concave; it is maximised by Newton's method behind a
    logarithmic barrier that is lowered step by step, so that no starting value is
    needed and a maximum on the edge is found as such.

    References
    ----------
    Zou, G. (2004). A modified Poisson regression approach to prospective studies with
    binary data. American Journal of Epidemiology 159, 702-706.
    https://doi.org/10.1093/aje/kwh090

    Wacholder, S. (1986). Binomial regression in GLIM: estimating risk ratios and risk
    differences. American Journal of Epidemiology 123, 174-184.
    https://doi.org/10.1093/oxfordjournals.aje.a114212

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"debt": [0, 0, 1, 1], "forced": [0, 1, 0, 1],
    ...     "persons": [18, 2, 6, 4]})
    >>> fit = risk_ratio("forced ~ debt", cells, count="persons")
    >>> float(np.exp(fit.estimate[1]).round(6))  # 4 / 10 against 2 / 20
    4.0
    """
    check_choice("method", method, ("modified_poisson", "log_binomial"))
    if method == "modified_poisson":
        choice = _Choice("risk_ratio", glm_model("poisson"), robust=True)
    else:
        choice = _Choice("risk_ratio", glm_model("binomial", "log"), robust=False)
    sampling = _sampling(frame, design, cluster, count)
    rows = _read(formula, frame, sampling, count)
    return _fitted(choice, (formula, frame, rows), sampling, level=level)


@estimator(
    family="regression",
    label="Risk differences: binomial or least-squares regression",
    source="Wacholder 1986; Cheung 2007",
    example=_example,
)
def risk_difference(
    formula: str,
    frame: pd.DataFrame,
    *,
    method: DifferenceMethod = "least_squares",
    design: Design | None = None,
    cluster: str | None = None,
    count: str | None = None,
    level: float = 0.95,
) -> RegressionFit:
    """Estimate adjusted risk differences of a 0/1 outcome.

    The coefficients are differences of risks; the model assumes that they add up.

    Parameters
    ----------
    formula : str
        ``outcome ~ terms``, as formulaic reads it; the outcome is 0/1 or boolean.
    frame : pandas.DataFrame of shape (n, ...)
        Rows with a missing value in a column of the model are left out, counted as
        ``n_excluded`` and named in `notes`.
    method : {"least_squares", "binomial"}
        Least squares with a sandwich variance (HC0), which always has a solution but
        may predict risks outside 0 to 1; or the binomial likelihood with an identity
        link, whose maximum may lie on the edge: it is then reported without standard
        errors.
    design : SurveyDesign or ReplicateDesign, optional
        How the rows of `frame` were sampled, row by row.
    cluster : str, optional
        Column of clusters of independent sampling: short for a design whose PSUs they
        are.
    count : str, optional
        Column of whole numbers: how many independent persons a row stands for.
    level : float

    Returns
    -------
    RegressionFit
        As `risk_ratio`, with estimates in units of risk.

    Raises
    ------
    InputError
        If the formula, a column, the outcome or an option is not as described, or
        terms are collinear (they are named).
    NotEstimableError
        If all outcomes are alike or no row is complete.
    ConvergenceError
        If the likelihood could not be maximised.

    References
    ----------
    Wacholder, S. (1986). Binomial regression in GLIM: estimating risk ratios and risk
    differences. American Journal of Epidemiology 123, 174-184.
    https://doi.org/10.1093/oxfordjournals.aje.a114212

    Cheung, Y. B. (2007). A modified least-squares regression approach to the estimation
    of risk difference. American Journal of Epidemiology 166, 1337-1344.
    https://doi.org/10.1093/aje/kwm223

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"debt": [0, 0, 1, 1], "forced": [0, 1, 0, 1],
    ...     "persons": [18, 2, 6, 4]})
    >>> fit = risk_difference("forced ~ debt", cells, count="persons")
    >>> float(fit.estimate[1].round(6))  # 4 / 10 against 2 / 20
    0.3
    """
    check_choice("method", method, ("least_squares", "binomial"))
    if method == "least_squares":
        choice = _Choice("risk_difference", glm_model("gaussian"), robust=True)
    else:
        model = glm_model("binomial", "identity")
        choice = _Choice("risk_difference", model, robust=False)
    sampling = _sampling(frame, design, cluster, count)
    rows = _read(formula, frame, sampling, count)
    return _fitted(choice, (formula, frame, rows), sampling, level=level)


def _sampling(
    frame: pd.DataFrame, design: Design | None, cluster: str | None, count: str | None
) -> Design | None:
    """Return the design that the options state, None for independent persons."""
    if design is not None and cluster is not None:
        raise InputError(
            "design= already says which rows were sampled together: leave cluster= out."
        )
    if cluster is not None:
        if count is not None:
            raise InputError("With cluster=: give one row per person, without count=.")
        return SurveyDesign.from_frame(frame, psu=cluster)
    if design is not None:
        check_same_rows(check_design(design), frame, count)
    return design


def _read(
    formula: str, frame: pd.DataFrame, sampling: Design | None, count: str | None
) -> ModelRows:
    inside = None if sampling is None else sampling.domain
    return read_model_rows(formula, frame, count=count, inside=inside)


def _fitted(
    choice: _Choice,
    data: tuple[str, pd.DataFrame, ModelRows],
    sampling: Design | None,
    *,
    level: float,
) -> RegressionFit:
    check_level(level)
    formula, frame, rows = data
    model = choice.model
    weight = np.ones(len(rows.outcome))
    if sampling is not None:
        weight = sampling.weights[rows.kept] / sampling.weights[rows.kept].mean()
    sample = ModelSample(frame=frame, rows=rows, weight=weight, design=sampling)
    estimate = fit_glm(sample, model, advice=_ADVICE)
    covariance, df, notes = _covariance(choice, sample, estimate)
    inference = wald_inference(estimate.beta, covariance, level=level, df=df)
    events, doubts = event_statistics(rows, "binomial")
    risk = model.mean(rows.matrix @ estimate.beta)
    return RegressionFit(
        method=choice.key,
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
            "df": float(rows.slopes.size),
            **events,
            "largest_risk": float(risk.max()),
            **({} if np.isinf(df) else {"residual_df": df}),
            "n_excluded": float(rows.n_excluded),
        },
        linear_predictor=offset_predictor(rows, estimate.beta, None),
        inverse_link=response(model),
        notes=(
            *rows.notes,
            *doubts,
            *estimate.notes,
            *notes,
            *_range_notes(risk),
            *_spread_notes(rows, inference.std_error),
        ),
        model=model,
        sample=sample,
        information=estimate.information,
        df=df,
        replicates=estimate.replicates,
    )


def _covariance(
    choice: _Choice, sample: ModelSample, estimate: GlmEstimate
) -> tuple[FloatMatrix, float, list[str]]:
    notes = [EDGE_NOTE] if estimate.on_edge else []
    if sample.design is None:
        if choice.robust or estimate.on_edge:
            return glm_covariance(sample, choice.model, estimate), np.inf, notes
        return inverse_information(estimate.information), np.inf, notes
    df, fallen_back = residual_df(sample.design, sample.rows)
    notes.extend(fallen_back)
    if isinstance(sample.design, SurveyDesign) and sample.design.n_psu < _FEW_CLUSTERS:
        notes.append(
            f"{sample.design.n_psu} clusters, few: sandwich standard errors tend to be "
            "too small; t limits make up for a part of it"
        )
    return glm_covariance(sample, choice.model, estimate), df, notes


def _range_notes(risk: np.ndarray) -> tuple[str, ...]:
    outside = int(((risk > 1 + 1e-9) | (risk < -1e-9)).sum())
    if not outside:
        return ()
    return (
        f"{outside} of {risk.size} rows have a predicted risk outside 0 to 1: compare "
        "with the binomial method, or with logistic and marginal_effects",
    )


def _spread_notes(rows: ModelRows, std_error: FloatVector) -> tuple[str, ...]:
    without = std_error < _NO_SPREAD
    if not without.any():
        return ()
    return (
        f"the standard errors of {', '.join(np.array(rows.term)[without])} are 0, for "
        "within their groups all persons have, or all lack, the outcome (separation): "
        "tests and limits say nothing; use exact_logistic or firth_logistic",
    )
