"""From a formula and a frame to the cells of a model for repeat counts."""

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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = ["CountCells", "check_rank", "new_matrix", "read_count_cells"]

LARGEST_COUNT = 10_000


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
    parsed = parse_formula(formula, left="times_seen")
    check_columns(frame, {})
    names = sorted({*model_columns(parsed, formula, frame), *by})
    roles = {f"model column {name}": name for name in names}
    check_columns(frame, roles if count is None else {**roles, "count": count})
    weight = read_frequencies(frame, count)
    missing = frame[names].isna()
    kept = ~missing.any(axis=1).to_numpy() & (weight > 0)
    if not kept.any():
        raise NotEstimableError(
            f"No row of {len(frame)} has a value in each of {', '.join(names)}."
        )
    rows, emptied = drop_empty_levels(frame.loc[kept, names])
    model = materialise(parsed, rows)
    y = _outcome(model.lhs, rows.index)
    matrix = as_floats(model.rhs)
    term = tuple(map(str, model.rhs.columns))
    if not term:
        raise InputError("The formula has no term: write at least 'count ~ 1'.")
    check_finite_terms(matrix, term, rows.index)
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
        notes=(*_missing_notes(missing, weight, n_excluded), *emptied),
    )


def new_matrix(spec: Any, frame: pd.DataFrame) -> FloatMatrix:  # noqa: ANN401 - formulaic is untyped
    """Return the model's columns for complete rows of another frame."""
    return as_floats(materialise(spec, frame))


def check_rank(matrix: FloatMatrix, term: tuple[str, ...]) -> None:
    """Refuse terms that the rows of the likelihood cannot tell apart."""
    length = np.linalg.norm(matrix, axis=0)
    if (length == 0).any():
        raise InputError(
            "These terms are 0 for every person that enters the likelihood: "
            f"{', '.join(np.array(term)[length == 0])}. Leave them out."
        )
    problem = describe_collinear(matrix, term)
    if problem:
        raise InputError(problem)


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
            "how often an observed person was seen, "
            f"{wrong_rows(index, wrong)}. Someone in the data was seen at least once: "
            "for deportations within a year of a person interviewed at deportation "
            "give 1 + the earlier ones, after thinning (see `truncated_counts`)."
        )
    return np.ascontiguousarray(y)


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
