"""Excel workbooks, with guards against cut-off files and attacks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from sentinel.ingest.archive import check_archive
from sentinel.ingest.raw_table import RawTable, cell_text, refuse
from sentinel.ingest.source_file import SourceFile, finish_table

__all__ = ["Workbook", "open_workbook", "read_sheet", "read_workbook"]

LARGEST_SHEET = 50_000_000


class Workbook:
    """An open workbook; every fault of its content becomes one `IngestError`."""

    def __init__(self, source: SourceFile) -> None:
        from python_calamine import CalamineWorkbook

        check_archive(source)
        self.source = source
        with _readable(source):
            self._book = CalamineWorkbook.from_filelike(io.BytesIO(source.content))
            self.sheet_names: list[str] = list(self._book.sheet_names)
        if not self.sheet_names:
            raise refuse(source.label, "a workbook with a sheet", "It has none.")

    def cells(self, name: str) -> list[list[Any]]:
        """Return the cells of a sheet as rows of equal width."""
        with _readable(self.source):
            sheet = self._book.get_sheet_by_name(name)
            size = (sheet.height or 0) * (sheet.width or 0)
            if size <= LARGEST_SHEET:
                return list(sheet.to_python(skip_empty_area=False))
        raise refuse(
            self.source.label,
            f"at most {LARGEST_SHEET:,} cells in sheet {name!r}",
            f"It spans {size:,}. Delete what lies far below or right of the table.",
        )


def open_workbook(source: SourceFile) -> Workbook:
    """Check and open a workbook."""
    return Workbook(source)


def read_workbook(source: SourceFile) -> RawTable:
    """Read one sheet: whole numbers without ".0", days as YYYY-MM-DD."""
    book = open_workbook(source)
    if source.sheet is not None and source.sheet not in book.sheet_names:
        hint = f"The workbook has: {', '.join(book.sheet_names)}."
        raise refuse(source.label, f"a sheet named {source.sheet!r}", hint)
    return read_sheet(book, source.sheet or book.sheet_names[0])


def read_sheet(book: Workbook, name: str, *, may_be_empty: bool = False) -> RawTable:
    """Return one sheet as a table."""
    cells = book.cells(name)
    if not cells:
        hint = f"Sheet {name!r} is empty."
        raise refuse(book.source.label, "a header and rows", hint)
    header, body = cells[0], cells[1:]
    columns = [
        [cell_text(cell) for cell in column] for column in zip(*body, strict=True)
    ] or [[] for _ in header]
    return finish_table(
        replace(book.source, may_be_empty=may_be_empty),
        [cell_text(cell) for cell in header],
        columns,
        file_format="xlsx",
        sheet=name,
        rows=np.arange(2, len(body) + 2, dtype=np.int64),
    )


@contextmanager
def _readable(source: SourceFile) -> Iterator[None]:
    from python_calamine import CalamineError

    expected = "a readable Excel workbook"
    try:
        yield
    except (CalamineError, IndexError, ValueError, OSError) as error:
        hint = f"It is damaged or cut off ({error}). Export or copy it again."
        raise refuse(source.label, expected, hint) from error
    except BaseException as error:
        # A defect inside the compiled reader arrives as a "panic", which is no
        # Exception: files that provoke one are refused like other damaged ones.
        if type(error).__name__ != "PanicException":
            raise
        hint = "It is damaged. Export or copy it again."
        raise refuse(source.label, expected, hint) from None
