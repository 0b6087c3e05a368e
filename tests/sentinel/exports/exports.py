"""Exports of the test form, written by hand in the documented shapes of each tool."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import openpyxl

Table = Sequence[Sequence[str]]

# Four submissions: a whole one, one that refused, one of a child who was not asked
# about means, one that ticked nothing.
KOBO: Table = (
    (
        "start", "today", "consent_given", "person/age", "person/sex", "person/means",
        "person/means/debt", "person/means/docs", "person/means/dk",
        "person/means/other", "person/means_other", "person/dk_why", "person/is_child",
        "__version__", "_id", "_uuid", "_submission_time", "_validation_status",
        "_index",
    ),
    (
        "2026-03-02T09:00:00.000+07:00", "2026-03-02", "1", "24", "2", "debt docs", "1",
        "1", "0", "0", "", "", "0", "vA", "101", "u1", "2026-03-02T10:00:00", "", "1",
    ),
    (
        "2026-03-02T09:30:00.000+07:00", "2026-03-02", "0", "", "", "", "", "", "", "",
        "", "", "", "vA", "102", "u2", "2026-03-02T10:30:00", "", "2",
    ),
    (
        "2026-03-02T11:00:00.000+07:00", "2026-03-02", "1", "11", "1", "", "", "", "",
        "", "", "", "1", "vA", "104", "u3", "2026-03-02T11:30:00", "", "3",
    ),
    (
        "2026-03-03T09:00:00.000+07:00", "2026-03-03", "1", "30", "1", "", "0", "0",
        "0", "0", "", "", "0", "vA", "105", "u4", "2026-03-03T10:00:00", "", "4",
    ),
)  # fmt: skip
KOBO_JOBS: Table = (
    (
        "jobs/occ", "jobs/pay", "_index", "_parent_table_name", "_parent_index",
        "_submission__id", "_submission__uuid",
    ),
    ("maid", "300", "1", "A test form", "1", "101", "u1"),
    ("none", "", "2", "A test form", "1", "101", "u1"),
    ("farm", "120.5", "3", "A test form", "4", "105", "u4"),
)  # fmt: skip
ODK: Table = (
    (
        "SubmissionDate", "meta-instanceID", "start", "today", "consent_given",
        "person-age", "person-sex", "person-means", "person-means/debt",
        "person-means/docs", "person-means/dk", "person-means/other",
        "person-means_other", "person-dk_why", "person-is_child", "KEY", "SubmitterID",
        "SubmitterName", "AttachmentsPresent", "AttachmentsExpected", "Status",
        "ReviewState", "DeviceID", "Edits", "FormVersion",
    ),
    (
        "2026-03-02T03:00:00.000Z", "uuid:1", "2026-03-02T09:00:00.000+07:00",
        "2026-03-02", "1", "24", "2", "debt docs", "1", "1", "0", "0", "", "", "0",
        "uuid:1", "5", "team a", "0", "0", "", "approved", "d1", "0", "2026-01",
    ),
    (
        "2026-03-02T03:30:00.000Z", "uuid:2", "2026-03-02T09:30:00.000+07:00",
        "2026-03-02", "0", "", "", "", "0", "0", "0", "0", "", "", "", "uuid:2", "5",
        "team a", "0", "0", "", "", "d1", "0", "2026-01",
    ),
    (
        "2026-03-02T04:30:00.000Z", "uuid:3", "2026-03-02T11:00:00.000+07:00",
        "2026-03-02", "1", "11", "1", "", "0", "0", "0", "0", "", "", "1", "uuid:3",
        "5", "team a", "0", "0", "", "hasIssues", "d1", "0", "2026-01",
    ),
    (
        "2026-03-03T03:00:00.000Z", "uuid:4", "2026-03-03T09:00:00.000+07:00",
        "2026-03-03", "1", "30", "1", "", "0", "0", "0", "0", "", "", "0", "uuid:4",
        "6", "team b", "0", "0", "", "rejected", "d2", "1", "2026-01",
    ),
)  # fmt: skip
ODK_JOBS: Table = (
    ("occ", "pay", "PARENT_KEY", "KEY"),
    ("maid", "300", "uuid:1", "uuid:1/jobs[1]"),
    ("none", "", "uuid:1", "uuid:1/jobs[2]"),
    ("farm", "120.5", "uuid:4", "uuid:4/jobs[1]"),
)
SURVEYCTO: Table = (
    (
        "CompletionDate", "SubmissionDate", "starttime", "endtime", "consent_given",
        "age", "sex", "means", "means_debt", "means_docs", "means_dk", "means_other",
        "dk_why", "is_child", "jobs_count", "occ_1", "pay_1", "occ_2", "pay_2",
        "instanceID", "formdef_version", "review_status", "KEY",
    ),
    (
        "Mar 2, 2026 10:00:00 AM", "Mar 2, 2026 10:00:00 AM", "", "", "1", "24", "2",
        "debt docs", "1", "1", "0", "0", "", "0", "2", "maid", "300", "none", "",
        "uuid:1", "2603020900", "APPROVED", "uuid:1",
    ),
    (
        "Mar 2, 2026 10:30:00 AM", "Mar 2, 2026 10:30:00 AM", "", "", "0", "", "", "",
        "", "", "", "", "", "", "", "", "", "", "", "uuid:2", "2603020900", "NONE",
        "uuid:2",
    ),
    (
        "Mar 3, 2026 10:00:00 AM", "Mar 3, 2026 10:00:00 AM", "", "", "1", "30", "1",
        "", "", "", "", "", "", "0", "1", "farm", "120.5", "", "", "uuid:4",
        "2603020900", "REJECTED", "uuid:4",
    ),
)  # fmt: skip


def csv_text(table: Table, *, delimiter: str = ",") -> str:
    """Return a table as delimited text, every cell in quotes."""
    return "".join(
        delimiter.join(f'"{cell}"' for cell in row) + "\r\n" for row in table
    )


def write_csv(path: Path, table: Table, *, delimiter: str = ",") -> Path:
    """Write a table as delimited text with the byte-order mark of the servers."""
    path.write_text(csv_text(table, delimiter=delimiter), encoding="utf-8-sig")
    return path


def write_workbook(path: Path, sheets: Mapping[str, Table], *, numbers=False) -> Path:
    """Write sheets of text cells, or of numbers where a cell looks like one."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, table in sheets.items():
        sheet = book.create_sheet(name)
        for row in table:
            sheet.append([_cell(cell) if numbers else cell for cell in row])
    book.save(path)
    return path


