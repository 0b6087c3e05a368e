"""Tables that say what a code becomes, and from when to when they hold.

A crosswalk is a CSV with the columns ``code, new, valid_from, valid_to, source``; empty
days leave a side open, `valid_from` is inside the period and `valid_to` outside. An
empty ``new`` says that the code has no counterpart in that period: it stays and is
counted. Provinces that were split are put back together, because nobody can divide the
answers of earlier rounds. A table of rates has ``factor`` in place of ``new``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.mapping import RoundMapping
from sentinel.schema.problems import Problem, Problems

__all__ = [
    "SHIPPED_CROSSWALKS",
    "Crosswalk",
    "CrosswalkRow",
    "read_crosswalk",
    "read_tables",
]

BoolVector = npt.NDArray[np.bool_]
SHIPPED_CROSSWALKS = ("provinces", "provinces_2025")
_COLUMNS = ("code", "valid_from", "valid_to", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrosswalkRow:
    """One line: what `code` becomes for records of [valid_from, valid_to)."""

    code: str
    new: str
    valid_from: date | None = None
    valid_to: date | None = None
    source: str = ""

    def holds(self, days: pd.Series) -> BoolVector:
        """Return where a day lies in the period, shape (n,); an unknown day does not.

        A line without any day holds always.
        """
        if self.valid_from is None and self.valid_to is None:
            return np.ones(len(days), np.bool_)
        inside = days.notna().to_numpy(np.bool_)
        if self.valid_from is not None:
            inside = inside & (days >= pd.Timestamp(self.valid_from)).to_numpy(np.bool_)
        if self.valid_to is not None:
            inside = inside & (days < pd.Timestamp(self.valid_to)).to_numpy(np.bool_)
        return inside


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crosswalk:
    """A crosswalk; `apply` changes a column of codes by the day of each record."""

    label: str
    rows: tuple[CrosswalkRow, ...] = field(default=())

    def apply(
        self, codes: pd.Series, days: pd.Series
    ) -> tuple[pd.Series, dict[str, int], dict[str, int]]:
        """Return new codes, and counts of what was changed and of what could not be.

        Parameters
        ----------
        codes : Series of str, shape (n,)
        days : Series of datetime64, shape (n,)

        Returns
        -------
        codes : Series of str, shape (n,)
        changed : mapping of ``"old -> new"`` to count
        kept : mapping of code to count
            Codes without counterpart, and codes at a time when the table knows none.
        """
        changed: dict[str, int] = {}
        kept: dict[str, int] = {}
        result = codes.copy()
        known = codes.notna().to_numpy(np.bool_)
        for code in dict.fromkeys(row.code for row in self.rows):
            here = known & (codes == code).to_numpy(np.bool_, na_value=False)
            if not here.any():
                continue
            lines = [row for row in self.rows if row.code == code]
            left = here & _asks_for_another(lines, days)
            for row in lines:
                mine = left & row.holds(days)
                if row.new and mine.any():
                    result = result.mask(mine, row.new)
                    changed[f"{code} -> {row.new}"] = int(mine.sum())
                    left &= ~mine
            if left.any():
                kept[code] = int(left.sum())
        return result, changed, kept

    def factors(self, codes: pd.Series, days: pd.Series) -> npt.NDArray[np.float64]:
        """Return the factor of each record, shape (n,); NaN where there is none."""
        found = np.full(len(codes), np.nan)
        for row in self.rows:
            mine = (codes == row.code).to_numpy(np.bool_, na_value=False)
            found[mine & row.holds(days)] = float(row.new)
        return found


def _asks_for_another(lines: Sequence[CrosswalkRow], days: pd.Series) -> BoolVector:
    """Return where a code should become another one, shape (n,).

    A code of which the table says only that it has no counterpart in some period is as
    good as any on all other days.
    """
    if any(row.new for row in lines):
        return np.ones(len(days), np.bool_)
    without = days.isna().to_numpy(np.bool_)
    for row in lines:
        without = without | row.holds(days)
    return without


def read_tables(
    mapping: RoundMapping, folder: Path, problems: Problems
) -> dict[str, Crosswalk]:
    """Return the crosswalks and rates of a mapping by section and variable."""
    wanted = {
        f"crosswalk.{name}": (rule.table, False)
        for name, rule in mapping.crosswalk.items()
    }
    wanted |= {
        f"units.{name}": (rule.table, True)
        for name, rule in mapping.units.items()
        if rule.table
    }
    tables = {}
    for key, (name, numbers) in wanted.items():
        tables[key], found = read_crosswalk(name, folder, numbers=numbers)
        problems.extend(found)
    return tables


def read_crosswalk(
    name: str, folder: Path, *, numbers: bool = False
) -> tuple[Crosswalk, Problems]:
    """Return a shipped crosswalk by name, or one from a CSV, and what is wrong with it.

    With `numbers` the table is one of rates: ``factor`` in place of ``new``.
    """
    problems = Problems()
    if name in SHIPPED_CROSSWALKS:
        source = resources.files("sentinel.schema") / "crosswalks" / f"{name}.csv"
        text, label = source.read_text(encoding="utf-8"), f"{name}.csv"
    else:
        label = name
        try:
            text = (folder / name).read_bytes().decode("utf-8-sig")
        except OSError:
            hint = f"Give a CSV file or one of {', '.join(SHIPPED_CROSSWALKS)}."
            problems.add(Problem(file=name, expected="a crosswalk", hint=hint))
            return Crosswalk(label=label), problems
        except UnicodeDecodeError:
            problems.add(Problem(file=name, expected="a crosswalk in UTF-8"))
            return Crosswalk(label=label), problems
    value = "factor" if numbers else "new"
    rows = list(_rows(text, value, label, problems))
    problems.extend(_overlaps(rows, label))
    return Crosswalk(label=label, rows=tuple(rows)), problems


def _rows(
    text: str, value: str, label: str, problems: Problems
) -> Iterator[CrosswalkRow]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="_more")
    wanted = {*_COLUMNS, value}
    if set(reader.fieldnames or ()) != wanted:
        hint = f"It has: {', '.join(reader.fieldnames or ()) or 'none'}."
        expected = f"the columns {', '.join(sorted(wanted))}"
        problems.add(Problem(file=label, row=1, expected=expected, hint=hint))
        return
    for cells in reader:
        faults = dict(_faults(cells, value))
        for column, expected in faults.items():
            problems.add(
                Problem(
                    file=label, row=reader.line_num, column=column, expected=expected
                )
            )
        if not faults:
            yield CrosswalkRow(
                code=cells["code"].strip(),
                new=cells[value].strip(),
                valid_from=_day(cells["valid_from"]),
                valid_to=_day(cells["valid_to"]),
                source=cells["source"].strip(),
            )


def _faults(cells: Mapping[str, str | None], value: str) -> Iterator[tuple[str, str]]:
    if "_more" in cells or None in cells.values():
        yield "code", "as many cells as the header has"
        return
    if not (cells["code"] or "").strip():
        yield "code", "a code"
    if not (cells["source"] or "").strip():
        yield "source", "where this is from"
    if value == "factor" and not _is_factor(cells[value] or ""):
        yield value, "a number above 0"
    for column in ("valid_from", "valid_to"):
        try:
            _day(cells[column] or "")
        except ValueError:
            yield column, "a day as YYYY-MM-DD, or nothing"


def _is_factor(text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return bool(np.isfinite(number)) and number > 0


def _day(text: str) -> date | None:
    return date.fromisoformat(text.strip()) if text.strip() else None


def _overlaps(rows: list[CrosswalkRow], label: str) -> Iterator[Problem]:
    for place, first in enumerate(rows):
        for second in rows[place + 1 :]:
            if first.code == second.code and _meet(first, second):
                yield Problem(
                    file=label,
                    column="valid_from",
                    expected=f"periods of {first.code} that do not overlap",
                    hint="Two lines hold on the same day.",
                )


def _meet(first: CrosswalkRow, second: CrosswalkRow) -> bool:
    start = max(first.valid_from or date.min, second.valid_from or date.min)
    return start < min(first.valid_to or date.max, second.valid_to or date.max)
