"""Findings of the same kind are shown up to a limit and counted to the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    expected: str | Sequence[str],
    hint: str = "",
    severity: Literal["error", "warning"] = "error",
) -> None:
    """Add one finding per (row, value): the first twenty, then how many more.

    `expected` is one text for all, or one for each row, for the first twenty at least.
    Values that look like direct identifiers are not repeated.
    """
    found = list(rows)
    each = [expected] * len(found) if isinstance(expected, str) else expected
    for (row, value), wanted in zip(found[:MOST_SHOWN], each, strict=False):
        problems.add(
            Problem(
                severity=severity,
                file=file,
                row=row,
                column=column,
                value=shown_value(value) if value else "",
                expected=wanted,
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
                expected=expected if isinstance(expected, str) else "",
                hint=f"And {more} more rows like these; {len(found)} in all.",
            )
        )
