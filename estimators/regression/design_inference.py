"""Linearised covariance and tests of a pseudo-likelihood under a survey design."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import fdtrc

from estimators.designs import (
    check_design,
    degrees_of_freedom,
    linearised_covariance,
)
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.regression._penalised_likelihood import Likelihood, State, inverse

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector
    from estimators.designs import Design, SurveyDesign
    from estimators.regression.model_data import BinaryData

__all__ = [
    "check_same_rows",
    "design_covariance",
    "residual_df",
    "rows_under_study",
    "sandwich",
    "wald_f_test",
    "weights_of_mean_one",
]


def rows_under_study(
    design: Design | None, frame: pd.DataFrame, count: str | None
) -> BoolVector | None:
    """Return which rows of the frame a design is about; None without a design.

    Raises
    ------
    InputError
        If `design` is no design, or its rows cannot be those of the frame.
    """
    if design is None:
        return None
    check_same_rows(check_design(design), frame, count)
    return design.domain


def check_same_rows(design: Design, frame: pd.DataFrame, count: str | None) -> None:
    """Raise unless row i of the design can be row i of the frame, one person each."""
    problems = []
    if not isinstance(frame, pd.DataFrame) or len(design) != len(frame):
        size = len(frame) if isinstance(frame, pd.DataFrame) else type(frame).__name__
        problems.append(
            f"the design has {len(design)} rows and the frame {size}: row i of one is "
            "row i of the other; choose rows by design.subset, drop none"
        )
    if count is not None:
        problems.append("count= is for independent persons: give one row per person")
    if problems:
        raise InputError("With design=: " + "; ".join(problems) + ".")


def weights_of_mean_one(design: Design | None, data: BinaryData) -> FloatVector:
    """Return the sampling weights of the complete rows, scaled to mean 1.

    Scaled so, a penalty has the strength that it has in as many independent persons,
    for whom all weights are 1.
    """
    if design is None:
        return np.ones(len(data.outcome))
    weight = design.weights[data.kept]
    return np.asarray(weight / weight.mean())


def sandwich(
    bread: FloatMatrix, design: SurveyDesign, data: BinaryData, scores: FloatMatrix
) -> FloatMatrix:
    """Return A^-1 B A^-1: `bread` is A^-1, B the design's covariance of the scores.

    `scores` are those of the complete rows, (n, parameters), weights included.
    """
    everyone = np.zeros((len(design), scores.shape[1]))
    everyone[data.kept] = scores
    meat = linearised_covariance(design, everyone, domain=data.kept)
    return np.asarray(bread @ meat @ bread)


def design_covariance(
    design: SurveyDesign,
    data: BinaryData,
    likelihood: Likelihood,
    top: State,
    position: IntVector,
) -> FloatMatrix:
    """Return the sandwich round the weighted information.

    The scores are those of the penalised estimating equation, each row carrying its
    share of the penalty, so that they sum to 0 (Binder 1983).
    """
    bread = inverse(top.information)
    if bread is None:
        raise ConvergenceError("The information is singular at the estimate.")
    weight = weights_of_mean_one(design, data)
    p = top.probability[position]
    share = np.divide(
        top.leverage,
        likelihood.trials,
        out=np.zeros_like(top.leverage),
        where=likelihood.trials > 0,
    )[position]
    residual = data.outcome - p + 2 * likelihood.tau * share * (0.5 - p)
    return sandwich(bread, design, data, (weight * residual)[:, None] * data.matrix)


def residual_df(
    design: Design | None, data: BinaryData
) -> tuple[float, tuple[str, ...]]:
    """Return the design's degrees of freedom + 1 - terms, and a note on a fall-back.

    Without a design they are infinite.
    """
    if design is None:
        return np.inf, ()
    available = float(degrees_of_freedom(design, data.kept))
    left = available + 1 - len(data.term)
    if left > 0:
        return left, ()
    if available <= 0:
        raise NotEstimableError(
            "The design leaves no degree of freedom: as many sampled clusters as "
            "strata. Nothing measures the scatter between clusters."
        )
    return available, (
        f"{len(data.term)} terms use up the {available:g} degrees of freedom of the "
        "design: tests and limits take all of them and are too optimistic",
    )


def wald_f_test(
    beta: FloatVector, covariance: FloatMatrix, df: float
) -> tuple[float, float]:
    """Return F = b' V^-1 b / k of k coefficients together, and its p-value."""
    if not beta.size:
        return 0.0, 1.0
    solution, _, rank, _ = np.linalg.lstsq(covariance, beta, rcond=None)
    statistic = float(beta @ solution) / max(int(rank), 1)
    return statistic, float(fdtrc(rank, df, statistic))
