"""A file as a reader gets it, and what every reader does at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.hidden_marks import list_hidden_marks
from sentinel.ingest.interviews import Origin
from sentinel.ingest.raw_table import RawTable, clean_columns, make_frame, refuse
from sentinel.schema.problems import IngestError, Problem, Problems

__all__ = ["SourceFile", "finish_table"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceFile:
    """Path, name for messages, wanted sheet, and the bytes, read once.

    A table of a repeat `may_be_empty`; any other must hold a row. Of an encrypted file
    `path` is the name without ``.age``, `content` what it holds, in memory alone, and
    `stored` the bytes on disk.
    """

    path: Path
    label: str
    sheet: str | None
    content: bytes
    may_be_empty: bool = False
    stored: bytes | None = None

    @property
    def sha256(self) -> str:
        """Digest of the bytes on disk: that of secret content could be guessed at."""
        on_disk = self.content if self.stored is None else self.stored
        return hashlib.sha256(on_disk).hexdigest()


def finish_table(
    source: SourceFile,
    header: Sequence[str],
    columns: Sequence[Sequence[str]],
    *,
    file_format: str,
    encoding: str = "",
    sheet: str = "",
    rows: npt.NDArray[np.int64] | None = None,
    problems: Problems | None = None,
) -> RawTable:
    """Check the header, clean the cells, leave out empty rows and columns.

    Raises
    ------
    IngestError
        If a column has no name, a name comes twice, or no row holds anything (in
        a file that must hold one).
    """
    problems = problems or Problems()
    names = list(make_frame({"name": [str(name) for name in header]})["name"])
    cleaned = clean_columns({str(place): cells for place, cells in enumerate(columns)})
    frame = pd.DataFrame(
        {place: pd.array(array, dtype="str") for place, (array, _) in cleaned.items()}
    )
    if rows is None:
        rows = np.arange(2, len(frame) + 2, dtype=np.int64)
    filled = _filled(frame)
    kept = [
        place for place, name in enumerate(names) if name or filled[str(place)].any()
    ]
    found = _header_problems([(place, names[place]) for place in kept], source.label)
    if found.errors:
        raise IngestError(found)
    frame = frame[[str(place) for place in kept]]
    frame.columns = pd.Index([names[place] for place in kept])
    texts = {names[place]: cleaned[str(place)] for place in kept}
    list_hidden_marks(texts, rows, source.label, problems)
    some = filled.any(axis=1).to_numpy()
    if not some.any() and not source.may_be_empty:
        raise refuse(
            source.label,
            "at least one row below the header",
            f"The table{' ' + repr(sheet) if sheet else ''} has a header and no rows.",
        )
    if not some.all():
        problems.add(
            Problem(
                severity="warning",
                file=source.label,
                row=int(rows[~some][0]),
                expected="no empty rows",
                hint=f"{int((~some).sum())} rows without any value were passed over.",
            )
        )
        frame, rows = frame[some].reset_index(drop=True), rows[some]
    origin = Origin(
        file=source.label,
        format=file_format,
        sha256=source.sha256,
        rows=len(frame),
        columns=frame.shape[1],
        encoding=encoding,
        sheet=sheet,
    )
    return RawTable(frame=frame, rows=rows, origin=origin, problems=problems)


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {name: (frame[name] != "").to_numpy() for name in frame}, index=frame.index
    )


def _header_problems(named: Sequence[tuple[int, str]], label: str) -> Problems:
    problems = Problems()
    first: Mapping[str, int] = {}
    for place, name in named:
        if not name:
            problems.add(
                Problem(
                    file=label,
                    row=1,
                    column=f"column {place + 1}",
                    expected="a name for every column that holds values",
                    hint="Name it, or delete the column.",
                )
            )
        elif name in first:
            problems.add(
                Problem(
                    file=label,
                    row=1,
                    column=name,
                    expected="every column name once",
                    hint=f"Columns {first[name] + 1} and {place + 1} have this name.",
                )
            )
        else:
            first = {**first, name: place}
    return problems
