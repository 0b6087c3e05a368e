"""Where a released series changes: stretches of one rate, and trends that meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from estimators import surveillance
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from sentinel.monitoring.aberrations import period_texts
from sentinel.monitoring.parts import MonitoredPart

if TYPE_CHECKING:
    from estimators.results import Estimates
    from sentinel.monitoring.series import ReleasedSeries
    from sentinel.study.monitoring_section import SeriesEntry

__all__ = ["segment_parts"]

NO_CAUSE = (
    "a change says when, not why: more calls may be more trouble, or a broadcast, and "
    "a slow trend is cut into steps"
)
RNG = 1  # permutations of the tests: a report is the same every time
ERRORS = (InputError, NotEstimableError, ConvergenceError)


def segment_parts(
    entry: SeriesEntry,
    series: ReleasedSeries,
    told: Mapping[str, Mapping[str, int]],
    skipped: list[str],
) -> Iterator[MonitoredPart]:
    """Yield the stretches and the trends that the study asks of a series.

    Parameters
    ----------
    entry : SeriesEntry
    series : ReleasedSeries
        Already no finer than a release may be: a function of it may be shown.
    told : mapping
        Its counts by period, for the figure and the ledger.
    skipped : list of str
        Grows by what could not be estimated.
    """
    counts = series.frame[entry.count].to_numpy(dtype=float)
    periods = period_texts(series.frame.index)
    if entry.changepoints:
        try:
            found = surveillance.changepoints(counts, penalty="scaled", rng=RNG)
        except ERRORS as error:
            skipped.append(f"{entry.title}, changepoints: {error}")
        else:
            words = ("changes", "stretches of one rate", f"count a {series.unit}")
            yield _part(entry, told, found, _frame(found, periods), words)
    if entry.joinpoints:
        try:
            found = surveillance.joinpoint_trend(
                counts, max_joinpoints=entry.joinpoints, rng=RNG
            )
        except ERRORS as error:
            skipped.append(f"{entry.title}, joinpoints: {error}")
        else:
            per = f"percent change per {series.unit}"
            words = ("joinpoints", "trends that meet", per)
            yield _part(entry, told, found, _frame(found, periods), words)


def _frame(found: Estimates, periods: Sequence[str]) -> pd.DataFrame:
    frame = found.to_frame()
    ends = {
        name: [periods[int(group[name]) - 1] for group in found.groups]
        for name in ("first", "last")
    }
    shown = frame[["unit", "estimate", "ci_low", "ci_high", "ci_level"]]
    return shown.assign(**ends)


def _part(
    entry: SeriesEntry,
    told: Mapping[str, Mapping[str, int]],
    found: Estimates,
    frame: pd.DataFrame,
    words: tuple[str, str, str],
) -> MonitoredPart:
    suffix, what, unit = words
    return MonitoredPart(
        name=f"{entry.name}_{suffix}",
        kind="segments",
        title=f"{entry.title}: {what}, {unit}",
        frame=frame,
        notes=(f"method: {found.rows[0].method}", *found.notes, NO_CAUSE),
        source=entry.source,
        unit=unit,
        series=told,
    )
