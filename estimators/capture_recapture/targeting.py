"""Targeted maximum likelihood: move list probabilities in place of a correction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from estimators.errors import ConvergenceError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.capture_recapture.cross_fitting import Nuisances, TwoLists

__all__ = ["target"]

MOST_ROUNDS = 250
MOST_STEPS = 50
# drpop's default: coefficients this small end the rounds.
SMALL = 0.005
# Log odds that a person's probabilities may move, and the grid that brackets the root.
FARTHEST = 3.0
_STEP = 0.02


def target(
    data: TwoLists, nuisances: Nuisances, *, separate: bool, truncation: float
) -> Nuisances:
    """Return probabilities, moved fold by fold, whose plug-in needs no correction.

    Persons who were seen are on both lists, on the first only or on the second only,
    with shares that add to 1. They move along share_k exp(e u_k), u the centred
    direction in which the size changes, scaled to 1 for everyone so that rare kinds
    cannot run away, to the nearest e where the mean of phi is its expectation.
    Three `separate` models move in turn as drpop has it, each by a logistic regression
    on its own unscaled direction; they are cut so that they add to at most 1, and the
    rounds may end with some correction left.

    Raises
    ------
    ConvergenceError
        If the correction cannot be brought to 0, or grows.
    """
    moved = np.empty((3, data.first.size))
    for part in np.unique(nuisances.fold):
        inside = nuisances.fold == part
        first, second = data.first[inside], data.second[inside]
        kind = np.column_stack(
            [first * second, first * (1 - second), second * (1 - first)]
        )
        both = nuisances.both[inside]
        shares = np.column_stack(
            [both, nuisances.first[inside] - both, nuisances.second[inside] - both]
        )
        found = (
            _in_turn(kind, shares, truncation)
            if separate
            else _together(kind, shares, truncation)
        )
        moved[:, inside] = found.T
    return replace(
        nuisances,
        both=moved[0],
        first=np.minimum(moved[0] + moved[1], 1.0),
        second=np.minimum(moved[0] + moved[2], 1.0),
    )


def _together(kind: FloatMatrix, shares: FloatMatrix, truncation: float) -> FloatMatrix:
    from scipy.optimize import brentq

    shares = np.maximum(shares, 0.0)
    shares[:, 0] = np.maximum(shares[:, 0], truncation)
    shares /= shares.sum(axis=1, keepdims=True)
    way = _direction(shares)
    way -= (shares * way).sum(axis=1, keepdims=True)
    way /= np.maximum(np.abs(way).max(axis=1, keepdims=True), 1e-300)

    def tilted(size: float) -> FloatMatrix:
        raised = shares * np.exp(size * way)
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def left(size: float) -> float:
        return _correction(kind, tilted(size))

    start = left(0.0)
    for size in np.arange(_STEP, FARTHEST, _STEP):
        for end in (float(size), -float(size)):
            if left(end) * start <= 0:
                root = brentq(left, end - np.copysign(_STEP, end), end, xtol=1e-15)
                return tilted(float(root))
    raise ConvergenceError(
        "Targeting does not bring the correction to 0: some kinds of persons are "
        "hardly ever on both lists. Use correction='one_step'."
    )


def _direction(shares: FloatMatrix) -> FloatMatrix:
    """Return phi of a person on both lists, on the first only, on the second only."""
    both = shares[:, 0]
    first, second = both + shares[:, 1], both + shares[:, 2]
    return np.column_stack(
        [
            (first + second) / both - first * second / both**2,
            second / both,
            first / both,
        ]
    )


def _correction(kind: FloatMatrix, shares: FloatMatrix) -> float:
    """Return the mean of phi less that of the plug-in."""
    both = shares[:, 0]
    plain = (both + shares[:, 1]) * (both + shares[:, 2]) / both
    return float(((kind * _direction(shares)).sum(axis=1) - plain).mean())


def _in_turn(kind: FloatMatrix, shares: FloatMatrix, truncation: float) -> FloatMatrix:
    both, one, two = np.clip(shares, truncation, 1 - truncation).T
    before = abs(_correction(kind, np.column_stack([both, one, two])))
    for _ in range(MOST_ROUNDS):
        first, second = both + one, both + two
        ratio = first / both + second / both - first * second / both**2
        moves = np.zeros(3)
        moves[0], both = _fluctuate(kind[:, 0], both, ratio)
        both = np.maximum(both, truncation)
        moves[1], one = _fluctuate(kind[:, 1], one, (two + both) / both)
        one = np.maximum(np.minimum(one, 1 - both), truncation)
        moves[2], two = _fluctuate(kind[:, 2], two, (one + both) / both)
        two = np.maximum(np.minimum(two, 1 - one - both), truncation)
        if moves.max() <= SMALL:
            break
    first = np.minimum(both + one, 1.0)
    second = np.maximum(both / first, np.minimum(both + two, 1 + both - first))
    moved = np.column_stack([both, first - both, second - both])
    if not abs(_correction(kind, moved)) <= before:
        raise ConvergenceError(
            "Targeting of separate models runs away: it leaves more correction than "
            "before. Use models='multinomial' or correction='one_step'."
        )
    return moved


def _fluctuate(
    member: FloatVector, share: FloatVector, direction: FloatVector
) -> tuple[float, FloatVector]:
    """Return |coefficient| and shares of a logistic regression through an offset."""
    # A share of exactly 1 has no logit; its direction cannot move it.
    offset = logit(np.clip(share, 1e-15, 1 - 1e-15))
    coefficient = 0.0
    for _ in range(MOST_STEPS):
        moved = expit(offset + coefficient * direction)
        curvature = float((direction**2 * moved * (1 - moved)).sum())
        if curvature <= 0:
            break
        change = float((direction * (member - moved)).sum()) / curvature
        coefficient += float(np.clip(change, -1.0, 1.0))
        if abs(change) < 1e-13:
            break
    return abs(coefficient), np.asarray(expit(offset + coefficient * direction))
