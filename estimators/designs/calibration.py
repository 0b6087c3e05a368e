"""Calibration steps of a design, and the residuals that its variance works on.

A calibrated total varies only as far as the calibration variables do not explain it:
each score is replaced by its residual from the regression on them, weighted by the
weights before the step (Deville and Särndal 1992, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.linalg import pinvh

if TYPE_CHECKING:
    from collections.abc import Callable

    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = [
    "CalibrationStep",
    "Distance",
    "Step",
    "TrimStep",
    "explained_totals",
    "inverse_cross_product",
]

_REDUNDANT = 1e-11  # relative eigenvalue of columns that add up to others

Distance: TypeAlias = Literal["linear", "raking", "logit"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibrationStep:
    """One calibration: weights `before` times `ratio` reproduce the totals.

    Attributes
    ----------
    matrix : ndarray of shape (distinct, p)
        Distinct rows of the calibration variables.
    row : ndarray of shape (n,)
        Which of them each row of the frame has.
    totals : ndarray of shape (p,)
        Population totals.
    names : tuple of str
        What each column is: ``"stype=E"``.
    before, ratio : ndarray of shape (n,), (distinct,)
        Weights before the step, and what they were multiplied by.
    distance : {"linear", "raking", "logit"}
    bounds : pair of float, optional
        Least and largest ratio.
    """

    matrix: FloatMatrix
    row: IntVector
    totals: FloatVector
    names: tuple[str, ...]
    before: FloatVector
    ratio: FloatVector
    distance: Distance
    bounds: tuple[float, float] | None

    def __post_init__(self) -> None:
        for name in ("matrix", "row", "totals", "before", "ratio"):
            getattr(self, name).setflags(write=False)

    @property
    def after(self) -> FloatVector:
        """Weights after the step, shape (n,)."""
        return self.before * self.ratio[self.row]

    def sums(self, values: FloatVector) -> FloatVector:
        """Return sums of row values by distinct row of the variables."""
        sums = np.bincount(self.row, values, minlength=len(self.matrix))
        return sums.astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrimStep:
    """Weights cut to limits: `before` times `ratio`, both of shape (n,).

    The variance takes the cut as fixed.
    """

    before: FloatVector
    ratio: FloatVector

    def __post_init__(self) -> None:
        self.before.setflags(write=False)
        self.ratio.setflags(write=False)


Step: TypeAlias = CalibrationStep | TrimStep


def inverse_cross_product(matrix: FloatMatrix, weights: FloatVector) -> FloatMatrix:
    """Return the pseudo-inverse of X' diag(w) X; columns may depend on each other."""
    product = matrix.T @ (matrix * weights[:, None])
    size = np.sqrt(np.diag(product))
    size[size == 0] = 1
    scale = np.outer(size, size)
    inverse: FloatMatrix = pinvh(product / scale, rtol=_REDUNDANT) / scale
    return inverse


def explained_totals(
    steps: tuple[Step, ...],
    unit: IntVector,
    n_units: int,
    sums_by_row: Callable[[CalibrationStep], FloatMatrix],
) -> FloatMatrix:
    """Return what the calibration variables explain of scores, summed by unit.

    Parameters
    ----------
    steps : tuple of Step
    unit : ndarray of shape (n,)
    n_units : int
    sums_by_row : callable
        Sums of the k score columns by distinct row of a step, shape (distinct, k).

    Returns
    -------
    ndarray of shape (n_units, k)
        To be taken off the units' totals. Steps act in turn: with weights d before and
        w = g d after, ``z - w X (X' d X)^-1 X' (z / g)``.
    """
    done: list[tuple[CalibrationStep, FloatMatrix]] = []
    explained = np.zeros((n_units, 0))
    for step in steps:
        if isinstance(step, TrimStep):
            continue
        left = step.matrix.T @ (sums_by_row(step) / step.ratio[:, None])
        for earlier, slopes in done:
            left -= _shared(step, earlier) @ slopes
        inverse = inverse_cross_product(step.matrix, step.sums(step.before))
        done.append((step, inverse @ left))
    for step, slopes in done:
        part = _unit_sums(step, unit, n_units) @ slopes
        explained = part if not explained.size else explained + part
    return explained


def _shared(step: CalibrationStep, earlier: CalibrationStep) -> FloatMatrix:
    """Return X_k' diag(w_j / g_k) X_j: what step k sees of what step j took off."""
    weight = earlier.after / step.ratio[step.row]
    weighted = earlier.matrix[earlier.row] * weight[:, None]
    sums = np.column_stack([step.sums(column) for column in weighted.T])
    shared: FloatMatrix = step.matrix.T @ sums
    return shared


def _unit_sums(step: CalibrationStep, unit: IntVector, n_units: int) -> FloatMatrix:
    after = step.after
    return np.column_stack(
        [
            np.bincount(unit, after * column[step.row], minlength=n_units)
            for column in step.matrix.T
        ]
    )
