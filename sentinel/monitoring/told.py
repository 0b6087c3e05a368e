"""What the tables of monitoring tell of persons: their counts, for the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    from sentinel.monitoring.parts import MonitoredPart

__all__ = ["told_counts"]


class _Columns(NamedTuple):
    labels: tuple[str, ...]
    counts: tuple[str, ...]
    # What a reader has by subtraction: its name, the whole and the part.
    rest: tuple[str, str, str] | None = None


_COLUMNS = {
    "shares": _Columns(("kind",), ("calls",)),
    "places": _Columns(("place",), ("entries",)),
    "funnel": _Columns(
        ("group", "stage"),
        ("entered", "went_on", "still_open", "ended"),
        ("stayed", "entered", "went_on"),
    ),
    "periods": _Columns(("group", "stage", "period"), ("cases",)),
    "scores": _Columns(("group",), ("n_before", "n_both", "n_lost")),
    "descriptive": _Columns(("item",), ("yes", "answered"), ("no", "answered", "yes")),
    "referrals": _Columns(
        ("unknowns",), ("n_obs", "n_acted"), ("n_not_acted", "n_obs", "n_acted")
    ),
    "comparison": _Columns(("label",), ("n_obs",)),
    "rounds": _Columns(
        ("round",), ("positives", "trials"), ("others", "trials", "positives")
    ),
    "trend": _Columns(("label",), ("n_obs",)),
}


def told_counts(part: MonitoredPart) -> Mapping[str, int | None]:
    """Return the counts of persons or cases that a part tells, None where withheld.

    Counts by period are in `MonitoredPart.series`; those of kinds that count periods or
    no persons are not here.

    Examples
    --------
    >>> from sentinel.monitoring import MonitoredPart
    >>> frame = pd.DataFrame({"item": ["held"], "yes": [25], "answered": [60]})
    >>> told_counts(MonitoredPart(name="d", kind="descriptive", title="", frame=frame))
    {'item=held|yes': 25, 'item=held|answered': 60, 'item=held|no': 35}
    """
    if part.counts is not None:
        return part.counts
    columns = _COLUMNS.get(part.kind)
    return {} if columns is None else dict(_read(part, columns))


def _read(part: MonitoredPart, columns: _Columns) -> Iterator[tuple[str, int | None]]:
    frame = part.frame
    if part.kind == "referrals":
        acted = (frame["estimate"] * frame["n_obs"]).round()
        frame = frame.assign(n_acted=acted)
    for _, row in frame.iterrows():
        key = "|".join(f"{name}={row[name]}" for name in columns.labels if name in row)
        counts = {name: _whole(row[name]) for name in columns.counts if name in row}
        if columns.rest is not None:
            name, whole, taken = columns.rest
            of, less = counts.get(whole), counts.get(taken)
            counts[name] = None if of is None or less is None else of - less
        yield from ((f"{key}|{name}", count) for name, count in counts.items())


def _whole(cell: object) -> int | None:
    return None if pd.isna(cell) else round(float(str(cell)))  # type: ignore[call-overload]
