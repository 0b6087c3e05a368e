"""The last door: `release_file` writes every file of a release, and nothing else does.

Disclosure control of numbers happens before (`protect_tables`, `protect_flows`). What
is checked here, of the bytes as they are, is what must not be in any released file
whoever made it: direct identifiers, pseudonyms, record columns, exact days, formulas,
kinds of file whose content nobody can check.
"""

from __future__ import annotations

import csv
import io
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.disclosure.escaping import safe_csv_cell
from sentinel.schema.identifiers import identifier_in_name, looks_identifying

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MANIFEST",
    "check_file",
    "keep_out_of_release",
    "release_again",
    "release_file",
]

MANIFEST = "manifest.json"
TEXTS = (".html", ".svg", ".csv", ".json", ".jsonl", ".md", ".txt")
TABLES = (".parquet",)
PICTURES = (".png", ".pdf")
SHOWN = 5
# Columns that only a table of records has.
RECORD_COLUMNS = frozenset(
    {"rec_id", "record_id", "person_id", "respondent_id", "link_id", "link_code"}
    | {"pseudonym", "interviewer_id", "int_date", "interview_date", "site_code"}
    | {"batch", "truck_seq", "uuid", "_uuid", "instanceid", "key", "submission_id"}
    | {"origin_adm2", "dest_adm2", "village"}
)
# Names of places and things, not of persons.
NAMES_OF_PLACES = frozenset(
    {"name", "origin_name", "crossing_name", "destination_name", "place_name"}
    | {"country_name", "province_name", "round_name", "table_name"}
)
_DAY = re.compile(
    r"(?<![\d.-])(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1"
    r"(?:0?[1-9]|[12]\d|3[01])(?![\d.])"
    r"|(?<![\d.-])(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|1[0-2])\2"
    r"(?:19|20)\d\d(?![\d.])"
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}")
# Keyed pseudonyms are base32; the signs around tell them from embedded pictures.
_PSEUDONYM = re.compile(
    r"(?<![\w+/=-])(?=[A-Z]*[2-7])(?=[2-7]*[A-Z])[A-Z2-7]{16,52}(?![\w+/=-])"
)
_UUID = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE
)
_IN_TEXT = {
    "an exact day": _DAY,
    "an e-mail address": _MAIL,
    "a pseudonym": _PSEUDONYM,
    "a submission's id": _UUID,
}
# Drawings are numbers and codes of paths: there a day is only a day as lettering.
_MARKUP = re.compile(
    r"<style\b.*?</style>|<script\b(?![^>]*application/json).*?</script>"
    r"|\sd=\"[^\"]*\"|(?:src|href)=\"data:[^\"]*\"|<metadata>.*?</metadata>",
    re.DOTALL,
)


def release_file(
    path: Path, content: str | bytes, *, allowed: Collection[str] = ()
) -> Path:
    """Check the content of a released file and write it; nothing else writes one.

    Parameters
    ----------
    path : Path
        Its ending says what it is: HTML, SVG, CSV, JSON, JSON lines, Markdown, text,
        Parquet, PNG or PDF. Its folder is made if need be.
    content : str or bytes
        Text for text, bytes for Parquet and pictures.
    allowed : collection of str
        Texts that the study's author publishes on purpose (a contact's address).

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        With every finding, never with the value that was found; nothing is written.

    Notes
    -----
    Pictures are not read: they are drawn from protected tables, and the red-team test
    compares the tables. Small counts cannot be told by looking at a file.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "table.csv"
    >>> release_file(path, "sex,n").name
    'table.csv'
    """
    path = Path(path)
    check_file(path, content, allowed=allowed)
    _write(path, content)
    return path


def check_file(
    path: Path, content: str | bytes, *, allowed: Collection[str] = ()
) -> None:
    """Raise as `release_file` would, and write nothing."""
    findings = list(_findings(Path(path), content, frozenset(allowed)))
    if findings:
        more = f"; and {len(findings) - SHOWN} more" if len(findings) > SHOWN else ""
        raise InputError(
            f"{path.name} is not released: {'; '.join(findings[:SHOWN])}{more}. "
            "Take it out of the study's texts, tables or plan."
        )


