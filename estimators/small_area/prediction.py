"""Predictions of areas with their mean squared errors, on the scale of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector
    from estimators.small_area.area_variance import AreaFit

__all__ = ["Prediction", "back_transform", "back_transformed_error", "predict_areas"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prediction:
    """Predictions of k areas; all arrays of shape (k,).

    Attributes
    ----------
    value, synthetic : ndarray
        Empirical best linear unbiased predictor, and its regression part alone.
    shrinkage : ndarray
        Weight A / (A + D) of the direct estimate; 0 in areas without sample.
    leverage : ndarray
        Diagonal of the hat matrix; 0 in areas without sample.
    standardised : ndarray
        Residuals over their standard deviation; NaN in areas without sample.
    known_variance : ndarray
        g1, variance of the area given the direct estimates and known parameters.
    mse : ndarray
    floored : ndarray of bool
        Where the bias term would have taken the mean squared error below that of a
        known variance between areas, which stands instead.
    """

    value: FloatVector
    synthetic: FloatVector
    shrinkage: FloatVector
    leverage: FloatVector
    standardised: FloatVector
    known_variance: FloatVector
    mse: FloatVector
    floored: BoolVector


def predict_areas(
    fit: AreaFit, y: FloatVector, x: FloatMatrix, sampling: FloatVector
) -> Prediction:
    """Predict all areas; `y` and `sampling` are NaN where there is no sample."""
    sampled = np.isfinite(sampling)
    total = np.where(sampled, sampling, 1.0) + fit.between
    shrinkage = np.where(sampled, fit.between / total, 0.0)
    away = 1 - shrinkage
    synthetic = x @ fit.beta
    residual = np.where(sampled, y, synthetic) - synthetic
    spread = np.einsum("ij,jk,ik->i", x, fit.covariance, x)
    known = np.where(sampled, shrinkage * sampling, fit.between)
    slopes = away**2 * spread
    learned = np.where(sampled, away**2 * fit.between_variance / total, 0.0)
    bias = np.where(sampled, away**2 * fit.bias, 0.0)
    corrected = known + slopes + 2 * learned - bias
    # The expansion fails where the bias is as large as the variance itself: it made
    # standard errors half of what a bootstrap finds.
    floored = corrected < known + slopes
    noise = np.where(sampled & (total > spread), total - spread, np.nan)
    return Prediction(
        value=synthetic + shrinkage * residual,
        synthetic=synthetic,
        shrinkage=shrinkage,
        leverage=np.where(sampled, spread / total, 0.0),
        standardised=residual / np.sqrt(noise),
        known_variance=known,
        mse=np.where(floored, known + slopes, corrected),
        floored=floored,
    )


def back_transform(angle: FloatVector, variance: FloatVector) -> FloatVector:
    """Return the mean of sin² of a normal angle with this mean and variance.

    Examples
    --------
    >>> float(back_transform(np.array([0.0]), np.array([0.0]))[0])
    0.0
    """
    return np.asarray((1 - np.exp(-2 * variance) * np.cos(2 * angle)) / 2)


def back_transformed_error(angle: FloatVector, variance: FloatVector) -> FloatVector:
    """Return the standard deviation of sin² of a normal angle."""
    shrunk = np.exp(-2 * variance) * np.cos(2 * angle)
    square = (1 + np.exp(-8 * variance) * np.cos(4 * angle)) / 2
    return np.asarray(np.sqrt(np.maximum(square - shrunk**2, 0.0)) / 2)
