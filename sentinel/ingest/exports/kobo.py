"""KoboToolbox workbooks: the interviews on the first sheet, each repeat on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.findings import add_rows
from sentinel.ingest.raw_table import RawTable, refuse
from sentinel.ingest.source_file import SourceFile
from sentinel.ingest.submissions import RepeatTable, Submissions
from sentinel.ingest.workbook_reader import open_workbook, read_sheet
from sentinel.schema.problems import Problems

__all__ = ["read_kobo_workbook"]

IndexVector = npt.NDArray[np.intp]
_PARENT = ("_parent_table_name", "_parent_index")
_ROOT_KEY = "_submission__uuid"


def read_kobo_workbook(source: SourceFile) -> RawTable:
    """Read a workbook; of a Kobo export the sheets of its repeats as well.

    Repeats are joined by `_parent_table_name` and `_parent_index`, which hold within
    this one file, and checked by `_submission__uuid`.
    """
    book = open_workbook(source)
    names = book.sheet_names
    if source.sheet is not None and source.sheet not in names:
        hint = f"The workbook has: {', '.join(names)}."
        raise refuse(source.label, f"a sheet named {source.sheet!r}", hint)
    main = read_sheet(book, source.sheet or names[0])
    if not {"_index", "_uuid"} <= set(main.frame.columns):
        return main
    sheets: dict[str, RawTable] = {}
    for name in names[1:] if source.sheet is None else []:
        cells = book.cells(name)
        if cells and set(_PARENT) <= {str(cell) for cell in cells[0]}:
            sheets[name] = read_sheet(book, name, may_be_empty=True)
    problems = Problems(main.problems)
    repeats = _joined(main, sheets, problems)
    return replace(
        main, problems=problems, submissions=Submissions(tool="kobo", repeats=repeats)
    )


def _joined(
    main: RawTable, sheets: Mapping[str, RawTable], problems: Problems
) -> dict[str, RepeatTable]:
    label = main.origin.file
    # Place of the interview by (table, _index): a repeat in a repeat goes through it.
    roots: dict[tuple[str, str], int] = {}
    for place, index in enumerate(main.frame["_index"]):
        roots.setdefault((main.origin.sheet, index), place)
    repeats = {}
    for name, sheet in sheets.items():
        places = [
            roots.get((table, index), -1)
            for table, index in zip(
                sheet.frame[_PARENT[0]], sheet.frame[_PARENT[1]], strict=True
            )
        ]
        found = np.array(places, dtype=np.intp)
        parent, parents = _rows_around(sheets, sheet)
        _check_roots(main, name, sheet, found, problems)
        if "_index" in sheet.frame:
            roots.update(
                {
                    (name, index): place
                    for index, place in zip(sheet.frame["_index"], places, strict=True)
                    if place >= 0
                }
            )
        repeats[name] = RepeatTable(
            name=name,
            label=f"{label} [{name}]",
            frame=sheet.frame.drop(columns=[*_PARENT]),
            rows=sheet.rows,
            roots=found,
            parent=parent,
            parents=parents,
        )
    return repeats


def _rows_around(
    sheets: Mapping[str, RawTable], sheet: RawTable
) -> tuple[str, IndexVector | None]:
    """Return the sheet of the repeat around another, and each record's row in it."""
    named = [name for name in sheet.frame[_PARENT[0]].unique() if name in sheets]
    if len(named) != 1 or "_index" not in sheets[named[0]].frame:
        return "", None
    places = {index: row for row, index in enumerate(sheets[named[0]].frame["_index"])}
    return named[0], np.array(
        [places.get(index, -1) for index in sheet.frame[_PARENT[1]]], dtype=np.intp
    )


def _check_roots(
    main: RawTable, name: str, sheet: RawTable, roots: IndexVector, problems: Problems
) -> None:
    label = f"{main.origin.file} [{name}]"
    add_rows(
        problems,
        [(int(row), "") for row in sheet.rows[roots < 0]],
        file=label,
        column="_parent_index",
        expected="the _index of a row of the sheet in _parent_table_name",
        hint="Its interview is not in the file: export all sheets again together.",
    )
    if _ROOT_KEY not in sheet.frame:
        return
    there = roots >= 0
    own = pd.Series(main.frame["_uuid"].to_numpy()[roots[there]])
    differs = np.zeros(len(roots), np.bool_)
    differs[there] = own.to_numpy() != sheet.frame[_ROOT_KEY].to_numpy()[there]
    add_rows(
        problems,
        [(int(row), "") for row in sheet.rows[differs]],
        file=label,
        column=_ROOT_KEY,
        expected="the _uuid of the row that _parent_index leads to",
        hint="The sheets come from different exports, or rows were sorted or deleted "
        "by hand. Export again and leave the file as it is.",
    )
