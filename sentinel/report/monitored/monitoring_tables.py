"""The tables of monitoring as they are printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from sentinel.report.formats import (
    NOTHING,
    WITHHELD,
    count,
    interval,
    is_missing,
    number,
    percent,
)
from sentinel.report.tables import Column, PrintedTable, p_text

if TYPE_CHECKING:
    from sentinel.monitoring import MonitoredPart

__all__ = ["monitoring_table"]

Cell = Callable[[object], str]
Line = tuple[str, str, Cell]


def _text(cell: object) -> str:
    return "" if is_missing(cell) else str(cell)


def _number(cell: object) -> str:
    return NOTHING if is_missing(cell) else number(float(str(cell)))


def _two(cell: object) -> str:
    return NOTHING if is_missing(cell) else number(float(str(cell)), decimals=2)


def _count(cell: object) -> str:
    return WITHHELD if is_missing(cell) else count(cell)


def _share(cell: object) -> str:
    return NOTHING if is_missing(cell) else percent(float(str(cell)))


def _alarm(cell: object) -> str:
    return "alarm" if cell is True or str(cell) == "True" else ""


def _outside(cell: object) -> str:
    return "outside" if cell is True or str(cell) == "True" else ""


_LINES: dict[str, tuple[Line, ...]] = {
    "series": (
        ("period", "Period", _text),
        ("observed", "Observed", _count),
        ("expected", "Expected", _number),
        ("upper_bound", "Limit", _number),
        ("alarm", "Alarm", _alarm),
        ("reason", "Note", _text),
    ),
    "segments": (
        ("first", "From", _text),
        ("last", "To", _text),
        ("estimate", "Estimate", _two),
        ("ci_low", "from", _two),
        ("ci_high", "to", _two),
    ),
    "nowcast": (
        ("period", "Period", _text),
        ("reported", "Reported so far", _count),
        ("estimate", "Foretold in all", _number),
        ("ci_low", "from", _number),
        ("ci_high", "to", _number),
    ),
    "rounds": (
        ("round", "Round", _text),
        ("positives", "Positive", _count),
        ("trials", "Interviewed", _count),
        ("share", "%", _share),
        ("expected", "Foretold, %", _share),
        ("ci_low", "from", _share),
        ("ci_high", "to", _share),
        ("unusual", "Outside", _outside),
    ),
    "shares": (
        ("kind", "About", _text),
        ("calls", "Calls", _count),
        ("mean_of_ratios", "Mean of monthly shares, %", _share),
        ("ratio_of_sums", "Share of all calls, %", _share),
    ),
    "places": (("place", "Province", _text), ("entries", "Calls", _count)),
    "funnel": (
        ("group", "Group", _text),
        ("stage", "Stage", _text),
        ("entered", "Reached", _count),
        ("went_on", "Went on", _count),
        ("still_open", "Still open", _count),
        ("ended", "Ended", _count),
    ),
    "periods": (
        ("stage", "Stage", _text),
        ("period", "Period", _text),
        ("group", "Group", _text),
        ("months", "Months", _number),
        ("cases", "Cases", _count),
        ("per_month", "A month", _two),
    ),
    "scores": (
        ("group", "Group", _text),
        ("n_before", "Seen before", _count),
        ("n_both", "Seen twice", _count),
        ("n_lost", "Not seen again", _count),
        ("before", "Mean before", _number),
        ("after", "Mean after", _number),
        ("before_lost", "Mean before, not seen again", _number),
        ("change", "Change", _number),
        ("ci_low", "from", _number),
        ("ci_high", "to", _number),
        ("bound_low", "Least possible", _number),
        ("bound_high", "Greatest possible", _number),
    ),
    "descriptive": (
        ("item", "Item", _text),
        ("yes", "Yes", _count),
        ("answered", "Of", _count),
        ("percent", "%", _number),
    ),
}
_TEXT_COLUMNS = (
    "first",
    "last",
    "round",
    "unusual",
    "period",
    "group",
    "stage",
    "kind",
    "place",
    "item",
    "reason",
    "alarm",
)
_ESTIMATES = ("referrals", "comparison", "intervention", "trend")
_STATUS_HEADS = {
    "indicator": "No.",
    "name": "Indicator",
    "marker": "Marker",
    "value": "Value",
    "status": "Status",
    "status_printed": "Printed",
    "fault": "Fault",
}


def monitoring_table(part: MonitoredPart) -> PrintedTable:
    """Return one part of monitoring as a table of text."""
    if part.kind == "framework":
        return _framework(part)
    if part.kind in _ESTIMATES:
        return _estimates(part)
    frame = part.frame
    lines = [
        line
        for line in _LINES[part.kind]
        if line[0] in frame and not (line[0] == "group" and not frame["group"].any())
    ]
    last = frame["stage"].iloc[-1] if part.kind == "funnel" and len(frame) else None
    rows = []
    for _, row in frame.iterrows():
        cells = [show(row[name]) for name, _, show in lines]
        if last is not None and row["stage"] == last and pd.notna(row["entered"]):
            # Nobody goes on from the last stage: nothing is withheld there.
            cells[-3:] = [NOTHING] * 3
        rows.append(tuple(cells))
    return PrintedTable(
        name=part.name,
        caption=part.title,
        columns=tuple(
            Column(label=label, numeric=name not in _TEXT_COLUMNS)
            for name, label, _ in lines
        ),
        rows=tuple(rows),
        n_headers=2 if lines[0][0] == "group" else 1,
        notes=_notes(part),
    )


def _framework(part: MonitoredPart) -> PrintedTable:
    frame = part.frame.fillna("")
    shown = [
        name
        for name in frame.columns
        if name in ("indicator", "name", "marker", "status") or frame[name].any()
    ]
    return PrintedTable(
        name=part.name,
        caption=part.title,
        columns=tuple(
            Column(
                label=_STATUS_HEADS.get(name, name),
                numeric=name not in _STATUS_HEADS or name in ("marker", "value"),
            )
            for name in shown
        ),
        rows=tuple(
            tuple(map(str, row)) for row in frame[shown].itertuples(index=False)
        ),
        n_headers=2,
        notes=_notes(part),
    )


def _estimates(part: MonitoredPart) -> PrintedTable:
    """Print rows of estimates: what, number with interval, n and, if any, p."""
    frame = part.frame
    proportion = frame["unit"].astype(str).str.startswith(("proportion", "prob")).all()
    show = _share if proportion else _two
    rows = []
    for _, row in frame.iterrows():
        what = str(row["label"]) if "label" in frame else str(row["estimand"])
        if "unknowns" in frame:
            what = f"{what}, unknown {_unknowns(str(row['unknowns']))}"
        limits = interval(show(row["ci_low"]), show(row["ci_high"]))
        cells = [what, show(row["estimate"]), limits, _count(row["n_obs"])]
        if "p_value" in frame:
            cells.append(p_text(row["p_value"]))
        rows.append(tuple(cells))
    levels = sorted({f"{level:.0%}" for level in frame["ci_level"].dropna()})
    columns = [
        Column(label="What", numeric=False),
        Column(label="%" if proportion else _unit_heading(frame)),
        Column(label=f"{' / '.join(levels)} interval"),
        Column(label="n"),
    ]
    if "p_value" in frame:
        columns.append(Column(label="p"))
    return PrintedTable(
        name=part.name,
        caption=part.title,
        columns=tuple(columns),
        rows=tuple(rows),
        notes=_notes(part),
    )


def _unit_heading(frame: pd.DataFrame) -> str:
    ratio = frame["unit"].astype(str).str.startswith("ratio").all()
    return "Ratio" if ratio else "Estimate"


def _unknowns(how: str) -> str:
    return how if how == "left out" else f"counted as {how}"


def _notes(part: MonitoredPart) -> tuple[str, ...]:
    source = (f"Source: {part.source}.",) if part.source else ()
    notes = (f"{note[:1].upper()}{note[1:]}.".replace("..", ".") for note in part.notes)
    return (*notes, *source)
