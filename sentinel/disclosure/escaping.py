"""Text that came from people, made harmless in HTML and in spreadsheets."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["escape_text", "safe_csv_cell", "safe_csv_frame"]

# The last four are the full-width = + - @, which spreadsheets take alike.
_FORMULA = tuple("=+-@\t\r\n|\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
# Controls, zero-width and direction marks can hide or reorder what a reader sees.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060\u2066-\u2069\ufeff]"
)


def escape_text(text: object) -> str:
    """Return text for HTML: markup shown as typed, invisible controls removed.

    Joiners (U+200C, U+200D) stay: Khmer, Burmese and Lao spelling needs them.

    Examples
    --------
    >>> escape_text("<b>17 & 'more'</b>")
    '&lt;b&gt;17 &amp; &#x27;more&#x27;&lt;/b&gt;'
    """
    return html.escape(_INVISIBLE.sub("", str(text)), quote=True)


def safe_csv_cell(value: object) -> object:
    r"""Return a cell that no spreadsheet takes for a formula.

    Text that opens with ``= + - @``, a tab or a line break gets an apostrophe in
    front; numbers, also negative ones typed as text, stay as they are.

    Examples
    --------
    >>> safe_csv_cell('=HYPERLINK("x")')
    '\'=HYPERLINK("x")'
    >>> safe_csv_cell("-3.5")
    '-3.5'
    """
    if not isinstance(value, str):
        return value
    text = _INVISIBLE.sub("", value)
    bare = text.lstrip(" ")
    if bare.startswith(_FORMULA) and not _NUMBER.fullmatch(bare):
        return "'" + text
    return text


def safe_csv_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose text cells and column names are all safe for CSV."""
    safe = frame.copy()
    for name in safe.columns:
        column = safe[name]
        if column.dtype == object or str(column.dtype) in ("str", "string", "category"):
            safe[name] = column.astype("object").map(safe_csv_cell, na_action="ignore")
    return safe.rename(columns=safe_csv_cell)
