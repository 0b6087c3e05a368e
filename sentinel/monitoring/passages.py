"""Probabilities of going on to the next stage, where their counts may be shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from estimators import transitions
from estimators.errors import InputError, NotEstimableError
from sentinel.monitoring.attrition import CONFOUNDED
from sentinel.monitoring.parts import MonitoredPart

if TYPE_CHECKING:
    from estimators.results import Estimates
    from sentinel.study.monitoring_section import FunnelEntry

__all__ = ["passage_parts"]

DECIMALS = 3
SHOWN = ("estimate", "std_error", "ci_low", "ci_high")
CENSORED = (
    "open cases are censored on the last day of the file, closed ones can go no further"
)


def passage_parts(
    cases: pd.DataFrame,
    counts: pd.DataFrame,
    entry: FunnelEntry,
    skipped: list[str],
) -> Iterator[MonitoredPart]:
    """Yield the estimated passages of each group, and their comparison.

    Parameters
    ----------
    cases : DataFrame
        As `read_cases` returns them.
    counts : DataFrame
        As `count_stages` returns them, protected: a passage is shown where all counts
        behind it are.
    entry : FunnelEntry
    skipped : list of str
        Grows by what cannot be estimated or shown.
    """
    reason = _no_times(cases, entry)
    if reason:
        skipped.append(f"{entry.title}, probabilities: {reason}")
        return
    table = cases.assign(watched=pd.to_datetime(str(entry.watched_until)))
    whole = counts.set_index(["group", "stage"]).notna().all(axis=1)
    rows = []
    for group, part in table.groupby("group", sort=True):
        try:
            found = transitions.attrition_funnel(
                part,
                stages=list(entry.stages),
                follow_up="watched",
                closed="closed_day",
            )
        except (InputError, NotEstimableError) as error:
            skipped.append(f"{entry.title}, {group}: {error}")
            continue
        told = [
            stage for stage in entry.stages[:-1] if whole.get((group, stage), False)
        ]
        rows.append(_released(found, told, entry, str(group)))
    yield from _part(rows, entry, "passages", "shares that go on", (CENSORED,))
    if entry.group and table["group"].nunique() == 2:
        yield from _comparison(table, whole, entry, skipped)


def _comparison(
    table: pd.DataFrame, whole: pd.Series, entry: FunnelEntry, skipped: list[str]
) -> Iterator[MonitoredPart]:
    groups = sorted(set(table["group"]))
    told = [
        stage
        for stage in entry.stages[:-1]
        if all(whole.get((group, stage), False) for group in groups)
    ]
    rows, notes = [], [CONFOUNDED]
    for strata, words in ((None, ""), ("opened", ", within half-years of opening")):
        if strata and not entry.opened:
            continue
        try:
            found = transitions.compare_funnels(
                table,
                stages=list(entry.stages),
                by="group",
                follow_up="watched",
                closed="closed_day",
                strata=strata,
            )
        except (InputError, NotEstimableError) as error:
            skipped.append(f"{entry.title}, comparison{words}: {error}")
            continue
        rows.append(_released(found, told, entry, words.removeprefix(", ")))
    notes.append(f"{groups[1]} less {groups[0]}, in percentage points")
    yield from _part(rows, entry, "comparison", "difference of the groups", notes)


def _no_times(cases: pd.DataFrame, entry: FunnelEntry) -> str:
    if entry.watched_until is None:
        return "name the day up to which the file is complete (watched_until)"
    without = [
        name
        for number, name in enumerate(entry.stages, start=1)
        if cases.loc[cases["stage"] >= number, name].isna().any()
    ]
    if without:
        return f"days (YYYY-MM-DD) are needed in {', '.join(without)}"
    if entry.closed and cases.loc[cases["closed"], "closed_day"].isna().any():
        return f"days (YYYY-MM-DD) are needed in {entry.closed}"
    return ""


def _released(
    found: Estimates, told: list[str], entry: FunnelEntry, words: str
) -> pd.DataFrame:
    frame = found.to_frame()
    steps = dict(zip(entry.stages[:-1], entry.stages[1:], strict=True))
    single = frame["from"].map(steps) == frame["to"]
    keep = single & frame["from"].isin(told)
    if len(told) == len(steps):
        keep |= ~single
    shown = frame[keep].copy()
    for name in SHOWN:
        shown[name] = shown[name].astype("float64").round(DECIMALS)
    head = f"{words}: " if words else ""
    shown["label"] = head + shown["from"] + " to " + shown["to"]
    return shown


def _part(
    rows: list[pd.DataFrame],
    entry: FunnelEntry,
    suffix: str,
    words: str,
    notes: list[str] | tuple[str, ...],
) -> Iterator[MonitoredPart]:
    if not rows or not sum(map(len, rows)):
        return
    frame = pd.concat(rows, ignore_index=True)
    yield MonitoredPart(
        name=f"{entry.name}_{suffix}",
        kind="comparison",
        title=f"{entry.title}: {words}",
        frame=frame,
        notes=(*notes, "passages whose counts are withheld are not shown"),
        source=entry.source,
    )
