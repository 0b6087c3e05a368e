"""Generalised linear models under a survey design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_level
from estimators.designs import Design, SurveyDesign, check_design
from estimators.designs.domains import RowSelector
from estimators.registry import estimator
from estimators.regression.design_inference import (
    residual_df,
    wald_f_test,
    weights_of_mean_one,
)
from estimators.regression.doubts import event_notes
from estimators.regression.glm_families import (
    FamilyName,
    LinkName,
    Model,
    glm_model,
)
from estimators.regression.glm_fit import (
    EDGE_NOTE,
    GlmEstimate,
    fit_glm,
    glm_covariance,
)
from estimators.regression.inference import wald_inference
from estimators.regression.model_data import LinearPredictor
from estimators.regression.model_rows import ModelRows, read_model_rows
from estimators.regression.regression_fit import (
    ModelSample,
    RegressionFit,
    inverse_information,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["event_statistics", "offset_predictor", "response", "survey_glm"]

_ADVICE = (
    "Use firth_logistic(formula, frame, design=design), pool categories, or drop the "
    "term."
)


def _example() -> dict[str, object]:
    frame = pd.DataFrame(
        {
            "site": ["north"] * 8 + ["south"] * 8,
            "truck": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8],
            "weight": [2.0] * 8 + [5.0] * 8,
            "forced": [1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 0],
            "debt": [1, 0, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1],
        }
    )
    design = SurveyDesign.from_frame(
        frame, weights="weight", strata="site", psu="truck"
    )
    return {"formula": "forced ~ debt", "design": design}


@estimator(
    family="regression",
    label="Generalised linear model under a survey design",
    source="Binder 1983; Lumley and Scott 2014",
    example=_example,
)
def survey_glm(
    formula: str,
    design: Design,
    *,
    family: FamilyName = "binomial",
    link: LinkName | None = None,
    where: RowSelector | None = None,
    offset: str | None = None,
    level: float = 0.95,
) -> RegressionFit:
    """Fit a generalised linear model to a survey sample by pseudo-likelihood.

    Estimates the coefficients that maximum likelihood would give on the whole
    population that was sampled; the model need not hold for that. Standard errors are
    linearised from the strata, stages and weights of the design (Binder 1983), or come
    from the spread of the coefficients over the replicates of a replicate design.

    Parameters
    ----------
    formula : str
        ``outcome ~ terms``, as formulaic reads it. Rows with a missing value in a
        column of the model are left out of the domain, counted and named in `notes`.
    design : SurveyDesign or ReplicateDesign of n rows
    family : {"binomial", "poisson", "gaussian", "gamma"}
        Binomial outcomes are 0/1 or boolean. Poisson with 0/1 outcomes gives risk
        ratios (modified Poisson).
    link : {"logit", "probit", "cloglog", "log", "identity", "inverse"}, optional
        By default logit (binomial), log (Poisson, gamma) or identity (Gaussian).
    where : str or array of shape (n,), optional
        Rows under study; the others keep their place in the variance.
    offset : str, optional
        Numeric column added to the linear predictor: for a rate, the logarithm of the
        exposure.
    level : float

    Returns
    -------
    RegressionFit
        A `ModelFit` that `marginal_effects`, `predictive_margins` and `term_test` read.
        Tests and limits are Wald's with t of ``residual_df`` = degrees of freedom of
        the design + 1 - terms (all of the design's where that is not above 0, which the
        notes say). `fit_statistics`: ``deviance`` at weights of mean 1, ``dispersion``
        (variance of the Pearson residuals), ``wald_f`` and ``p_value`` of all slopes
        together, ``mean_design_effect`` of the slopes, ``effective_parameters`` and
        ``aic`` (Lumley and Scott 2015; binomial and Poisson), ``n_excluded``, and for
        binomial outcomes ``n_events`` and ``events_per_variable``.

    Raises
    ------
    InputError
        If the formula, a column, the outcome or an option is not as described, or
        terms are collinear.
    NotEstimableError
        If no row is complete, all outcomes are alike, terms are separated (named, with
        `firth_logistic` as the way out), or the design leaves no degree of freedom.
    ConvergenceError
        If the likelihood could not be maximised.

    Notes
    -----
    The bread of the sandwich is the expected information at the estimate. R's survey
    takes it one iteration earlier, so that its standard errors are good to 3e-5 unless
    its tolerance is tightened. All replicates are solved together over the distinct
    covariate rows, each starting from the full estimate.

    References
    ----------
    Binder, D. A. (1983). On the variances of asymptotically normal estimators from
    complex surveys. International Statistical Review 51, 279-292.

    Lumley, T. and Scott, A. (2014). Tests for regression models fitted to survey data.
    Australian and New Zealand Journal of Statistics 56, 1-14.
    https://doi.org/10.1111/anzs.12065

    Lumley, T. and Scott, A. (2015). AIC and BIC for modeling with complex survey data.
    Journal of Survey Statistics and Methodology 3, 1-18.
    https://doi.org/10.1093/jssam/smu021

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.survey import SurveyDesign
    >>> frame = pd.DataFrame({"site": [1, 1, 2, 2, 3, 3, 4, 4], "w": [1.0, 3] * 4,
    ...     "y": [0, 1, 0, 0, 1, 1, 0, 1], "x": [0, 1, 1, 0, 0, 1, 1, 0]})
    >>> design = SurveyDesign.from_frame(frame, weights="w", psu="site")
    >>> fit = survey_glm("y ~ x", design)  # odds 4 / 4, then 6 / 2
    >>> (abs(fit.estimate) + 1e-9).round(4).tolist()
    [0.0, 1.0986]
    """
    check_level(level)
    check_design(design)
    model = glm_model(family, link)
    if where is not None:
        design = design.subset(where)
    rows = read_model_rows(
        formula, design.frame, family=family, offset=offset, inside=design.domain
    )
    weight = weights_of_mean_one(design, rows)
    sample = ModelSample(frame=design.frame, rows=rows, weight=weight, design=design)
    estimate = fit_glm(sample, model, advice=_ADVICE)
    covariance = glm_covariance(sample, model, estimate)
    df, fallen_back = residual_df(design, rows)
    inference = wald_inference(estimate.beta, covariance, level=level, df=df)
    statistics = _statistics(sample, model, estimate, covariance)
    slopes = rows.slopes
    ratio, p_value = (0.0, 1.0)
    if not estimate.on_edge:
        ratio, p_value = wald_f_test(
            estimate.beta[slopes], covariance[np.ix_(slopes, slopes)], df
        )
    events, doubts = event_statistics(rows, family)
    return RegressionFit(
        method="survey_glm",
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
        n_obs=len(rows.outcome),
        fit_statistics={
            **statistics,
            "df": float(slopes.size),
            "residual_df": df,
            "wald_f": ratio,
            "p_value": p_value,
            **events,
            "n_excluded": float(design.domain.sum() - len(rows.outcome)),
        },
        linear_predictor=offset_predictor(rows, estimate.beta, offset),
        inverse_link=response(model),
        notes=(
            *design.notes,
            *rows.notes,
            *doubts,
            *estimate.notes,
            *((EDGE_NOTE,) if estimate.on_edge else ()),
            *fallen_back,
        ),
        model=model,
        sample=sample,
        information=estimate.information,
        df=df,
        replicates=estimate.replicates,
    )


def event_statistics(
    rows: ModelRows, family: FamilyName
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return events and events per variable of 0/1 outcomes, and doubts about them."""
    if family != "binomial" and not np.isin(rows.outcome, (0.0, 1.0)).all():
        return {}, ()
    events = float(rows.frequency @ rows.outcome)
    rarer = min(events, float(rows.frequency.sum()) - events)
    slopes = len(rows.slopes)
    ratio = rarer / slopes if slopes else np.inf
    found = {"n_events": events, "events_per_variable": ratio}
    return found, event_notes(ratio)


