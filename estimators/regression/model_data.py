"""From a formula and a frame to the arrays of a binary regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError, NotEstimableError
from estimators.model_formula import (
    as_floats,
    check_finite_terms,
    describe_collinear,
    drop_empty_levels,
    materialise,
    model_columns,
    parse_formula,
    read_frequencies,
    wrong_rows,
)
from estimators.regression.numeric_terms import model_matrices

if TYPE_CHECKING:
    from collections.abc import Callable

    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = [
    "INTERCEPT",
    "BinaryData",
    "LinearPredictor",
    "read_binary_data",
    "read_complete_rows",
]

INTERCEPT = "Intercept"
NO_WEIGHTS = (
    "Sampling weights are no counts of persons: give them in a SurveyDesign as design=."
)


@dataclass(frozen=True, slots=True, eq=False)
class BinaryData:
    """Complete rows of a model with a 0/1 outcome.

    Attributes
    ----------
    outcome : ndarray of shape (n,)
    matrix : ndarray of shape (n, k)
    frequency : ndarray of shape (n,)
        How many persons a row stands for: 1 unless rows are counts.
    kept : ndarray of bool, shape (rows of the frame,)
        Which rows entered.
    term : tuple of str
        Column names, as formulaic gives them.
    spec : formulaic.ModelSpec
        Makes the matrix of new frames.
    notes : tuple of str
    """

    outcome: FloatVector
    matrix: FloatMatrix
    frequency: FloatVector
    kept: BoolVector
    term: tuple[str, ...]
    spec: Any
    notes: tuple[str, ...]

    @property
    def slopes(self) -> IntVector:
        """Positions of the terms other than the intercept."""
        return np.flatnonzero([name != INTERCEPT for name in self.term])

    @property
    def n_excluded(self) -> int:
        """Rows of the frame that did not enter."""
        return int(np.count_nonzero(~self.kept))

    def distinct_rows(
        self, weight: FloatVector
    ) -> tuple[FloatMatrix, FloatVector, FloatVector, IntVector]:
        """Return distinct covariate rows, their trials and events, and each row's."""
        found = np.unique(self.matrix, axis=0, return_inverse=True)
        rows, position = cast("tuple[FloatMatrix, IntVector]", found)
        trials, events = (
            np.asarray(np.bincount(position, values), dtype=np.float64)
            for values in (weight, weight * self.outcome)
        )
        return rows, trials, events, position


@dataclass(frozen=True, slots=True, eq=False)
class LinearPredictor:
    """Linear predictors of any frame with the model's columns; NaN where unknown."""

    spec: Any
    coefficients: FloatVector

    def __call__(self, frame: pd.DataFrame) -> FloatVector:
        """Return linear predictors of shape (rows of `frame`,)."""
        columns = sorted(map(str, self.spec.required_variables))
        check_columns(frame, {f"model column {name}": name for name in columns})
        complete = frame[columns].notna().all(axis=1).to_numpy()
        predictor = np.full(len(frame), np.nan)
        if complete.any():
            matrix = as_floats(materialise(self.spec, frame[complete]))
            check_finite_terms(
                matrix, tuple(self.spec.column_names), frame.index[complete]
            )
            predictor[complete] = matrix @ self.coefficients
        return predictor


def read_binary_data(
    formula: str,
    frame: pd.DataFrame,
    *,
    count: str | None = None,
    inside: BoolVector | None = None,
) -> BinaryData:
    """Read the complete rows of a model and refuse what cannot be fitted.

    Parameters
    ----------
    formula : str
        ``outcome ~ terms``; the outcome is 0/1 or boolean.
    frame : pandas.DataFrame
        Rows with a missing value in a column of the model are left out and counted.
    count : str, optional
        Column of whole numbers >= 0: how many persons a row stands for.
    inside : ndarray of bool, optional
        Rows under study.

    Raises
    ------
    InputError
        If the formula cannot be read, columns are missing, the outcome is not 0/1, a
        term is not finite, or terms are collinear.
    NotEstimableError
        If no row is complete, or all outcomes are alike.
    """
    return read_complete_rows(formula, frame, _outcome, count=count, inside=inside)


