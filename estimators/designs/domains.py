"""Domains: parts of a sample that are estimated without dropping the other rows."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.designs.labels import as_names, list_rows
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, IntVector
    from estimators.designs.either_design import Design

__all__ = ["Domains", "RowSelector", "row_mask", "split_into_domains"]

RowSelector: TypeAlias = "str | pd.Series[Any] | np.ndarray | Sequence[bool]"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Domains:
    """The domain of each row.

    Attributes
    ----------
    code : ndarray of shape (n,)
        Domain of the row, -1 where it lies in none.
    groups : tuple of mapping
        Group column to value, one per domain, in sorted order; empty mapping without
        group columns.
    notes : tuple of str
        What was left out, and why.
    """

    code: IntVector
    groups: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()


def row_mask(frame: pd.DataFrame, where: RowSelector) -> tuple[BoolVector, int]:
    """Turn a selector into a mask of the rows.

    Parameters
    ----------
    frame : DataFrame of n rows
    where : str or array of shape (n,)
        Name of a boolean (or 0/1) column, a query such as ``"age < 18"``, or booleans.

    Returns
    -------
    mask : ndarray of shape (n,)
        Rows where the condition is unknown are outside.
    n_unknown : int
        How many those are.

    Raises
    ------
    InputError
        If the selector is not boolean, not as long as the frame or cannot be evaluated.
    """
    values = _select(frame, where)
    if len(values) != len(frame):
        raise InputError(
            f"where has {len(values)} values for {len(frame)} rows of the design."
        )
    unknown = values.isna().to_numpy(dtype=bool)
    known = values[~unknown]
    if not known.isin([True, False]).all():  # 0 and 1 count as False and True
        raise InputError(
            "where must be true or false in every row; it has values such as "
            f"{known[~known.isin([True, False])].iloc[0]!r}."
        )
    mask = np.zeros(len(frame), dtype=bool)
    mask[~unknown] = known.to_numpy(dtype=bool)
    return mask, int(unknown.sum())


def _select(frame: pd.DataFrame, where: RowSelector) -> pd.Series[Any]:
    if isinstance(where, pd.Series):
        if not where.index.equals(frame.index):
            raise InputError(
                "where is a Series whose index is not that of the design's frame: "
                "its rows cannot be matched. Align it, or give an array."
            )
        return where.reset_index(drop=True)
    if not isinstance(where, str):
        return pd.Series(np.asarray(where))
    if where in frame.columns:
        return frame[where].reset_index(drop=True)
    _refuse_calls(where)
    try:
        # Empty scopes: a query from a file sees the columns and nothing else.
        result = frame.eval(where, local_dict={}, global_dict={}, engine="python")
    except Exception as error:  # the evaluator raises a dozen unrelated types
        raise InputError(
            f"where={where!r} is neither a column nor a query that can be evaluated: "
            f"{type(error).__name__}: {error}. "
            f"Columns are {', '.join(map(str, frame.columns))}."
        ) from error
    if not isinstance(result, pd.Series):
        raise InputError(f"where={where!r} does not give one value per row.")
    return result.reset_index(drop=True)


def _refuse_calls(query: str) -> None:
    """Refuse calls and attributes: a query compares columns, it runs no code."""
    # Backticks quote column names; Python's grammar does not know them.
    plain = re.sub(r"`[^`]*`", "quoted", query.strip())
    try:
        parts = list(ast.walk(ast.parse(plain, mode="eval")))
    except SyntaxError as error:
        raise InputError(
            f"where={query!r} is neither a column nor a query that can be evaluated: "
            f"{error.msg}."
        ) from error
    if any(isinstance(part, ast.Call | ast.Attribute) for part in parts):
        raise InputError(
            f"where={query!r} calls a function or method: a query may only compare and "
            "combine columns (quote names with a dot in backticks). Make a boolean "
            "column for anything else."
        )


def split_into_domains(
    design: Design,
    by: str | Sequence[str] | None = None,
    where: RowSelector | None = None,
) -> Domains:
    """Return the domain of each row: the observed combinations of `by` inside `where`.

    Rows outside the design's own domain and rows of weight zero lie in none. A missing
    group label leaves a row without a group; it is counted in the notes.

    Raises
    ------
    NotEstimableError
        If no row is left.
    """
    columns = as_names(by)
    check_columns(design.frame, {f"by[{i}]": name for i, name in enumerate(columns)})
    inside = design.domain & (design.weights != 0)
    notes: list[str] = []
    if where is not None:
        mask, n_unknown = row_mask(design.frame, where)
        inside &= mask
        if n_unknown:
            notes.append(
                f"{n_unknown} rows where the condition is unknown are left out"
            )
    for column in columns:
        missing = inside & design.frame[column].isna().to_numpy(dtype=bool)
        if missing.any():
            notes.append(f"{column!r} is missing in {list_rows(missing)}: in no group")
            inside &= ~missing
    if not inside.any():
        raise NotEstimableError(
            f"No row of the design lies in the domain asked for (where={where!r}, "
            f"by={list(columns)})."
        )
    code = np.full(len(design.frame), -1, dtype=np.int64)
    rows = np.flatnonzero(inside)
    code[rows], groups = _group(design.frame, columns, rows)
    return Domains(code=code, groups=groups, notes=tuple(notes))


def _group(
    frame: pd.DataFrame, columns: Sequence[str], rows: IntVector
) -> tuple[IntVector, tuple[Mapping[str, Any], ...]]:
    code = np.zeros(rows.size, dtype=np.int64)
    for column in columns:
        values = frame[column].iloc[rows]
        if isinstance(values.dtype, pd.CategoricalDtype):  # keeps the levels' own order
            inner = values.cat.codes.to_numpy(dtype=np.int64)
        else:
            inner = pd.factorize(values, sort=True)[0].astype(np.int64)
        width = int(inner.max()) + 1
        code = pd.factorize(code * width + inner, sort=True)[0].astype(np.int64)
    first = rows[np.unique(code, return_index=True)[1]]
    labels = [frame[column].iloc[first].tolist() for column in columns]
    groups = tuple(
        dict(zip(columns, values, strict=True)) for values in zip(*labels, strict=True)
    )
    return code, groups or ({},)