def release_again(path: Path, released: Path) -> Path:
    """Copy a file that `release_file` wrote; the caller knows that it is the same.

    Parameters
    ----------
    path : Path
        The copy. Its folder is made if need be.
    released : Path
        The file that passed the gate, for instance one under a seal.

    Returns
    -------
    Path
        The copy.

    Raises
    ------
    FileNotFoundError
        If `released` is gone.
    """
    _write(Path(path), Path(released).read_bytes())
    return Path(path)


def keep_out_of_release(path: Path) -> None:
    """Raise if a file of unprotected numbers or records would lie in a release.

    Parameters
    ----------
    path : Path
        The file to be written for work inside the house.

    Raises
    ------
    InputError
        If its folder, or one above it, holds a report's manifest.
    """
    folder = Path(path).resolve().parent
    report = next(
        (place for place in (folder, *folder.parents) if (place / MANIFEST).is_file()),
        None,
    )
    if report is not None:
        raise InputError(
            f"{path}: {report.name} is the folder of a report, which is made to be "
            "given away. Write records and unprotected numbers somewhere else."
        )


def _write(path: Path, content: str | bytes) -> None:
    """Write whole or not at all; readable by everybody, as a release is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    half = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        half.chmod(0o644)
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def _findings(
    path: Path, content: str | bytes, allowed: frozenset[str]
) -> Iterator[str]:
    kind = path.suffix.lower()
    if path.is_symlink():
        yield "a link lies where the file should be"
    if kind in TEXTS and isinstance(content, str):
        yield from _in_text(content, kind, allowed)
        if kind == ".csv":
            yield from _in_csv(content)
    elif kind in TABLES and isinstance(content, bytes):
        yield from _in_parquet(content, allowed)
    elif kind not in PICTURES or not isinstance(content, bytes):
        yield f"{kind or 'a file without ending'} is no kind of file that is checked"


def _in_text(text: str, kind: str, allowed: frozenset[str]) -> Iterator[str]:
    bare = _MARKUP.sub(" ", text) if kind in (".html", ".svg") else text
    for what, pattern in _IN_TEXT.items():
        hits = {match.group() for match in pattern.finditer(bare)} - allowed
        if hits and not all(_is_part(hit, allowed) for hit in hits):
            yield f"it holds {what}"


def _is_part(hit: str, allowed: frozenset[str]) -> bool:
    return any(hit in text for text in allowed)


def _in_csv(text: str) -> Iterator[str]:
    rows = list(csv.reader(io.StringIO(text)))
    yield from _in_header(rows[0] if rows else [])
    yield from _in_cells(cell for row in rows for cell in row)


def _in_header(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        plain = name.strip().casefold()
        what = "a record's id, day or place" if plain in RECORD_COLUMNS else ""
        if plain not in NAMES_OF_PLACES:
            what = what or identifier_in_name(name)
        if what:
            yield f"its column {name[:40]!r} would hold {what}"


def _in_cells(cells: Iterable[str]) -> Iterator[str]:
    kinds: set[str] = set()
    for cell in set(cells):
        if safe_csv_cell(cell) != cell:
            kinds.add("text that a spreadsheet takes for a formula")
        what = looks_identifying(cell)
        if what:
            kinds.add(f"what looks like {what}")
    yield from (f"it holds {kind}" for kind in sorted(kinds))


def _in_parquet(content: bytes, allowed: frozenset[str]) -> Iterator[str]:
    import pandas as pd

    frame: pd.DataFrame = pd.read_parquet(io.BytesIO(content))
    yield from _in_header(str(name) for name in frame.columns)
    texts: set[str] = set()
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            yield f"its column {str(name)[:40]!r} holds exact times"
        elif not pd.api.types.is_numeric_dtype(column):
            texts |= set(column.dropna().astype("str"))
    for what in sorted({looks_identifying(text) for text in texts} - {""}):
        yield f"it holds what looks like {what}"
    yield from _in_text("\n".join(sorted(texts)), ".parquet", allowed)
