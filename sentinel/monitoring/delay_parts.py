"""Periods whose reports are still coming in: what their counts will be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators import surveillance
from estimators.errors import InputError, NotEstimableError
from sentinel.ingest.readers import read_table
from sentinel.monitoring.aberrations import period_texts
from sentinel.monitoring.call_series import FREQUENCY
from sentinel.monitoring.parts import MonitoredPart, few
from sentinel.monitoring.series import UNITS
from sentinel.schema.problems import Problem, Problems

if TYPE_CHECKING:
    from sentinel.disclosure import ReleasePolicy
    from sentinel.study.monitoring_section import DelaysEntry

__all__ = ["delay_parts", "read_delays", "reporting_triangle"]

ALIKE = "delays are taken to be distributed alike in all periods"
ISO = "%Y-%m-%d"


def read_delays(
    path: str | Path,
    *,
    event: str,
    reported: str,
    sheet: str | None = None,
    file_label: str | None = None,
) -> pd.DataFrame:
    """Read one row per report: the day of the event and the day it was reported.

    Returns
    -------
    DataFrame
        ``event, reported``, days.

    Raises
    ------
    IngestError
        With every absent column, every cell that is no day (YYYY-MM-DD) and every
        report before its event; days are not repeated.
    """
    raw = read_table(path, sheet=sheet, file_label=file_label)
    problems = Problems()
    label = raw.origin.file
    for name in (event, reported):
        if name not in raw.frame:
            hint = f"The file has: {', '.join(map(str, raw.frame.columns))[:200]}."
            problems.add(
                Problem(file=label, column=name, expected="a column", hint=hint)
            )
    problems.raise_errors()
    days = {
        name: pd.to_datetime(raw.frame[column], format=ISO, errors="coerce")
        for name, column in (("event", event), ("reported", reported))
    }
    frame = pd.DataFrame(days)
    for name, column in (("event", event), ("reported", reported)):
        for place in frame.index[frame[name].isna()]:
            problems.add(
                Problem(
                    file=label, row=int(raw.rows[place]), column=column,
                    expected="a day as YYYY-MM-DD",
                )
            )  # fmt: skip
    for place in frame.index[frame["reported"] < frame["event"]]:
        problems.add(
            Problem(
                file=label, row=int(raw.rows[place]), column=reported,
                expected=f"no day before that of {event}",
            )
        )  # fmt: skip
    problems.raise_errors()
    return frame


def reporting_triangle(
    reports: pd.DataFrame, *, unit: str, longest: int, last: str | None = None
) -> pd.DataFrame:
    """Count reports by period of the event and periods of delay.

    Parameters
    ----------
    reports : DataFrame
        ``event, reported``, days.
    unit : {"month", "quarter", "year"}
    longest : int
        Longest delay told apart, in periods; longer ones are added to it.
    last : str, optional
        Last whole period of reporting; by default that of the last report.

    Returns
    -------
    DataFrame
        Periods by delays 0 to `longest`; NaN where the report lies in the future.

    Examples
    --------
    >>> days = pd.to_datetime(["2010-01-05", "2010-01-09", "2010-02-03"])
    >>> later = pd.to_datetime(["2010-01-07", "2010-02-11", "2010-02-20"])
    >>> reports = pd.DataFrame({"event": days, "reported": later})
    >>> reporting_triangle(reports, unit="month", longest=1).to_numpy().tolist()
    [[1.0, 1.0], [1.0, nan]]
    """
    frequency = FREQUENCY[unit]
    event = pd.PeriodIndex(reports["event"].dt.to_period(frequency))
    seen = pd.PeriodIndex(reports["reported"].dt.to_period(frequency))
    end = pd.Period(last, frequency) if last else seen.max()
    kept = np.asarray(seen <= end)
    periods = pd.period_range(event.min(), end, freq=frequency, name="period")
    row = periods.get_indexer(event[kept])
    delay = np.minimum(seen[kept].asi8 - event[kept].asi8, longest)
    cells = np.zeros((len(periods), longest + 1))
    np.add.at(cells, (row, delay), 1)
    age = len(periods) - 1 - np.arange(len(periods))
    cells[np.arange(longest + 1)[None, :] > age[:, None]] = np.nan
    return pd.DataFrame(cells, index=periods)


def delay_parts(
    entry: DelaysEntry,
    read: Callable[..., Any],
    policy: ReleasePolicy,
    finest: str,
    skipped: list[str],
) -> Iterator[MonitoredPart]:
    """Yield the table of incomplete periods with what is foretold of them.

    Parameters
    ----------
    entry : DelaysEntry
    read : callable
        Reads the entry's file; None where it is wrong.
    policy : ReleasePolicy
    finest : {"month", "quarter", "year"}
    skipped : list of str
        Grows by what cannot be shown: where an incomplete period has few reports so
        far, or a delay few in all, nothing is.
    """
    reports: pd.DataFrame | None = read(
        read_delays, entry, event=entry.event, reported=entry.reported
    )
    if reports is None:
        return
    unit = UNITS[max(UNITS.index(entry.every), UNITS.index(finest))]
    k = policy.minimum_cell
    try:
        triangle = reporting_triangle(
            reports, unit=unit, longest=entry.longest, last=entry.last
        )
        found = surveillance.reporting_delay_nowcast(triangle)
    except (InputError, NotEstimableError, ValueError) as error:
        skipped.append(f"{entry.title}: {error}")
        return
    by_delay = triangle.sum()
    seen = [int(group["reported"]) for group in found.groups]
    if any(few(count, k) for count in [*by_delay, *seen]):
        skipped.append(
            f"{entry.title}: fewer than {k} reports of a period so far, or with one "
            "delay in all: shorten longest, or count by longer periods"
        )
        return
    frame = found.to_frame()
    frame["period"] = period_texts(triangle.index[-len(seen) :])
    frame["reported"] = seen
    shown = frame[["period", "reported", "estimate", "ci_low", "ci_high", "ci_level"]]
    yield MonitoredPart(
        name=entry.name,
        kind="nowcast",
        title=f"{entry.title}: incomplete {unit}s",
        frame=shown.astype({"reported": "Int64"}),
        notes=(f"method: {found.rows[0].method}", ALIKE),
        source=entry.source,
        unit=unit,
        series={
            f"reports so far {entry.name}": dict(
                zip(frame["period"], seen, strict=True)
            )
        },
    )
