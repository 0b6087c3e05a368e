"""Write a workbook of text cells, the same bytes for the same cells.

Every cell is inline text: nothing that anybody typed can become a formula.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

__all__ = ["workbook_bytes"]

Sheet = Sequence[Sequence[str]]
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def workbook_bytes(sheets: Mapping[str, Sheet]) -> bytes:
    """Return the bytes of an .xlsx file with the given sheets, in order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _parts(sheets):
            # The date is fixed: equal forms are equal files.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (_HEAD + content).encode())
    return buffer.getvalue()


def _parts(sheets: Mapping[str, Sheet]) -> Iterator[tuple[str, str]]:
    numbers = range(1, len(sheets) + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" '
        f'ContentType="{_TYPES}.worksheet+xml"/>'
        for n in numbers
    )
    yield (
        "[Content_Types].xml",
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        f"{overrides}</Types>",
    )
    yield "_rels/.rels", _relations([("rId1", "officeDocument", "xl/workbook.xml")])
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in zip(numbers, sheets, strict=True)
    )
    yield (
        "xl/workbook.xml",
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets>'
        "</workbook>",
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        _relations(
            [(f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in numbers]
        ),
    )
    for n, rows in zip(numbers, sheets.values(), strict=True):
        body = "".join(_row(number, row) for number, row in enumerate(rows, start=1))
        yield (
            f"xl/worksheets/sheet{n}.xml",
            f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>',
        )


def _relations(parts: Sequence[tuple[str, str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for key, kind, target in parts
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _row(number: int, cells: Sequence[str]) -> str:
    filled = "".join(
        f'<c r="{_letters(place)}{number}" t="inlineStr"><is>'
        f'<t xml:space="preserve">{escape(text)}</t></is></c>'
        for place, text in enumerate(cells)
        if text
    )
    return f'<row r="{number}">{filled}</row>'


def _letters(place: int) -> str:
    """Return the letters of a column counted from 0: 0 is A, 26 is AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
