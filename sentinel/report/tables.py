"""The report's tables: as cells for the page and as rows for the files."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from sentinel.report.formats import (
    MINUS,
    NOTHING,
    WITHHELD,
    count,
    interval,
    is_hidden,
    is_missing,
    value,
)
from sentinel.report.labels import QUANTITY_WORDS
from sentinel.report.row_notes import row_notes, short_notes

if TYPE_CHECKING:
    from sentinel.report.protected.release import Release, ReleasedModel, ReleasedTable

__all__ = [
    "Column",
    "PrintedTable",
    "csv_text",
    "estimates_table",
    "flow_table",
    "harmonisation_table",
    "model_table",
    "sensitivity_table",
    "text_columns",
    "trend_table",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a printed table; `group` is a heading over several columns."""

    label: str
    numeric: bool = True
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedTable:
    """A table as it is printed: text only, hidden cells already marked.

    Attributes
    ----------
    name : str
        Anchor and file name.
    caption : str
    columns : tuple of Column
    rows : tuple of tuple of str
    n_headers : int
        Leading columns that name the row.
    notes : tuple of str
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    n_headers: int = 1
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Return headings over columns as (label, columns); empty without any."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return spans if any(label for label, _ in spans) else []

    def to_frame(self) -> pd.DataFrame:
        """Return the printed cells; column names carry their group."""
        names = [
            f"{column.group}: {column.label}" if column.group else column.label
            for column in self.columns
        ]
        return pd.DataFrame(list(self.rows), columns=names, dtype="str")


def text_columns(*labels: str) -> tuple[Column, ...]:
    """Return columns of words."""
    return tuple(Column(label=label, numeric=False) for label in labels)


def csv_text(frame: pd.DataFrame, safe: Callable[[object], object]) -> str:
    """Return a frame as CSV, text made safe for spreadsheets by `safe`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([safe(str(name)) for name in frame.columns])
    for row in frame.itertuples(index=False, name=None):
        writer.writerow([_csv_cell(cell, safe) for cell in row])
    return out.getvalue()


