"""Agreement between raters, with design-based standard errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from estimators.checks import check_choice, check_level
from estimators.designs import SurveyDesign, degrees_of_freedom, linearised_covariance
from estimators.diagnostics.rating_statistics import (
    SubjectMeans,
    alpha_means,
    gwet_means,
    kappa_means,
    weight_matrix,
)
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import t_interval
from estimators.registry import estimator
from estimators.results import Estimate

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix

__all__ = ["AgreementCoefficient", "Weighting", "agreement"]

AgreementCoefficient: TypeAlias = Literal[
    "cohen_kappa", "gwet_ac", "krippendorff_alpha"
]
Weighting: TypeAlias = Literal["identity", "linear", "quadratic", "ordinal"]
_NAMES = {
    "cohen_kappa": "Cohen's kappa",
    "gwet_ac": "Gwet's AC",
    "krippendorff_alpha": "Krippendorff's alpha",
}


@estimator(
    family="diagnostics",
    label="Agreement between raters (kappa, AC1/AC2, alpha)",
    source="Cohen 1960; Fleiss, Cohen and Everitt 1969; Gwet 2008; Krippendorff 2011",
    example=lambda: {
        "ratings": pd.DataFrame(
            {
                "first": [1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0],
                "second": [1, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0],
            }
        )
    },
)
def agreement(
    ratings: pd.DataFrame,
    *,
    coefficient: AgreementCoefficient = "cohen_kappa",
    weighting: Weighting = "identity",
    design: SurveyDesign | None = None,
    level: float = 0.95,
) -> Estimate:
    """Estimate chance-corrected agreement between raters of the same persons.

    Parameters
    ----------
    ratings : DataFrame of n rows
        One column per rater, one row per person rated; missing where a rater gave none.
    coefficient : str
        "cohen_kappa": two raters, persons rated by both. "gwet_ac": AC1, with a
        weighting AC2; any number of raters, missing ratings allowed, steady where
        nearly all ratings fall into one category. "krippendorff_alpha": any number of
        raters, missing ratings allowed.
    weighting : str
        "identity": categories agree or not. "linear", "quadratic": partial agreement by
        the distance between the categories' values (their ranks if they are text).
        "ordinal": by ranks (for alpha, by the ranks that the ratings occupy;
        "quadratic" is alpha's interval metric, "linear" alpha does not have).
    design : SurveyDesign, optional
        Sampling design of the persons, with the same rows as `ratings`: estimate and
        standard error are then those of the population.
    level : float

    Returns
    -------
    Estimate
        In [-1, 1], 1 is full agreement, 0 that of chance. `n_obs` counts the persons
        who enter. Diagnostics: ``observed_agreement``, ``expected_agreement``,
        ``n_categories``, ``n_excluded``. For kappa also, without weighting and design,
        ``std_error_if_chance`` (for a test of no agreement) and
        ``std_error_cohen_1960``, which some packages put into intervals; with two
        categories ``prevalence_index``, ``bias_index`` and ``pabak`` (kappa at even
        prevalence and no bias).

    Raises
    ------
    InputError
        If there are fewer than two raters, more than two for kappa, or the design has
        other rows.
    NotEstimableError
        If nobody has two ratings or all ratings fall into one category.

    Notes
    -----
    Standard errors are linearised over persons: Fleiss, Cohen and Everitt's for kappa
    of a simple random sample, Gwet's (with n - 1) for the others, the design's
    linearised variance with its degrees of freedom if there is one. They take the
    raters as fixed. With missing ratings they treat the numbers of ratings as random,
    as ratio estimates do; irrCAC takes them as given, and leaves the small-sample
    factor of alpha out of its standard error. Kappa is low for rare categories even
    when raters rarely differ: read it beside AC1 and the observed agreement.

    References
    ----------
    Fleiss, J. L., Cohen, J. and Everitt, B. S. (1969). Large sample standard errors of
    kappa and weighted kappa. Psychological Bulletin 72, 323-327.

    Gwet, K. L. (2008). Computing inter-rater reliability and its variance in the
    presence of high agreement. British Journal of Mathematical and Statistical
    Psychology 61, 29-48.

    Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability. University of
    Pennsylvania.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.diagnostics import agreement
    >>> ratings = pd.DataFrame({"coder": [1, 1, 0, 0, 1, 0, 0, 0],
    ...                         "classifier": [1, 1, 0, 0, 0, 0, 0, 1]})
    >>> result = agreement(ratings)
    >>> print(f"{result.estimate:.3f} ({result.std_error:.3f})")
    0.467 (0.323)
    """
    check_choice("coefficient", coefficient, tuple(_NAMES))
    check_choice("weighting", weighting, ("identity", "linear", "quadratic", "ordinal"))
    check_level(level)
    codes, values = _read(ratings, coefficient)
    weights = np.ones(len(ratings))
    if design is not None:
        weights = _design_weights(design, ratings)
        codes = np.where(design.domain[:, None], codes, -1)
    means = _means(codes, values, coefficient, weighting)
    n_used = int(means.used.sum())
    if not ((codes >= 0).sum(axis=1) > 1).any():
        raise NotEstimableError("Nobody has two ratings: there is no agreement to see.")
    point, observed, expected, influence = means.evaluate(weights)
    if not math.isfinite(point):
        raise NotEstimableError(
            "All ratings fall into one category: chance agreement is complete and "
            "alpha does not exist. Report the percent agreement."
        )
    variance, df = _variance(
        influence, design, means, classical=coefficient == "cohen_kappa"
    )
    std_error = math.sqrt(variance) if df > 0 else math.inf
    inside = len(ratings) if design is None else int(design.domain.sum())
    return Estimate(
        estimand=_NAMES[coefficient],
        unit="coefficient",
        estimate=point,
        std_error=std_error,
        ci=t_interval(
            point, std_error, df=max(df, 1.0), level=level, bounds=(-1.0, 1.0)
        ),
        method="agreement",
        n_obs=n_used,
        notes=_notes(point, inside - n_used, std_error),
        diagnostics={
            "observed_agreement": observed,
            "expected_agreement": expected,
            "n_categories": float(values.size),
            "n_excluded": float(inside - n_used),
            **_table_values(means, weights, coefficient, values.size),
        },
    )


def _read(ratings: pd.DataFrame, coefficient: str) -> tuple[IntMatrix, FloatVector]:
    """Return codes of shape (n, raters), -1 where missing, and the categories' values.

    Text categories get their ranks in sorted (or the categorical's own) order.
    """
    if not isinstance(ratings, pd.DataFrame):
        raise InputError(
            f"A DataFrame with a column per rater was expected, "
            f"{type(ratings).__name__} came."
        )
    n_raters = ratings.shape[1]
    if n_raters < 2 or (coefficient == "cohen_kappa" and n_raters != 2):
        needed = "two" if coefficient == "cohen_kappa" else "two or more"
        raise InputError(
            f"{_NAMES[coefficient]} needs {needed} columns, one per rater; {n_raters} "
            f"came ({', '.join(map(str, ratings.columns))})."
        )
    levels = _levels(ratings)
    codes = np.column_stack(
        [
            pd.Categorical(ratings[name], categories=levels).codes
            for name in ratings.columns
        ]
    ).astype(np.int64)
    try:
        values = np.array(levels, dtype=np.float64)
        plain = bool(np.isfinite(values).all())
    except (TypeError, ValueError):
        plain = False
    if not plain:
        values = np.arange(len(levels), dtype=np.float64)
    return codes, values


def _levels(ratings: pd.DataFrame) -> list[object]:
    kinds = [ratings[name].dtype for name in ratings.columns]
    if isinstance(kinds[0], pd.CategoricalDtype):
        if any(kind != kinds[0] for kind in kinds):
            raise InputError(
                "The raters' columns are categorical with different categories: give "
                "them the same ones, in the same order."
            )
        return list(kinds[0].categories)
    found = pd.concat([ratings[name].dropna() for name in ratings.columns])
    if not len(found):
        raise NotEstimableError("There is no rating: every cell is missing.")
    try:
        return sorted(found.unique().tolist())
    except TypeError as error:
        raise InputError(
            "The ratings mix numbers and text: recode them to one kind."
        ) from error


def _design_weights(design: SurveyDesign, ratings: pd.DataFrame) -> FloatVector:
    if not isinstance(design, SurveyDesign):
        raise InputError(
            f"design must be a SurveyDesign, {type(design).__name__} came."
        )
    if not ratings.index.equals(design.frame.index):
        raise InputError(
            f"ratings ({len(ratings)} rows) and the design ({len(design)} rows) must "
            "have the same rows: take the columns from design.frame and use "
            "design.subset to study a part of them."
        )
    return np.where(design.domain, design.weights, 0.0)


def _means(
    codes: IntMatrix, values: FloatVector, coefficient: str, weighting: str
) -> SubjectMeans:
    if coefficient == "krippendorff_alpha":
        if weighting == "linear":
            raise InputError(
                "Krippendorff's alpha knows the weightings identity (nominal), ordinal "
                "and quadratic (interval), not linear."
            )
        return alpha_means(codes, values, weighting)
    weights = weight_matrix(values, weighting)
    if coefficient == "gwet_ac":
        return gwet_means(codes, weights)
    return kappa_means(codes, weights)


def _variance(
    influence: FloatVector,
    design: SurveyDesign | None,
    means: SubjectMeans,
    *,
    classical: bool,
) -> tuple[float, float]:
    """Return variance and degrees of freedom."""
    if design is not None:
        variance = linearised_covariance(design, design.weights * influence)[0, 0]
        return float(variance), float(degrees_of_freedom(design, means.used))
    n = int(means.used.sum())
    squares = float(influence @ influence)
    if classical:
        return squares, math.inf
    return squares * n / max(n - 1, 1), float(n - 1)


def _table_values(
    means: SubjectMeans, weights: FloatVector, coefficient: str, size: int
) -> dict[str, float]:
    """Return what the table of two raters shows beside kappa."""
    if coefficient != "cohen_kappa":
        return {}
    share = np.where(means.used, weights, 0.0)
    table = (share @ means.values / share.sum()).reshape(size, size)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    observed, expected = float(np.trace(table)), float(rows @ columns)
    n = float(means.used.sum())
    chance = expected + expected**2 - float((rows * columns) @ (rows + columns))
    values = {
        "std_error_if_chance": math.sqrt(max(chance, 0) / n) / (1 - expected),
        "std_error_cohen_1960": math.sqrt(observed * (1 - observed) / n)
        / (1 - expected),
    }
    if size == 2:
        values["prevalence_index"] = float(table[1, 1] - table[0, 0])
        values["bias_index"] = float(table[1, 0] - table[0, 1])
        values["pabak"] = 2 * observed - 1
    return values


def _notes(point: float, excluded: int, std_error: float) -> tuple[str, ...]:
    notes = ["raters are taken as fixed: the interval is about the persons rated"]
    if excluded:
        notes.append(f"{excluded} persons without the ratings needed are left out")
    if point > 1 - 1e-12:
        notes.append(
            "raters never differed: the standard error of 0 says nothing about how "
            "often they would among more persons"
        )
    if math.isinf(std_error):
        notes.append("PSUs less strata leave no degrees of freedom")
    return tuple(notes)
