"""What may be a table of capture histories: every problem of an input, at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, IntMatrix, IntVector

__all__ = ["MOST_LISTS", "HistoryInput", "read_counts", "read_records", "read_table"]

MOST_LISTS = 20
# Every whole number up to here is a double: sums and logarithms stay exact.
LARGEST_COUNT = 2**53
SHOWN = 5


@dataclass(slots=True)
class HistoryInput:
    """Rows of lists, counts and strata on their way to a table.

    Attributes
    ----------
    lists : tuple of str
    matrix : ndarray of int64, shape (rows, lists)
    count : ndarray of int64, shape (rows,)
    strata : DataFrame of shape (rows, strata columns)
    repeated : bool
        Whether a history may stand in several rows.
    notes : tuple of str
    problems : list of str
        What was wrong so far; nothing is raised before all is read.
    readable : ndarray of bool, shape (rows,)
        Rows whose lists and count could be read.
    """

    lists: tuple[str, ...]
    matrix: IntMatrix
    count: IntVector
    strata: pd.DataFrame
    repeated: bool
    notes: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)
    readable: BoolVector = field(default_factory=lambda: np.ones(1, dtype=np.bool_))

    @property
    def masks(self) -> IntVector:
        """Histories as bit masks, bit j for list j."""
        return np.asarray(self.matrix @ (1 << np.arange(len(self.lists))))

    def check(self) -> None:
        """Raise an error that names every problem, or return."""
        problems = [*_wrong_lists(self.lists), *self.problems]
        problems += self._wrong_rows()
        if not problems:
            problems += self._wrong_sums()
        if problems:
            raise InputError(
                problems[0]
                if len(problems) == 1
                else f"{len(problems)} problems: "
                + " ".join(f"({at}) {text}" for at, text in enumerate(problems, 1))
            )

    def _wrong_rows(self) -> list[str]:
        problems = []
        unseen = self.readable & (self.masks == 0) & (self.count > 0)
        if unseen.any():
            problems.append(
                "The history of all zeros was given as observed"
                f"{_rows(np.flatnonzero(unseen))}: persons whom no list names are what "
                "is to be estimated. Leave them out."
            )
        twice = [] if self.repeated else self._twice()
        if twice:
            problems.append(
                f"Histories given more than once: {_some(twice)}. Add their counts "
                "first."
            )
        return problems

    def _wrong_sums(self) -> list[str]:
        if not self.count.any():
            return ["Every count is 0: nobody was observed."]
        if sum(map(int, self.count)) > LARGEST_COUNT:
            return [f"The counts add to more than {LARGEST_COUNT} persons."]
        sizes = self.count @ self.matrix
        empty = [name for name, n in zip(self.lists, sizes, strict=True) if n == 0]
        if empty:
            return [f"Nobody is on {', '.join(empty)}: leave empty lists out (`omit`)."]
        return []

    def _twice(self) -> list[str]:
        table = self.strata.assign(**{"\0mask": self.masks})[self.readable]
        found = table[table.duplicated(keep="first")].drop_duplicates()
        width = len(self.lists)
        return [
            _word(int(row[-1]), width)
            + (f" in {', '.join(map(str, row[:-1]))}" if len(row) > 1 else "")
            for row in found.itertuples(index=False)
        ]


def read_table(
    frame: pd.DataFrame,
    *,
    lists: Sequence[str] | None,
    count: str | None,
    strata: Sequence[str],
) -> HistoryInput:
    """Read one 0/1 column per list."""
    used = {count, *strata}
    names = [str(name) for name in frame.columns if name not in used]
    names = list(lists) if lists is not None else names
    roles = {f"list {name}": name for name in names}
    roles |= {f"stratum {name}": name for name in strata}
    check_columns(frame, roles | ({"count": count} if count is not None else {}))
    twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
    if twice:
        raise InputError(
            f"Columns that stand more than once in the frame: {', '.join(twice)}. Give "
            "each list a name of its own."
        )
    problems: list[str] = []
    both = [name for name in names if name in used]
    if both:
        problems.append(f"{', '.join(both)}: a column has one role only.")
    matrix, readable = _zero_one(frame, names, problems)
    persons = [1] * len(frame) if count is None else frame[count].tolist()
    counts, whole = _whole(persons, str(count), problems)
    return HistoryInput(
        lists=tuple(names),
        matrix=matrix,
        count=counts,
        strata=_labels(frame, strata, problems),
        repeated=count is None,
        problems=problems,
        readable=readable & whole,
    )


def read_counts(
    counts: Mapping[Any, Any],
    *,
    lists: Sequence[str] | None,
    strata: Sequence[str],
) -> HistoryInput:
    """Read history to count, or stratum to such a mapping."""
    if not counts:
        raise InputError("No history came: give counts such as {'10': 30, '11': 6}.")
    tables = _by_stratum(counts, strata)
    words = [str(word) for _, table in tables for word in table]
    widths = {len(word) for word in words}
    strange = [word for word in words if set(word) - {"0", "1"} or not word]
    if len(widths) != 1 or strange:
        raise InputError(
            "Histories are words of 0 and 1, one character per list; came "
            f"{_some([repr(word) for word in [*strange, *words]])}."
        )
    width = widths.pop()
    names = list(lists) if lists is not None else _letters(width)
    if len(names) != width:
        raise InputError(
            f"{len(names)} list names came for histories of {width} lists."
        )
    problems: list[str] = []
    values = [value for _, table in tables for value in table.values()]
    labels = [label for label, table in tables for _ in table]
    keys = pd.DataFrame(labels, columns=list(strata), index=range(len(words)))
    persons, readable = _whole(values, "count", problems)
    return HistoryInput(
        lists=tuple(names),
        matrix=np.array([list(map(int, word)) for word in words], dtype=np.int64),
        count=persons,
        strata=_labels(keys, strata, problems),
        repeated=False,
        problems=problems,
        readable=readable,
    )


def read_records(
    records: pd.DataFrame, *, person: str, list_name: str, strata: Sequence[str]
) -> HistoryInput:
    """Read one row per person and list."""
    roles = {"person": person, "list": list_name}
    check_columns(records, roles | {f"stratum {name}": name for name in strata})
    problems: list[str] = []
    missing = records[[person, list_name]].isna().any(axis=1).to_numpy()
    if missing.any():
        problems.append(
            f"{int(missing.sum())} records name no person or no list"
            f"{_rows(np.flatnonzero(missing))}."
        )
    _labels(records, strata, problems)
    known = records[~missing]
    for name in strata:
        kinds = known.groupby(person)[name].nunique()
        several = kinds.index[kinds > 1]
        if len(several):
            problems.append(
                f"{len(several)} persons stand in several strata of {name} "
                f"({_some(list(map(str, several)))}): give each the same in all rows."
            )
    repeats = int(known.duplicated([person, list_name]).sum())
    table = pd.crosstab(known[person], known[list_name]) > 0
    first = known.drop_duplicates(person).set_index(person).loc[table.index]
    return HistoryInput(
        lists=tuple(str(name) for name in table.columns),
        matrix=table.to_numpy(dtype=np.int64),
        count=np.ones(len(table), dtype=np.int64),
        strata=first[list(strata)].reset_index(drop=True),
        repeated=True,
        notes=(f"{repeats} records repeat a person within a list and count once",)
        if repeats
        else (),
        problems=problems,
    )


def _letters(width: int) -> list[str]:
    """Return A, B, C, ..."""
    return [chr(ord("A") + place) for place in range(width)]


def _by_stratum(
    counts: Mapping[Any, Any], strata: Sequence[str]
) -> list[tuple[tuple[Any, ...], Mapping[Any, Any]]]:
    if not strata:
        return [((), counts)]
    tables = []
    for key, table in counts.items():
        label = key if isinstance(key, tuple) else (key,)
        if len(label) != len(strata) or not isinstance(table, Mapping):
            raise InputError(
                f"With strata={tuple(strata)!r} counts map {len(strata)} value(s) to "
                f"a mapping of histories, as in {{'f': {{'10': 30, '11': 6}}}}; "
                f"{key!r} does not."
            )
        tables.append((label, table))
    return tables


def _wrong_lists(names: Sequence[str]) -> list[str]:
    problems = []
    if len(names) < 2 or len(set(names)) < len(names):
        problems.append(
            f"At least two lists with different names are needed, {tuple(names)} came."
        )
    if len(names) > MOST_LISTS:
        problems.append(f"{len(names)} lists came; at most {MOST_LISTS} are taken.")
    return problems


def _zero_one(
    frame: pd.DataFrame, names: Sequence[str], problems: list[str]
) -> tuple[IntMatrix, BoolVector]:
    readable = np.ones(len(frame), dtype=np.bool_)
    wrong_columns: list[str] = []
    matrix = np.zeros((len(frame), len(names)), dtype=np.int64)
    for at, name in enumerate(names):
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(
            dtype=np.float64, na_value=np.nan
        )
        wrong = np.flatnonzero((values != 0) & (values != 1))
        readable[wrong] = False
        matrix[:, at] = values == 1
        if wrong.size:
            wrong_columns.append(
                f"{name} is {frame[name].iloc[int(wrong[0])]} in row {wrong[0]}"
                + (f" and wrong in {wrong.size - 1} more" if wrong.size > 1 else "")
            )
    if wrong_columns:
        problems.append(
            "Lists are columns of 0 and 1, rows counted from 0: "
            + "; ".join(wrong_columns)
            + "."
        )
    return matrix, readable


def _whole(
    values: Sequence[Any], name: str, problems: list[str]
) -> tuple[IntVector, BoolVector]:
    numbers = pd.to_numeric(pd.Series(list(values)), errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    lawful = np.isfinite(numbers) & (numbers >= 0) & (numbers == np.floor(numbers))
    wrong = np.flatnonzero(~(lawful & (numbers <= LARGEST_COUNT)))
    if wrong.size:
        shown = ", ".join(f"{values[row]!r} (row {row})" for row in wrong[:SHOWN])
        problems.append(
            f"{name}: whole numbers >= 0 were expected, {wrong.size} are not: {shown}."
        )
    readable = np.ones(len(values), dtype=np.bool_)
    readable[wrong] = False
    return np.where(readable, numbers, 0).astype(np.int64), readable


def _labels(
    frame: pd.DataFrame, strata: Sequence[str], problems: list[str]
) -> pd.DataFrame:
    for name in strata:
        missing = np.flatnonzero(frame[name].isna())
        if missing.size:
            problems.append(
                f"The stratum {name} is missing{_rows(missing)}: give unknown ones a "
                "level of their own, or leave the rows out and say how many."
            )
    return frame[list(strata)].reset_index(drop=True)


def _rows(places: Iterable[Any]) -> str:
    found = list(places)
    return f" (rows {_some([str(place) for place in found])}, counted from 0)"


def _some(words: Sequence[str]) -> str:
    more = len(words) - SHOWN
    return ", ".join(words[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _word(mask: int, width: int) -> str:
    return "".join(str(mask >> place & 1) for place in range(width))
