"""``[monitoring]``: series, hotlines, funnels, frameworks, scores beside interviews."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

from pydantic import Field, model_validator

from sentinel.study.section import Name, Names, Section

__all__ = [
    "DelaysEntry",
    "DescriptiveEntry",
    "FrameworkEntry",
    "FunnelEntry",
    "HotlineEntry",
    "MonitoredFile",
    "MonitoringSection",
    "RoundsEntry",
    "ScoresEntry",
    "SeriesEntry",
]

# File names of the report's own tables and figures.
_TAKEN = re.compile(
    r"(?:d_|model_|routes|trend$|data_flow$|definition_|variables_|leg)"
)
Unit = Literal["month", "quarter", "year"]
Aberration = Literal["ears", "farrington_flexible", "cusum", "none"]


class MonitoredFile(Section):
    """What every entry of ``[monitoring]`` has: a name, a heading and a file."""

    name: Name = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str = ""
    file: Name
    sheet: str | None = None
    source: str = ""

    @property
    def title(self) -> str:
        """Heading for people."""
        return self.label or self.name.replace("_", " ").capitalize()


class SeriesEntry(MonitoredFile):
    """One ``[[monitoring.series]]``: counts by period.

    `whole` names the count of which `count` is a part. `intervention` is the first
    period after something changed; `covariates` are numeric columns. `trend` asks for a
    test of a trend, `changepoints` for stretches of one rate, `joinpoints` for at most
    so many bends of a trend. `family` is that of the models of an intervention and of
    covariates: Poisson with the scatter that is seen, or negative binomial.
    """

    period: Name = "period"
    every: Unit = "month"
    count: Name
    whole: str | None = None
    method: Aberration = "ears"
    options: dict[str, Any] = Field(default_factory=dict)
    trend: bool = True
    changepoints: bool = False
    joinpoints: int = Field(default=0, ge=0, le=3)
    intervention: str | None = None
    covariates: Names = ()
    family: Literal["poisson", "negative_binomial"] = "poisson"


class HotlineEntry(MonitoredFile):
    """One ``[[monitoring.hotlines]]``: a log with one row per call.

    `covariates_file` has a row for every month (column ``period``) and the numeric
    columns `covariates`: what was promoted and registered meanwhile. `intervention` and
    `family` are those of a series, for calls.
    """

    date: Name = "date"
    date_format: Name = "%Y-%m-%d"
    case: str | None = None
    kind: str | None = None
    place: str | None = None
    referred: str | None = None
    action: str | None = None
    first: str | None = None
    last: str | None = None
    method: Aberration = "ears"
    options: dict[str, Any] = Field(default_factory=dict)
    covariates_file: str | None = None
    covariates: Names = ()
    intervention: str | None = None
    family: Literal["poisson", "negative_binomial"] = "poisson"

    @model_validator(mode="after")
    def _both_or_none(self) -> HotlineEntry:
        if (self.covariates_file is None) != (not self.covariates):
            raise ValueError(
                "covariates_file and covariates belong together: name the file and its "
                "columns"
            )
        return self


class RoundsEntry(MonitoredFile):
    """One ``[[monitoring.rounds]]``: a row per interview round, in order of time.

    Each round's share of `positives` among `trials` is compared with what the rounds
    before it foretell; `time` is a column of numbers, for unequal gaps.
    """

    round: Name = "round"
    positives: Name = "positives"
    trials: Name = "trials"
    time: str | None = None


class DelaysEntry(MonitoredFile):
    """One ``[[monitoring.delays]]``: a row per report, days of event and of report.

    Foretells the counts of periods whose reports still come in. Delays of more than
    `longest` periods count as `longest`; `last` is the last whole period of reporting.
    """

    event: Name = "event"
    reported: Name = "reported"
    every: Unit = "month"
    longest: int = Field(default=3, ge=1, le=24)
    last: str | None = None


class FunnelEntry(MonitoredFile):
    """One ``[[monitoring.funnels]]``: how far cases go.

    With layout "cases" the file has one row per case, a column per stage with the day
    (or any mark) at which it was reached, and `closed` says that a case will go no
    further, best with the day: cases that are not closed are censored at
    `watched_until`, the day up to which the file is complete. With layout
    "periods" it has one row per period, `months` its length, and a count per stage.
    `group` compares cases, such as those with and without legal aid.
    """

    layout: Literal["cases", "periods"] = "cases"
    stages: tuple[Name, ...] = Field(min_length=2)
    closed: str | None = None
    group: str | None = None
    opened: str | None = None
    watched_until: date | None = None
    period: Name = "period"
    months: Name = "months"


class FrameworkEntry(MonitoredFile):
    """One ``[[monitoring.frameworks]]``: indicators with markers.

    Indicators whose names speak of persons are protected like counts of persons;
    `persons` and `not_persons` list exceptions by number.
    """

    persons: Names = ()
    not_persons: Names = ()


class ScoresEntry(MonitoredFile):
    """One ``[[monitoring.scores]]``: the same persons before and after."""

    before: Name
    after: Name
    group: str | None = None
    unit: str = "points"
    lowest: float | None = None
    highest: float | None = None


class DescriptiveEntry(MonitoredFile):
    """One ``[[monitoring.descriptive]]``: a study without a probability sample.

    `items` are columns of yes (1) and no (0). No interval and no test is offered.
    """

    items: tuple[Name, ...] = Field(min_length=1)
    recruitment: Literal["snowball", "convenience", "purposive"] = "snowball"


class MonitoringSection(Section):
    """``[monitoring]``.

    `time_unit` is the finest period of released series of this section; without it that
    of ``[privacy]`` holds.
    """

    time_unit: Unit | None = None
    series: tuple[SeriesEntry, ...] = ()
    hotlines: tuple[HotlineEntry, ...] = ()
    delays: tuple[DelaysEntry, ...] = ()
    rounds: tuple[RoundsEntry, ...] = ()
    funnels: tuple[FunnelEntry, ...] = ()
    frameworks: tuple[FrameworkEntry, ...] = ()
    scores: tuple[ScoresEntry, ...] = ()
    descriptive: tuple[DescriptiveEntry, ...] = ()

    @model_validator(mode="after")
    def _distinct_names(self) -> MonitoringSection:
        names = [entry.name for _, _, entry in self.entries()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"names of entries must differ; twice: {', '.join(twice)}")
        taken = sorted(name for name in names if _TAKEN.match(name))
        if taken:
            raise ValueError(f"the report has tables called {', '.join(taken)} already")
        for name in names:
            # An entry makes several tables: "hotline" makes "hotline_calls".
            inside = [other for other in names if other.startswith(f"{name}_")]
            if inside:
                raise ValueError(
                    f"no name may continue another's: {', '.join(inside)} after {name}"
                )
        return self

    def entries(self) -> Iterator[tuple[str, int, MonitoredFile]]:
        """Yield every entry with the key of its list and its place in it."""
        for kind in (
            "series", "hotlines", "delays", "rounds", "funnels", "frameworks",
            "scores", "descriptive",
        ):  # fmt: skip
            for number, entry in enumerate(getattr(self, kind)):
                yield kind, number, entry
