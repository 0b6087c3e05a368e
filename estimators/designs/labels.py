"""Whole-number codes for labels, and messages that name rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, IntVector

__all__ = ["as_names", "code_labels", "list_names", "list_rows", "pair_codes"]

_SHOWN = 10


def as_names(columns: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return a column name, a list of them or None as a tuple of names."""
    if columns is None:
        return ()
    return (columns,) if isinstance(columns, str) else tuple(columns)


def list_rows(wrong: BoolVector) -> str:
    """Return "3 rows (0, 4, 7)" for a mask; rows are counted from 0."""
    rows = np.flatnonzero(wrong)
    shown = ", ".join(str(row) for row in rows[:_SHOWN])
    more = ", ..." if rows.size > _SHOWN else ""
    return f"{rows.size} row{'s' if rows.size != 1 else ''} ({shown}{more})"


def list_names(names: Iterable[object]) -> str:
    """Return the first names of many, and how many more there are."""
    every = [str(name) for name in names]
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def pair_codes(outer: IntVector, inner: IntVector) -> tuple[IntVector, IntVector]:
    """Code the observed pairs of two codes, in order of outer, then inner.

    Returns
    -------
    code : ndarray of shape (n,)
        Codes 0, 1, ... of the pairs.
    parent : ndarray of shape (pairs,)
        Outer code of each pair.
    """
    width = int(inner.max()) + 1 if inner.size else 1
    code, pairs = pd.factorize(outer * np.int64(width) + inner, sort=True)
    return code.astype(np.int64), np.asarray(pairs, dtype=np.int64) // width


def code_labels(
    frame: pd.DataFrame, columns: Sequence[str], role: str
) -> tuple[IntVector, Callable[[int], str]]:
    """Code the combined labels of `columns`; a missing label is an error.

    Returns
    -------
    code : ndarray of shape (n,)
    name : callable
        Gives the label of a code, for messages: ``"round=2012, site=A"``.
    """
    problems = [
        f"{column!r} ({role}) is missing in {list_rows(missing)}"
        for column in columns
        if (missing := frame[column].isna().to_numpy(dtype=bool)).any()
    ]
    if problems:
        raise InputError("; ".join(problems))
    code = np.zeros(len(frame), dtype=np.int64)
    for column in columns:
        inner, _ = pd.factorize(frame[column], sort=True)
        code, _ = pair_codes(code, inner.astype(np.int64))
    # No closure: designs are sent to other processes, and a closure cannot be.
    return code, partial(_name_of, frame[list(columns)], code)


def _name_of(frame: pd.DataFrame, code: IntVector, wanted: int) -> str:
    row = int(np.argmax(code == wanted))
    return ", ".join(f"{column}={frame[column].iloc[row]}" for column in frame)
