"""Results frameworks: indicators, markers and values, read from sheets kept by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from sentinel.monitoring.achievement import (
    Reading,
    combined_status,
    printed_status,
    read_cell,
    status,
)
from sentinel.monitoring.sheets import Sheet, SheetRow, read_sheet_table
from sentinel.schema.problems import Problem, Problems

__all__ = ["COUNTRIES", "Framework", "read_framework"]

COUNTRIES: Mapping[str, tuple[str, ...]] = {
    "KH": ("KH", "Cambodia"),
    "CN": ("CN", "China"),
    "LA": ("LA", "Lao PDR", "Laos", "Lao"),
    "MM": ("MM", "Myanmar"),
    "TH": ("TH", "Thailand"),
    "VN": ("VN", "Viet Nam", "Vietnam"),
}
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "indicator": ("No.", "Nr", "Number", "Indicator no.", "Indicator number", "Code"),
    "name": ("Indicator", "Name", "Indicator name", "Description"),
    "baseline": ("Baseline", "Baseline 2013"),
    "target": ("Target", "Target 2018", "End target"),
    "marker": ("Marker", "Progress marker", "Milestone", "Marker 2014"),
    "value": ("Value", "Regional", "Regional value", "Result", "Value 2014"),
    "status": ("Status", "Achievement", "Status printed"),
}
NUMBERS = ("baseline", "target", "marker", "value")
COLUMNS = (
    "indicator", "name", "baseline", "target", "marker", "value",
    "status_printed", "status", "agrees", "row", "fault",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Framework:
    """A results framework, with everything that was wrong with its sheet.

    Attributes
    ----------
    frame : DataFrame
        One row per indicator: ``indicator, name, baseline, target, marker, value`` as
        text, ``status_printed``, ``status`` (by the rule), ``agrees`` (missing where
        one of the two is), ``row`` of the file, ``fault`` (empty, or why the numbers of
        the row are not used).
    by_country : DataFrame
        ``indicator, country, value`` (float), ``state`` (number, not applicable, blank,
        words) and ``status``.
    problems : Problems
        Warnings: shifted rows, rows twice, numbers typed as text, cells of words.
    """

    frame: pd.DataFrame
    by_country: pd.DataFrame
    problems: Problems = field(default_factory=Problems)

    @property
    def disagreements(self) -> pd.DataFrame:
        """Rows whose printed status differs from the rule's."""
        return self.frame[self.frame["agrees"].eq(other=False).fillna(value=False)]


def read_framework(
    path: str | Path,
    *,
    sheet: str | None = None,
    headings: Mapping[str, Sequence[str]] | None = None,
    countries: Mapping[str, Sequence[str]] = COUNTRIES,
    file_label: str | None = None,
) -> Framework:
    """Read a results framework and judge every indicator by its marker.

    Parameters
    ----------
    path : path
        CSV or workbook; titles may stand above the header.
    sheet : str, optional
        Sheet of a workbook.
    headings : mapping of str to sequence of str, optional
        More headings of ``indicator, name, baseline, target, marker, value, status``.
    countries : mapping of str to sequence of str
        Country code to the headings of its column.
    file_label : str, optional
        Name for messages.

    Returns
    -------
    Framework
        A row whose cells stand under wrong headings is named and its numbers are not
        used: where they belong is for a person to say. A row that comes twice is kept
        once.

    Raises
    ------
    IngestError
        If no header is found, the columns ``name`` and ``marker`` are not there, or an
        indicator comes twice with different cells.

    Examples
    --------
    >>> from sentinel import datasets
    >>> sheet = datasets.path("unact_indicators_2014") / "sheet.csv"
    >>> found = read_framework(sheet)
    >>> found.frame[["indicator", "value", "marker", "status"]].head(3)
      indicator value marker  status
    0       1.3           20%  Partly
    1       2.1    10      5   Fully
    2       2.2     0      1     Not
    >>> found.frame.set_index("indicator").loc["3.2", "fault"]
    'shifted: the cells stand 1 column to the right of their headings'
    """
    more = headings or {}
    wanted = {key: (*names, *more.get(key, ())) for key, names in HEADINGS.items()}
    wanted |= {code: (code, *names) for code, names in countries.items()}
    table = read_sheet_table(
        path, wanted, required=("name", "marker"), sheet=sheet, file_label=file_label
    )
    problems = table.problems
    rows = _distinct(table, problems)
    problems.raise_errors()
    codes = [code for code in countries if code in table.columns]
    records, values = [], []
    for row in rows:
        record, countrywise = _indicator(table, row, codes, problems)
        records.append(record)
        values += countrywise
    frame = pd.DataFrame(records, columns=list(COLUMNS))
    frame["agrees"] = frame["agrees"].astype("boolean")
    columns = ["indicator", "country", "value", "state", "status"]
    by_country = pd.DataFrame(values, columns=columns)
    by_country["value"] = by_country["value"].astype("Float64")
    _name_disagreements(frame, table, problems)
    return Framework(frame=frame, by_country=by_country, problems=problems)


