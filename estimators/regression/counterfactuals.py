"""Predictions of a fitted model when one of its variables takes other values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from scipy import sparse

from estimators.designs import ReplicateDesign, replicate_covariance
from estimators.errors import InputError
from estimators.model_formula import as_floats, check_finite_terms, materialise
from estimators.regression._glm_solver import distinct_places
from estimators.regression.regression_fit import (
    RegressionFit,
    inverse_information,
    sampling_covariance,
    score_influence,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["Averages", "levels_of", "mean_predictions", "mean_slope"]

# Step of the numerical derivative of the model's columns, in standard deviations: they
# are linear in most variables, and then any step is exact.
_STEP = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Averages:
    """Averages over the sample and how they hang on coefficients and persons.

    Attributes
    ----------
    value : ndarray of shape (q,)
    gradient : ndarray of shape (q, terms)
        Derivative in the coefficients.
    away : ndarray of shape (m, q)
        Each person's own value less the average.
    replicates : ndarray of shape (R, q), optional
    """

    value: FloatVector
    gradient: FloatMatrix
    away: FloatMatrix
    replicates: FloatMatrix | None

    def delta_covariance(self, fit: RegressionFit) -> FloatMatrix:
        """Return the covariance that coefficients alone bring: persons are fixed."""
        return cast("FloatMatrix", self.gradient @ fit.covariance @ self.gradient.T)

    def scores(self, fit: RegressionFit) -> FloatMatrix:
        """Return each person's influence on the averages, shape (m, q).

        w_i (prediction_i - average) / sum w + gradient' influence_i(coefficients).
        """
        sample = fit.sample
        bread = inverse_information(fit.information)
        influence = score_influence(sample, fit.model, fit.estimate, bread)
        own = self.away * (sample.weight / sample.mass.sum())[:, None]
        return cast("FloatMatrix", own + influence @ self.gradient.T)

    def covariance(self, fit: RegressionFit) -> FloatMatrix:
        """Return the full covariance, under the design or from its replicates."""
        design = fit.sample.design
        if isinstance(design, ReplicateDesign) and self.replicates is not None:
            return replicate_covariance(self.replicates, self.value, design)
        return sampling_covariance(fit.sample, self.scores(fit))


def levels_of(fit: RegressionFit, variable: str) -> list[Any] | None:
    """Return the values of a categorical or 0/1 variable, None for a numeric one.

    Raises
    ------
    InputError
        If the model has no such variable, or it has one value only.
    """
    known = sorted(map(str, fit.sample.rows.spec.required_variables))
    if variable not in known:
        raise InputError(
            f"The model has no variable {variable!r}; it has {', '.join(known)}."
        )
    column = fit.sample.frame[variable][fit.sample.rows.kept]
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = [level for level in column.cat.categories if (column == level).any()]
    else:
        levels = sorted(column.unique().tolist())
    if len(levels) < 2:
        raise InputError(f"{variable!r} has one value only in the rows of the model.")
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    indicator = set(levels) <= {0, 1}
    coded = f"C({variable}" in fit.formula.replace(" ", "")
    return levels if indicator or coded or not numeric else None


def mean_predictions(
    fit: RegressionFit,
    settings: Sequence[Mapping[str, Any]],
) -> Averages:
    """Return the mean prediction under each setting of variables to values."""
    parts = [_prediction(fit, _matrix(fit, setting)) for setting in settings]
    replicates = None
    if fit.replicates is not None:
        replicates = np.column_stack(
            [_replicate_means(fit, _matrix(fit, setting)) for setting in settings]
        )
    return Averages(
        np.array([part[0] for part in parts]),
        np.array([part[1] for part in parts]),
        np.column_stack([part[2] for part in parts]),
        replicates,
    )


def mean_slope(fit: RegressionFit, variable: str, at: Mapping[str, Any]) -> Averages:
    """Return the mean derivative of the prediction in a numeric variable."""
    frame = fit.sample.frame[fit.sample.rows.kept]
    values = pd.to_numeric(frame[variable]).to_numpy(dtype=np.float64)
    step = _STEP * max(float(values.std()), 1e-8)
    middle = _matrix(fit, at)
    # Inside the range that was seen: splines are not defined outside it.
    above = np.minimum(values + step, values.max())
    below = np.maximum(values - step, values.min())
    up, down = (_matrix(fit, {**at, variable: moved}) for moved in (above, below))
    change = (up - down) / (above - below)[:, None]
    rows, model, mass = fit.sample.rows, fit.model, fit.sample.mass
    share = mass / mass.sum()

    def slopes(beta: FloatVector) -> FloatVector:
        return np.asarray(model.slope(middle @ beta + rows.offset) * (change @ beta))

    eta = middle @ fit.estimate + rows.offset
    each = slopes(fit.estimate)
    bend, slope = model.bend(eta) * (change @ fit.estimate), model.slope(eta)
    gradient = (share * bend) @ middle + (share * slope) @ change
    value = float(share @ each)
    replicates = None
    if fit.replicates is not None:
        weight = _replicate_weight(fit, np.arange(len(mass)), len(mass))
        means = [
            float(column @ slopes(beta) / column.sum())
            for column, beta in zip(weight.T, fit.replicates, strict=True)
        ]
        replicates = np.array(means)[:, None]
    return Averages(
        np.array([value]), gradient[None, :], (each - value)[:, None], replicates
    )


def _matrix(fit: RegressionFit, setting: Mapping[str, Any]) -> FloatMatrix:
    """Return the model's matrix with variables set to values."""
    rows = fit.sample.rows
    if not setting:
        return rows.matrix
    columns = sorted(map(str, rows.spec.required_variables))
    unknown = [name for name in setting if name not in columns]
    if unknown:
        raise InputError(
            f"The model has no variable {', '.join(map(str, unknown))}; it has "
            f"{', '.join(columns)}."
        )
    frame = fit.sample.frame.loc[rows.kept, columns].assign(**dict(setting))
    matrix = as_floats(materialise(rows.spec, frame))
    check_finite_terms(matrix, rows.term, frame.index)
    return matrix