def read_complete_rows(
    formula: str,
    frame: pd.DataFrame,
    read_outcome: Callable[[pd.DataFrame, pd.Index], FloatVector],
    *,
    count: str | None,
    inside: BoolVector | None,
) -> BinaryData:
    """Read a model's complete rows; `read_outcome` checks the outcome's columns."""
    parsed = parse_formula(formula, left="outcome")
    check_columns(frame, {})
    names = model_columns(parsed, formula, frame)
    roles = {f"model column {name}": name for name in names}
    check_columns(frame, roles if count is None else {**roles, "count": count})
    frequency = read_frequencies(frame, count, advice=NO_WEIGHTS)
    under_study = frequency > 0 if inside is None else inside & (frequency > 0)
    missing = frame[names].isna().to_numpy()
    kept = under_study & ~missing.any(axis=1)
    if not kept.any():
        raise NotEstimableError(
            f"No row of {len(frame)} has a value in each of {', '.join(names)}."
        )
    notes = _missing_notes(names, missing[under_study])
    complete, more = drop_empty_levels(frame.loc[kept, names])
    left, matrix, term, spec = model_matrices(formula, parsed, complete)
    outcome = read_outcome(left, complete.index)
    _refuse_constant_terms(spec, matrix, term)
    _check_matrix(matrix, term, complete.index)
    if outcome.min() == outcome.max():
        raise NotEstimableError(
            f"All {outcome.size} outcomes are {outcome[0]:g}: no contrast between "
            "persons can be estimated."
        )
    return BinaryData(
        outcome=outcome,
        matrix=matrix,
        frequency=frequency[kept],
        kept=kept,
        term=term,
        spec=spec,
        notes=(*notes, *more),
    )


def _missing_notes(names: list[str], missing: BoolVector) -> tuple[str, ...]:
    left_out = int(missing.any(axis=1).sum())
    if not left_out:
        return ()
    by_column = [
        f"{name} {number}"
        for name, number in zip(names, missing.sum(axis=0), strict=True)
        if number
    ]
    return (
        f"{left_out} of {len(missing)} rows are left out for missing values "
        f"({', '.join(by_column)})",
    )


def _outcome(columns: pd.DataFrame, index: pd.Index) -> FloatVector:
    values = as_floats(columns)
    if values.shape[1] == 2 and all(
        str(c).endswith(("False]", "True]")) for c in columns
    ):
        # formulaic codes a boolean outcome as two indicator columns.
        values = values[:, [str(c).endswith("True]") for c in columns]]
    if values.shape[1] != 1:
        raise InputError(
            "The outcome must be one column of 0/1 or booleans, it became "
            f"{', '.join(map(str, columns))}: recode it, for example "
            "frame['y'] = frame['y'] == 'yes'."
        )
    outcome = values[:, 0]
    wrong = ~np.isin(outcome, (0.0, 1.0))
    if wrong.any():
        raise InputError(
            f"The outcome {columns.columns[0]} must be 0 or 1, "
            f"{wrong_rows(index, wrong, outcome)}. Shares of successes are given as "
            "rows of 0 and 1 with count=."
        )
    return np.ascontiguousarray(outcome)


def _refuse_constant_terms(
    spec: Any,  # noqa: ANN401 - formulaic is untyped
    matrix: FloatMatrix,
    term: tuple[str, ...],
) -> None:
    """Raise where a term has one value: a category without a contrast vanishes."""
    wrong = [str(name) for name, places in spec.term_indices.items() if not places]
    if INTERCEPT in term and len(matrix) > 1:
        same = (matrix == matrix[0]).all(axis=0) & (matrix[0] != 0)
        wrong += [
            name
            for name, constant in zip(term, same, strict=True)
            if constant and name != INTERCEPT
        ]
    if wrong:
        raise InputError(
            f"{', '.join(wrong)} has one value in all complete rows: nothing to "
            "compare. Leave it out, or look for the rows that lack other values."
        )


def _check_matrix(matrix: FloatMatrix, term: tuple[str, ...], index: pd.Index) -> None:
    if not term:
        raise InputError("The formula has no term: write at least 'outcome ~ 1'.")
    check_finite_terms(matrix, term, index)
    length = np.linalg.norm(matrix, axis=0)
    if (length == 0).any():
        raise InputError(
            f"These terms are 0 in every complete row: "
            f"{', '.join(np.array(term)[length == 0])}. Leave them out."
        )
    problem = describe_collinear(matrix, term)
    if problem:
        raise InputError(problem)
