"""Read any supported file into a `RawTable`; nothing else knows file formats.

A reader is registered once with its suffixes and, where a suffix is shared, with a test
of the content: the newest reader that recognises a file reads it. Forms exported by
KoboToolbox or ODK are workbooks and zipped tables of their own shape and register here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sentinel.ingest.csv_reader import read_csv
from sentinel.ingest.parquet_reader import read_parquet
from sentinel.ingest.raw_table import RawTable, refuse
from sentinel.ingest.source_file import SourceFile
from sentinel.ingest.statistics_package_reader import read_dta, read_sav
from sentinel.ingest.workbook_reader import read_workbook

__all__ = ["LARGEST_FILE", "Reader", "read_table", "register_reader"]

LARGEST_FILE = 2 * 1024**3
# First bytes of files that people name wrongly.
_KNOWN_STARTS: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"PK\x03\x04", "an Excel workbook or another zip file", (".xlsx", ".xlsm")),
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Excel file", ()),
    (b"PAR1", "a Parquet file", (".parquet",)),
    (b"$FL2", "an SPSS file", (".sav", ".zsav")),
    (b"$FL3", "an SPSS file", (".sav", ".zsav")),
    (b"<stata_dta>", "a Stata file", (".dta",)),
    (b"%PDF", "a PDF document", ()),
    (b"\x1f\x8b", "a gzip archive", ()),
    (b"<!DOCTYPE", "a web page", ()),
    (b"<html", "a web page", ()),
    (b"SQLite format", "a database", ()),
)
_WANTED_STARTS: dict[str, tuple[bytes, ...]] = {
    ".xlsx": (b"PK\x03\x04",),
    ".xlsm": (b"PK\x03\x04",),
    ".parquet": (b"PAR1",),
    ".sav": (b"$FL2", b"$FL3"),
    ".zsav": (b"$FL2", b"$FL3"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One way to read files: which ones, and how."""

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[SourceFile], RawTable]
    recognises: Callable[[SourceFile], bool] = lambda _: True


_READERS: list[Reader] = []


def register_reader(reader: Reader) -> None:
    """Add a reader; it is asked before all earlier ones of the same suffix."""
    _READERS.insert(0, reader)


def read_table(
    path: str | Path, *, sheet: str | None = None, file_label: str | None = None
) -> RawTable:
    """Read a table of text cells with its origin.

    Parameters
    ----------
    path : path
        CSV or other delimited text (.csv, .tsv, .txt), .xlsx, .parquet, .sav or .dta.
    sheet : str, optional
        Sheet of a workbook; without it the first one.
    file_label : str, optional
        Name for messages and the manifest; without it the bare file name.

    Raises
    ------
    IngestError
        If the file is absent, empty, larger than 2 GiB, cut off, of another type than
        its suffix says, or holds a header that cannot be used.
    """
    path = Path(path)
    label = file_label or path.name
    suffix = path.suffix.lower()
    readers = [reader for reader in _READERS if suffix in reader.suffixes]
    if not readers:
        known = ", ".join(sorted({item for each in _READERS for item in each.suffixes}))
        hint = f"{suffix or 'No suffix'} is not known. Export the data to one of these."
        raise refuse(label, f"a file of type {known}", hint)
    source = SourceFile(
        path=path, label=label, sheet=sheet, content=_content(path, label)
    )
    _check_start(source, suffix)
    reader = next(item for item in readers if item.recognises(source))
    return reader.read(source)


def _content(path: Path, label: str) -> bytes:
    try:
        if path.is_dir():
            raise refuse(label, "a file", "It is a folder.")
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise refuse(
                label,
                "at most 2 GiB",
                f"It has {size / 1024**3:.1f} GiB. Split it by round or drop columns.",
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise refuse(label, "a file that exists", "Check its name.") from None
    except OSError as error:
        hint = f"The system says: {error.strerror}."
        raise refuse(label, "a file that can be opened", hint) from error
    if not content:
        raise refuse(label, "a table", "The file is empty (0 bytes).")
    return content


def _check_start(source: SourceFile, suffix: str) -> None:
    head = source.content[:16]
    for start, what, suffixes in _KNOWN_STARTS:
        if head.startswith(start) and suffix not in suffixes:
            advice = (
                f"Rename it to {suffixes[0]}."
                if suffixes and suffixes != (".xlsx", ".xlsm")
                else "Open it and save it as .xlsx or as CSV UTF-8."
            )
            raise refuse(
                source.label, f"content of type {suffix}", f"It is {what}. {advice}"
            )
    wanted = _WANTED_STARTS.get(suffix)
    if wanted and not head.startswith(wanted):
        raise refuse(
            source.label,
            f"content of type {suffix}",
            "It does not begin like such a file: renamed, or damaged on the way. "
            "Export it again.",
        )


for _reader in (
    Reader(name="csv", suffixes=(".csv", ".tsv", ".txt"), read=read_csv),
    Reader(name="xlsx", suffixes=(".xlsx", ".xlsm"), read=read_workbook),
    Reader(name="parquet", suffixes=(".parquet",), read=read_parquet),
    Reader(name="sav", suffixes=(".sav", ".zsav"), read=read_sav),
    Reader(name="dta", suffixes=(".dta",), read=read_dta),
):
    register_reader(_reader)
