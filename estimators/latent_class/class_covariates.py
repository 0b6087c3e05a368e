"""Covariates of class membership, turned into a matrix that remembers its coding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, IntVector

__all__ = ["CovariateMatrix", "distinct_rows", "read_covariates"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CovariateMatrix:
    """Covariates of every row; rows with a missing one are NaN.

    Attributes
    ----------
    term : tuple of str
        Names as formulaic gives them, ``Intercept`` first.
    matrix : ndarray of shape (n, q)
    complete : ndarray of bool of shape (n,)
    coding : object, optional
        formulaic's memory of levels, for new rows; None with the intercept alone.
    """

    term: tuple[str, ...]
    matrix: FloatMatrix
    complete: BoolVector
    coding: Any = None

    def of_new(self, frame: pd.DataFrame) -> FloatMatrix:
        """Return the matrix of other rows; NaN where a covariate is missing."""
        if self.coding is None:
            return np.ones((len(frame), 1))
        columns = sorted(map(str, self.coding.required_variables))
        absent = [name for name in columns if name not in frame.columns]
        if absent:
            raise InputError(f"Covariates absent from the frame: {', '.join(absent)}.")
        found = np.full((len(frame), len(self.term)), np.nan)
        complete = frame[columns].notna().all(axis=1).to_numpy()
        if complete.any():
            coded = self.coding.get_model_matrix(frame.loc[complete, columns])
            found[complete] = np.asarray(coded, dtype=np.float64)
        return found


def read_covariates(
    covariates: pd.DataFrame | None, n: int, usable: BoolVector
) -> CovariateMatrix:
    """Return the matrix of main effects: numbers as they are, text as factors.

    Raises
    ------
    InputError
        If it is no frame of n rows, a column is infinite, or no row is complete.
    NotEstimableError
        If the columns determine each other among the usable rows.
    """
    if covariates is None:
        everyone = np.ones(n, dtype=np.bool_)
        return CovariateMatrix(
            term=("Intercept",), matrix=np.ones((n, 1)), complete=everyone
        )
    if not isinstance(covariates, pd.DataFrame) or len(covariates) != n:
        raise InputError(
            f"covariates must be a DataFrame of the {n} rows of the persons; "
            f"{type(covariates).__name__} of {len(covariates)} came."
        )
    frame = covariates.set_axis([str(name) for name in covariates.columns], axis=1)
    complete = frame.notna().all(axis=1).to_numpy()
    if not (complete & usable).any():
        raise InputError("No row has every covariate: nothing is left to fit.")
    from formulaic import model_matrix

    formula = " + ".join(["1", *(f"`{name}`" for name in frame.columns)])
    coded = model_matrix(formula, frame[complete & usable])
    spec = coded.model_spec
    made = CovariateMatrix(
        term=tuple(map(str, coded.columns)),
        matrix=np.empty((0, 0)),
        complete=complete,
        coding=spec,
    )
    matrix = np.full((n, len(made.term)), np.nan)
    used = complete & usable
    matrix[used] = np.asarray(coded, dtype=np.float64)
    if not np.isfinite(matrix[used]).all():
        raise InputError("A covariate is infinite: correct or leave out these rows.")
    rank = int(np.linalg.matrix_rank(matrix[used] / np.abs(matrix[used]).max(axis=0)))
    if rank < len(made.term):
        raise NotEstimableError(
            f"The covariates {', '.join(made.term)} determine each other (rank {rank} "
            f"of {len(made.term)}): leave out what another one already says."
        )
    return CovariateMatrix(
        term=made.term, matrix=matrix, complete=complete, coding=spec
    )


def distinct_rows(matrix: FloatMatrix) -> IntVector | None:
    """Return which distinct row each row is; None where all are the same."""
    if matrix.shape[1] == 1:
        return None
    return np.unique(matrix, axis=0, return_inverse=True)[1].astype(np.int64)
