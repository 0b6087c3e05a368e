"""Sheets that people keep by hand: where the table starts, which column is which."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sentinel.ingest.csv_reader import read_records
from sentinel.ingest.opening import open_source
from sentinel.ingest.raw_table import cell_text, refuse
from sentinel.ingest.workbook_reader import open_workbook
from sentinel.schema.problems import Problem, Problems

__all__ = ["Sheet", "SheetRow", "plain", "read_sheet_table"]

SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")
HEADER_WITHIN = 30
FEWEST_HEADINGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """One row under the header: its number in the file and all its cells as text."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table found in a sheet.

    Attributes
    ----------
    label : str
        File name for messages.
    header_row, width : int
        Row of the header and how many columns it has.
    columns : mapping of str to int
        Known column to its place from the left, 0 first.
    rows : tuple of SheetRow
        Rows that hold anything, cells stripped; some are wider than the header.
    problems : Problems
    """

    label: str
    header_row: int
    width: int
    columns: Mapping[str, int]
    rows: tuple[SheetRow, ...]
    problems: Problems = field(default_factory=Problems)

    def cell(self, row: SheetRow, column: str, *, shift: int = 0) -> str:
        """Return a cell by the name of its column, "" where there is none."""
        place = self.columns.get(column)
        if place is None or not 0 <= place + shift < len(row.cells):
            return ""
        return row.cells[place + shift]


def plain(text: str) -> str:
    """Return a heading as it is compared: lower case, no accents, single spaces.

    Examples
    --------
    >>> plain("  Progress  Marker* ")
    'progress marker'
    """
    bare = unicodedata.normalize("NFKD", text)
    bare = "".join(char for char in bare if not unicodedata.combining(char))
    return " ".join(re.sub(r"[^\w%]+|_", " ", bare.casefold()).split())


def read_sheet_table(
    path: str | Path,
    headings: Mapping[str, Sequence[str]],
    *,
    required: Sequence[str],
    sheet: str | None = None,
    file_label: str | None = None,
) -> Sheet:
    """Find the header in a sheet and say which of its columns is which.

    Parameters
    ----------
    path : path
        CSV or workbook. Titles and empty rows may stand above the header.
    headings : mapping of str to sequence of str
        Column to the headings under which it comes, compared by `plain`.
    required : sequence of str
        Columns without which the table cannot be read.
    sheet : str, optional
        Sheet of a workbook; without it the first one.
    file_label : str, optional
        Name for messages.

    Raises
    ------
    IngestError
        If no header is found, a required column is absent or a column comes twice.
    """
    source = open_source(path, suffixes=SUFFIXES, sheet=sheet, file_label=file_label)
    problems = Problems()
    if source.path.suffix.lower() in {".xlsx", ".xlsm"}:
        book = open_workbook(source)
        if sheet is not None and sheet not in book.sheet_names:
            hint = f"The workbook has: {', '.join(book.sheet_names)}."
            raise refuse(source.label, f"a sheet named {sheet!r}", hint)
        grid = book.cells(sheet or book.sheet_names[0])
        records = [[cell_text(cell) for cell in row] for row in grid]
        numbers = list(range(1, len(records) + 1))
    else:
        records, numbers, problems = read_records(source)
    rows = [
        SheetRow(number=number, cells=tuple(cell.strip() for cell in record))
        for number, record in zip(numbers, records, strict=True)
        if any(cell.strip() for cell in record)
    ]
    known = {
        plain(name): column for column, names in headings.items() for name in names
    }
    place = _header_place(rows, known)
    if place is None:
        hint = f"Headings that are known: {', '.join(map(repr, sorted(known)))}."
        raise refuse(source.label, "a header row within the first rows", hint)
    header = rows[place]
    columns = _columns(header, known, source.label, problems)
    for column in required:
        if column not in columns:
            names = ", ".join(repr(name) for name in headings[column])
            expected = f"a column headed {names}"
            problems.add(
                Problem(file=source.label, row=header.number, expected=expected)
            )
    problems.raise_errors()
    return Sheet(
        label=source.label,
        header_row=header.number,
        width=max(place for place, cell in enumerate(header.cells) if cell) + 1,
        columns=columns,
        rows=tuple(rows[place + 1 :]),
        problems=problems,
    )


def _header_place(rows: Sequence[SheetRow], known: Mapping[str, str]) -> int | None:
    """Return the first row with the most known headings, if it has enough."""
    hits = [
        sum(plain(cell) in known for cell in row.cells) for row in rows[:HEADER_WITHIN]
    ]
    best = max(hits, default=0)
    return hits.index(best) if best >= FEWEST_HEADINGS else None


def _columns(
    header: SheetRow, known: Mapping[str, str], label: str, problems: Problems
) -> dict[str, int]:
    columns: dict[str, int] = {}
    for place, cell in enumerate(header.cells):
        if not cell:
            continue
        column = known.get(plain(cell))
        finding = Problem(file=label, row=header.number, column=cell[:60])
        if column is None:
            near = difflib.get_close_matches(plain(cell), known, n=1, cutoff=0.7)
            hint = f"Did you mean {near[0]!r}?" if near else "It is not read."
            problems.add(
                replace(
                    finding, severity="warning", expected="a known heading", hint=hint
                )
            )
        elif column in columns:
            expected = f"one column for {column}"
            problems.add(replace(finding, expected=expected, hint="It comes twice."))
        else:
            columns[column] = place
    return columns
