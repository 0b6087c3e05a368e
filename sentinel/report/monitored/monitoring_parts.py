"""Monitoring for print: every part with its figure and its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentinel.report.monitored.monitoring_figures import monitoring_drawings
from sentinel.report.monitored.monitoring_tables import monitoring_table
from sentinel.report.parts import Part

if TYPE_CHECKING:
    from sentinel.monitoring import MonitoringResult

__all__ = ["monitoring_parts"]


def monitoring_parts(result: MonitoringResult, *, simulated: bool) -> tuple[Part, ...]:
    """Return every part with its figure and its table."""
    return tuple(
        Part(
            anchor=f"monitoring-{part.name}",
            title=part.title,
            drawings=monitoring_drawings(part, simulated=simulated),
            table=monitoring_table(part),
        )
        for part in result.parts
    )
