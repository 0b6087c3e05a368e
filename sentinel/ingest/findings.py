"""Findings of the same kind are shown up to a limit and counted to the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sentinel.schema.identifiers import shown_value
from sentinel.schema.problems import Problem, Problems

__all__ = ["MOST_SHOWN", "add_rows"]

MOST_SHOWN = 20


def add_rows(
    problems: Problems,
    rows: Iterable[tuple[int, str]],
    *,
    file: str,
    column: str,
    expected: str,
    hint: str = "",
    severity: Literal["error", "warning"] = "error",
) -> None:
    """Add one finding per (row, value): the first twenty, then how many more.

    Values that look like direct identifiers are not repeated.
    """
    found = list(rows)
    for row, value in found[:MOST_SHOWN]:
        problems.add(
            Problem(
                severity=severity,
                file=file,
                row=row,
                column=column,
                value=shown_value(value) if value else "",
                expected=expected,
                hint=hint,
            )
        )
    more = len(found) - MOST_SHOWN
    if more > 0:
        problems.add(
            Problem(
                severity=severity,
                file=file,
                column=column,
                expected=expected,
                hint=f"And {more} more rows like these; {len(found)} in all.",
            )
        )
