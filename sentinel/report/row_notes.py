"""Notes under a table: what is said of single rows, and once what is said of many."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sentinel.report.formats import count, is_hidden

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["row_notes", "short_notes"]

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
MOST_ALIKE = 2
NUMBER = r"(?:fewer than )?(?:\d[\d,.]*\d|\d)"


def row_notes(row: pd.Series, key: Iterable[str]) -> list[tuple[str, str]]:
    """Return what is said of a row, piece by piece, with the row's name.

    Of a withheld row only what disclosure control allows to be said of it; rows that
    are withheld for the sake of others say nothing that the legend does not say.
    """
    name = ", ".join(key)
    if is_hidden(row):
        statement = str(row["statement"])
        pieces = [] if "withheld" in statement else [statement]
    else:
        pieces = str(row["notes"]).split("; ")
    return [
        (name, piece.replace(" %", "%").strip().rstrip("."))
        for piece in pieces
        if piece.strip()
    ]


def short_notes(notes: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Say once what is said of many rows with other numbers."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for name, piece in dict.fromkeys(notes):
        pattern = re.sub(NUMBER, ELLIPSIS, piece)
        alike.setdefault(pattern, []).append((name, piece))
    short: list[str] = []
    for pattern, found in alike.items():
        names = {name for name, _ in found}
        told_of_withheld = "at most" in pattern or "at least" in pattern
        if len(names) > MOST_ALIKE and not told_of_withheld:
            words = pattern.replace(f"{ELLIPSIS} of {ELLIPSIS} rows", "some rows")
            short.append(f"In {count(len(names))} lines of this table: {words}.")
        else:
            short += [f"{name}: {piece}." for name, piece in found]
    return tuple(dict.fromkeys(short))