def _statistics(
    sample: ModelSample,
    model: Model,
    estimate: GlmEstimate,
    covariance: FloatMatrix,
) -> dict[str, float]:
    rows, mass = sample.rows, sample.mass
    eta = rows.matrix @ estimate.beta + rows.offset
    deviance = model.deviance(rows.outcome, eta, mass)
    pearson = (rows.outcome - model.mean(eta)) / np.sqrt(model.variance(eta))
    size = len(pearson)
    away = pearson - np.average(pearson, weights=mass)
    found = {
        "deviance": deviance,
        "dispersion": float(np.average(away**2, weights=mass)) * size / (size - 1),
    }
    slopes = rows.slopes
    if (
        estimate.on_edge
        or not slopes.size
        or model.family not in {"binomial", "poisson"}
    ):
        return found
    inside = np.ix_(slopes, slopes)
    bread = inverse_information(estimate.information)[inside]
    effect = float(np.trace(np.linalg.solve(bread, covariance[inside]))) / slopes.size
    parameters = effect * slopes.size
    found["mean_design_effect"] = effect
    found["effective_parameters"] = parameters
    found["aic"] = deviance + 2 * parameters
    return found


def response(model: Model) -> Callable[[FloatVector], FloatVector]:
    """Return the inverse link on vectors."""
    return lambda eta: np.asarray(model.mean(eta)).ravel()


@dataclass(frozen=True, slots=True, eq=False)
class _WithOffset:
    """Linear predictors of any frame with the model's columns and its offset."""

    plain: LinearPredictor
    offset: str

    def __call__(self, frame: pd.DataFrame) -> FloatVector:
        """Return linear predictors of shape (rows of `frame`,)."""
        known = pd.to_numeric(frame[self.offset]).to_numpy(dtype=np.float64)
        return np.asarray(self.plain(frame) + known)


def offset_predictor(
    rows: ModelRows, beta: FloatVector, offset: str | None
) -> LinearPredictor | _WithOffset:
    """Return what `ModelFit.augment` predicts with."""
    plain = LinearPredictor(rows.spec, beta)
    return plain if offset is None else _WithOffset(plain, offset)
