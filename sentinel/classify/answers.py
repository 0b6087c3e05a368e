"""The columns of an interview table, decoded once and read in blocks of rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.schema.states import CellState

__all__ = ["Answers", "Column"]

AnyArray: TypeAlias = npt.NDArray[Any]
BoolVector: TypeAlias = npt.NDArray[np.bool_]

OTHER_STATE = np.uint8(CellState.MISSING)  # any that is neither a value nor a skip


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Some rows of one variable.

    Attributes
    ----------
    values : ndarray of float64 or int32, shape (n,)
        Numbers, NaN where the cell is empty; or positions in `codes`, -1 where it is.
    codes : tuple of str or None
        Distinct texts of the whole column; none for numbers.
    is_blank : ndarray of bool, shape (codes,)
        A text without a character: a form in which nothing was ticked or typed.
    state : ndarray of uint8, shape (n,)
    """

    values: AnyArray
    codes: tuple[str, ...] | None
    is_blank: BoolVector
    state: npt.NDArray[np.uint8]

    @property
    def known(self) -> BoolVector:
        """Where the cell holds a value."""
        has_value: BoolVector = self.state == CellState.VALUE
        if self.codes is None:
            return has_value & ~np.isnan(self.values)
        is_told: BoolVector = np.append(~self.is_blank, False)[self.values]
        return has_value & is_told

    @property
    def not_asked(self) -> BoolVector:
        """Where the form skipped the question."""
        found: BoolVector = self.state == CellState.NOT_ASKED
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    """One variable, all rows; numbers stay as they came until a block is read."""

    cells: pd.api.extensions.ExtensionArray | AnyArray
    codes: tuple[str, ...] | None
    is_blank: BoolVector
    state: AnyArray

    def rows(self, start: int, stop: int) -> Column:
        cells = self.cells[start:stop]
        if isinstance(cells, np.ndarray):
            values = np.array(cells, dtype=np.int32)
        else:
            values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        return Column(values, self.codes, self.is_blank, _small(self.state[start:stop]))


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """The columns of an interview table, decoded when first needed.

    Parameters
    ----------
    frame : DataFrame of shape (n, variables)
        Categories as strings, multiple answers as codes with ";" between, numbers.
    states : DataFrame of shape (n, variables)
        `CellState` of every cell; a cell that claims a value but holds none is unknown.
    start, stop : int, optional
        The rows that are read; all by default. `rows` makes such blocks, which share
        what was decoded.
    """

    frame: pd.DataFrame
    states: pd.DataFrame
    start: int = 0
    stop: int = -1
    _stored: dict[str, _Stored] = field(default_factory=dict)
    _tables: dict[Hashable, AnyArray] = field(default_factory=dict)
    _read: dict[str, Column] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Number of rows that are read."""
        return (len(self.frame) if self.stop < 0 else self.stop) - self.start

    def rows(self, start: int, stop: int) -> Answers:
        """Return a block of rows."""
        return Answers(self.frame, self.states, start, stop, self._stored, self._tables)

    def column(self, name: str) -> Column:
        """Return the rows of a variable."""
        if name not in self._read:
            self.decode(name)
            stop = self.start + self.n_rows
            self._read[name] = self._stored[name].rows(self.start, stop)
        return self._read[name]

    def table(self, key: Hashable, make: Callable[[], AnyArray]) -> AnyArray:
        """Return what was made of a column's codes under this key, or make it."""
        if key not in self._tables:
            self._tables[key] = make()
        return self._tables[key]

    def decode(self, name: str) -> None:
        """Decode a variable in all rows, unless that was done.

        Categories bring their codes; texts are hashed, which costs some ten times as
        much as everything that is done with them afterwards.
        """
        if name not in self._stored:
            state = self.states[name].to_numpy()
            self._stored[name] = _decoded(self.frame[name], state)


def _decoded(series: pd.Series, state: AnyArray) -> _Stored:
    is_category = isinstance(series.dtype, pd.CategoricalDtype)
    if pd.api.types.is_numeric_dtype(series) and not is_category:
        return _Stored(series.array, None, np.zeros(0, dtype=bool), state)
    if is_category:
        positions: AnyArray = series.cat.codes.to_numpy()
        found = series.cat.categories if (positions >= 0).any() else ()
    else:
        is_text = isinstance(series.dtype, pd.StringDtype)
        positions, found = pd.factorize(series if is_text else series.astype(object))
        positions = positions.astype(np.min_scalar_type(-max(len(found), 1)))
    codes = tuple(str(code) for code in found)
    is_blank = np.array([not text.strip() for text in codes], dtype=bool)
    return _Stored(positions, codes, is_blank, state)


def _small(state: AnyArray) -> npt.NDArray[np.uint8]:
    """Return a copy as bytes: value, not asked, or neither."""
    if state.dtype == np.uint8:
        return np.array(state)
    choices = [np.uint8(CellState.VALUE), np.uint8(CellState.NOT_ASKED)]
    return np.select([state == choice for choice in choices], choices, OTHER_STATE)
