"""Open a file for reading: present, of honest size, and what its suffix says.

A name that ends in ``.age`` is an encrypted file: it is opened in memory with the
identity of a custodian, and no plain copy of it touches the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from estimators.errors import InputError
from sentinel.ingest.raw_table import refuse
from sentinel.ingest.source_file import SourceFile
from sentinel.safekeeping.encryption import AGE_STARTS, AGE_SUFFIX, decrypt

__all__ = ["LARGEST_FILE", "open_source"]

LARGEST_FILE = 2 * 1024**3
_ZIPPED = (".xlsx", ".xlsm", ".zip")
# First bytes of files that people name wrongly.
_KNOWN_STARTS: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"PK\x03\x04", "an Excel workbook or another zip file", _ZIPPED),
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
    ".zip": (b"PK\x03\x04", b"PK\x05\x06"),
    ".parquet": (b"PAR1",),
    ".sav": (b"$FL2", b"$FL3"),
    ".zsav": (b"$FL2", b"$FL3"),
}


def open_source(
    path: str | Path,
    *,
    suffixes: Sequence[str],
    sheet: str | None = None,
    file_label: str | None = None,
) -> SourceFile:
    """Return the bytes of a file that is one of the types named, or of it encrypted.

    Raises
    ------
    IngestError
        If the file is absent, empty, larger than 2 GiB, or of another type than its
        suffix says; if it is encrypted and cannot be opened.
    """
    path = Path(path)
    label = file_label or path.name
    encrypted = path.suffix.lower() == AGE_SUFFIX
    named = path.with_suffix("") if encrypted else path
    suffix = named.suffix.lower()
    if suffix not in suffixes:
        known = ", ".join(sorted(set(suffixes)))
        hint = f"{suffix or 'No suffix'} is not known. Export the data to one of these."
        raise refuse(label, f"a file of type {known}", hint)
    on_disk = _content(path, label)
    source = SourceFile(
        path=named,
        label=label,
        sheet=sheet,
        content=_opened(on_disk, label) if encrypted else on_disk,
        stored=on_disk if encrypted else None,
    )
    _check_start(source, suffix)
    return source


def _opened(on_disk: bytes, label: str) -> bytes:
    try:
        content = decrypt(on_disk, label=label)
    except InputError as error:
        hint = str(error).removeprefix(f"{label}: ")
        raise refuse(label, "an encrypted file that opens", hint) from None
    if not content:
        raise refuse(label, "a table", "What is encrypted is empty (0 bytes).")
    return content


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
    if source.content.startswith(AGE_STARTS):
        hint = f"It is encrypted with age: its name must end in {suffix}{AGE_SUFFIX}."
        raise refuse(source.label, f"content of type {suffix}", hint)
    for start, what, suffixes in _KNOWN_STARTS:
        if head.startswith(start) and suffix not in suffixes:
            advice = (
                f"Rename it to {suffixes[0]}."
                if suffixes and suffixes != _ZIPPED
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
