"""A table as it was read: text cells, its place in the file, and what the file says.

Text is normalised to NFC and stripped of surrounding white space and invisible marks
(zero-width space, byte-order mark). Zero-width spaces *inside* a text are kept where
its script needs them: Khmer, Lao, Burmese and Thai use them between words. A cell that
held nothing else is "".
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.hidden_marks import without_hidden_marks
from sentinel.ingest.interviews import Origin
from sentinel.ingest.submissions import Submissions
from sentinel.schema.problems import IngestError, Problem, Problems

__all__ = ["RawTable", "cell_text", "clean_columns", "make_frame", "refuse"]

# White space and marks without width that stand at the ends of pasted cells.
_EDGE = " \t\r\n\f\v\u00a0\u200b\u200c\u200e\u200f\u2060\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawTable:
    """What a reader returns; nothing behind it knows the file's format.

    Attributes
    ----------
    frame : DataFrame of str
        Every cell as text, "" where the file held nothing.
    rows : ndarray of int64, shape (n,)
        Row of each record as a person counts it in the file; the header is row 1.
    origin : Origin
    value_labels : mapping
        Column to code to label, where the file carries them.
    missing_codes : mapping
        Column to codes or ranges ``"97..99"`` that the file declares as missing.
    column_labels : mapping
        Column to question text.
    problems : Problems
        Warnings of the reading itself.
    submissions : Submissions or None
        What the export of a form server says beyond its cells.
    """

    frame: pd.DataFrame
    rows: npt.NDArray[np.int64]
    origin: Origin
    value_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    missing_codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    column_labels: Mapping[str, str] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)
    submissions: Submissions | None = None


def refuse(
    file: str,
    expected: str,
    hint: str = "",
    *,
    row: int | None = None,
    column: str = "",
) -> IngestError:
    """Return the error of a file that cannot be read."""
    return IngestError(
        Problems(
            [Problem(file=file, row=row, column=column, expected=expected, hint=hint)]
        )
    )


def cell_text(value: object) -> str:
    """Write one cell of a typed format as text: 3.0 as 3, a day as YYYY-MM-DD.

    Examples
    --------
    >>> import datetime
    >>> cell_text(3.0), cell_text(0.1), cell_text(True), cell_text(None)
    ('3', '0.1', '1', '')
    >>> cell_text(datetime.datetime(2009, 8, 14))
    '2009-08-14'
    """
    if isinstance(value, str):
        return value
    if value is None or value is pd.NaT:
        return ""
    if isinstance(value, bool | np.bool_):
        return "1" if value else "0"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating | decimal.Decimal):
        return _number_text(float(value))
    return _other_text(value)


def _number_text(value: float) -> str:
    if math.isnan(value):
        return ""
    # Beyond 2**53 whole numbers are no longer exact as floats.
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value)


def _other_text(value: object) -> str:
    if isinstance(value, dt.datetime):
        day = value.replace(tzinfo=None)
        plain = day.time() == dt.time.min
        return day.date().isoformat() if plain else day.isoformat(timespec="seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, list | tuple | np.ndarray):
        return ";".join(cell_text(item) for item in value)
    return str(value)


def make_frame(columns: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Return clean text columns as one frame."""
    cleaned = clean_columns(columns)
    return pd.DataFrame(
        {name: pd.array(array, dtype="str") for name, (array, _) in cleaned.items()}
    )


def clean_columns(
    columns: Mapping[str, Sequence[str]],
) -> dict[str, tuple[Any, npt.NDArray[np.bool_] | None]]:
    """Return each column as clean texts, and where hidden marks were taken out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = {}
    for name, cells in columns.items():
        array = pa.array(cells, pa.large_string())
        if array.null_count:
            array = pc.fill_null(array, "")
        array, marked = pc.utf8_trim(array, _EDGE), None
        # Most columns are ASCII codes: nothing to normalise, nothing hidden.
        if pc.all(pc.string_is_ascii(array)).as_py() is False:
            array, marked = without_hidden_marks(pc.utf8_normalize(array, "NFC"))
            array = pc.utf8_trim(array, _EDGE)
        found[name] = (array, marked)
    return found
