"""The tables of a hotline: series, shares both ways, referrals, caller places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError, NotEstimableError
from sentinel import datasets
from sentinel.disclosure import protect_counts
from sentinel.monitoring.aberrations import watch_series
from sentinel.monitoring.call_series import (
    FREQUENCY,
    call_series,
    join_covariates,
    shares_two_ways,
)
from sentinel.monitoring.hotline import HotlineLog
from sentinel.monitoring.parts import MonitoredPart, few
from sentinel.monitoring.places import count_places
from sentinel.monitoring.referrals import referral_outcomes
from sentinel.monitoring.series import ReleasedSeries, by_period, releasable
from sentinel.monitoring.series_models import series_models
from sentinel.study.monitoring_section import SeriesEntry

if TYPE_CHECKING:
    from sentinel.disclosure import ReleasePolicy
    from sentinel.study.monitoring_section import HotlineEntry

__all__ = ["hotline_parts"]

TWO_SHARES = (
    "the mean of the periods' shares gives a quiet month the weight of a busy one; "
    "only the ratio of sums is the share of all calls"
)


def hotline_parts(
    log: HotlineLog,
    entry: HotlineEntry,
    policy: ReleasePolicy,
    finest: str,
    skipped: list[str],
    *,
    covariates: pd.DataFrame | None = None,
) -> Iterator[MonitoredPart]:
    """Yield the protected tables of a hotline; what cannot be shown goes to `skipped`.

    Parameters
    ----------
    log : HotlineLog
    entry : HotlineEntry
    policy : ReleasePolicy
    finest : {"month", "quarter", "year"}
    skipped : list of str
        Grows.
    covariates : DataFrame, optional
        Indexed by month: what was promoted and registered.
    """
    months = call_series(log, first=entry.first, last=entry.last)
    # Calls and cases are released; the kinds only as totals, or rare kinds would make
    # every month too small.
    counted = [name for name in ("calls", "cases") if months[name].sum()]
    try:
        table = _joined(months[counted], covariates)
        series = releasable(
            table, counts=counted, policy=policy, unit="month", finest=finest
        )
    except InputError as error:
        skipped.append(f"{entry.title}: {error}")
        return
    months = _shown_months(months, series)
    for count in counted:
        told = {f"series {entry.name} {count}": by_period(series, series.frame[count])}
        try:
            part = watch_series(
                series,
                count,
                name=f"{entry.name}_{count}",
                title=f"{entry.title}: {count} by {series.unit}",
                method=entry.method,
                options=entry.options,
                source=entry.source,
            )
        except NotEstimableError as error:
            skipped.append(f"{entry.title}, {count}: {error}")
            continue
        yield replace(part, series=told)
    if "calls" in counted:
        yield from series_models(_as_series(entry), series, skipped)
    yield from _kinds(log, months, series, entry, policy)
    yield from _referrals(log, entry, policy, skipped)
    yield from _places(log, entry, policy)


def _joined(months: pd.DataFrame, covariates: pd.DataFrame | None) -> pd.DataFrame:
    if covariates is None:
        return months
    named = covariates.reset_index().astype({"period": "str"})
    return join_covariates(months, named)


def _as_series(entry: HotlineEntry) -> SeriesEntry:
    """Return what is asked of the calls as if they were a series of their own."""
    return SeriesEntry(
        name=f"{entry.name}_calls",
        label=f"{entry.title}: calls",
        file=entry.file,
        source=entry.source,
        count="calls",
        trend=False,
        intervention=entry.intervention,
        covariates=entry.covariates,
        family=entry.family,
    )


def _shown_months(months: pd.DataFrame, series: ReleasedSeries) -> pd.DataFrame:
    """Leave out the months that no shown period holds: totals would tell them."""
    held = pd.PeriodIndex(months.index).asfreq(FREQUENCY[series.unit])
    return months[held.isin(series.frame.index)]


def _kinds(
    log: HotlineLog,
    months: pd.DataFrame,
    series: ReleasedSeries,
    entry: HotlineEntry,
    policy: ReleasePolicy,
) -> Iterator[MonitoredPart]:
    kinds = [name for name in map(str, months) if name.startswith("calls: ")]
    if not kinds:
        return
    totals = months[kinds].sum()
    totals["calls: not said"] = int(months["calls"].sum() - totals.sum())
    shown = _shown_totals(totals, policy)
    rows: list[dict[str, object]] = []
    for name in kinds:
        row: dict[str, object] = {"kind": name.removeprefix("calls: ")}
        if name in shown.index:
            found = shares_two_ways(months, name, "calls")["share"]
            row["calls"] = int(shown[name])
            for way in ("mean of ratios", "ratio of sums"):
                row[way.replace(" ", "_")] = round(float(found[way]), 3)
        rows.append(row)
    told: dict[str, int | None] = {
        f"kind={name.removeprefix('calls: ')}|calls": int(shown[name])
        if name in shown.index
        else None
        for name in kinds
    }
    # Calls are known by period: what is left of them beside the kinds is told as well.
    rest = int(months["calls"].sum()) - sum(count or 0 for count in told.values())
    told["kind=all others|calls"] = None if few(rest, policy.minimum_cell) else rest
    columns = ["kind", "calls", "mean_of_ratios", "ratio_of_sums"]
    frame = pd.DataFrame(rows).reindex(columns=columns)
    frame = frame.astype(
        {"calls": "Int64", "mean_of_ratios": "Float64", "ratio_of_sums": "Float64"}
    )
    yield MonitoredPart(
        name=f"{entry.name}_kinds",
        kind="shares",
        title=f"{entry.title}: what calls were about",
        frame=frame,
        notes=(
            TWO_SHARES,
            f"shares of {len(months)} months",
            *(note for note in log.notes if _tells_no_few(note, policy)),
        ),
        source=entry.source,
        unit=series.unit,
        counts=told,
    )


def _shown_totals(totals: pd.Series, policy: ReleasePolicy) -> pd.Series:
    """Keep the totals that are neither small nor tell a small one: calls are known."""
    table = totals[totals > 0].astype("int64").to_frame("n").assign(rest=0)
    shown = protect_counts(table, policy).frame["n"].dropna()
    return shown.drop(index="Total", errors="ignore")


def _referrals(
    log: HotlineLog, entry: HotlineEntry, policy: ReleasePolicy, skipped: list[str]
) -> Iterator[MonitoredPart]:
    if not (entry.referred and entry.action):
        return
    try:
        found = referral_outcomes(log)
    except InputError as error:
        skipped.append(f"{entry.title}, referrals: {error}")
        return
    referred = int(found["n_referred"].iloc[0])
    unknown = int(found["n_unknown"].iloc[0])
    acted = int((log.cases["action"].eq("yes") & log.cases["referred"].eq("yes")).sum())
    cells = (acted, unknown, referred - acted - unknown, referred)
    if any(few(cell, policy.minimum_cell) for cell in cells):
        skipped.append(
            f"{entry.title}, referrals: outcomes rest on fewer than "
            f"{policy.minimum_cell} cases and are withheld"
        )
        return
    yield MonitoredPart(
        name=f"{entry.name}_referrals",
        kind="referrals",
        title=f"{entry.title}: referrals that led to action",
        frame=found,
        notes=(
            f"{referred} cases referred, of {unknown} the outcome is not known; cases, "
            "not calls",
            "Wilson intervals for independent cases: cases of one workplace are not, "
            "and true intervals are wider",
        ),
        source=entry.source,
    )


def _places(
    log: HotlineLog, entry: HotlineEntry, policy: ReleasePolicy
) -> Iterator[MonitoredPart]:
    if not log.places.n_entries or policy.place_level == "country":
        return
    known = datasets.load("places")
    provinces = known[known["level"] == "admin1"]
    names = {_one(text) for text in (*provinces["name"], *provinces["code"])}
    frame = log.places.frame
    is_province = frame["place"].map(_one).isin(names)
    large = frame["entries"] >= policy.minimum_cell
    shown = frame[is_province & large].reset_index(drop=True)
    if shown.empty:
        return
    yield MonitoredPart(
        name=f"{entry.name}_places",
        kind="places",
        title=f"{entry.title}: provinces of the callers",
        frame=shown[["place", "entries"]].astype({"entries": "Int64"}),
        notes=(
            f"provinces with {policy.minimum_cell} calls or more; places that are no "
            "known province, or with fewer calls, are not shown",
            "spellings of one place are counted together",
        ),
        source=entry.source,
    )


def _tells_no_few(note: str, policy: ReleasePolicy) -> bool:
    numbers = [int(digits) for digits in re.findall(r"\d+", note)]
    return not any(few(number, policy.minimum_cell) for number in numbers)


def _one(text: str) -> str:
    found = count_places([text]).frame
    return "".join(char for char in found["place"].iloc[0].casefold() if char.isalnum())
