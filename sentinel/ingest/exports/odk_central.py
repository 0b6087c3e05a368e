"""ODK Central: the zipped CSV tables of a form, and pages of its OData service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sentinel.ingest.archive import check_archive, entry_names, read_entry
from sentinel.ingest.csv_reader import read_csv
from sentinel.ingest.findings import add_rows
from sentinel.ingest.raw_table import RawTable, cell_text, make_frame, refuse
from sentinel.ingest.source_file import SourceFile, finish_table
from sentinel.ingest.submissions import RepeatTable, Submissions
from sentinel.schema.problems import Problems

__all__ = ["read_odata_page", "read_odk_archive"]

_DEEPEST = 20
_KEY, _PARENT = "KEY", "PARENT_KEY"


def read_odk_archive(source: SourceFile) -> RawTable:
    """Read ``submissions.csv.zip``: the main table with its repeats, media left alone.

    Raises
    ------
    IngestError
        If the archive is not safe, or holds not exactly one main table.
    """
    check_archive(source, what="zip archive")
    names = [
        name
        for name in entry_names(source)
        if name.lower().endswith(".csv") and not name.startswith(("media/", "__"))
    ]
    tables = {name: _entry(source, name) for name in names}
    mains = [name for name, table in tables.items() if _PARENT not in table.frame]
    if len(mains) != 1 or _KEY not in tables[mains[0]].frame:
        hint = (
            f"It holds {', '.join(names) or 'no CSV file'}. Download all data of one "
            "form as .csv.zip from ODK Central and leave it as it is."
        )
        expected = "one table with KEY and no PARENT_KEY, and its repeats"
        raise refuse(source.label, expected, hint)
    main = tables.pop(mains[0])
    if main.frame.empty:
        raise refuse(source.label, "at least one row", f"{mains[0]} has none.")
    problems = Problems(main.problems)
    repeats = _joined(main, mains[0], tables, problems)
    return replace(
        main,
        origin=replace(main.origin, sha256=source.sha256, format="odk-csv-zip"),
        problems=problems,
        submissions=Submissions(tool="odk", repeats=repeats),
    )


def _entry(source: SourceFile, name: str) -> RawTable:
    part = SourceFile(
        path=source.path,
        label=f"{source.label}/{name}",
        sheet=None,
        content=read_entry(source, name),
        may_be_empty=True,
    )
    return read_csv(part)


def _joined(
    main: RawTable, main_name: str, tables: Mapping[str, RawTable], problems: Problems
) -> dict[str, RepeatTable]:
    stem = main_name.removesuffix(".csv")
    roots = {key: place for place, key in enumerate(main.frame[_KEY])}
    waiting = dict(tables)
    records: dict[str, tuple[str, int]] = {}
    repeats: dict[str, RepeatTable] = {}
    # A repeat in a repeat waits until the keys of the outer one are known.
    while waiting:
        ready = [
            name
            for name, table in waiting.items()
            if table.frame[_PARENT].isin(list(roots)).any() or table.frame.empty
        ] or list(waiting)
        for name in ready:
            table = waiting.pop(name)
            places = [roots.get(key, -1) for key in table.frame[_PARENT]]
            found = np.array(places, dtype=np.intp)
            add_rows(
                problems,
                [(int(row), "") for row in table.rows[found < 0]],
                file=table.origin.file,
                column=_PARENT,
                expected="the KEY of a row of another table of the archive",
                hint="Its interview is not there: download all tables again together.",
            )
            if _KEY in table.frame:
                keys = zip(table.frame[_KEY], places, strict=True)
                roots.update({key: place for key, place in keys if place >= 0})
            short = name.removesuffix(".csv").removeprefix(f"{stem}-")
            around = [records.get(key, ("", -1)) for key in table.frame[_PARENT]]
            parent = max((outer for outer, _ in around), default="")
            if _KEY in table.frame:
                keys_here = enumerate(table.frame[_KEY])
                records |= {key: (short, place) for place, key in keys_here}
            repeats[short] = RepeatTable(
                name=short,
                label=table.origin.file,
                frame=table.frame.drop(columns=[_PARENT]),
                rows=table.rows,
                roots=found,
                parent=parent,
                parents=np.array([place for _, place in around], dtype=np.intp)
                if parent
                else None,
            )
    return repeats


@dataclass(slots=True)
class _Table:
    """Records as they are met: column to cells, in order of first appearance."""

    columns: dict[str, dict[int, str]] = field(default_factory=dict)
    roots: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    parent: str = ""

    def put(self, name: str, text: str) -> None:
        self.columns.setdefault(name, {})[len(self.roots) - 1] = text

    def texts(self) -> dict[str, list[str]]:
        n = len(self.roots)
        return {
            name: [cells.get(place, "") for place in range(n)]
            for name, cells in self.columns.items()
        }


@dataclass(slots=True)
class _Page:
    """The tables of one page."""

    main: _Table = field(default_factory=_Table)
    repeats: dict[str, _Table] = field(default_factory=dict)

    def add(self, record: Mapping[str, Any]) -> None:
        self.main.roots.append(len(self.main.roots))
        self._flatten(record, self.main, "")

    def _flatten(self, record: Mapping[str, Any], table: _Table, prefix: str) -> None:
        if prefix.count("/") > _DEEPEST:
            return
        for key, value in record.items():
            name = f"{prefix}{key}"
            if "@odata" in key:
                continue
            if isinstance(value, dict) and "coordinates" in value:
                table.put(name, json.dumps(value["coordinates"]))
            elif isinstance(value, dict):
                self._flatten(value, table, f"{name}/")
            elif isinstance(value, list) and any(isinstance(x, dict) for x in value):
                self._repeat(value, name, table)
            else:
                table.put(name, cell_text(value))

    def _repeat(self, items: list[Any], name: str, outer: _Table) -> None:
        inner = self.repeats.setdefault(name, _Table())
        if outer is not self.main:
            inner.parent = next(
                key for key, table in self.repeats.items() if table is outer
            )
        place = len(outer.roots) - 1
        for item in items:
            if isinstance(item, dict):
                inner.parents.append(place)
                inner.roots.append(len(self.main.roots) - 1)
                self._flatten(item, inner, f"{name}/")


def read_odata_page(source: SourceFile) -> RawTable:
    """Read one page of ``.svc/Submissions`` saved as JSON; row n is its nth record.

    Raises
    ------
    IngestError
        If the file is no such page, or one of a repeat alone.
    """
    content = _page(source)
    page = _Page()
    for number, record in enumerate(content["value"], start=1):
        if not isinstance(record, dict):
            raise refuse(source.label, "records as objects", row=number)
        page.add(record)
    columns = page.main.texts()
    if any(name.startswith("__Submissions") for name in columns):
        hint = "It is a page of a repeat. Save .svc/Submissions?$expand=* instead."
        raise refuse(source.label, "a page of the main table", hint)
    table = finish_table(
        source,
        list(columns),
        list(columns.values()),
        file_format="odata",
        encoding="utf-8",
        rows=np.arange(1, len(page.main.roots) + 1, dtype=np.int64),
    )
    # A record without any value was passed over: those behind it moved up.
    moved = np.full(len(page.main.roots), -1, dtype=np.intp)
    moved[table.rows - 1] = np.arange(len(table.rows))
    stated = content.get("@odata.count")
    return replace(
        table,
        submissions=Submissions(
            tool="odk",
            continues="@odata.nextLink" in content,
            stated=stated if isinstance(stated, int) else None,
            repeats={
                name: RepeatTable(
                    name=name,
                    label=f"{source.label} [{name}]",
                    frame=make_frame(each.texts()),
                    rows=np.arange(1, len(each.roots) + 1, dtype=np.int64),
                    roots=moved[np.array(each.roots, dtype=np.intp)],
                    parent=each.parent,
                    parents=np.array(each.parents, dtype=np.intp)
                    if each.parent
                    else None,
                )
                for name, each in page.repeats.items()
            },
        ),
    )


def _page(source: SourceFile) -> dict[str, Any]:
    hint = "Save a page of .svc/Submissions as it comes."
    try:
        page = json.loads(source.content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise refuse(source.label, "JSON in UTF-8", hint) from None
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        row = getattr(error, "lineno", None)
        reason = f"It is cut off or no JSON. {hint}"
        raise refuse(source.label, "a whole JSON file", reason, row=row) from None
    if not isinstance(page, dict) or not isinstance(page.get("value"), list):
        raise refuse(source.label, 'an OData page with a list "value"', hint)
    if not page["value"]:
        raise refuse(source.label, "at least one submission", "The page has none.")
    return page
