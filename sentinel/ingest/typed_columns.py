"""Columns of typed values with the state of every cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.cells import Cell, CellReader
from sentinel.schema.states import CellState
from sentinel.schema.variables import Variable

__all__ = ["TypedColumn", "absent_column", "read_texts", "typed_values"]

StateVector = npt.NDArray[np.uint8]
IndexVector = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TypedColumn:
    """Values of shape (n,), their states, and which rows are faulty and why."""

    values: pd.Series
    states: StateVector
    faults: dict[str, IndexVector] = field(default_factory=dict)


def typed_values(variable: Variable, values: Sequence[object]) -> pd.Series:
    """Return values in the dtype that `Interviews.frame` promises for the kind."""
    if variable.is_numeric:
        array = np.array(
            [np.nan if value is None else value for value in values], dtype=np.float64
        )
        return pd.Series(pd.arrays.FloatingArray(array, np.isnan(array)))
    if variable.is_dated:
        days = np.array(
            ["NaT" if value is None else str(value) for value in values],
            dtype="datetime64[s]",
        )
        return pd.Series(days)
    return pd.Series(list(values), dtype="str")


def read_texts(reader: CellReader, texts: pd.Series) -> TypedColumn:
    """Read every distinct text once."""
    places, distinct = pd.factorize(texts)
    if not len(distinct):
        return absent_column(reader.variable, 0)
    cells: list[Cell] = [reader.read(str(text)) for text in distinct]
    values = typed_values(reader.variable, [cell.value for cell in cells])
    states = np.array([cell.state for cell in cells], dtype=np.uint8)
    faults: dict[str, IndexVector] = {}
    for expected in dict.fromkeys(cell.fault for cell in cells if cell.fault):
        wrong = np.array([cell.fault == expected for cell in cells])
        faults[expected] = np.flatnonzero(wrong[places])
    return TypedColumn(
        values=pd.Series(values.array.take(places)),
        states=states[places],
        faults=faults,
    )


def absent_column(variable: Variable, n: int) -> TypedColumn:
    """Return the column of a question that was not asked of n persons."""
    nothing = typed_values(variable, [None])
    return TypedColumn(
        values=pd.Series(nothing.array.take(np.zeros(n, dtype=np.intp))),
        states=np.full(n, CellState.NOT_ASKED, dtype=np.uint8),
    )