def _distinct(table: Sheet, problems: Problems) -> list[SheetRow]:
    """Keep every row once; an indicator with two different rows is an error."""
    kept: dict[str, SheetRow] = {}
    for row in table.rows:
        key = table.cell(row, "indicator") or table.cell(row, "name")
        first = kept.get(key)
        if first is None:
            kept[key] = row
            continue
        same = _filled(first) == _filled(row)
        problems.add(
            Problem(
                severity="warning" if same else "error",
                file=table.label,
                row=row.number,
                value=key[:60],
                expected="every indicator once",
                hint=f"It is a copy of row {first.number} and is left out."
                if same
                else f"Row {first.number} holds other cells: keep one of them.",
            )
        )
    return list(kept.values())


def _filled(row: SheetRow) -> tuple[tuple[int, str], ...]:
    return tuple((place, cell) for place, cell in enumerate(row.cells) if cell)


def _indicator(
    table: Sheet, row: SheetRow, codes: Sequence[str], problems: Problems
) -> tuple[dict[str, object], list[dict[str, object]]]:
    texts = {name: table.cell(row, name) for name in ("indicator", "name", *NUMBERS)}
    fault = _fault(table, row, problems)
    cells = {name: table.cell(row, name) for name in (*NUMBERS, *codes)}
    readings = {name: Reading(state="blank") for name in cells}
    if not fault:
        readings = {name: read_cell(text) for name, text in cells.items()}
        _name_odd_cells(table, row, cells, readings, problems)
    marker = readings["marker"]
    judged = {code: status(readings[code], marker) for code in codes}
    own = status(readings["value"], marker) or combined_status(judged.values())
    printed = printed_status(table.cell(row, "status")) or ""
    indicator = texts["indicator"] or texts["name"]
    record: dict[str, object] = {
        **texts,
        "indicator": indicator,
        "status_printed": printed,
        "status": own,
        "agrees": own == printed if own and printed else None,
        "row": row.number,
        "fault": fault,
    }
    countrywise: list[dict[str, object]] = [
        {
            "indicator": indicator,
            "country": code,
            "value": readings[code].value,
            "state": readings[code].state,
            "status": judged[code],
        }
        for code in codes
    ]
    return record, countrywise


def _fault(table: Sheet, row: SheetRow, problems: Problems) -> str:
    """Say whether a row's cells stand under wrong headings, and by how much."""
    problem, fault = "", ""
    here = printed_status(table.cell(row, "status"))
    shift = 0 if here or "status" not in table.columns else _shift(table, row)
    if shift:
        side = "right" if shift > 0 else "left"
        steps = f"{abs(shift)} column{'s' if abs(shift) > 1 else ''}"
        fault = f"shifted: the cells stand {steps} to the {side} of their headings"
        problem = "cells under their own headings"
    elif here is None:
        fault = "the status is no status: " + table.cell(row, "status")[:30]
        problem = "Fully, Partly or Not achieved as the status"
    elif beyond := [cell for cell in row.cells[table.width :] if cell]:
        fault = f"{len(beyond)} filled cells lie to the right of the header"
        problem = "no cells beyond the header"
    if fault:
        problems.add(
            Problem(
                severity="warning",
                file=table.label,
                row=row.number,
                value=(table.cell(row, "name") or table.cell(row, "indicator"))[:60],
                expected=problem,
                hint=f"{fault[:1].upper()}{fault[1:]}. Its numbers are not used: put "
                "them right in the sheet.",
            )
        )
    return fault


def _shift(table: Sheet, row: SheetRow) -> int:
    """Return how far right of its heading the status stands; 0 if nowhere near."""
    return next(
        (
            shift
            for shift in (1, -1, 2, -2)
            if printed_status(table.cell(row, "status", shift=shift))
        ),
        0,
    )


def _name_odd_cells(
    table: Sheet,
    row: SheetRow,
    cells: Mapping[str, str],
    readings: Mapping[str, Reading],
    problems: Problems,
) -> None:
    for name, reading in readings.items():
        if reading.note:
            expected, hint = "a number", f"It is {reading.note}; it was read."
        elif reading.state == "words":
            expected, hint = "a number, N/A or nothing", "The cell is not used."
        else:
            continue
        problems.add(
            Problem(
                severity="warning",
                file=table.label,
                row=row.number,
                column=name,
                value=cells[name][:40],
                expected=expected,
                hint=hint,
            )
        )


def _name_disagreements(frame: pd.DataFrame, table: Sheet, problems: Problems) -> None:
    for _, row in frame[frame["agrees"].eq(other=False).fillna(value=False)].iterrows():
        problems.add(
            Problem(
                severity="warning",
                file=table.label,
                row=int(row["row"]),
                column="status",
                value=str(row["status_printed"]),
                expected=f"{row['status']} by the rule",
                hint=f"Value {row['value'] or 'by country'}, marker {row['marker']}.",
            )
        )
