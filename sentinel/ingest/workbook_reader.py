"""Excel workbooks, with guards against cut-off files and zip bombs."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from sentinel.ingest.raw_table import RawTable, cell_text, refuse
from sentinel.ingest.source_file import SourceFile, finish_table

__all__ = ["check_archive", "read_workbook"]

# A workbook of survey answers unpacks to 5-40 times its size; 100 MB of XML is about a
# million cells, so that both limits together leave every honest workbook alone.
LARGEST_RATIO = 200
LARGEST_UNPACKED = 100 * 1024**2
LARGEST_TOTAL = 4 * 1024**3


def read_workbook(source: SourceFile) -> RawTable:
    """Read one sheet: whole numbers without ".0", days as YYYY-MM-DD."""
    from python_calamine import CalamineError, CalamineWorkbook

    check_archive(source)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(source.content))
        names = book.sheet_names
        if source.sheet is not None and source.sheet not in names:
            hint = f"The workbook has: {', '.join(names)}."
            raise refuse(source.label, f"a sheet named {source.sheet!r}", hint)
        name = source.sheet or names[0]
        cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except (CalamineError, IndexError) as error:
        hint = f"It is damaged or cut off ({error}). Export or copy it again."
        raise refuse(source.label, "a readable Excel workbook", hint) from error
    if not cells:
        raise refuse(source.label, "a header and rows", f"Sheet {name!r} is empty.")
    header, body = cells[0], cells[1:]
    columns = [
        [cell_text(cell) for cell in column] for column in zip(*body, strict=True)
    ] or [[] for _ in header]
    return finish_table(
        source,
        [cell_text(cell) for cell in header],
        columns,
        file_format="xlsx",
        sheet=name,
        rows=np.arange(2, len(body) + 2, dtype=np.int64),
    )


def check_archive(source: SourceFile) -> None:
    """Raise if a zip archive is cut off, or unpacks to more than it honestly could."""
    try:
        with zipfile.ZipFile(io.BytesIO(source.content)) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        hint = "The file is cut off or damaged. Copy or export it again."
        raise refuse(source.label, "a whole Excel workbook", hint) from error
    unpacked = sum(entry.file_size for entry in entries)
    ratio = unpacked / max(1, len(source.content))
    if unpacked > LARGEST_TOTAL or (
        unpacked > LARGEST_UNPACKED and ratio > LARGEST_RATIO
    ):
        raise refuse(
            source.label,
            "a workbook of ordinary density",
            f"It would unpack to {unpacked / 1024**2:,.0f} MiB, {ratio:,.0f} times its "
            "size. Save it again from Excel, or export CSV.",
        )
