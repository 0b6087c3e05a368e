"""The interviews of a study after the consent gate, coded and without identifiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from sentinel.schema.states import CellState

if TYPE_CHECKING:
    from sentinel.schema.codebook import Codebook
    from sentinel.schema.problems import Problems

__all__ = ["FLOW_STEPS", "Interviews", "Origin"]

FLOW_STEPS = (
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
    "analysed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a raw table came from.

    Attributes
    ----------
    file : str
        Name as the study names it.
    format : str
        "csv", "xlsx", "parquet", "sav", "dta".
    sha256 : str
        Of the bytes on disk.
    rows, columns : int
        As read.
    encoding : str
        Text encoding found ("utf-8", "utf-8-sig", "cp1252"), empty for binary formats.
    sheet : str
        Sheet of a workbook, else empty.
    """

    file: str
    format: str
    sha256: str
    rows: int
    columns: int
    encoding: str = ""
    sheet: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interviews:
    """One row per consenting respondent of every round, harmonised to one codebook.

    Attributes
    ----------
    frame : DataFrame
        Columns are codebook variables plus ``round_id``. Categories and identifiers are
        strings, counts and amounts are ``Float64``, dates are ``datetime64``; a cell
        without a value is NA and `states` says why. Multiple answers are one string
        with ";" between codes, sorted. The index is 0..n-1.
    states : DataFrame of uint8
        Same index and columns, values of `CellState`.
    dispositions : DataFrame
        One row per *selected* person, respondents and others: ``round_id, site_code,
        cluster, outcome``, nothing else.
    flow : DataFrame
        One row per round, columns ``round_id`` and `FLOW_STEPS`, counts of rows. It
        adds up: rows_read = duplicates_removed + excluded_by_rule + withdrawn +
        selected, and selected = ineligible + unavailable + refused + no_consent +
        consented; partial counts those of consented who stopped early; analysed =
        consented.
    origins : tuple of Origin
    codebook : Codebook
    problems : Problems
        Warnings only: errors never get this far.
    harmonisation : DataFrame
        One row per variable and round: ``variable, round_id, present, answered, fate,
        source, how, recoded, lost``; for the analyst, never released as it is.
    withdrawals : str
        The last tombstone that was known when the data were read; empty if the study
        keeps none.
    """

    frame: pd.DataFrame
    states: pd.DataFrame
    dispositions: pd.DataFrame
    flow: pd.DataFrame
    origins: tuple[Origin, ...]
    codebook: Codebook
    problems: Problems
    harmonisation: pd.DataFrame
    withdrawals: str = ""

    def __len__(self) -> int:
        return len(self.frame)

    def state_counts(self, variable: str) -> pd.Series:
        """Return how many cells of a variable are in each state."""
        counts = self.states[variable].value_counts()
        return pd.Series({state.name: int(counts.get(state, 0)) for state in CellState})
