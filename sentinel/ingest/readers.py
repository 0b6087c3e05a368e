"""Read any supported file into a `RawTable`; nothing else knows file formats.

A reader is registered once with its suffixes and, where a suffix is shared, with a test
of the content: the newest reader that recognises a file reads it. What comes from a
form server is then understood as an export, with its form where the study names one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sentinel.ingest.csv_reader import read_csv
from sentinel.ingest.exports.kobo import read_kobo_workbook
from sentinel.ingest.exports.odk_central import read_odata_page, read_odk_archive
from sentinel.ingest.exports.understand import understand_export
from sentinel.ingest.forms.definition import FormDefinition
from sentinel.ingest.opening import open_source
from sentinel.ingest.parquet_reader import read_parquet
from sentinel.ingest.raw_table import RawTable
from sentinel.ingest.source_file import SourceFile
from sentinel.ingest.statistics_package_reader import read_dta, read_sav

__all__ = ["Reader", "read_table", "register_reader"]


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
    path: str | Path,
    *,
    sheet: str | None = None,
    file_label: str | None = None,
    form: FormDefinition | None = None,
) -> RawTable:
    """Read a table of text cells with its origin.

    Parameters
    ----------
    path : path
        CSV or other delimited text (.csv, .tsv, .txt), .xlsx, .parquet, .sav, .dta; the
        .csv.zip of ODK Central, or a page of its OData service saved as .json.
    sheet : str, optional
        Sheet of a workbook; without it the first one.
    file_label : str, optional
        Name for messages and the manifest; without it the bare file name.
    form : FormDefinition, optional
        The form that the file is an export of: columns get the names of its questions,
        labels become codes, and multiple answers one cell each.

    Raises
    ------
    IngestError
        If the file is absent, empty, larger than 2 GiB, cut off, of another type than
        its suffix says, holds a header that cannot be used, or is no export of `form`.
    """
    known = [suffix for reader in _READERS for suffix in reader.suffixes]
    source = open_source(path, suffixes=known, sheet=sheet, file_label=file_label)
    suffix = source.path.suffix.lower()
    readers = [reader for reader in _READERS if suffix in reader.suffixes]
    reader = next(item for item in readers if item.recognises(source))
    return understand_export(reader.read(source), form)


for _reader in (
    Reader(name="csv", suffixes=(".csv", ".tsv", ".txt"), read=read_csv),
    Reader(name="xlsx", suffixes=(".xlsx", ".xlsm"), read=read_kobo_workbook),
    Reader(name="odk", suffixes=(".zip",), read=read_odk_archive),
    Reader(name="odata", suffixes=(".json",), read=read_odata_page),
    Reader(name="parquet", suffixes=(".parquet",), read=read_parquet),
    Reader(name="sav", suffixes=(".sav", ".zsav"), read=read_sav),
    Reader(name="dta", suffixes=(".dta",), read=read_dta),
):
    register_reader(_reader)
