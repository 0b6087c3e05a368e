"""What monitoring hands to a report: protected tables, each with what must be said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from sentinel.schema.problems import Problems

__all__ = ["MonitoredPart", "MonitoringResult", "PartKind", "few"]

PartKind = Literal[
    "series",
    "trend",
    "segments",
    "nowcast",
    "rounds",
    "intervention",
    "shares",
    "referrals",
    "places",
    "funnel",
    "comparison",
    "periods",
    "framework",
    "scores",
    "descriptive",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MonitoredPart:
    """One table of monitoring, protected: it may be shown as it is.

    Attributes
    ----------
    name : str
        File-safe and unique.
    kind : str
        Which columns `frame` has, and which figure is drawn of it.
    title : str
    frame : DataFrame
        Missing numbers were withheld or do not exist; `notes` say which.
    notes : tuple of str
    source : str
        Where the data come from, as the study file says.
    unit : str
        Unit of the numbers where the kind does not say it.
    counts : mapping of str to int or None, optional
        For the release ledger: counts of persons that the part tells, by label, where
        the kind's own columns do not say them.
    series : mapping of str to mapping
        For the release ledger: counts by period that the part tells, each under the
        names by which the same counts may come again.
    """

    name: str
    kind: PartKind
    title: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    source: str = ""
    unit: str = ""
    counts: Mapping[str, int | None] | None = None
    series: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringResult:
    """All parts in the order of the study file, what was left out, what was found."""

    parts: tuple[MonitoredPart, ...]
    skipped: tuple[str, ...] = ()
    problems: Problems = field(default_factory=Problems)


def few(count: float, minimum_cell: int) -> bool:
    """Return whether a count is too small to be shown; 0 is not.

    Examples
    --------
    >>> few(0, 11), few(10, 11), few(11, 11)
    (False, True, False)
    """
    return 0 < count < minimum_cell