def estimates_table(
    tables: Sequence[ReleasedTable], release: Release, *, name: str, caption: str
) -> PrintedTable:
    """Put event and person prevalence of the same groups beside each other."""
    by = tables[0].by or ("",)
    columns = [
        Column(label=release.labels.variable(key) if key else "Group", numeric=False)
        for key in by
    ]
    names = _distinct_keys(tables, release)
    cells: dict[tuple[str, ...], list[str]] = {}
    notes: list[tuple[str, str]] = []
    for place, table in enumerate(tables):
        unit = _unit_heading(table.frame)
        level = _level(table.frame)
        heading = f"{QUANTITY_WORDS[table.quantity]}{unit}"
        columns += [
            Column(label="Estimate", group=heading),
            Column(label=f"{level} interval", group=heading),
            Column(label="n", group=heading),
        ]
        for _, row in table.frame.iterrows():
            key = names[_codes(row, table.by)]
            known = cells.setdefault(key, [])
            known += [NOTHING] * (3 * place - len(known))
            known += _estimate_cells(row, release.hidden)
            notes += row_notes(row, key)
    width = 3 * len(tables)
    rows = tuple(
        (*key, *values, *([NOTHING] * (width - len(values))))
        for key, values in cells.items()
    )
    return PrintedTable(
        name=name,
        caption=caption,
        columns=tuple(columns),
        rows=rows,
        n_headers=len(by),
        notes=short_notes(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _FlowLine:
    step: str
    label: str
    note: str = field(default="")


_FLOW_LINES = (
    _FlowLine(step="rows_read", label="Rows read"),
    _FlowLine(step="duplicates_removed", label=f"{MINUS} duplicates removed"),
    _FlowLine(
        step="excluded_by_rule", label=f"{MINUS} excluded by a rule of the study"
    ),
    _FlowLine(step="withdrawn", label=f"{MINUS} withdrew their consent"),
    _FlowLine(step="selected", label="Selected persons"),
    _FlowLine(step="ineligible", label=f"{MINUS} ineligible"),
    _FlowLine(step="unavailable", label=f"{MINUS} unavailable"),
    _FlowLine(step="refused", label=f"{MINUS} refused"),
    _FlowLine(step="no_consent", label=f"{MINUS} no consent or no privacy"),
    _FlowLine(step="consented", label="Consented and interviewed"),
    _FlowLine(step="partial", label="of these, stopped early (partial)"),
    _FlowLine(step="unknown", label=f"{MINUS} outcome unknown"),
    _FlowLine(step="classified", label="Classified"),
)


def flow_table(release: Release) -> PrintedTable:
    """Return the counts at every step, rounds side by side."""
    frame = release.flow
    rounds = [release.labels.value("round_id", code) for code in frame["round_id"]]
    rows = [
        (line.label, *(release.count_text(cell) for cell in frame[line.step]))
        for line in _FLOW_LINES
    ]
    return PrintedTable(
        name="data_flow",
        caption="Persons and rows at every step, by round",
        columns=(
            Column(label="Step", numeric=False),
            *(Column(label=label) for label in rounds),
        ),
        rows=tuple(rows),
    )


def harmonisation_table(release: Release) -> PrintedTable | None:
    """Return which variable was read in which round; None where there is nothing."""
    frame = release.harmonised
    if frame.empty:
        return None
    rounds = [release.labels.value("round_id", name) for name in frame.columns[1:]]
    return PrintedTable(
        name="variables_by_round",
        caption="Variables by round: read from its files, derived, or absent",
        columns=text_columns("Variable", *rounds),
        rows=tuple(
            tuple(str(cell) for cell in row) for row in frame.itertuples(index=False)
        ),
    )


def sensitivity_table(release: Release) -> PrintedTable:
    """Return event prevalence by setting (rows) and treatment of unknowns (columns)."""
    frame = release.sensitivity
    treatments = {
        "lower": "Unknown counted as no",
        "observed": "Unknown left out",
        "upper": "Unknown counted as yes",
    }
    columns = [
        Column(label="Round", numeric=False),
        Column(label="Setting", numeric=False),
    ]
    level = _level(frame)
    for label in treatments.values():
        columns += [
            Column(label="%", group=label),
            Column(label=f"{level} interval", group=label),
            Column(label="n", group=label),
        ]
    rows = []
    for (code, setting), part in frame.groupby(["round_id", "setting"], sort=False):
        found = {str(row["unknowns"]): row for _, row in part.iterrows()}
        cells: list[str] = []
        for treatment in treatments:
            row = found.get(treatment)
            cells += (
                [NOTHING] * 3 if row is None else _estimate_cells(row, release.hidden)
            )
        rows.append((release.labels.value("round_id", code), str(setting), *cells))
    return PrintedTable(
        name="definition_sensitivity",
        caption="Event prevalence under every setting of the definition",
        columns=tuple(columns),
        rows=tuple(rows),
        n_headers=2,
    )


def trend_table(release: Release) -> PrintedTable:
    """Return the differences between rounds and the slope, in percentage points."""
    rows = []
    for _, row in release.trend.iterrows():
        cells = _estimate_cells(row, release.hidden, signed=True)
        p_value = NOTHING if is_hidden(row) else p_text(row["p_value"])
        rows.append(
            (
                release.contrast(row["contrast"]),
                QUANTITY_WORDS.get(row["quantity"], str(row["quantity"])),
                *cells,
                p_value,
            )
        )
    return PrintedTable(
        name="trend",
        caption="Change between rounds, in percentage points",
        columns=(
            Column(label="Contrast", numeric=False),
            Column(label="Quantity", numeric=False),
            Column(label="Change"),
            Column(label=f"{_level(release.trend)} interval"),
            Column(label="n"),
            Column(label="p"),
        ),
        rows=tuple(rows),
        n_headers=2,
    )


def model_table(model: ReleasedModel) -> PrintedTable:
    """Return the odds ratios of a model with their limits."""
    from sentinel.report.sentences import odds_phrase

    rows = []
    for _, row in model.terms.iterrows():
        if row["term"] == "Intercept":
            continue
        ratio, limits = odds_phrase(row).rstrip(")").split(" (", 1)
        rows.append((row["label"], ratio, limits, p_text(row["p_value"])))
    return PrintedTable(
        name=model.name,
        caption=f"Odds ratios: {model.label} (n = {count(model.n_obs)})",
        columns=(
            Column(label="Factor", numeric=False),
            Column(label="Odds ratio"),
            Column(label=f"{model.ci_level:.0%} interval ({model.ci_method})"),
            Column(label="p"),
        ),
        rows=tuple(rows),
    )


def p_text(p_value: float) -> str:
    """Return a p value with three decimals."""
    least = 0.001
    if is_missing(p_value):
        return NOTHING
    return "<0.001" if p_value < least else f"{p_value:.3f}"


def _estimate_cells(row: pd.Series, hidden: str, *, signed: bool = False) -> list[str]:
    if is_hidden(row):
        # Which rows are small may be told only where disclosure control says so.
        mark = hidden if str(row["reason"]).startswith("few") else WITHHELD
        n = row["n_obs"]
        return [mark, NOTHING, mark if is_missing(n) else count(n)]
    unit = str(row["unit"])
    low, high = (
        value(row[side], unit, signed=signed) for side in ("ci_low", "ci_high")
    )
    return [
        value(row["estimate"], unit, signed=signed),
        interval(low, high),
        count(row["n_obs"]),
    ]


def _codes(row: pd.Series, by: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in by)


def _distinct_keys(
    tables: Sequence[ReleasedTable], release: Release
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return each group's labels by its codes: two places of one name keep apart."""
    found = {
        _codes(row, table.by): _row_key(row, table.by, release)
        for table in tables
        for _, row in table.frame.iterrows()
    }
    counts = Counter(found.values())
    return {
        codes: key if counts[key] == 1 else (*key[:-1], f"{key[-1]} ({codes[-1]})")
        for codes, key in found.items()
    }


def _row_key(row: pd.Series, by: tuple[str, ...], release: Release) -> tuple[str, ...]:
    if not by:
        return ("All",)
    return tuple(release.labels.value(key, row[key]) for key in by)


def _unit_heading(frame: pd.DataFrame) -> str:
    units = {str(unit) for unit in frame["unit"]}
    if all(unit.startswith("proportion") for unit in units):
        return ", %"
    return f", {', '.join(sorted(units))}"


def _level(frame: pd.DataFrame) -> str:
    levels = [level for level in frame["ci_level"].unique() if not pd.isna(level)]
    return " / ".join(f"{level:.0%}" for level in levels) or "Confidence"


def _csv_cell(cell: object, safe: Callable[[object], object]) -> object:
    if is_missing(cell):
        return ""
    return safe(cell) if isinstance(cell, str) else cell
