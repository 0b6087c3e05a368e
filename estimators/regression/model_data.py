"""From a formula and a frame to the arrays of a binary regression."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = ["INTERCEPT", "BinaryData", "LinearPredictor", "read_binary_data"]

INTERCEPT = "Intercept"
# Share of a column, scaled to length 1, that the others must leave unexplained.
_COLLINEAR = 1e-9
_SHOWN = 5


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
            matrix = _as_floats(_materialise(self.spec, frame[complete]))
            _check_finite(matrix, tuple(self.spec.column_names), frame.index[complete])
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
    parsed = _parse(formula)
    names = sorted(map(str, parsed.required_variables))
    roles = {f"model column {name}": name for name in names}
    check_columns(frame, roles if count is None else {**roles, "count": count})
    frequency = _frequencies(frame, count)
    under_study = frequency > 0 if inside is None else inside & (frequency > 0)
    missing = frame[names].isna().to_numpy()
    kept = under_study & ~missing.any(axis=1)
    if not kept.any():
        raise NotEstimableError(
            f"No row of {len(frame)} has a value in each of {', '.join(names)}."
        )
    notes = _missing_notes(names, missing[under_study])
    complete, more = _drop_empty_levels(frame.loc[kept, names])
    materialised = _materialise(parsed, complete)
    outcome = _outcome(materialised.lhs, complete.index)
    matrix = _as_floats(materialised.rhs)
    term = tuple(map(str, materialised.rhs.columns))
    _check_matrix(matrix, term, complete.index)
    if outcome.min() == outcome.max():
        raise NotEstimableError(
            f"All {outcome.size} outcomes are {outcome[0]:g}: no contrast between "
            "persons with and without the outcome can be estimated."
        )
    return BinaryData(
        outcome=outcome,
        matrix=matrix,
        frequency=frequency[kept],
        kept=kept,
        term=term,
        spec=materialised.rhs.model_spec,
        notes=(*notes, *more),
    )


def _parse(formula: str) -> Any:  # noqa: ANN401 - formulaic is untyped
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        parsed = Formula(formula)
    except FormulaicError as error:
        raise InputError(f"The formula {formula!r} cannot be read: {error}") from error
    if not hasattr(parsed, "lhs"):
        raise InputError(
            f"The formula {formula!r} has no outcome: write 'outcome ~ terms'."
        )
    return parsed


def _frequencies(frame: pd.DataFrame, count: str | None) -> FloatVector:
    if count is None:
        return np.ones(len(frame))
    values = pd.to_numeric(frame[count], errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    wrong = ~(np.isfinite(values) & (values >= 0) & (values == np.round(values)))
    if wrong.any():
        raise InputError(
            f"count={count!r}: whole numbers >= 0 were expected, "
            f"{_rows(frame.index, wrong)}. Sampling weights are no counts of persons: "
            "give them in a SurveyDesign as design=."
        )
    return np.asarray(values, dtype=np.float64)


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


def _drop_empty_levels(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    notes = []
    for name in frame.columns:
        if not isinstance(frame[name].dtype, pd.CategoricalDtype):
            continue
        used = frame[name].cat.remove_unused_categories()
        gone = frame[name].cat.categories.difference(used.cat.categories)
        if len(gone):
            frame = frame.assign(**{name: used})
            levels = ", ".join(map(str, gone))
            notes.append(f"no complete row has these levels of {name}: {levels}")
    return frame, notes


def _materialise(model: Any, frame: pd.DataFrame) -> Any:  # noqa: ANN401 - formulaic is untyped
    from formulaic.errors import DataMismatchWarning, FormulaicError

    # What is not finite is refused by the caller, with its rows.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A level that the fit has not seen would silently count as the reference.
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            return model.get_model_matrix(frame, na_action="ignore")
        except (FormulaicError, DataMismatchWarning) as error:
            raise InputError(f"The model's terms cannot be made: {error}") from error


def _as_floats(matrix: pd.DataFrame) -> FloatMatrix:
    return np.ascontiguousarray(matrix.to_numpy(dtype=np.float64))


def _outcome(columns: pd.DataFrame, index: pd.Index) -> FloatVector:
    values = _as_floats(columns)
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
            f"{_rows(index, wrong, outcome)}. Shares of successes are given as rows of "
            "0 and 1 with count=."
        )
    return np.ascontiguousarray(outcome)


def _check_matrix(matrix: FloatMatrix, term: tuple[str, ...], index: pd.Index) -> None:
    if not term:
        raise InputError("The formula has no term: write at least 'outcome ~ 1'.")
    _check_finite(matrix, term, index)
    length = np.linalg.norm(matrix, axis=0)
    if (length == 0).any():
        raise InputError(
            f"These terms are 0 in every complete row: "
            f"{', '.join(np.array(term)[length == 0])}. Leave them out."
        )
    triangle = cast("FloatMatrix", np.linalg.qr(matrix / length, mode="r"))
    if triangle.shape[0] == len(term):
        smallest = np.linalg.svd(triangle, compute_uv=False)[-1]
        if smallest > _COLLINEAR:
            return
    raise InputError(_collinear(triangle, term))


def _check_finite(matrix: FloatMatrix, term: tuple[str, ...], index: pd.Index) -> None:
    infinite = np.asarray(~np.isfinite(matrix))
    if infinite.any():
        named = ", ".join(np.array(term)[infinite.any(axis=0)])
        rows = _rows(index, np.asarray(infinite.any(axis=1)))
        raise InputError(f"The terms {named} must be finite numbers, {rows}.")


def _collinear(triangle: FloatMatrix, term: tuple[str, ...]) -> str:
    _, sizes, directions = np.linalg.svd(triangle)
    rank = int(np.count_nonzero(sizes > _COLLINEAR))
    involved = np.abs(directions[rank:]).max(axis=0) > 1e-6
    return (
        f"{len(term)} terms but only {rank} independent directions: "
        f"{', '.join(np.array(term)[involved])} are collinear. Leave "
        f"{len(term) - rank} of them out, or give more complete rows."
    )


def _rows(index: pd.Index, wrong: BoolVector, values: FloatVector | None = None) -> str:
    at = np.flatnonzero(wrong)
    shown = [
        f"{index[row]}" + ("" if values is None else f": {values[row]:g}")
        for row in at[:_SHOWN]
    ]
    more = ", ..." if at.size > _SHOWN else ""
    return f"{at.size} rows are not (rows {', '.join(shown)}{more})"
