"""From linked pairs to persons: at most one record of each list that is duplicate-free.

Strong links come first, and a link that would put two records of such a list into one
person is refused. The order is fixed by rounded weights and record numbers, so that
equal pairs give equal persons everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import InputError
from sentinel.linkage._kernels import MERGED, REFUSED, WITHIN, join_records

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector, IntVector

__all__ = ["Clusters", "cluster_pairs"]

WEIGHT_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clusters:
    """Persons made of records.

    Attributes
    ----------
    person : ndarray of int64, shape (n,)
        Number of each record's person: 0, 1, ... in the order of their first records.
    n_merged, n_within, n_refused : int
        Links that joined records, that joined nothing new, and that were refused
        because a duplicate-free list would have named a person twice.
    n_duplicates : int
        Records that repeat a person within their own list.
    """

    person: IntVector
    n_merged: int
    n_within: int
    n_refused: int
    n_duplicates: int

    def __post_init__(self) -> None:
        self.person.setflags(write=False)

    @property
    def n_persons(self) -> int:
        """Number of distinct persons."""
        return int(self.person.max()) + 1 if self.person.size else 0


def cluster_pairs(
    id_l: IntVector,
    id_r: IntVector,
    weight: FloatVector,
    *,
    source: IntVector,
    duplicate_free: BoolVector,
) -> Clusters:
    """Join records by their links, duplicates within a list first.

    Parameters
    ----------
    id_l, id_r : ndarray of int64, shape (pairs,)
        Record numbers in 0..n-1.
    weight : ndarray of float, shape (pairs,)
        Match weights; rounded to six decimals before they are ordered.
    source : ndarray of int64, shape (n,)
        List of each record, 0..S-1, at most 62 lists.
    duplicate_free : ndarray of bool, shape (S,)
        Lists of which a person holds at most one record. Links within them are refused.

    Returns
    -------
    Clusters

    Raises
    ------
    InputError
        If a record number is out of range, a weight is NaN, or shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> source, free = np.array([0, 0, 1]), np.array([True, True])
    >>> pairs = np.array([0, 1]), np.array([2, 2]), np.array([3.0, 5.0])
    >>> cluster_pairs(*pairs, source=source, duplicate_free=free).person.tolist()
    [0, 1, 1]
    """
    _check(id_l, id_r, weight, source, duplicate_free)
    low, high = np.minimum(id_l, id_r), np.maximum(id_l, id_r)
    across = source[low] != source[high]
    order = np.lexsort((high, low, -np.round(weight, WEIGHT_DIGITS), across))
    edges = np.column_stack([low, high])[order].astype(np.int64)
    bits = np.int64(1) << np.arange(duplicate_free.size, dtype=np.int64)
    verdict = np.zeros(len(edges), dtype=np.int64)
    root = join_records(edges, bits[source], int(bits[duplicate_free].sum()), verdict)
    _, person = np.unique(root, return_inverse=True)
    person = person.ravel().astype(np.int64)
    once = np.unique(person * duplicate_free.size + source).size
    return Clusters(
        person=person,
        n_merged=int((verdict == MERGED).sum()),
        n_within=int((verdict == WITHIN).sum()),
        n_refused=int((verdict == REFUSED).sum()),
        n_duplicates=int(person.size - once),
    )


def _check(
    id_l: IntVector,
    id_r: IntVector,
    weight: FloatVector,
    source: IntVector,
    duplicate_free: BoolVector,
) -> None:
    if not id_l.shape == id_r.shape == weight.shape or id_l.ndim != 1:
        raise InputError(
            f"id_l, id_r and weight have shapes {id_l.shape}, {id_r.shape} and "
            f"{weight.shape}; one of each per pair was expected."
        )
    for name, ids in (("id_l", id_l), ("id_r", id_r)):
        if ids.size and not (ids.min() >= 0 and ids.max() < source.size):
            raise InputError(
                f"{name} holds {ids.min()}..{ids.max()}; record numbers in "
                f"0..{source.size - 1} were expected."
            )
    if (id_l == id_r).any():
        raise InputError("A pair joins a record with itself: pairs need two records.")
    if np.isnan(weight).any():
        raise InputError("weight holds NaN: every pair needs a weight.")
    if source.size and not (source.min() >= 0 and source.max() < duplicate_free.size):
        raise InputError(
            f"source holds {source.min()}..{source.max()}; lists in "
            f"0..{duplicate_free.size - 1} were expected."
        )
    if duplicate_free.size > 62:
        raise InputError(f"{duplicate_free.size} lists came; at most 62 are taken.")
