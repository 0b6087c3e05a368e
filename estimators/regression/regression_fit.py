"""A fitted regression that remembers its sample: what margins and tests need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from estimators.designs import ReplicateDesign, SurveyDesign, linearised_covariance
from estimators.errors import ConvergenceError, InputError
from estimators.regression._penalised_likelihood import inverse
from estimators.regression.model_data import INTERCEPT
from estimators.results import ModelFit

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.regression.glm_families import Model
    from estimators.regression.model_rows import ModelRows

__all__ = [
    "ModelSample",
    "RegressionFit",
    "SampledFit",
    "inverse_information",
    "sampling_covariance",
    "score_influence",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelSample:
    """The rows of a model and how they were sampled.

    Attributes
    ----------
    frame : pandas.DataFrame
        All rows, those outside the model too.
    rows : ModelRows
        The m complete rows under study.
    weight : ndarray of shape (m,)
        Sampling weight of one person, scaled to mean 1; 1 for independent persons.
    design : SurveyDesign or ReplicateDesign, optional
        None for independent persons.
    """

    frame: pd.DataFrame
    rows: ModelRows
    weight: FloatVector
    design: SurveyDesign | ReplicateDesign | None

    @property
    def mass(self) -> FloatVector:
        """Return weight times number of persons of each row."""
        return np.asarray(self.weight * self.rows.frequency)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledFit(ModelFit):
    """A generalised linear model that knows its sample, however it was estimated.

    Attributes
    ----------
    model : Model
        Family and link.
    sample : ModelSample
    df : float
        Degrees of freedom of tests and limits; infinite for normal ones.
    """

    model: Model
    sample: ModelSample
    df: float

    def plot_calibration(self, ax: Axes | None = None) -> Axes:
        """Draw observed against predicted shares; `regression.calibration` explains."""
        from estimators.regression.calibration import calibration

        return calibration(self, level=self.ci_level).plot(ax=ax)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegressionFit(SampledFit):
    """A generalised linear model by maximum likelihood, with its sample.

    Attributes
    ----------
    model : Model
        Family and link.
    sample : ModelSample
    information : ndarray of shape (terms, terms)
        Expected information at weights of mean 1, without dispersion.
    df : float
        Degrees of freedom of tests and limits; infinite for normal ones.
    replicates : ndarray of shape (R, terms), optional
        Coefficients in every replicate of the design.
    """

    information: FloatMatrix
    replicates: FloatMatrix | None = None

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the terms but the intercept: ratios on a log axis, or coefficients.

        Coefficients of a log, logit or complementary log-log link are logarithms of
        ratios (of means, odds or hazards); others are drawn as they are.
        """
        from estimators.plotting import forest_plot, ratio_plot

        terms = self.terms()
        if self.model.link in {"log", "logit", "cloglog"}:
            return ratio_plot(terms, ax=ax)
        slopes = terms[terms["term"] != INTERCEPT]
        if slopes.empty:
            raise InputError(
                "The model has no term but its intercept: nothing to draw."
            )
        drawn = forest_plot(slopes, label="term", ax=ax)
        drawn.axvline(0.0, color="0.6", linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
        return drawn


def inverse_information(information: FloatMatrix) -> FloatMatrix:
    """Return the inverse; an error where the estimate is not determined."""
    # Scaled to a unit diagonal first: terms may be in persons and in fractions.
    size = np.sqrt(np.diag(information))
    found = inverse(information / np.outer(size, size))
    if found is None or not np.isfinite(found).all():
        raise ConvergenceError("The information is singular at the estimate.")
    return np.asarray(found / np.outer(size, size))


def score_influence(
    sample: ModelSample, model: Model, beta: FloatVector, bread: FloatMatrix
) -> FloatMatrix:
    """Return each person's influence on the coefficients, shape (m, terms).

    A^-1 w_i (y_i - mu_i) mu'_i / v_i x_i with A the expected information (Binder 1983).
    """
    rows = sample.rows
    eta = rows.matrix @ beta + rows.offset
    residual = sample.weight * (rows.outcome - model.mean(eta)) * model.pull(eta)
    return cast("FloatMatrix", (rows.matrix * residual[:, None]) @ bread)


def sampling_covariance(sample: ModelSample, scores: FloatMatrix) -> FloatMatrix:
    """Return the covariance of the sum of persons' scores, shape (m, q).

    Linearised under a design; for independent persons the plain sum of squares (HC0).
    """
    design, rows = sample.design, sample.rows
    if isinstance(design, ReplicateDesign):
        raise InputError(
            "A replicate design has no linearised variance: it follows from replicates."
        )
    if design is None:
        return cast("FloatMatrix", (scores * rows.frequency[:, None]).T @ scores)
    everyone = np.zeros((len(design), scores.shape[1]))
    everyone[rows.kept] = scores
    return linearised_covariance(design, everyone, domain=rows.kept)
