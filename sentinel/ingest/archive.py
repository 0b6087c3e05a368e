"""Zip archives from anyone: looked at before anything of them is unpacked.

Workbooks and the downloads of form servers are zip archives. Nothing is ever written
to disk from one; the checks refuse what is cut off, encrypted, unpacks to more than it
honestly could, names a place outside itself, or declares XML entities.
"""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from sentinel.ingest.raw_table import refuse
from sentinel.ingest.source_file import SourceFile
from sentinel.schema.problems import IngestError

__all__ = ["check_archive", "entry_names", "read_entry"]

# A workbook of survey answers unpacks to 5-40 times its size; 100 MB of XML is about a
# million cells, so that both limits together leave every honest workbook alone.
LARGEST_RATIO = 200
LARGEST_UNPACKED = 100 * 1024**2
LARGEST_TOTAL = 4 * 1024**3
MOST_ENTRIES = 100_000
_OUTSIDE = re.compile(r"^(?:[/\\]|[A-Za-z]:)|(?:^|[/\\])\.\.(?:[/\\]|$)")
_ENCRYPTED = 0x1
# A document type stands before the first element: that is within the first kilobytes.
_PROLOGUE = 4096
_DECLARATION = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
# What the standard library raises on archives that were damaged on purpose.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    LookupError,
    ValueError,
    OSError,
)


def check_archive(source: SourceFile, *, what: str = "Excel workbook") -> None:
    """Raise if a zip archive is not what it should be; see the module.

    Raises
    ------
    IngestError
        With the first reason found.
    """
    with _opened(source, source.label, f"a whole {what}") as archive:
        entries = archive.infolist()
        _check_entries(source, entries, what)
        for entry in entries:
            if entry.filename.lower().endswith((".xml", ".rels", ".vml")):
                _check_prologue(source, archive, entry)


def entry_names(source: SourceFile) -> list[str]:
    """Return the names of the entries of an archive that was checked."""
    with _opened(source, source.label, "a whole zip archive") as archive:
        return archive.namelist()


def read_entry(source: SourceFile, name: str) -> bytes:
    """Return one unpacked entry of an archive that was checked.

    Raises
    ------
    IngestError
        If it is damaged, or longer than the archive says.
    """
    place = f"{source.label}/{name}"
    with _opened(source, place, "a whole file") as archive:
        stated = archive.getinfo(name).file_size
        with archive.open(name) as stream:
            content = stream.read(stated + 1)
    if len(content) > stated:
        hint = "The archive lies about its size. Export it again."
        raise refuse(place, f"{stated} bytes", hint)
    return content


@contextmanager
def _opened(source: SourceFile, label: str, expected: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(source.content)) as archive:
            yield archive
    except IngestError:
        raise
    except _DAMAGE as error:
        hint = "The file is cut off or damaged. Copy or export it again."
        raise refuse(label, expected, hint) from error


def _check_entries(
    source: SourceFile, entries: list[zipfile.ZipInfo], what: str
) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    ratio = unpacked / max(1, len(source.content))
    if unpacked > LARGEST_TOTAL or (
        unpacked > LARGEST_UNPACKED and ratio > LARGEST_RATIO
    ):
        raise refuse(
            source.label,
            f"a{'n' if what[0] in 'AEO' else ''} {what} of ordinary density",
            f"It would unpack to {unpacked / 1024**2:,.0f} MiB, {ratio:,.0f} times its "
            "size. Save it again from its program, or export CSV.",
        )
    if len(entries) > MOST_ENTRIES:
        hint = f"It holds {len(entries):,} files."
        raise refuse(source.label, f"at most {MOST_ENTRIES:,} files", hint)
    if any(_OUTSIDE.search(entry.filename) for entry in entries):
        raise refuse(
            source.label,
            "names of files inside the archive",
            "It names a place outside itself (..), as attacks do. Nothing was "
            "unpacked. Ask who made it.",
        )
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        hint = "It has a password. Unpack it and save it without one."
        raise refuse(source.label, f"{what} that can be opened", hint)


def _check_prologue(
    source: SourceFile, archive: zipfile.ZipFile, entry: zipfile.ZipInfo
) -> None:
    with archive.open(entry) as stream:
        head = stream.read(_PROLOGUE)
    # UTF-16 writes a zero byte beside every ASCII character.
    if _DECLARATION.search(head.replace(b"\0", b"")):
        raise refuse(
            source.label,
            "XML without a document type or entities",
            f"{entry.filename} declares them, as attacks on XML readers do and no "
            "spreadsheet program does. Ask who made it.",
        )
