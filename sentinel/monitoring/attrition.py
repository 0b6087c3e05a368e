"""Case attrition: how many cases reach each stage, and how many still may."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sentinel.ingest.readers import read_table
from sentinel.monitoring.hotline import ANSWERS
from sentinel.monitoring.parts import few
from sentinel.schema.problems import Problem, Problems

__all__ = ["CONFOUNDED", "count_stages", "period_rates", "read_cases", "read_periods"]

CONFOUNDED = (
    "groups are not assigned by chance, and where one group's cases were opened later "
    "than the other's, group and time cannot be told apart: the difference is no effect"
)
ISO = "%Y-%m-%d"
COUNTS = ("entered", "went_on", "still_open", "ended")


def read_cases(
    path: str | Path,
    *,
    stages: Sequence[str],
    closed: str | None = None,
    group: str | None = None,
    opened: str | None = None,
    sheet: str | None = None,
    file_label: str | None = None,
) -> pd.DataFrame:
    """Read one row per case: the stage it reached, and whether it may go further.

    Parameters
    ----------
    path : path
    stages : sequence of str
        Columns in the order of the stages. A cell with anything but "no" in it, a day
        for example, says that the stage was reached.
    closed : str, optional
        Column that says yes where a case goes no further. Without it no case is known
        to have ended, and no share can be estimated.
    group, opened : str, optional
        Columns to compare by, and of the period in which the case was opened.
    sheet, file_label : str, optional

    Returns
    -------
    DataFrame
        ``stage`` (number of stages reached), ``closed`` (bool), ``group``, ``opened``
        (half-year, text), no case number; the days of the stages and ``closed_day``,
        missing where the cells hold no ISO days.

    Raises
    ------
    IngestError
        With every absent column, and every case that reached a stage without the one
        before.
    """
    raw = read_table(path, sheet=sheet, file_label=file_label)
    problems = Problems()
    named = [*stages, *(name for name in (closed, group, opened) if name)]
    for name in named:
        if name not in raw.frame:
            hint = f"The file has: {', '.join(map(str, raw.frame.columns))[:200]}."
            problems.add(
                Problem(
                    file=raw.origin.file, column=name, expected="a column", hint=hint
                )
            )
    problems.raise_errors()
    texts = raw.frame[named].fillna("").astype(str)
    reached = texts[list(stages)].map(_is_reached)
    for before, after in itertools.pairwise(stages):
        for place in texts.index[reached[after] & ~reached[before]]:
            problems.add(
                Problem(
                    file=raw.origin.file, row=int(raw.rows[place]), column=after,
                    expected=f"{before!r} before {after!r}",
                    hint="Stages follow each other; name those that may be skipped "
                    "in a funnel of their own.",
                )
            )  # fmt: skip
    problems.raise_errors()
    days = {
        name: pd.to_datetime(texts[name], format=ISO, errors="coerce")
        for name in [*stages, *([closed] if closed else [])]
    }
    frame = pd.DataFrame(
        {
            "stage": reached.sum(axis=1),
            "closed": texts[closed].map(_is_reached) if closed else False,
            "group": texts[group] if group else "",
            "opened": texts[opened].map(_half_year) if opened else "",
        }
    )
    for name in stages:
        frame[name] = days[name]
    frame["closed_day"] = days[closed] if closed else pd.NaT
    return frame


def count_stages(
    cases: pd.DataFrame, stages: Sequence[str], minimum_cell: int | None = None
) -> pd.DataFrame:
    """Count what became of the cases at each stage, by group.

    Parameters
    ----------
    cases : DataFrame
        As `read_cases` returns them.
    stages : sequence of str
    minimum_cell : int, optional
        A stage is withheld, with every later stage of that group, if fewer than this
        entered it, went on or stayed; ``still_open`` and ``ended`` alone if one of them
        is that small.

    Returns
    -------
    DataFrame
        ``group, stage, entered, went_on, still_open, ended`` (Int64). Who has reached
        the last stage has nowhere to go on to.

    Examples
    --------
    >>> closed = [True, True, False, True]
    >>> cases = pd.DataFrame({"stage": [1, 2, 2, 3], "closed": closed, "group": ""})
    >>> count_stages(cases, ["identified", "investigated", "filed"])[
    ...     ["stage", "entered", "went_on", "still_open", "ended"]]
              stage  entered  went_on  still_open  ended
    0    identified        4        3           0      1
    1  investigated        3        1           1      1
    2         filed        1     <NA>        <NA>   <NA>
    """
    rows = []
    for group, part in cases.groupby("group", sort=True):
        gone = False
        for number, stage in enumerate(stages, start=1):
            here = part["stage"] == number
            last = number == len(stages)
            counts: dict[str, int | None] = {
                "entered": int((part["stage"] >= number).sum()),
                "went_on": None if last else int((part["stage"] > number).sum()),
                "still_open": None if last else int((here & ~part["closed"]).sum()),
                "ended": None if last else int((here & part["closed"]).sum()),
            }
            if minimum_cell is not None:
                gone = gone or _hide_split(counts, minimum_cell)
            if gone:
                counts = dict.fromkeys(counts)
            rows.append({"group": group, "stage": stage, **counts})
    frame = pd.DataFrame(rows, columns=["group", "stage", *COUNTS])
    return frame.astype(dict.fromkeys(COUNTS, "Int64"))


def read_periods(
    path: str | Path,
    *,
    stages: Sequence[str],
    period: str = "period",
    months: str = "months",
    group: str | None = None,
    sheet: str | None = None,
    file_label: str | None = None,
) -> pd.DataFrame:
    """Read counts per stage and period, with the length of each period.

    Returns
    -------
    DataFrame
        ``period, months, group`` and one column per stage.

    Raises
    ------
    IngestError
        With every absent column, count that is no whole number and length that is not
        above 0.
    """
    raw = read_table(path, sheet=sheet, file_label=file_label)
    problems = Problems()
    named = [period, months, *stages, *([group] if group else [])]
    for name in named:
        if name not in raw.frame:
            hint = f"The file has: {', '.join(map(str, raw.frame.columns))[:200]}."
            problems.add(
                Problem(
                    file=raw.origin.file, column=name, expected="a column", hint=hint
                )
            )
    problems.raise_errors()
    frame = pd.DataFrame({"period": raw.frame[period].astype(str)})
    frame["group"] = raw.frame[group].astype(str) if group else ""
    for name in (months, *stages):
        numbers = pd.to_numeric(raw.frame[name], errors="coerce")
        wrong = numbers.isna() | (numbers < 0)
        wrong |= (numbers <= 0) if name == months else (numbers % 1 != 0)
        for place in frame.index[wrong]:
            problems.add(
                Problem(
                    file=raw.origin.file, row=int(raw.rows[place]), column=name,
                    value=str(raw.frame[name].iloc[place])[:20],
                    expected="months above 0" if name == months else "a whole count",
                )
            )  # fmt: skip
        frame["months" if name == months else name] = numbers
    problems.raise_errors()
    return frame.astype(dict.fromkeys(stages, "int64"))


def period_rates(
    table: pd.DataFrame, stages: Sequence[str], minimum_cell: int | None = None
) -> pd.DataFrame:
    """Return counts and counts per month: periods of unequal length are no series.

    Examples
    --------
    >>> table = pd.DataFrame({"period": ["to Sep 2011", "Oct 2011 - Mar 2012"],
    ...     "months": [12, 6], "group": "", "arrests": [24, 18]})
    >>> period_rates(table, ["arrests"])[["period", "cases", "per_month"]]
                    period  cases  per_month
    0          to Sep 2011     24        2.0
    1  Oct 2011 - Mar 2012     18        3.0
    """
    long = table.melt(
        id_vars=["period", "months", "group"],
        value_vars=list(stages),
        var_name="stage",
        value_name="cases",
    )
    long["cases"] = long["cases"].astype("Int64")
    if minimum_cell is not None:
        small = (long["cases"] > 0) & (long["cases"] < minimum_cell)
        long["cases"] = long["cases"].mask(small)
    long["per_month"] = (long["cases"].astype("Float64") / long["months"]).round(3)
    return long


def _hide_split(counts: dict[str, int | None], minimum_cell: int) -> bool:
    """Take out a small split of those who stayed; return whether all must go."""
    entered, went_on = counts["entered"] or 0, counts["went_on"]
    stayed = 0 if went_on is None else entered - went_on
    if any(few(count or 0, minimum_cell) for count in (entered, went_on, stayed)):
        return True
    if any(few(counts[name] or 0, minimum_cell) for name in ("still_open", "ended")):
        counts["still_open"] = counts["ended"] = None
    return False


def _half_year(text: str) -> str:
    return f"{text[:4]}-H{1 if text[5:7] <= '06' else 2}" if text else ""


def _is_reached(text: str) -> bool:
    return ANSWERS.get(text.strip().casefold(), "yes") == "yes"
