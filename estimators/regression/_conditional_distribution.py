"""Distribution of one sufficient statistic of a logistic model given the others.

The multivariate shift algorithm (Hirji, Mehta and Patel 1987): distinct covariate rows
are taken one after the other, each adding 0 .. m_i events; partial sums that cannot end
at the observed values of the conditioning statistics are dropped at once, equal ones
are merged. Numbers of outcomes are kept as logarithms: they exceed 1e308 soon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import gammaln

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector, IntMatrix, IntVector

__all__ = ["ConditionalDistribution", "TooManyStatesError", "condition_on_others"]

_States: TypeAlias = "tuple[IntMatrix, FloatVector]"
_MOST_CODES = 2**62


class TooManyStatesError(Exception):
    """The reference set does not fit; `states` is how many partial sums there were."""

    def __init__(self, states: int) -> None:
        super().__init__(f"{states} partial sums")
        self.states = states


@dataclass(frozen=True, slots=True, eq=False)
class ConditionalDistribution:
    """Possible values, ascending, with the logarithm of the number of outcomes each.

    `states` is the greatest number of partial sums held at once.
    """

    value: IntVector
    log_count: FloatVector
    states: int


@dataclass(frozen=True, slots=True, eq=False)
class _Rest:
    """What the rows still to come can add to the conditioning statistics."""

    trials: int
    low: IntMatrix  # (trials + 1, conditions): least sum of so many events
    high: IntMatrix


def condition_on_others(
    matrix: IntMatrix,
    trials: IntVector,
    events: IntVector,
    *,
    interest: int,
    most_states: int,
) -> ConditionalDistribution:
    """Return the distribution of column `interest`'s statistic given all others.

    Parameters
    ----------
    matrix : ndarray of int, shape (g, k)
        Distinct covariate rows; the number of events is always conditioned on.
    trials, events : ndarray of int, shape (g,)
    interest : int
    most_states : int
        Partial sums that may be held at once.

    Raises
    ------
    TooManyStatesError
        If more would be needed.
    """
    others = np.arange(matrix.shape[1]) != interest
    columns = np.column_stack([np.ones(len(matrix), dtype=np.int64), matrix[:, others]])
    target = events @ columns
    interested = matrix[:, interest]
    # Columns: events, the other statistics, the one of interest.
    states = np.zeros((1, columns.shape[1] + 1), dtype=np.int64)
    log_count = np.zeros(1)
    largest = 1
    for row in range(len(matrix)):
        rest = _rest(columns[row + 1 :, 1:], trials[row + 1 :])
        step = np.append(columns[row], interested[row])
        parts: list[_States] = []
        held = 0
        for number in range(int(trials[row]) + 1):
            moved = states + number * step
            keep = _reachable(moved, target, rest)
            held += int(keep.sum())
            if held > most_states:
                raise TooManyStatesError(held)
            ways = (
                gammaln(trials[row] + 1)
                - gammaln(number + 1)
                - gammaln(trials[row] - number + 1)
            )
            parts.append((moved[keep], log_count[keep] + ways))
        states, log_count = _merge(
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
        )
        largest = max(largest, held)
    order = np.argsort(states[:, -1])
    return ConditionalDistribution(states[order, -1], log_count[order], largest)


def _rest(columns: IntMatrix, trials: IntVector) -> _Rest:
    total = int(trials.sum())
    shape = (total + 1, columns.shape[1])
    low, high = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for place in range(columns.shape[1]):
        each = np.sort(np.repeat(columns[:, place], trials))
        low[1:, place] = np.cumsum(each)
        high[1:, place] = np.cumsum(each[::-1])
    return _Rest(total, low, high)


def _reachable(states: IntMatrix, target: IntVector, rest: _Rest) -> BoolVector:
    missing = target - states[:, :-1]
    left = missing[:, 0]
    possible = (left >= 0) & (left <= rest.trials)
    place = np.clip(left, 0, rest.trials)
    inside = (rest.low[place] <= missing[:, 1:]) & (missing[:, 1:] <= rest.high[place])
    return np.asarray(possible & inside.all(axis=1))


def _merge(states: IntMatrix, log_count: FloatVector) -> _States:
    """Add up the counts of equal states."""
    least = states.min(axis=0)
    width = states.max(axis=0) - least + 1
    if np.prod(width.astype(np.float64)) < _MOST_CODES:
        scale = np.append(np.cumprod(width[::-1])[-2::-1], 1)
        code = (states - least) @ scale
        order = np.argsort(code, kind="stable")
        new = np.flatnonzero(np.diff(code[order], prepend=code[order[0]] - 1))
    else:
        order = np.lexsort(states.T[::-1])
        ordered = states[order]
        differs = (ordered[1:] != ordered[:-1]).any(axis=1)
        new = np.flatnonzero(np.append(True, differs))
    merged = np.logaddexp.reduceat(log_count[order], new)
    return states[order[new]], np.asarray(merged)