def _cell(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def write_archive(path: Path, entries: Mapping[str, str | bytes]) -> Path:
    """Write a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    path.write_bytes(buffer.getvalue())
    return path


def columns_renamed(table: Table, old: str, new: str) -> Table:
    """Return a table with a part of every header replaced."""
    return (tuple(name.replace(old, new) for name in table[0]), *table[1:])


def without_columns(table: Table, *names: str) -> Table:
    """Return a table without some columns."""
    kept = [place for place, name in enumerate(table[0]) if name not in names]
    return tuple(tuple(row[place] for place in kept) for row in table)


def with_cell(table: Table, row: int, column: str, text: str) -> Table:
    """Return a table with one cell changed; row 1 is the first below the header."""
    place = table[0].index(column)
    changed = list(table[row])
    changed[place] = text
    return (*table[:row], tuple(changed), *table[row + 1 :])


def odata_pages() -> list[dict[str, object]]:
    """Return the ODK submissions as two pages of the OData service, $expand=*."""
    records = [_record(row) for row in ODK[1:]]
    link = "https://odk.example.org/v1/projects/1/forms/f.svc/Submissions?$skip=2"
    context = "https://odk.example.org/v1/projects/1/forms/f.svc/$metadata#Submissions"
    return [
        {
            "value": records[:2],
            "@odata.context": context,
            "@odata.nextLink": link,
            "@odata.count": 4,
        },
        {"value": records[2:], "@odata.context": context, "@odata.count": 4},
    ]


def _record(row: Sequence[str]) -> dict[str, object]:
    cells = dict(zip(ODK[0], row, strict=True))
    jobs = [
        {"occ": occ, "pay": float(pay) if pay else None, "__id": key}
        for occ, pay, parent, key in ODK_JOBS[1:]
        if parent == cells["KEY"]
    ]
    names = ("age", "sex", "means", "means_other", "dk_why", "is_child")
    person = {name: cells[f"person-{name}"] or None for name in names}
    return {
        "__id": cells["KEY"],
        "start": cells["start"],
        "today": cells["today"],
        "consent_given": cells["consent_given"],
        "person": {**person, "age": int(cells["person-age"] or 0) or None},
        "place": {"type": "Point", "coordinates": [102.5, 13.6, 0]},
        "jobs": jobs,
        "jobs@odata.navigationLink": f"Submissions('{cells['KEY']}')/jobs",
        "meta": {"instanceID": cells["KEY"]},
        "__system": {
            "submissionDate": cells["SubmissionDate"],
            "submitterName": cells["SubmitterName"],
            "reviewState": cells["ReviewState"] or None,
            "formVersion": cells["FormVersion"],
        },
    }


def write_odata(folder: Path) -> list[Path]:
    """Write the pages as files."""
    paths = []
    for number, page in enumerate(odata_pages(), start=1):
        path = folder / f"page_{number}.json"
        path.write_text(json.dumps(page), encoding="utf-8")
        paths.append(path)
    return paths
