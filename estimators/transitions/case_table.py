"""Cases with the times of their stages, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = ["CaseTable", "example_cases", "read_cases"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseTable:
    """Times as numbers (days for dates); NaN where a stage was not reached.

    `reached` has shape (cases, stages); `closed` is NaN for cases never closed.
    """

    stages: tuple[str, ...]
    reached: FloatMatrix
    closed: FloatVector
    watched: FloatVector
    kept: BoolVector
    notes: tuple[str, ...]

    def transition(
        self, origin: int, target: int, part: BoolVector | None = None
    ) -> tuple[FloatVector, IntVector]:
        """Return durations from `origin` and outcomes: 0 open, 1 target, 2 closed."""
        entered = ~np.isnan(self.reached[:, origin])
        if part is not None:
            entered &= part
        start = self.reached[entered, origin]
        there = self.reached[entered, target]
        closed, watched = self.closed[entered], self.watched[entered]
        outcome = np.where(~np.isnan(there), 1, np.where(~np.isnan(closed), 2, 0))
        end = np.where(outcome == 1, there, np.where(outcome == 2, closed, watched))
        return end - start, outcome.astype(np.int64)


def read_cases(
    cases: pd.DataFrame,
    stages: Sequence[str],
    follow_up: str,
    closed: str | None,
) -> CaseTable:
    """Read the columns, leave out cases that never began and list every problem."""
    if isinstance(stages, str) or len(stages) < 2 or len(set(stages)) < len(stages):
        raise InputError(f"stages={stages!r}: two or more different columns, in order.")
    roles = {f"stage {k}": name for k, name in enumerate(stages, start=1)}
    roles["follow_up"] = follow_up
    if closed is not None:
        roles["closed"] = closed
    check_columns(cases, roles)
    times = {name: _times(cases[name], name) for name in set(roles.values())}
    kinds = {cases[name].dtype.kind == "M" for name in set(roles.values())}
    if len(kinds) > 1:
        raise InputError(
            "Some of the columns "
            f"{', '.join(roles.values())} are dates and some numbers: give all alike."
        )
    reached = np.column_stack([times[name] for name in stages])
    kept = ~np.isnan(reached[:, 0])
    if not kept.any():
        raise NotEstimableError(f"No case has a time of its first stage {stages[0]!r}.")
    ended = times[closed] if closed is not None else np.full(len(cases), np.nan)
    watched = times[follow_up]
    _check_order(reached[kept], ended[kept], watched[kept], (*stages, follow_up))
    lost = int((~kept).sum())
    notes = [f"{lost} cases without {stages[0]!r} are left out"] if lost else []
    return CaseTable(
        stages=tuple(stages),
        reached=reached[kept],
        closed=ended[kept],
        watched=watched[kept],
        kept=kept,
        notes=tuple(notes),
    )


def _times(column: pd.Series, name: str) -> FloatVector:
    if column.dtype.kind == "M":
        days = (column - pd.Timestamp(0)) / pd.Timedelta(days=1)
        return np.asarray(days, dtype=np.float64)
    try:
        values = np.asarray(
            column.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64
        )
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name!r} holds neither dates nor numbers ({error}): convert it with "
            "pandas.to_datetime first."
        ) from error
    if np.isinf(values).any():
        raise InputError(f"{name!r} holds infinite times.")
    return values


def _check_order(
    reached: FloatMatrix,
    closed: FloatVector,
    watched: FloatVector,
    names: Sequence[str],
) -> None:
    known = ~np.isnan(reached)
    last = np.where(known, reached, -np.inf).max(axis=1)
    backwards = np.diff(reached, axis=1) < 0  # never true beside a missing time
    problems = {
        f"without a time in {names[-1]!r}": np.isnan(watched),
        "with a stage reached though an earlier one was not": (
            known[:, 1:] & ~known[:, :-1]
        ).any(axis=1),
        "with a stage before the one it follows": backwards.any(axis=1),
        f"with a stage after {names[-1]!r}": last > watched,
        "closed before their last stage": closed < last,
        f"closed after {names[-1]!r}": closed > watched,
    }
    found = [
        f"{int(wrong.sum())} {words} (cases {', '.join(map(str, rows[:5]))})"
        for words, wrong in problems.items()
        if (rows := np.flatnonzero(wrong)).size
    ]
    if found:
        raise InputError(
            f"The times of {len(reached)} cases ({', '.join(names)}) do not fit "
            "together: "
            f"{'; '.join(found)}, counted from 0 among cases that began. A skipped "
            "stage needs a time of its own or a funnel without it."
        )


def example_cases() -> pd.DataFrame:
    """Return 24 made-up cases in days, some still open, some closed."""
    k = np.arange(24)
    opened = (k * 13 % 90).astype(np.float64)
    investigated = np.where(k % 4 < 3, opened + 5 + k % 7, np.nan)
    filed = np.where(k % 4 < 2, investigated + 20 + 3 * (k % 11), np.nan)
    closed = np.where(k % 8 == 3, opened + 60, np.nan)
    return pd.DataFrame(
        {
            "opened": opened,
            "investigated": investigated,
            "filed": filed,
            "closed": closed,
            "locked": np.full(24, 200.0),
            "legal_aid": (k % 3 == 0).astype(np.float64),
        }
    )
