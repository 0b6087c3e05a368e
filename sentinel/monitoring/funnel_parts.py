"""The tables of a funnel: stages by group, or counts per month of unequal periods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sentinel.monitoring.attrition import (
    CONFOUNDED,
    count_stages,
    period_rates,
    read_cases,
    read_periods,
)
from sentinel.monitoring.parts import MonitoredPart
from sentinel.monitoring.passages import passage_parts

if TYPE_CHECKING:
    import pandas as pd

    from sentinel.disclosure import ReleasePolicy
    from sentinel.study.monitoring_section import FunnelEntry

__all__ = ["funnel_parts"]

OPEN = (
    "cases still open may yet go on: they count among those at a stage only as long as "
    "they were watched, and raw ratios of the counts say too little"
)
RATES = (
    "periods differ in length: compare the counts per month, not the counts. Cases of "
    "one stage are not those of the stage before, so a ratio of stages is no share"
)


def funnel_parts(
    entry: FunnelEntry,
    read: Callable[..., Any],
    policy: ReleasePolicy,
    skipped: list[str],
) -> Iterator[MonitoredPart]:
    """Yield the protected tables of a funnel.

    Parameters
    ----------
    entry : FunnelEntry
    read : callable
        Reads the entry's file; None where it is wrong.
    policy : ReleasePolicy
    skipped : list of str
        Grows by what cannot be shown.
    """
    k = policy.minimum_cell
    if entry.layout == "periods":
        table: pd.DataFrame | None = read(
            read_periods,
            entry,
            stages=entry.stages,
            period=entry.period,
            months=entry.months,
            group=entry.group,
        )
        if table is not None:
            yield MonitoredPart(
                name=entry.name,
                kind="periods",
                title=f"{entry.title}: cases per month",
                frame=period_rates(table, entry.stages, k),
                notes=(RATES, *([CONFOUNDED] if entry.group else [])),
                source=entry.source,
            )
        return
    cases: pd.DataFrame | None = read(
        read_cases,
        entry,
        stages=entry.stages,
        closed=entry.closed,
        group=entry.group,
        opened=entry.opened,
    )
    if cases is None:
        return
    if entry.group:
        words = entry.group.replace("_", " ")
        cases = cases.assign(group=words + ": " + cases["group"])
    frame = count_stages(cases, entry.stages, k)
    withheld = int(frame["entered"].isna().sum())
    if withheld == len(frame):
        skipped.append(f"{entry.title}: stages rest on fewer than {k} cases")
        return
    notes = [OPEN, *([CONFOUNDED] if entry.group else [])]
    if entry.closed is None:
        notes.append("the file does not say which cases are closed: none has ended")
    if withheld:
        notes.append(
            f"{withheld} stages are withheld: a count under {k} there, or before"
        )
    yield MonitoredPart(
        name=entry.name,
        kind="funnel",
        title=entry.title,
        frame=frame,
        notes=tuple(notes),
        source=entry.source,
    )
    yield from passage_parts(cases, frame, entry, skipped)
