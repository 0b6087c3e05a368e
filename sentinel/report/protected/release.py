"""What may be shown of a study: the only thing that page, figures and files see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from sentinel.report.formats import WITHHELD, count, hidden_mark, is_missing

if TYPE_CHECKING:
    from estimators.registry import EstimatorSpec
    from sentinel.classify.definitions import Definition
    from sentinel.disclosure import ProtectedFlows
    from sentinel.ingest.interviews import Origin
    from sentinel.report.labels import Labels
    from sentinel.report.protected.definition_comparison import ReleasedComparison
    from sentinel.study.config import StudyConfig

__all__ = ["FLOW_COLUMNS", "Release", "ReleasedModel", "ReleasedTable", "Suppressed"]

FLOW_COLUMNS = (
    "rows_read",
    "duplicates_removed",
    "excluded_by_rule",
    "withdrawn",
    "selected",
    "ineligible",
    "unavailable",
    "refused",
    "no_consent",
    "consented",
    "partial",
    "unknown",
    "classified",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleasedTable:
    """One table of estimates after disclosure control.

    Attributes
    ----------
    name, label, quantity : str
    by : tuple of str
    frame : DataFrame
        Result columns, group columns, ``reference_period, interval_method, notes`` and
        ``suppressed`` (bool); a suppressed row holds no number.
    is_headline : bool
        The study's outcome by round: what the findings quote.
    """

    name: str
    label: str
    quantity: str
    by: tuple[str, ...]
    frame: pd.DataFrame
    is_headline: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleasedModel:
    """One regression for print: its terms with labels, and what must be said of it."""

    name: str
    label: str
    method: str
    formula: str
    terms: pd.DataFrame
    n_obs: int
    ci_level: float
    ci_method: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """How many cells a table lost."""

    table: str
    cells: int
    primary: int
    complementary: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Release:
    """A protected study.

    Attributes
    ----------
    estimates : tuple of ReleasedTable
    sensitivity, trend : DataFrame
        As in `StudyResult`, with ``suppressed``; a suppressed row holds no number.
    flow : DataFrame
        ``round_id`` and `FLOW_COLUMNS`, ``Int64``. Counts of the selection and of the
        interview's course; no count of what anybody answered.
    routes : ProtectedFlows or None
        Origin, crossing and destination, protected, for the maps.
    sectors : DataFrame
        ``destination, sector, n``: shown counts of destinations that routes show.
    warnings : tuple of mapping
        Findings about the input without the values that came.
    harmonised : DataFrame
        ``variable`` and one column per round: read, derived or absent. No counts.
    comparison : ReleasedComparison or None
        The respondents of all rounds under other definitions.
    """

    config: StudyConfig
    labels: Labels
    minimum_cell: int
    definition: Definition
    setting: str
    estimates: tuple[ReleasedTable, ...]
    sensitivity: pd.DataFrame
    trend: pd.DataFrame
    models: tuple[ReleasedModel, ...]
    flow: pd.DataFrame
    routes: ProtectedFlows | None
    suppressed: tuple[Suppressed, ...]
    origins: tuple[Origin, ...]
    estimators: tuple[EstimatorSpec, ...] = ()
    warnings: tuple[Mapping[str, Any], ...] = ()
    design_notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    rng: int | None = None
    withdrawals: str = ""
    harmonised: pd.DataFrame = field(default_factory=pd.DataFrame)
    sectors: pd.DataFrame = field(default_factory=pd.DataFrame)
    comparison: ReleasedComparison | None = None

    @property
    def hidden(self) -> str:
        """What is printed in a hidden cell."""
        return hidden_mark(self.minimum_cell)

    @property
    def place_level(self) -> str:
        """Finest place that is shown."""
        return self.config.privacy.place_level

    @property
    def reference_period(self) -> str:
        """Reference period of every number."""
        return self.config.study.reference_period

    @property
    def headline(self) -> tuple[ReleasedTable, ...]:
        """The study's outcome by round, for events and for persons."""
        return tuple(table for table in self.estimates if table.is_headline)

    @property
    def pairs(self) -> tuple[tuple[ReleasedTable, ...], ...]:
        """Tables of the same groups together: event and person prevalence."""
        found: dict[tuple[str, tuple[str, ...]], list[ReleasedTable]] = {}
        for table in self.estimates:
            found.setdefault((table.label, table.by), []).append(table)
        return tuple(tuple(group) for group in found.values())

    @property
    def suppressed_total(self) -> tuple[int, int]:
        """Primary and complementary suppressions of all tables."""
        return (
            sum(item.primary for item in self.suppressed),
            sum(item.complementary for item in self.suppressed),
        )

    @property
    def legend(self) -> str:
        """What a hidden cell means."""
        primary, complementary = self.suppressed_total
        return (
            f"“{self.hidden}” stands for a number that rests on fewer than "
            f"{self.minimum_cell} persons (cases, others or respondents), “{WITHHELD}” "
            "for a number from which such a one could be worked out. Hidden in this "
            f"report: {count(primary)} small rows (primary) and {count(complementary)} "
            "rows for their sake (complementary). Counts of how rows were read and "
            "persons were selected and interviewed are shown in full: they say nothing "
            "of what anybody answered."
        )

    def count_text(self, amount: object) -> str:
        """Return a count as printed."""
        return self.hidden if is_missing(amount) else count(amount)

    def contrast(self, text: object) -> str:
        """Return a contrast between rounds with the rounds' names."""
        codes = sorted(self.labels.rounds, key=len, reverse=True)
        one = "|".join(map(re.escape, codes))
        # The full list of rounds is for disclosure control; people read from, to.
        ends = rf"^slope per year over ({one})(?:, (?:{one}))*, ({one})$"
        slope = re.sub(ends, r"Slope per year, \1 to \2", str(text))
        against = re.sub(rf"({one}) - ({one})", r"\1 against \2", slope)
        return re.sub(one, lambda match: self.labels.rounds[match[0]], against)

    def flow_records(self) -> list[dict[str, Any]]:
        """Return the counts at every step, one mapping per round."""
        return [
            {
                "round_id": row["round_id"],
                **{
                    step: None if pd.isna(row[step]) else int(row[step])
                    for step in FLOW_COLUMNS
                },
            }
            for _, row in self.flow.iterrows()
        ]

    def suppression_records(self) -> list[dict[str, Any]]:
        """Return how many cells every table lost."""
        return [
            {
                "table": item.table,
                "cells": item.cells,
                "primary": item.primary,
                "complementary": item.complementary,
            }
            for item in self.suppressed
        ]
