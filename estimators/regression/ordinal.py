"""Ordinal logistic regression: tiers of exploitation, from none to trafficked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from estimators.checks import check_level
from estimators.designs import (
    Design,
    ReplicateDesign,
    replicate_covariance,
)
from estimators.errors import ConvergenceError, NotEstimableError
from estimators.registry import estimator
from estimators.regression._cumulative_model import (
    CumulativeState,
)
from estimators.regression.design_inference import (
    residual_df,
    rows_under_study,
    sandwich,
    wald_f_test,
)
from estimators.regression.inference import wald_inference
from estimators.regression.model_data import LinearPredictor
from estimators.regression.ordinal_fit import OrdinalFit
from estimators.regression.ordinal_outcome import read_ordinal_rows
from estimators.regression.ordinal_problem import (
    OrdinalProblem,
    fit_ordinal,
    ordinal_problem,
)
from estimators.regression.ordinal_tests import ScoreTestInput, proportionality_tests
from estimators.regression.regression_fit import inverse_information

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["ordinal_logistic"]

_SCARCE = 10  # effective persons per variable below which estimates are unstable
_DOUBT = 0.05  # p-value below which proportionality is questioned


def _example() -> dict[str, object]:
    rows = [(0, "none", 31), (0, "exploited", 12), (0, "trafficked", 4),
            (1, "none", 14), (1, "exploited", 13), (1, "trafficked", 9)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["debt", "tier", "persons"])
    return {
        "formula": "tier ~ debt",
        "frame": frame,
        "order": ("none", "exploited", "trafficked"),
        "count": "persons",
    }


@estimator(
    family="regression",
    label="Ordinal logistic regression (proportional odds)",
    source="McCullagh 1980; Peterson and Harrell 1990",
    example=_example,
)
def ordinal_logistic(
    formula: str,
    frame: pd.DataFrame,
    *,
    order: Sequence[Any] | None = None,
    nonproportional: str | Sequence[str] | None = None,
    design: Design | None = None,
    count: str | None = None,
    level: float = 0.95,
) -> OrdinalFit:
    """Fit a cumulative logit model to ordered categories; test proportional odds.

    Estimates by how much a covariate raises the log odds of being above a threshold,
    the same for all thresholds: logit P(Y > j | x) = x b - threshold_j. Whether one
    coefficient will do is tested, never assumed in silence.

    Parameters
    ----------
    formula : str
        ``outcome ~ terms``; the outcome is one column of ordered categories or of few
        whole numbers.
    frame : pandas.DataFrame of shape (n, ...)
        One row per person. Rows with a missing value in a column of the model are left
        out, counted as ``n_excluded`` and named in `notes`.
    order : sequence, optional
        All categories, lowest first, where the column itself has no order.
    nonproportional : str or sequence of str, optional
        Terms with a coefficient at every threshold (partial proportional odds).
    design : SurveyDesign or ReplicateDesign, optional
        How the rows of `frame` were sampled: row i of the design is row i of the frame.
        Not with `count`.
    count : str, optional
        Column of whole numbers: how many persons a row stands for.
    level : float

    Returns
    -------
    OrdinalFit
        A `ModelFit`: first the coefficients (above 0: higher categories), then the
        thresholds, named ``none|exploited``; with z (under a design t) tests and Wald
        limits. `proportionality` has the score tests, ``probabilities(frame)`` predicts
        every category. `fit_statistics`: ``log_likelihood`` (with a design at weights
        of mean 1), ``df``, ``likelihood_ratio`` (with a design ``wald_f``) and
        ``p_value`` of all slopes, ``proportionality_p_value``, ``smallest_category``,
        ``effective_size`` and ``events_per_variable`` (see Notes), ``n_excluded``.

    Raises
    ------
    InputError
        If the formula, a column, the outcome or an option is not as described, or
        terms are collinear (they are named).
    NotEstimableError
        If fewer than three categories are observed, no row is complete, or terms have
        no finite estimate (separation; they are named).
    ConvergenceError
        If the likelihood could not be maximised.

    Notes
    -----
    The model's variance is the inverse of the observed information A, the design's is
    A^-1 B A^-1 with B the covariance of the scores' total, or comes from replicates.
    The information in n persons of shares s_j is that of n (1 - sum s_j^3) in a
    continuous outcome (Harrell's effective size), reported per slope as
    ``events_per_variable``.

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. Journal of the Royal
    Statistical Society B 42, 109-142.
    https://doi.org/10.1111/j.2517-6161.1980.tb01109.x

    Peterson, B. and Harrell, F. E. (1990). Partial proportional odds models for ordinal
    response variables. Applied Statistics 39, 205-217. https://doi.org/10.2307/2347760

    Harrell, F. E. (2015). Regression Modeling Strategies, second edition. Springer,
    section 4.4.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"debt": [0, 0, 0, 1, 1, 1], "tier": [0, 1, 2] * 2,
    ...     "persons": [40, 20, 10, 15, 20, 25]})
    >>> fit = ordinal_logistic("tier ~ debt", cells, count="persons")
    >>> fit.terms()[["term", "estimate"]].round(3).to_numpy().tolist()
    [['debt', 1.414], ['0|1', 0.295], ['1|2', 1.762]]
    """
    check_level(level)
    inside = rows_under_study(design, frame, count)
    data = read_ordinal_rows(formula, frame, order=order, count=count, inside=inside)
    problem = ordinal_problem(data, design, nonproportional)
    state = fit_ordinal(problem, problem.mass)
    covariance = _covariance(problem, state)
    df, notes = residual_df(design, data.rows)
    if design is not None:
        notes = (*design.notes, *notes)
    inference = wald_inference(state.theta, covariance, level=level, df=df)
    tests = _proportionality(problem, state, df)
    statistics = _statistics(problem, state, covariance, df)
    if tests is not None:
        statistics["proportionality_p_value"] = float(tests["p_value"].iloc[-1])
    return OrdinalFit(
        method="ordinal_logistic",
        formula=formula,
        term=problem.names,
        estimate=state.theta.copy(),
        std_error=inference.std_error,
        statistic=inference.statistic,
        p_value=inference.p_value,
        ci_low=inference.ci_low,
        ci_high=inference.ci_high,
        covariance=covariance,
        ci_level=level,
        ci_method=inference.ci_method,
        n_obs=int(data.rows.frequency.sum()),
        fit_statistics=statistics,
        notes=(
            *data.rows.notes,
            *data.notes,
            *_doubts(problem, tests, statistics),
            *notes,
        ),
        levels=data.levels,
        free=problem.free,
        predictor=LinearPredictor(data.rows.spec, np.zeros(len(data.rows.term))),
        proportionality=tests,
    )


def _covariance(problem: OrdinalProblem, state: CumulativeState) -> FloatMatrix:
    bread = inverse_information(state.information)
    design = problem.design
    if design is None:
        return bread
    rows = problem.data.rows
    if isinstance(design, ReplicateDesign):
        kept = rows.kept
        weights = design.replicate_weights[kept] / design.weights[kept].mean()
        fits = [_replicate(problem, weights[:, r]) for r in range(weights.shape[1])]
        return replicate_covariance(np.array(fits), state.theta, design)
    each = problem.persons().at(state.theta)
    if each is None:
        raise ConvergenceError("The thresholds are not in order at the estimate.")
    return sandwich(bread, design, rows, each.scores * problem.weight[:, None])


def _replicate(problem: OrdinalProblem, mass: FloatVector) -> FloatVector:
    try:
        return fit_ordinal(problem, mass).theta
    except (NotEstimableError, ConvergenceError) as error:
        raise NotEstimableError(
            f"A replicate of the design has no finite estimate: {error} The linearised "
            "variance of a SurveyDesign needs no replicates."
        ) from error


def _proportionality(
    problem: OrdinalProblem, state: CumulativeState, df: float
) -> pd.DataFrame | None:
    """Return the tests of the terms with one coefficient; None where there is none."""
    if problem.free.any() or isinstance(problem.design, ReplicateDesign):
        return None
    rows = problem.data.rows
    position = {place: number for number, place in enumerate(rows.slopes)}
    terms = []
    for name, places in rows.spec.term_indices.items():
        columns = np.array([position[p] for p in places if p in position], dtype=int)
        if columns.size:
            terms.append((str(name), columns))
    place = slice(problem.common, problem.common + problem.thresholds)
    given = ScoreTestInput(
        matrix=problem.matrix,
        category=problem.data.category,
        mass=problem.mass,
        thresholds=state.theta[place],
        slopes=state.theta[: problem.common],
        design=problem.design,
        kept=rows.kept,
        df=df,
    )
    return proportionality_tests(given, terms)


def _statistics(
    problem: OrdinalProblem, state: CumulativeState, covariance: FloatMatrix, df: float
) -> dict[str, float]:
    rows, mass = problem.data.rows, problem.mass
    persons = np.bincount(problem.data.category, rows.frequency)
    shares = persons / persons.sum()
    effective = float(persons.sum() * (1 - (shares**3).sum()))
    thresholds = slice(problem.common, problem.common + problem.thresholds)
    slopes = np.delete(np.arange(state.theta.size), thresholds)
    found = {
        "log_likelihood": state.log_likelihood,
        "df": float(slopes.size),
    }
    if problem.design is None:
        held = np.bincount(problem.data.category, mass)
        null = float(held @ np.log(held / held.sum()))
        ratio = max(2 * (state.log_likelihood - null), 0.0)
        found["likelihood_ratio"] = ratio
        found["p_value"] = float(chdtrc(slopes.size, ratio))
    else:
        inside = covariance[np.ix_(slopes, slopes)]
        found["wald_f"], found["p_value"] = wald_f_test(state.theta[slopes], inside, df)
        found["residual_df"] = df
    return {
        **found,
        "smallest_category": float(persons.min()),
        "effective_size": effective,
        "events_per_variable": effective / slopes.size,
        "n_excluded": float(rows.n_excluded),
    }


def _doubts(
    problem: OrdinalProblem, tests: pd.DataFrame | None, statistics: dict[str, float]
) -> tuple[str, ...]:
    notes = []
    ratio = statistics["events_per_variable"]
    if ratio < _SCARCE:
        notes.append(
            f"an effective size of {statistics['effective_size']:.0f} persons for "
            f"{statistics['df']:.0f} coefficients, {ratio:.1f} each: below {_SCARCE} "
            "estimates are unstable; pool categories or drop terms"
        )
    if tests is not None:
        doubtful = tests[tests["p_value"] < _DOUBT]["term"].tolist()
        if doubtful:
            notes.append(
                "odds are not proportional (score test, p below "
                f"{_DOUBT:g}): {', '.join(doubtful)}; the one coefficient is an "
                "average over thresholds, nonproportional= gives each its own"
            )
    elif not problem.free.any():
        notes.append(
            "proportional odds are not tested under a replicate design: use the "
            "SurveyDesign that it was made from"
        )
    return tuple(notes)
