"""From a formula and a frame to the cells of a model for repeat counts."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = ["CountCells", "check_rank", "new_matrix", "read_count_cells"]

LARGEST_COUNT = 10_000
_COLLINEAR = 1e-9
_SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class CountCells:
    """Persons who share covariates, count and group, once each.

    Attributes
    ----------
    matrix : ndarray of shape (cells, terms)
    y : ndarray of shape (cells,)
        How often a person of the cell was seen, at least 1.
    weight : ndarray of shape (cells,)
        Persons.
    group : ndarray of int64, shape (cells,)
        Position in `groups`.
    groups : tuple of mapping
        Group column to value; one empty mapping without groups.
    term : tuple of str
    spec : formulaic.ModelSpec
    n_excluded : int
        Persons left out for missing values.
    notes : tuple of str
    """

    matrix: FloatMatrix
    y: FloatVector
    weight: FloatVector
    group: IntVector
    groups: tuple[dict[str, Any], ...]
    term: tuple[str, ...]
    spec: Any
    n_excluded: int
    notes: tuple[str, ...]

    @property
    def n_observed(self) -> int:
        """Persons in all cells."""
        return int(self.weight.sum())


def read_count_cells(
    formula: str,
    frame: pd.DataFrame,
    *,
    count: str | None,
    by: Sequence[str],
) -> CountCells:
    """Read complete rows, refuse what is no repeat count, and join equal persons.

    Raises
    ------
    InputError
        If the formula or a column is not as described or terms are collinear.
    NotEstimableError
        If no row is complete.
    """
    parsed = _parse(formula)
    check_columns(frame, {})
    names = sorted(_variables(parsed, formula, frame) | set(by))
    roles = {f"model column {name}": name for name in names}
    check_columns(frame, roles if count is None else {**roles, "count": count})
    weight = _persons(frame, count)
    missing = frame[names].isna()
    kept = ~missing.any(axis=1).to_numpy() & (weight > 0)
    if not kept.any():
        raise NotEstimableError(
            f"No row of {len(frame)} has a value in each of {', '.join(names)}."
        )
    rows = _drop_empty_levels(frame.loc[kept, names])
    model = _materialise(parsed, rows)
    y = _outcome(model.lhs, rows.index)
    matrix = np.ascontiguousarray(model.rhs.to_numpy(dtype=np.float64))
    term = tuple(map(str, model.rhs.columns))
    _check_finite(matrix, term)
    code, groups = _groups(rows, by)
    n_excluded = int(weight[(weight > 0) & ~kept].sum())
    cells, position = np.unique(
        np.column_stack([code, y, matrix]), axis=0, return_inverse=True
    )
    return CountCells(
        matrix=np.ascontiguousarray(cells[:, 2:]),
        y=np.ascontiguousarray(cells[:, 1]),
        weight=np.asarray(
            np.bincount(position.ravel(), weight[kept]), dtype=np.float64
        ),
        group=cells[:, 0].astype(np.int64),
        groups=groups,
        term=term,
        spec=model.rhs.model_spec,
        n_excluded=n_excluded,
        notes=_missing_notes(missing, weight, n_excluded),
    )


def new_matrix(spec: Any, frame: pd.DataFrame) -> FloatMatrix:  # noqa: ANN401 - formulaic is untyped
    """Return the model's columns for complete rows of another frame."""
    return np.ascontiguousarray(_materialise(spec, frame).to_numpy(dtype=np.float64))


def check_rank(matrix: FloatMatrix, term: tuple[str, ...]) -> None:
    """Refuse terms that the rows of the likelihood cannot tell apart."""
    length = np.linalg.norm(matrix, axis=0)
    if (length == 0).any():
        raise InputError(
            "These terms are 0 for every person that enters the likelihood: "
            f"{', '.join(np.array(term)[length == 0])}. Leave them out."
        )
    triangle = np.linalg.qr(matrix / length, mode="r")
    _, sizes, directions = np.linalg.svd(triangle, full_matrices=True)
    rank = int(np.count_nonzero(sizes > _COLLINEAR * sizes[0]))
    if rank < len(term):
        involved = np.abs(directions[rank:]).max(axis=0) > 1e-6
        raise InputError(
            f"{len(term)} terms but only {rank} independent directions: "
            f"{', '.join(np.array(term)[involved])} are collinear. Leave "
            f"{len(term) - rank} of them out."
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
            f"The formula {formula!r} has no count: write 'times_seen ~ terms'."
        )
    return parsed


