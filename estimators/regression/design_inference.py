"""Linearised covariance and tests of a pseudo-likelihood under a survey design."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import fdtrc

from estimators.designs import degrees_of_freedom, linearised_covariance
from estimators.errors import ConvergenceError, NotEstimableError
from estimators.regression._penalised_likelihood import Likelihood, State, inverse

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector
    from estimators.designs import Design, SurveyDesign
    from estimators.regression.model_data import BinaryData

__all__ = ["design_covariance", "residual_df", "wald_f_test", "weights_of_mean_one"]


def weights_of_mean_one(design: SurveyDesign, data: BinaryData) -> FloatVector:
    """Return the sampling weights of the complete rows, scaled to mean 1.

    Scaled so, the penalty has the strength that it has in as many independent persons.
    """
    weight = design.weights[data.kept]
    return np.asarray(weight / weight.mean())


def design_covariance(
    design: SurveyDesign,
    data: BinaryData,
    likelihood: Likelihood,
    top: State,
    position: IntVector,
) -> FloatMatrix:
    """Return A^-1 B A^-1: A the weighted information, B the design's score covariance.

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
    scores = np.zeros((len(design), data.matrix.shape[1]))
    scores[data.kept] = (weight * residual)[:, None] * data.matrix
    meat = linearised_covariance(design, scores, domain=data.kept)
    covariance: FloatMatrix = bread @ meat @ bread
    return covariance


def residual_df(design: Design, data: BinaryData) -> tuple[float, str | None]:
    """Return the design's degrees of freedom + 1 - terms, and a note on a fall-back."""
    available = float(degrees_of_freedom(design, data.kept))
    left = available + 1 - len(data.term)
    if left > 0:
        return left, None
    if available <= 0:
        raise NotEstimableError(
            "The design leaves no degree of freedom: as many sampled clusters as "
            "strata. Nothing measures the scatter between clusters."
        )
    return available, (
        f"{len(data.term)} terms use up the {available:g} degrees of freedom of the "
        "design: tests and limits take all of them and are too optimistic"
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
