"""Probabilities of links when a list names nobody twice.

A record has at most one link to a list without duplicates, so that a strong candidate
speaks against its rivals, and a record without any rival is likelier linked. Sets of
links that respect this have a probability proportional to the product of their odds (a
monomer-dimer system); the share of them that hold a pair is found by passing messages,
which is exact where candidates form no cycle and settles on any set of pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector, IntVector

__all__ = ["exclusive_weights"]

_MOST_ROUNDS = 200
_TOLERANCE = 1e-7
# Beyond odds of 2 to the 50th nothing changes.
_LARGEST = 50.0
# Odds are raised together by this at most: pairs that want more contradict each other.
_MOST_RAISED = 16.0


def exclusive_weights(
    id_l: IntVector,
    id_r: IntVector,
    weight: FloatVector,
    *,
    source: IntVector,
    duplicate_free: BoolVector,
) -> FloatVector:
    """Return weights of pairs given that a record has one link to a list at most.

    Parameters
    ----------
    id_l, id_r : ndarray of int64, shape (pairs,)
        Record numbers; sorted pairs give the same answer everywhere.
    weight : ndarray of float, shape (pairs,)
        Log2 of the odds of each pair by itself.
    source : ndarray of int64, shape (n,)
        List of each record.
    duplicate_free : ndarray of bool, shape (S,)
        Lists that name nobody twice. Links to other lists exclude nothing.

    Returns
    -------
    ndarray of float, shape (pairs,)
        Log2 of the odds. The sum of the probabilities stays as it was: odds by
        themselves hold the chance of a pair whose records have rivals, and are raised
        together by what exclusion takes away, sixteen times at most.

    Examples
    --------
    >>> source, free = np.array([0, 0, 1]), np.array([True, True])
    >>> pairs = np.array([0, 1]), np.array([2, 2])
    >>> found = exclusive_weights(
    ...     *pairs, np.array([3.0, 3.0]), source=source, duplicate_free=free)
    >>> (1 / (1 + np.exp2(-found))).round(2).tolist()
    [0.5, 0.5]
    """
    if not id_l.size or not duplicate_free.any():
        return weight
    n_lists, size = duplicate_free.size, source.size * duplicate_free.size
    # The group of a pair at each end: this record and the other's list.
    left, right = id_l * n_lists + source[id_r], id_r * n_lists + source[id_l]
    bound_l, bound_r = duplicate_free[source[id_r]], duplicate_free[source[id_l]]
    odds = np.exp2(np.minimum(weight, _LARGEST))
    total = float((odds / (1 + odds)).sum())
    # Chance that a record is free of every other candidate.
    free_l, free_r = np.ones(id_l.size), np.ones(id_l.size)
    scale = 1.0
    for _ in range(_MOST_ROUNDS):
        new_l = _free(left, scale * odds * free_r, size, bound_l)
        new_r = _free(right, scale * odds * free_l, size, bound_r)
        moved = max(np.abs(new_l - free_l).max(), np.abs(new_r - free_r).max())
        free_l, free_r = new_l, new_r
        own = odds * free_l * free_r
        raised = scale * own / (1 + scale * own)
        change = _rescaled(total, float(raised.sum()), raised)
        before, scale = scale, min(scale * change, _MOST_RAISED)
        if moved < _TOLERANCE and abs(scale / before - 1) < _TOLERANCE:
            break
    return np.asarray(np.log2(scale) + np.log2(own), dtype=np.float64)


def _rescaled(total: float, now: float, probability: FloatVector) -> float:
    """Return the factor of the odds that brings their sum towards the total."""
    slope = float((probability * (1 - probability)).sum())
    if slope <= 0:
        return 1.0
    # A step of Newton in the logarithm; halved odds or doubled ones at most.
    return float(np.exp(np.clip((total - now) / slope, -np.log(2), np.log(2))))


def _free(
    group: IntVector, message: FloatVector, size: int, bound: BoolVector
) -> FloatVector:
    others = np.bincount(group, message, size)[group] - message
    return np.where(bound, 1 / (1 + np.maximum(others, 0.0)), 1.0)
