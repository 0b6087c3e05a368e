"""Chao's lower bound for many lists (Rivest and Baillargeon 2007), Mh and Mth.

The log mean of a history on k lists has terms max(k - j + 1, 0), j = 3, ..., t, which
any mixture of persons makes >= 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture._profile_size import multinomial_profile
from estimators.capture_recapture.closed_population_fit import (
    ClosedPopulationFit,
    PoissonMaximum,
    PoissonTable,
    check_exists,
    check_overlap,
    finished_fit,
    poisson_maximum,
    poisson_table,
)
from estimators.errors import ConvergenceError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = ["fit_lower_bound", "lower_bound_columns", "nonnegative_terms"]

# A term whose score lies below this many standard errors of it stays at 0.
SCORE_TOLERANCE = 1e-8


def fit_lower_bound(
    histories: CaptureHistories, *, by_list: bool
) -> ClosedPopulationFit:
    """Fit the model of Chao's lower bound: terms >= 0 that maximise the likelihood."""
    check_overlap(histories, by_list=by_list)
    table = poisson_table(histories, by_list=by_list)
    columns = lower_bound_columns(histories.n_lists, table.n_captures)
    free, maximum = nonnegative_terms(table, columns)
    fit = replace(
        finished_fit(histories, table, _with_columns(table, columns, free)),
        profile=_LowerBoundProfile(
            table=_with_nobody(table),
            columns=columns,
            start=(free, maximum.coefficients),
        ),
    )
    if free or not columns.size:
        return fit
    return replace(
        fit,
        notes=(
            "persons are on many lists no more often than independence has it: the "
            f"bound is that of {'Mt' if by_list else 'M0'}",
        ),
    )


def lower_bound_columns(n_lists: int, n_captures: FloatVector) -> FloatMatrix:
    """Return max(k - j + 1, 0) for j = 3, ..., t, one column each."""
    first = np.arange(3, n_lists + 1)
    return np.maximum(n_captures[:, None] - first + 1, 0.0)


def nonnegative_terms(
    table: PoissonTable,
    columns: FloatMatrix,
    start: tuple[list[int], FloatVector] | None = None,
) -> tuple[list[int], PoissonMaximum]:
    """Return the terms above 0 at the maximum, and the maximum.

    The active set of Lawson and Hanson: terms enter where the likelihood rises, and
    leave where they would fall below 0. `start`, terms and coefficients, is tried
    first.
    """
    free, near = (list(start[0]), start[1]) if start else ([], None)
    values = np.zeros(0)
    n_fixed = table.design.shape[1]
    for _ in range(4 * columns.shape[1] + 2):
        design = _with_columns(table, columns, free)
        maximum = poisson_maximum(design, table.histories_in_row, table.counts, near)
        near = None
        target = maximum.coefficients[n_fixed:]
        if (target < 0).any():
            # From the last lawful point towards the target, until a term reaches 0.
            origin = np.append(values, np.zeros(target.size - values.size))
            room = np.full(target.size, np.inf)
            falls = target < 0
            room[falls] = origin[falls] / (origin[falls] - target[falls])
            stop = int(room.argmin())
            values = np.delete(origin + room[stop] * (target - origin), stop)
            free.pop(stop)
            continue
        values = target
        score = columns.T @ (table.counts - maximum.mean)
        score /= np.sqrt((columns**2).T @ maximum.mean)
        score[free] = -math.inf
        if not score.size or score.max() <= SCORE_TOLERANCE:
            return free, maximum
        free.append(int(score.argmax()))
        check_exists(_with_columns(table, columns, free), table.counts, "chao")
    raise ConvergenceError("Chao's lower bound: its terms above 0 do not settle.")


def _with_nobody(table: PoissonTable) -> PoissonTable:
    """Return the table with a first row for the persons on no list."""
    nobody = np.zeros((1, table.design.shape[1]))
    nobody[0, 0] = 1.0
    return replace(
        table,
        design=np.vstack([nobody, table.design]),
        n_captures=np.append(0.0, table.n_captures),
        histories_in_row=np.append(1.0, table.histories_in_row),
        counts=np.append(0.0, table.counts),
    )


@dataclass(slots=True, kw_only=True, eq=False)
class _LowerBoundProfile:
    """The profile likelihood of the size, with the terms above 0 at each size."""

    table: PoissonTable
    columns: FloatMatrix
    start: tuple[list[int], FloatVector]

    def __call__(self, unseen: float) -> tuple[float, float]:
        counts = self.table.counts.copy()
        counts[0] = unseen
        table = replace(self.table, counts=counts)
        columns = np.vstack([np.zeros((1, self.columns.shape[1])), self.columns])
        free, fit = nonnegative_terms(table, columns, self.start)
        self.start = free, fit.coefficients
        return multinomial_profile(counts, fit.mean)


def _with_columns(
    table: PoissonTable, columns: FloatMatrix, chosen: list[int]
) -> FloatMatrix:
    return np.column_stack([table.design, columns[:, chosen]])
