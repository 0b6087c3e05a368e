"""Capture histories: how many persons were named by each combination of lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import BoolVector, IntMatrix, IntVector

__all__ = ["MOST_LISTS", "CaptureHistories"]

MOST_LISTS = 20
LARGEST_COUNT = 2**53
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaptureHistories:
    """Counts of persons by capture history.

    Build one with `from_frame`, `from_counts` or `from_individuals`.

    Attributes
    ----------
    lists : tuple of str
        Names of the t lists.
    history : ndarray of int64, shape (cells,)
        Observed histories as bit masks, ascending: bit j is set if list j named the
        person. Histories that nobody has are absent.
    count : ndarray of int64, shape (cells,)
        Persons with that history, all above 0.
    notes : tuple of str

    Examples
    --------
    >>> histories = CaptureHistories.from_counts({"10": 30, "01": 20, "11": 6})
    >>> histories.n_observed, histories.list_sizes().tolist()
    (56, [36, 26])
    """

    lists: tuple[str, ...]
    history: IntVector
    count: IntVector
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        self.history.setflags(write=False)
        self.count.setflags(write=False)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        lists: Sequence[str] | None = None,
        count: str | None = None,
    ) -> CaptureHistories:
        """Read a table with one 0/1 column per list.

        Parameters
        ----------
        frame : DataFrame
        lists : sequence of str, optional
            The 0/1 columns; by default every column but `count`.
        count : str, optional
            Column of persons per history. Without it every row is one person, and
            rows may repeat; with it every history may stand once.

        Raises
        ------
        InputError
            With every row that is not 0/1, is named by no list, is repeated, or has a
            count that is not a whole number >= 0.
        """
        names = [str(name) for name in frame.columns if name != count]
        names = list(lists) if lists is not None else names
        roles = {f"list {name}": name for name in names}
        check_columns(frame, roles | ({"count": count} if count is not None else {}))
        matrix = _zero_one(frame, names)
        counts = (
            np.ones(len(frame), dtype=np.int64)
            if count is None
            else _whole(frame[count].tolist(), "count")
        )
        return cls._from_matrix(names, matrix, counts, repeated=count is None)

    @classmethod
    def from_counts(
        cls, counts: Mapping[str, int], *, lists: Sequence[str] | None = None
    ) -> CaptureHistories:
        """Read a mapping of history to count, ``{"101": 3}`` for three lists.

        The first character is the first list. Lists are called A, B, C, ... by default.
        """
        if not counts:
            raise InputError(
                "No history came: give counts such as {'10': 30, '11': 6}."
            )
        widths = {len(str(key)) for key in counts}
        strange = [key for key in counts if set(str(key)) - {"0", "1"}]
        if len(widths) > 1 or strange:
            raise InputError(
                "Histories are words of 0 and 1, one character per list; came "
                f"{', '.join(map(repr, [*strange, *counts][:SHOWN]))}."
            )
        width = widths.pop()
        names = list(lists) if lists is not None else _letters(width)
        if len(names) != width:
            raise InputError(
                f"{len(names)} list names came for histories of {width} lists."
            )
        matrix = np.array(
            [[int(letter) for letter in str(key)] for key in counts], dtype=np.int64
        )
        return cls._from_matrix(
            names, matrix, _whole(list(counts.values()), "count"), repeated=False
        )

    @classmethod
    def from_individuals(
        cls, records: pd.DataFrame, *, person: str, list_name: str
    ) -> CaptureHistories:
        """Read one row per person and list, as linkage gives them.

        Parameters
        ----------
        records : DataFrame
            A person who stands twice in one list counts once; notes say how many did.
        person, list_name : str
            Columns.
        """
        check_columns(records, {"person": person, "list": list_name})
        missing = records[[person, list_name]].isna().any(axis=1)
        if missing.any():
            rows = ", ".join(str(row) for row in np.flatnonzero(missing)[:SHOWN])
            raise InputError(
                f"{int(missing.sum())} records name no person or no list (rows {rows}, "
                "counted from 0)."
            )
        repeats = int(records.duplicated([person, list_name]).sum())
        table = pd.crosstab(records[person], records[list_name]) > 0
        names = [str(name) for name in table.columns]
        notes = (
            (f"{repeats} records repeat a person within a list and count once",)
            if repeats
            else ()
        )
        return cls._from_matrix(
            names,
            table.to_numpy(dtype=np.int64),
            np.ones(len(table), dtype=np.int64),
            repeated=True,
            notes=notes,
        )

    @classmethod
    def _from_matrix(
        cls,
        lists: Sequence[str],
        matrix: IntMatrix,
        counts: IntVector,
        *,
        repeated: bool,
        notes: tuple[str, ...] = (),
    ) -> CaptureHistories:
        names = tuple(str(name) for name in lists)
        if len(names) < 2 or len(set(names)) < len(names):
            raise InputError(
                f"At least two lists with different names are needed, {names} came."
            )
        if len(names) > MOST_LISTS:
            raise InputError(
                f"{len(names)} lists came; at most {MOST_LISTS} are taken."
            )
        masks = matrix @ (1 << np.arange(len(names), dtype=np.int64))
        if (masks == 0).any() and counts[masks == 0].any():
            raise InputError(
                "The history of all zeros was given as observed: persons whom no list "
                "names are what is to be estimated. Leave that row out."
            )
        if not repeated:
            known, times = np.unique(masks, return_counts=True)
            twice = [_word(mask, len(names)) for mask in known[times > 1]]
            if twice:
                raise InputError(
                    f"Histories given more than once: {', '.join(twice[:SHOWN])}. Add "
                    "their counts first."
                )
        total = np.bincount(
            masks if len(names) <= 12 else np.unique(masks, return_inverse=True)[1],
            weights=counts,
        )
        keys = np.arange(total.size) if len(names) <= 12 else np.unique(masks)
        keep = (total > 0) & (keys > 0)
        if not keep.any():
            raise InputError("Every count is 0: nobody was observed.")
        histories = cls(
            lists=names,
            history=keys[keep].astype(np.int64),
            count=total[keep].astype(np.int64),
            notes=notes,
        )
        empty = [
            name
            for name, size in zip(names, histories.list_sizes(), strict=True)
            if size == 0
        ]
        if empty:
            raise InputError(
                f"Nobody is on {', '.join(empty)}: leave empty lists out (`omit`)."
            )
        return histories

    @property
    def n_lists(self) -> int:
        """Number of lists, t."""
        return len(self.lists)

    @property
    def n_observed(self) -> int:
        """Distinct persons on at least one list."""
        return int(self.count.sum())

    def dense(self) -> IntVector:
        """Return counts by bit mask, shape (2 ** t,); the unobserved cell 0 is 0."""
        table = np.zeros(1 << self.n_lists, dtype=np.int64)
        table[self.history] = self.count
        return table

    def matrix(self) -> IntMatrix:
        """Return 0/1 membership of the observed histories, shape (cells, t)."""
        return (self.history[:, None] >> np.arange(self.n_lists)) & 1

    def list_sizes(self) -> IntVector:
        """Return persons on each list, shape (t,)."""
        return np.asarray(self.count @ self.matrix(), dtype=np.int64)

    def overlaps(self) -> pd.DataFrame:
        """Return persons on each pair of lists; the diagonal holds the list sizes."""
        matrix = self.matrix()
        return pd.DataFrame(
            matrix.T @ (self.count[:, None] * matrix),
            index=list(self.lists),
            columns=list(self.lists),
        )

    def capture_frequencies(self) -> IntVector:
        """Return how many persons are on exactly k lists, k = 0..t, shape (t + 1,)."""
        times = self.matrix().sum(axis=1)
        return np.bincount(
            times, weights=self.count, minlength=self.n_lists + 1
        ).astype(np.int64)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per observed history with a 0/1 column per list and count."""
        frame = pd.DataFrame(self.matrix(), columns=list(self.lists))
        frame["count"] = self.count
        return frame

    def with_counts(self, dense: IntVector) -> CaptureHistories:
        """Return the same lists with other counts by bit mask; lists may be empty."""
        keys = np.flatnonzero(dense[1:]) + 1
        return CaptureHistories(
            lists=self.lists,
            history=keys.astype(np.int64),
            count=np.asarray(dense, dtype=np.int64)[keys],
            notes=self.notes,
        )

    def omit(self, *names: str) -> CaptureHistories:
        """Leave lists out; persons known from them alone are no longer observed."""
        self._known(names)
        return self.restrict(*(name for name in self.lists if name not in names))

    def restrict(self, *names: str) -> CaptureHistories:
        """Keep only the named lists, in the order given."""
        self._known(names)
        columns = [self.lists.index(name) for name in names]
        matrix = self.matrix()[:, columns]
        seen = matrix.any(axis=1)
        lost = int(self.count[~seen].sum())
        notes = (f"{lost} persons were on none of {', '.join(names)}",) if lost else ()
        return CaptureHistories._from_matrix(
            list(names),
            matrix[seen],
            self.count[seen],
            repeated=True,
            notes=(*self.notes, *notes),
        )

    def merge(self, groups: Mapping[str, Iterable[str]]) -> CaptureHistories:
        """Join lists into one: a person is on it who is on any of its parts."""
        parts = {name: tuple(members) for name, members in groups.items()}
        joined = [member for members in parts.values() for member in members]
        self._known(joined)
        if len(set(joined)) < len(joined):
            raise InputError("A list can be merged into one group only.")
        names: list[str] = []
        columns: list[BoolVector] = []
        matrix = self.matrix().astype(bool)
        for name in self.lists:
            owner = next(
                (key for key, members in parts.items() if name in members), name
            )
            if owner in names:
                continue
            members = parts.get(owner, (name,))
            names.append(owner)
            places = [self.lists.index(member) for member in members]
            columns.append(np.asarray(matrix[:, places].any(axis=1)))
        return CaptureHistories._from_matrix(
            names,
            np.column_stack(columns).astype(np.int64),
            self.count,
            repeated=True,
            notes=self.notes,
        )

    def summary(self) -> str:
        """Return lists, sizes and overlaps as text."""
        head = f"{self.n_observed:,} persons on {self.n_lists} lists"
        return "\n".join([head, self.overlaps().to_string(), *self.notes])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the UpSet plot of the histories; returns the axes of the bars."""
        from estimators.plotting import upset_plot

        return upset_plot(self.to_frame(), count="count", ax=ax)

    def _known(self, names: Iterable[str]) -> None:
        unknown = [name for name in names if name not in self.lists]
        if unknown:
            raise InputError(
                f"No list is called {', '.join(map(repr, unknown))}; there are "
                f"{', '.join(self.lists)}."
            )


def _zero_one(frame: pd.DataFrame, names: Sequence[str]) -> IntMatrix:
    problems: list[str] = []
    columns: list[IntVector] = []
    for name in names:
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(
            dtype=np.float64, na_value=np.nan
        )
        wrong = np.flatnonzero((values != 0) & (values != 1))
        if wrong.size:
            problems.append(
                f"{name} is {frame[name].iloc[int(wrong[0])]} in row {wrong[0]}"
                + (f" and wrong in {wrong.size - 1} more" if wrong.size > 1 else "")
            )
        columns.append(np.nan_to_num(values).astype(np.int64))
    if problems:
        raise InputError(
            "Lists are columns of 0 and 1, rows counted from 0: "
            + "; ".join(problems)
            + "."
        )
    return np.column_stack(columns)


def _whole(values: Sequence[Any], name: str) -> IntVector:
    numbers = pd.to_numeric(pd.Series(list(values)), errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    wrong = np.flatnonzero(
        ~np.isfinite(numbers)
        | (numbers < 0)
        | (numbers != np.floor(numbers))
        | (numbers > LARGEST_COUNT)
    )
    if wrong.size:
        shown = ", ".join(f"{values[row]!r} (row {row})" for row in wrong[:SHOWN])
        raise InputError(
            f"{name}: whole numbers >= 0 were expected, {wrong.size} are not: {shown}."
        )
    return numbers.astype(np.int64)


def _letters(width: int) -> list[str]:
    return [chr(ord("A") + place) for place in range(width)]


def _word(mask: int, width: int) -> str:
    return "".join(str(int(mask) >> place & 1) for place in range(width))
