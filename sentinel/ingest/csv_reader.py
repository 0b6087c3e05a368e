"""Delimited text: encoding, delimiter and shape are found, and said."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re

import numpy as np

from sentinel.ingest.raw_table import RawTable, refuse
from sentinel.ingest.source_file import SourceFile, finish_table
from sentinel.schema.problems import IngestError, Problem, Problems

__all__ = ["read_csv", "read_records"]

_DELIMITERS = ",;\t|"
_SAMPLE_RECORDS = 30
_MOST_LISTED = 20
_LONGEST_CELL = 10_000_000
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_WINDOWS_1252 = {
    0xDC00 + byte: bytes([byte]).decode("cp1252")
    for byte in range(0x80, 0x100)
    if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}


def read_csv(source: SourceFile) -> RawTable:
    """Read comma, semicolon, tab or bar separated text.

    UTF-8 is tried first, with or without byte-order mark; then Windows-1252. Where only
    some bytes are not UTF-8, those alone are read as Windows-1252 and a warning names
    the rows, so that one pasted character does not spoil the Khmer around it.
    """
    problems = Problems()
    text, encoding = _decode(source, problems)
    records, row_numbers = _records(text, source)
    if not records:
        raise refuse(source.label, "a header and rows", "The file holds blank lines.")
    header, body = records[0], records[1:]
    width = len(header)
    _check_widths(body, row_numbers[1:], header, source.label)
    columns = list(zip(*body, strict=True)) if body else [()] * width
    return finish_table(
        source,
        header,
        columns,
        file_format="csv",
        encoding=encoding,
        rows=np.asarray(row_numbers[1:], dtype=np.int64),
        problems=problems,
    )


def read_records(source: SourceFile) -> tuple[list[list[str]], list[int], Problems]:
    """Return the records of a sheet that need not open with its header.

    Records that hold cells, their row numbers as a person counts them, and warnings;
    records may differ in width.
    """
    problems = Problems()
    text, _ = _decode(source, problems)
    records, numbers = _records(text, source)
    return records, numbers, problems


def _decode(source: SourceFile, problems: Problems) -> tuple[str, str]:
    content = source.content
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16"), "utf-16"
        except UnicodeDecodeError:
            raise refuse(source.label, "text in UTF-8", "It is cut off.") from None
    if b"\0" in content:
        row = content[: content.index(b"\0")].count(b"\n") + 1
        hint = "It is a binary file under a wrong name, or damaged. Export it again."
        raise refuse(source.label, "text without NUL bytes", hint, row=row)
    encoding = "utf-8-sig" if content.startswith(codecs.BOM_UTF8) else "utf-8"
    try:
        return content.decode(encoding), encoding
    except UnicodeDecodeError:
        return _decode_mixed(source, encoding, problems)


def _decode_mixed(
    source: SourceFile, encoding: str, problems: Problems
) -> tuple[str, str]:
    # surrogateescape keeps each byte that is not UTF-8 as one mark between U+DC80 and
    # U+DCFF, so that such bytes can be found and read as Windows-1252 one by one.
    text = source.content.decode(encoding, errors="surrogateescape")
    marks = [(match.start(), match.group()) for match in _NOT_UTF_8.finditer(text)]
    undefined = [place for place, mark in marks if ord(mark) not in _WINDOWS_1252]
    if undefined:
        row = text.count("\n", 0, undefined[0]) + 1
        hint = "Its encoding is unknown to us. Save the file as CSV UTF-8."
        raise refuse(source.label, "text in UTF-8 or Windows-1252", hint, row=row)
    beyond_ascii = len(_BEYOND_ASCII.findall(text)) - len(marks)
    text = text.translate(_WINDOWS_1252)
    if encoding == "utf-8" and beyond_ascii == 0:
        return text, "cp1252"
    rows = list(
        dict.fromkeys(text.count("\n", 0, place) + 1 for place, _ in marks[:99])
    )
    problems.add(
        Problem(
            severity="warning",
            file=source.label,
            row=rows[0],
            expected="text in UTF-8 throughout",
            hint=f"{len(marks)} bytes (lines {_listed(rows)}) are not UTF-8 and were "
            "read as Windows-1252. Look at them, or save the file as CSV UTF-8.",
        )
    )
    return text, f"{encoding}+cp1252"


def _listed(rows: list[int]) -> str:
    shown = ", ".join(map(str, rows[:_MOST_LISTED]))
    return f"{shown}, ..." if len(rows) > _MOST_LISTED else shown


def _records(text: str, source: SourceFile) -> tuple[list[list[str]], list[int]]:
    """Return the records that are not blank lines, and their row numbers."""
    delimiter = _sniff(text)
    previous = csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records: list[list[str]] = []
    numbers: list[int] = []
    try:
        for number, record in enumerate(reader, start=1):
            if record:
                records.append(record)
                numbers.append(number)
    except csv.Error as error:
        hint = f'A quotation mark " is not closed or stands inside a cell ({error}).'
        raise refuse(
            source.label, "quoted cells that end", hint, row=reader.line_num
        ) from error
    finally:
        csv.field_size_limit(previous)
    return records, numbers


def _sniff(text: str) -> str:
    """Return the delimiter that cuts the first records into equal, wide rows."""
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            first = list(itertools.islice(reader, _SAMPLE_RECORDS))
        except csv.Error:
            continue
        sample = [len(record) for record in first if record]
        if not sample or sample[0] < 2:
            continue
        same = sum(width == sample[0] for width in sample) / len(sample)
        if (same, sample[0]) > best_score:
            best, best_score = delimiter, (same, sample[0])
    return best


def _check_widths(
    body: list[list[str]], numbers: list[int], header: list[str], label: str
) -> None:
    width = len(header)
    wrong = [
        (number, len(record))
        for number, record in zip(numbers, body, strict=True)
        if len(record) != width
    ]
    if not wrong:
        return
    problems = Problems(
        Problem(
            file=label,
            row=number,
            value=f"{found} cells",
            expected=f"{width} cells, as in the header",
            hint="A cell with the delimiter in it must stand in double quotes.",
        )
        for number, found in wrong[:_MOST_LISTED]
    )
    if len(wrong) > _MOST_LISTED:
        problems.add(
            Problem(
                file=label,
                expected=f"{width} cells in every row",
                hint=f"And {len(wrong) - _MOST_LISTED} more rows; {len(wrong)} in all.",
            )
        )
    raise IngestError(problems)