def _prediction(
    fit: RegressionFit, matrix: FloatMatrix
) -> tuple[float, FloatVector, FloatVector]:
    """Return the mean prediction, its gradient and each person's distance from it."""
    model, mass = fit.model, fit.sample.mass
    eta = matrix @ fit.estimate + fit.sample.rows.offset
    share = mass / mass.sum()
    each = model.mean(eta)
    value = float(share @ each)
    gradient = (share * model.slope(eta)) @ matrix
    return value, np.asarray(gradient), np.asarray(each - value)


def _replicate_means(fit: RegressionFit, matrix: FloatMatrix) -> FloatVector:
    """Return the mean prediction in every replicate, over distinct rows."""
    replicates = fit.replicates
    if replicates is None:
        raise InputError("The fit has no replicates.")
    offset = fit.sample.rows.offset
    first, place = distinct_places(np.column_stack([matrix, offset]))
    weight = _replicate_weight(fit, place, len(first))
    eta = matrix[first] @ replicates.T + offset[first][:, None]
    means = (weight * fit.model.mean(eta)).sum(axis=0) / weight.sum(axis=0)
    return np.asarray(means)


def _replicate_weight(fit: RegressionFit, place: Any, size: int) -> FloatMatrix:  # noqa: ANN401 - any integer array
    """Return sums of replicate weights by distinct row, shape (g, R)."""
    design = fit.sample.design
    if not isinstance(design, ReplicateDesign):
        raise InputError("The design has no replicates.")
    unit = design.unit[fit.sample.rows.kept]
    shape = (size, len(design.factors))
    sums = sparse.csr_array((fit.sample.mass, (place, unit)), shape=shape)
    return np.asarray(sums @ design.factors)
