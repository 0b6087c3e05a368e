"""Means, totals and ratios with linearised variances, by domain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from estimators.designs import Design
from estimators.designs.labels import list_names
from estimators.errors import NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates
from estimators.survey.example import example_design
from estimators.survey.groups import (
    DomainSample,
    LinearisedTotals,
    deviation,
    linearise,
    read_domains,
)
from estimators.survey.rows import domain_results

if TYPE_CHECKING:
    from estimators.array_types import FloatVector
    from estimators.designs.domains import RowSelector

__all__ = ["domain_means", "linearised_mean", "mean", "ratio", "total"]


@estimator(
    family="survey",
    key="survey_mean",
    label="Design-weighted mean",
    source="Särndal, Swensson and Wretman 1992; Binder 1983",
    example=lambda: {"design": example_design(), "variable": "months"},
)
def mean(
    design: Design,
    variable: str,
    *,
    by: str | Sequence[str] | None = None,
    where: RowSelector | None = None,
    level: float = 0.95,
    df: float | None = None,
) -> Estimate | Estimates:
    """Estimate the population mean of a numeric variable.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign of n rows
    variable : str
        Numeric column. Missing values are unknown: such rows count as outside the
        domain, stay in the design and are counted in notes and ``n_unknown``. This is
        right when they are missing at random within the domain.
    by : str or list of str, optional
        Group columns: one row per observed combination, in sorted order.
    where : str or array of shape (n,), optional
        Domain: a boolean column, a query or booleans.
    level : float
    df : float, optional
        Degrees of freedom of the t interval, instead of PSUs less strata of the domain;
        ``math.inf`` gives normal limits.

    Returns
    -------
    Estimate or Estimates
        `Estimates` with the joint covariance if `by` is given. Diagnostics: ``df``;
        ``df_together`` (all groups together); ``design_effect`` (variance over that of
        simple random sampling with replacement of the domain's known rows, survey's
        ``deff = "replace"``); ``design_effect_without_replacement`` (the same with a
        finite population of the domain's sum of weights, survey's ``deff = TRUE``);
        ``n_effective`` = n / design_effect; ``n_unknown``; ``sum_of_weights``. Those
        that are not defined (one row, no spread) are absent.

    Raises
    ------
    InputError
        If a column is absent or not numeric, or the selector is not boolean.
    NotEstimableError
        If the domain is empty or a stratum has a single PSU and the design says fail.

    Notes
    -----
    Hájek's ratio ``sum w y / sum w``; scores ``w (y - mean) / sum w``; t interval with
    PSUs less strata as degrees of freedom. A domain without degrees of freedom gets an
    infinite standard error and interval, and a note.

    References
    ----------
    Särndal, C.-E., Swensson, B. and Wretman, J. (1992). Model Assisted Survey
    Sampling, chapter 5. Springer.

    Binder, D. A. (1983). On the variances of asymptotically normal estimators from
    complex surveys. International Statistical Review 51, 279-292.

    Examples
    --------
    >>> from estimators import survey
    >>> from estimators.survey import SurveyDesign
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"psu": [1, 1, 2, 3], "w": [1.0, 1, 2, 2],
    ...                       "y": [2.0, 4, 6, 9]})
    >>> design = SurveyDesign.from_frame(frame, weights="w", psu="psu")
    >>> result = survey.mean(design, "y")
    >>> print(f"{result.estimate:.2f} ({result.std_error:.4f})")
    6.00 (1.7321)
    """
    found = linearised_mean(design, variable, by, where)
    return domain_results(
        found,
        by,
        {"estimand": f"mean of {variable}", "unit": variable, "method": "survey_mean"},
        level=level,
        df=df,
    )


def linearised_mean(
    design: Design,
    variable: str,
    by: str | Sequence[str] | None,
    where: RowSelector | None,
) -> LinearisedTotals:
    """Return the means of the domains with their covariance."""
    sample, (y,) = read_domains(design, [variable], by, where)
    return domain_means(sample, y)


def domain_means(sample: DomainSample, y: FloatVector) -> LinearisedTotals:
    """Return the mean of y, shape (n,), in each domain with the covariance."""
    weights = sample.design.weights
    size = sample.total(weights)
    estimate = sample.total(weights * y) / size
    away = deviation(y, sample.spread(estimate))
    influence = away / _nonzero(sample.spread(size))
    simple = (away, np.ones(len(sample)))
    return linearise(sample, estimate, influence, simple, (y, np.ones_like(y)))


@estimator(
    family="survey",
    key="survey_total",
    label="Design-weighted total",
    source="Horvitz and Thompson 1952; Särndal, Swensson and Wretman 1992",
    example=lambda: {"design": example_design(), "variable": "exploited"},
)
def total(
    design: Design,
    variable: str,
    *,
    by: str | Sequence[str] | None = None,
    where: RowSelector | None = None,
    level: float = 0.95,
    df: float | None = None,
) -> Estimate | Estimates:
    """Estimate the population total of a numeric variable.

    Unknown values are left out of the sum: the total is one of known values only, and
    the notes say how many are not. The interval is not cut at zero.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign of n rows
    variable : str
        Numeric column.
    by : str or list of str, optional
    where : str or array of shape (n,), optional
    level : float
    df : float, optional
        As in `mean`.

    Returns
    -------
    Estimate or Estimates
        As from `mean`.

    Raises
    ------
    InputError, NotEstimableError
        As from `mean`.

    Notes
    -----
    ``sum w y`` with scores ``w y``; a domain's total counts the rows outside as zero.
    Weights must add up to the population (not to the sample) for the total to mean
    anything.

    References
    ----------
    Särndal, C.-E., Swensson, B. and Wretman, J. (1992). Model Assisted Survey
    Sampling, chapters 2 and 5. Springer.

    Binder, D. A. (1983). On the variances of asymptotically normal estimators from
    complex surveys. International Statistical Review 51, 279-292.

    Examples
    --------
    >>> from estimators import survey
    >>> from estimators.survey import SurveyDesign
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"w": [10.0, 10, 20, 20], "y": [0, 1, 1, 0]})
    >>> survey.total(SurveyDesign.from_frame(frame, weights="w"), "y").estimate
    30.0
    """
    sample, (y,) = read_domains(design, [variable], by, where)
    size = sample.total(design.weights)
    estimate = sample.total(design.weights * y)
    away = deviation(y, sample.spread(estimate / size))
    return domain_results(
        linearise(sample, estimate, y, (away, size), (y, None)),
        by,
        {"estimand": f"total of {variable}", "unit": variable,
         "method": "survey_total"},
        level=level,
        df=df,
    )  # fmt: skip


@estimator(
    family="survey",
    key="survey_ratio",
    label="Ratio of two design-weighted totals",
    source="Särndal, Swensson and Wretman 1992, section 5.6",
    example=lambda: {
        "design": example_design(),
        "numerator": "exploited",
        "denominator": "months",
    },
)
def ratio(
    design: Design,
    numerator: str,
    denominator: str,
    *,
    by: str | Sequence[str] | None = None,
    where: RowSelector | None = None,
    level: float = 0.95,
    df: float | None = None,
) -> Estimate | Estimates:
    """Estimate the ratio of two population totals.

    A row that is unknown in either column lies in no domain.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign of n rows
    numerator, denominator : str
        Numeric columns.
    by : str or list of str, optional
    where : str or array of shape (n,), optional
    level : float
    df : float, optional
        As in `mean`.

    Returns
    -------
    Estimate or Estimates
        As from `mean`.

    Raises
    ------
    NotEstimableError
        Also if the denominator's total is zero in a group; the message names them.

    Notes
    -----
    ``R = sum w y / sum w x`` with scores ``w (y - R x) / sum w x``.

    References
    ----------
    Särndal, C.-E., Swensson, B. and Wretman, J. (1992). Model Assisted Survey
    Sampling, section 5.6. Springer.

    Binder, D. A. (1983). On the variances of asymptotically normal estimators from
    complex surveys. International Statistical Review 51, 279-292.

    Examples
    --------
    >>> from estimators import survey
    >>> from estimators.survey import SurveyDesign
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"cases": [1, 0, 2], "arrivals": [40, 30, 50]})
    >>> result = survey.ratio(SurveyDesign.from_frame(frame), "cases", "arrivals")
    >>> round(result.estimate, 6)
    0.025
    """
    sample, (y, x) = read_domains(design, [numerator, denominator], by, where)
    base = sample.total(design.weights * x)
    if (base == 0).any():
        groups = [dict(sample.domains.groups[i]) for i in np.flatnonzero(base == 0)]
        place = list_names(groups) if by is not None else "the domain"
        raise NotEstimableError(
            f"The total of {denominator!r} is 0 in {place}: no ratio."
        )
    estimate = sample.total(design.weights * y) / base
    away = deviation(y, sample.spread(estimate) * x)
    influence = away / _nonzero(sample.spread(base))
    factor = sample.total(design.weights) / base
    return domain_results(
        linearise(sample, estimate, influence, (away, factor), (y, x)),
        by,
        {"estimand": f"ratio of {numerator} to {denominator}",
         "unit": f"{numerator} per {denominator}", "method": "survey_ratio"},
        level=level,
        df=df,
    )  # fmt: skip


def _nonzero(values: FloatVector) -> FloatVector:
    """Return values with 1 in place of the 0 that stands outside all domains."""
    return np.where(values == 0, 1.0, values)
