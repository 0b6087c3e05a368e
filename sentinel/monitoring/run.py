"""The `[monitoring]` section of a study, from its files to protected tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from estimators.errors import InputError, NotEstimableError
from sentinel.disclosure import ReleasePolicy
from sentinel.monitoring.aberrations import watch_series
from sentinel.monitoring.delay_parts import delay_parts
from sentinel.monitoring.descriptive import NO_INFERENCE, describe_items, read_items
from sentinel.monitoring.framework import read_framework
from sentinel.monitoring.framework_parts import framework_part
from sentinel.monitoring.funnel_parts import funnel_parts
from sentinel.monitoring.hotline import HotlineColumns, read_hotline_log
from sentinel.monitoring.hotline_parts import hotline_parts
from sentinel.monitoring.parts import MonitoredPart, MonitoringResult
from sentinel.monitoring.round_parts import round_parts
from sentinel.monitoring.score_parts import score_parts
from sentinel.monitoring.segment_parts import segment_parts
from sentinel.monitoring.series import (
    ReleasedSeries,
    by_period,
    read_series,
    releasable,
)
from sentinel.monitoring.series_models import series_models
from sentinel.schema.problems import IngestError, Problems
from sentinel.study.monitoring_section import (
    DescriptiveEntry,
    FrameworkEntry,
    FunnelEntry,
    HotlineEntry,
    ScoresEntry,
    SeriesEntry,
)

if TYPE_CHECKING:
    from sentinel.study.config import StudyConfig

__all__ = ["check_monitoring", "monitor"]

Sheet = dict[str, str | None]


def monitor(config: StudyConfig) -> MonitoringResult:
    """Read everything that `[monitoring]` names and return protected tables.

    Parameters
    ----------
    config : StudyConfig

    Returns
    -------
    MonitoringResult

    Raises
    ------
    IngestError
        With every problem of every file.

    Examples
    --------
    >>> from sentinel import datasets
    >>> from sentinel.study import load_study
    >>> monitor(load_study(datasets.path("mekong_demo"))).problems.errors
    ()
    """
    run = _Run(config)
    for read in (
        run.all_series, run.hotlines, run.delays, run.rounds, run.funnels,
        run.frameworks, run.scores, run.descriptive,
    ):  # fmt: skip
        for part in read():
            run.parts.append(part)
    run.problems.raise_errors()
    return MonitoringResult(
        parts=tuple(run.parts), skipped=tuple(run.skipped), problems=run.problems
    )


def check_monitoring(config: StudyConfig) -> Problems:
    """List everything wrong with the files of `[monitoring]`; writes nothing."""
    try:
        return monitor(config).problems
    except IngestError as error:
        return error.problems


class _Run:
    """One run: what was made, what could not be shown, what was found."""

    def __init__(self, config: StudyConfig) -> None:
        self.config = config
        self.section = config.monitoring
        self.policy = ReleasePolicy.from_privacy(config.privacy)
        self.finest = self.section.time_unit or config.privacy.time_unit
        self.parts: list[MonitoredPart] = []
        self.skipped: list[str] = []
        self.problems = Problems()

    def read(self, reader: Callable[..., Any], entry: Any, **how: Any) -> Any:  # noqa: ANN401
        """Read a file of an entry; None, and its problems kept, where it is wrong."""
        try:
            found = reader(
                self.config.path(entry.file),
                sheet=entry.sheet,
                file_label=entry.file,
                **how,
            )
        except IngestError as error:
            self.problems.extend(error.problems)
            return None
        problems = getattr(found, "problems", None)
        if isinstance(problems, Problems):
            self.problems.extend(problems)
        return found

    def all_series(self) -> Iterator[MonitoredPart]:
        """Give the series, those of one file made coarser together."""
        files: dict[tuple[str, str | None, str, str], list[SeriesEntry]] = {}
        for entry in self.section.series:
            key = (entry.file, entry.sheet, entry.period, entry.every)
            files.setdefault(key, []).append(entry)
        for entries in files.values():
            yield from self._series_of_a_file(entries)

    def _series_of_a_file(self, entries: list[SeriesEntry]) -> Iterator[MonitoredPart]:
        first = entries[0]
        wholes = {entry.count: entry.whole for entry in entries if entry.whole}
        counts = list(dict.fromkeys([*(e.count for e in entries), *wholes.values()]))
        covariates = dict.fromkeys(c for entry in entries for c in entry.covariates)
        frame = self.read(
            read_series,
            first,
            period=first.period,
            counts=counts,
            covariates=tuple(covariates),
            unit=first.every,
        )
        if frame is None:
            return
        try:
            series = releasable(
                frame,
                counts=counts,
                policy=self.policy,
                unit=first.every,
                finest=self.finest,
                wholes=wholes,
            )
        except InputError as error:
            names = ", ".join(entry.title for entry in entries)
            self.skipped.append(f"{names}: {error}")
            return
        for entry in entries:
            yield from self._one_series(entry, series)

    def _one_series(
        self, entry: SeriesEntry, series: ReleasedSeries
    ) -> Iterator[MonitoredPart]:
        told = _told(entry, series)
        try:
            part = watch_series(
                series,
                entry.count,
                name=entry.name,
                title=entry.title,
                method=entry.method,
                options=entry.options,
                source=entry.source,
            )
        except NotEstimableError as error:
            self.skipped.append(f"{entry.title}: {error}")
            part = watch_series(
                series,
                entry.count,
                name=entry.name,
                title=entry.title,
                method="none",
                source=entry.source,
            )
        yield replace(part, series=told)
        yield from segment_parts(entry, series, told, self.skipped)
        yield from series_models(entry, series, self.skipped)

    def hotlines(self) -> Iterator[MonitoredPart]:
        """Give the tables of every hotline log."""
        for entry in self.section.hotlines:
            log = self.read(read_hotline_log, entry, columns=_columns(entry))
            beside = self._covariates(entry)
            if log is not None and (beside is not None or not entry.covariates):
                yield from hotline_parts(
                    log, entry, self.policy, self.finest, self.skipped,
                    covariates=beside,
                )  # fmt: skip

    def _covariates(self, entry: HotlineEntry) -> pd.DataFrame | None:
        if entry.covariates_file is None:
            return None
        file = entry.model_copy(update={"file": entry.covariates_file, "sheet": None})
        found: pd.DataFrame | None = self.read(
            read_series, file, counts=(), covariates=entry.covariates
        )
        return found

    def delays(self) -> Iterator[MonitoredPart]:
        """Give what is foretold of periods whose reports still come in."""
        for entry in self.section.delays:
            yield from delay_parts(
                entry, self.read, self.policy, self.finest, self.skipped
            )

    def rounds(self) -> Iterator[MonitoredPart]:
        """Give the shares of interview rounds, each against those before it."""
        for entry in self.section.rounds:
            yield from round_parts(entry, self.read, self.policy, self.skipped)

    def funnels(self) -> Iterator[MonitoredPart]:
        """Give the tables of every funnel."""
        for entry in self.section.funnels:
            yield from self._funnel(entry)

    def _funnel(self, entry: FunnelEntry) -> Iterator[MonitoredPart]:
        yield from funnel_parts(entry, self.read, self.policy, self.skipped)

    def frameworks(self) -> Iterator[MonitoredPart]:
        """Give every results framework."""
        for entry in self.section.frameworks:
            yield from self._framework(entry)

    def _framework(self, entry: FrameworkEntry) -> Iterator[MonitoredPart]:
        found = self.read(read_framework, entry)
        if found is not None:
            yield framework_part(found, entry, self.policy)

    def scores(self) -> Iterator[MonitoredPart]:
        """Give the change of every score."""
        for entry in self.section.scores:
            yield from self._scores(entry)

    def _scores(self, entry: ScoresEntry) -> Iterator[MonitoredPart]:
        yield from score_parts(entry, self.read, self.policy, self.skipped)

    def descriptive(self) -> Iterator[MonitoredPart]:
        """Give what studies without a probability sample describe."""
        for entry in self.section.descriptive:
            yield from self._described(entry)

    def _described(self, entry: DescriptiveEntry) -> Iterator[MonitoredPart]:
        answers: pd.DataFrame | None = self.read(read_items, entry, items=entry.items)
        if answers is None:
            return
        frame = describe_items(answers, minimum_cell=self.policy.minimum_cell)
        words = entry.recruitment.capitalize()
        yield MonitoredPart(
            name=entry.name,
            kind="descriptive",
            title=f"{entry.title} (descriptive)",
            frame=frame,
            notes=(NO_INFERENCE.format(recruitment=words),),
            source=entry.source,
        )


def _told(entry: SeriesEntry, series: ReleasedSeries) -> dict[str, dict[str, int]]:
    """Return the counts by period under their own name and that of their column."""
    sheet = f", {entry.sheet}" if entry.sheet else ""
    file = f"file {Path(entry.file).name}{sheet}"
    counts = by_period(series, series.frame[entry.count])
    told = {f"series {entry.name}": counts, f"{file}: {entry.count}": counts}
    if entry.whole:
        whole = series.frame[entry.whole]
        told[f"{file}: {entry.whole}"] = by_period(series, whole)
        rest = whole - series.frame[entry.count]
        told[f"{file}: {entry.whole} less {entry.count}"] = by_period(series, rest)
    return told


def _columns(entry: HotlineEntry) -> HotlineColumns:
    return HotlineColumns(
        date=entry.date,
        case=entry.case,
        kind=entry.kind,
        place=entry.place,
        referred=entry.referred,
        action=entry.action,
        date_format=entry.date_format,
    )
