"""Counts by period: read, and made no finer than a release may be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.errors import InputError
from sentinel.ingest.readers import read_table
from sentinel.monitoring.call_series import FREQUENCY
from sentinel.schema.problems import Problem, Problems

if TYPE_CHECKING:
    from sentinel.disclosure import ReleasePolicy

__all__ = ["ReleasedSeries", "by_period", "read_series", "releasable"]

UNITS = ("month", "quarter", "year")
MOST_LISTED = 12
_PERIOD = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?|-?Q[1-4])?")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleasedSeries:
    """Counts by period that may be shown, and how they became so.

    Attributes
    ----------
    frame : DataFrame
        Indexed by period of `unit`; counts and covariates.
    unit : {"month", "quarter", "year"}
    notes : tuple of str
    """

    frame: pd.DataFrame
    unit: str
    notes: tuple[str, ...] = ()


def read_series(
    path: str | Path,
    *,
    period: str = "period",
    counts: Sequence[str],
    covariates: Sequence[str] = (),
    unit: str = "month",
    sheet: str | None = None,
    file_label: str | None = None,
) -> pd.DataFrame:
    """Read a table of counts by period.

    Parameters
    ----------
    path : path
        One row per period, in any order.
    period : str
        Column of periods: "2009-09", "2009-Q3", "2009", or a day in it.
    counts, covariates : sequence of str
        Columns of whole numbers >= 0, and of any numbers.
    unit : {"month", "quarter", "year"}
        What a row stands for.
    sheet, file_label : str, optional

    Returns
    -------
    DataFrame
        Indexed by period, in order; counts (int64), covariates (float64).

    Raises
    ------
    IngestError
        With every absent column, unreadable cell, period that comes twice and period
        that is left out: a missing month is not a month with 0.
    """
    raw = read_table(path, sheet=sheet, file_label=file_label)
    problems = Problems()
    label = raw.origin.file
    for name in (period, *counts, *covariates):
        if name not in raw.frame:
            known = ", ".join(map(str, raw.frame.columns))
            problems.add(
                Problem(
                    file=label, column=name, expected="a column of this name",
                    hint=f"The file has: {known[:200]}.",
                )
            )  # fmt: skip
    problems.raise_errors()
    index = _periods(raw.frame[period], raw.rows, FREQUENCY[unit], label, problems)
    table = {
        name: _numbers(raw.frame[name], raw.rows, label, problems, whole=name in counts)
        for name in dict.fromkeys((*counts, *covariates))
    }
    problems.raise_errors()
    frame = pd.DataFrame(table)
    frame.index = pd.PeriodIndex(index, freq=FREQUENCY[unit], name="period")
    frame = frame.sort_index()
    _check_gaps(frame.index, label, period, problems)
    problems.raise_errors()
    return frame.astype(dict.fromkeys(counts, "int64"))


def _check_gaps(index: pd.Index, label: str, column: str, problems: Problems) -> None:
    twice = sorted({str(item) for item in index[index.duplicated()]})
    full = pd.period_range(index.min(), index.max(), name="period")
    gone = [str(item) for item in full if item not in index]
    for words, found in (("once", twice), ("present", gone)):
        if found:
            shown = ", ".join(found[:MOST_LISTED])
            more = ", ..." if len(found) > MOST_LISTED else ""
            hint = (
                "Add up what belongs to one period."
                if words == "once"
                else "Write 0 where nothing came; cut the file where nobody counted."
            )
            problems.add(
                Problem(
                    file=label, column=column, value=f"{shown}{more}",
                    expected=f"every period {words}", hint=hint,
                )
            )  # fmt: skip


def releasable(
    frame: pd.DataFrame,
    *,
    counts: Sequence[str],
    policy: ReleasePolicy,
    unit: str,
    finest: str,
    wholes: Mapping[str, str] | None = None,
) -> ReleasedSeries:
    """Add up periods until no count is small; what is analysed is what is shown.

    A limit or an expected count of a method is a function of the counts before it: a
    hidden month could be worked out from those of the months after. So no count is
    hidden: periods are added up, to quarters, then to years, and the method runs on the
    sums.

    Parameters
    ----------
    frame : DataFrame
        Indexed by period of `unit`.
    counts : sequence of str
        All counts of this file that are released; they are coarsened together.
    policy : ReleasePolicy
    unit, finest : {"month", "quarter", "year"}
        Unit of `frame`; finest unit that may be released.
    wholes : mapping of str to str, optional
        Part to whole: what is left of a whole without its parts is a count too.

    Raises
    ------
    InputError
        If a count is small even by year; nothing is released.

    Examples
    --------
    >>> from sentinel.disclosure import ReleasePolicy
    >>> months = pd.period_range("2010-01", periods=6, freq="M")
    >>> frame = pd.DataFrame({"calls": [4, 9, 12, 20, 3, 15]}, index=months)
    >>> found = releasable(frame, counts=["calls"], policy=ReleasePolicy(),
    ...     unit="month", finest="month")
    >>> found.unit, found.frame["calls"].tolist()
    ('quarter', [25, 38])
    """
    first = max(UNITS.index(unit), UNITS.index(finest))
    parts: dict[str, list[str]] = {}
    for part, whole in (wholes or {}).items():
        parts.setdefault(whole, []).append(part)
    for step in UNITS[first:]:
        summed, dropped = _added_up(frame, counts, unit, step)
        checked = summed[list(counts)].copy()
        for whole, each in parts.items():
            checked[f"rest of {whole}"] = checked[whole] - checked[each].sum(axis=1)
        values = checked.to_numpy(dtype=np.int64)
        if (values < 0).any():
            raise InputError("Parts exceed their whole in some period; see the file.")
        small = (values > 0) & (values < policy.minimum_cell)
        if len(summed) and not small.any():
            return ReleasedSeries(
                frame=summed, unit=step, notes=_told(unit, finest, step, dropped)
            )
    raise InputError(
        f"counts under {policy.minimum_cell} remain even by year: it is withheld"
    )


def by_period(series: ReleasedSeries, counts: pd.Series) -> dict[str, int]:
    """Return the counts of one column by period as the release ledger names periods."""
    texts = (str(period).replace("Q", "-Q") for period in series.frame.index)
    return dict(zip(texts, map(int, counts), strict=True))


def _told(unit: str, finest: str, step: str, dropped: int) -> tuple[str, ...]:
    notes = []
    if step != unit:
        why = (
            f"releases show no finer period than the {step}"
            if step == finest
            else "some counts of shorter periods are too small to be shown"
        )
        notes.append(f"added up by {step}: {why}; methods run on these sums")
    if dropped:
        notes.append(
            f"{dropped} {unit}s at the ends make no whole {step} and are left out"
        )
    return tuple(notes)


def _added_up(
    frame: pd.DataFrame, counts: Sequence[str], unit: str, step: str
) -> tuple[pd.DataFrame, int]:
    """Return sums of counts and means of covariates of whole periods only."""
    if step == unit:
        return frame, 0
    keys = pd.PeriodIndex(frame.index).asfreq(FREQUENCY[step])
    size = {("month", "quarter"): 3, ("month", "year"): 12, ("quarter", "year"): 4}
    whole = pd.Series(1, index=frame.index).groupby(keys).sum() == size[unit, step]
    how = {name: "sum" if name in counts else "mean" for name in frame.columns}
    summed = frame.groupby(keys).agg(how)[whole.to_numpy()]
    summed.index.name = "period"
    return summed, int((~whole.reindex(keys).to_numpy()).sum())


def _periods(
    texts: pd.Series, rows: np.ndarray, frequency: str, label: str, problems: Problems
) -> list[pd.Period]:
    found: list[pd.Period] = []
    for text, row in zip(texts.fillna("").astype(str), rows, strict=True):
        try:
            # Freer texts are refused: "Jan-24" is read as a day of this year.
            good = bool(_PERIOD.fullmatch(text))
            period = pd.Period(text.replace("-Q", "Q") if good else "1900", frequency)
        except ValueError:
            good = False
        if not good:
            problems.add(
                Problem(
                    file=label, row=int(row), column=str(texts.name), value=text[:20],
                    expected="a period such as 2009-09, 2009-Q3 or 2009",
                )
            )  # fmt: skip
        else:
            found.append(period)
    return found


def _numbers(
    texts: pd.Series, rows: np.ndarray, label: str, problems: Problems, *, whole: bool
) -> pd.Series:
    numbers = pd.to_numeric(texts, errors="coerce")
    wrong = numbers.isna() | ~np.isfinite(numbers.fillna(0))
    expected = "a number"
    if whole:
        wrong |= (numbers < 0) | (numbers % 1 != 0)
        expected = "a whole number >= 0"
    for place in np.flatnonzero(wrong)[:MOST_LISTED]:
        problems.add(
            Problem(
                file=label, row=int(rows[place]), column=str(texts.name),
                value=str(texts.iloc[place])[:20], expected=expected,
            )
        )  # fmt: skip
    return numbers