def _variables(parsed: Any, formula: str, frame: pd.DataFrame) -> set[str]:  # noqa: ANN401 - formulaic is untyped
    """Return the columns in use; formulaic overlooks those inside splines."""
    words = set(re.findall(r"[^\W\d]\w*", formula))
    return set(map(str, parsed.required_variables)) | (words & set(frame.columns))


def _persons(frame: pd.DataFrame, count: str | None) -> FloatVector:
    if count is None:
        return np.ones(len(frame))
    values = pd.to_numeric(frame[count], errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    wrong = ~(np.isfinite(values) & (values >= 0) & (values == np.round(values)))
    if wrong.any():
        raise InputError(
            f"count={count!r}: whole numbers of persons >= 0 were expected, "
            f"{_rows(frame.index, wrong)}."
        )
    return np.asarray(values, dtype=np.float64)


def _drop_empty_levels(rows: pd.DataFrame) -> pd.DataFrame:
    for name in rows.columns:
        if isinstance(rows[name].dtype, pd.CategoricalDtype):
            rows = rows.assign(**{name: rows[name].cat.remove_unused_categories()})
    return rows


def _materialise(parsed: Any, rows: pd.DataFrame) -> Any:  # noqa: ANN401 - formulaic is untyped
    from formulaic.errors import DataMismatchWarning, FormulaicError

    # What is not finite is refused by the caller, by name.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A level that the fit has not seen would silently count as the reference.
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            return parsed.get_model_matrix(rows, na_action="ignore")
        except (FormulaicError, DataMismatchWarning) as error:
            raise InputError(f"The model's terms cannot be made: {error}") from error


def _outcome(columns: pd.DataFrame, index: pd.Index) -> FloatVector:
    if columns.shape[1] != 1:
        raise InputError(
            "The count must be one numeric column, it became "
            f"{', '.join(map(str, columns))}."
        )
    y = columns.to_numpy(dtype=np.float64)[:, 0]
    wrong = ~((y >= 1) & (y == np.round(y)) & (y <= LARGEST_COUNT))
    if wrong.any():
        raise InputError(
            f"{columns.columns[0]} must be whole numbers from 1 to {LARGEST_COUNT}, "
            f"how often an observed person was seen, {_rows(index, wrong)}. Someone "
            "in the data was seen at least once: for deportations within a year of "
            "a person interviewed at deportation give 1 + the earlier ones."
        )
    return np.ascontiguousarray(y)


def _check_finite(matrix: FloatMatrix, term: tuple[str, ...]) -> None:
    if not term:
        raise InputError("The formula has no term: write at least 'count ~ 1'.")
    infinite = np.asarray(~np.isfinite(matrix).all(axis=0))
    if infinite.any():
        raise InputError(
            f"The terms {', '.join(np.array(term)[infinite])} must be finite numbers."
        )


def _groups(
    rows: pd.DataFrame, by: Sequence[str]
) -> tuple[IntVector, tuple[dict[str, Any], ...]]:
    if not by:
        return np.zeros(len(rows), dtype=np.int64), ({},)
    grouped = rows.groupby(list(by), sort=True, observed=True)
    code = np.asarray(grouped.ngroup(), dtype=np.int64)
    first = rows[list(by)].iloc[np.unique(code, return_index=True)[1]]
    records = cast("list[dict[str, Any]]", first.to_dict("records"))
    return code, tuple(records)


def _missing_notes(
    missing: pd.DataFrame, weight: FloatVector, n_excluded: int
) -> tuple[str, ...]:
    if not n_excluded:
        return ()
    persons = missing.to_numpy().T @ weight
    by_column = ", ".join(
        f"{name} {number:g}"
        for name, number in zip(missing.columns, persons, strict=True)
        if number
    )
    return (
        f"{n_excluded} observed persons are left out for missing values ({by_column}): "
        "the size is that of the population of complete records",
    )


def _rows(index: pd.Index, wrong: BoolVector) -> str:
    at = np.flatnonzero(wrong)
    shown = ", ".join(str(index[row]) for row in at[:_SHOWN])
    return f"{at.size} rows are not (rows {shown}{', ...' if at.size > _SHOWN else ''})"
