"""Search among hierarchical models that are too many to be enumerated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture.all_models import (
    Criterion,
    fit_padded,
    padded_terms,
    penalty,
)
from estimators.capture_recapture.hierarchies import Hierarchies, lattice_terms
from estimators.capture_recapture.repeated_selection import threads
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix, IntVector
    from estimators.capture_recapture.hierarchies import BoolMatrix

__all__ = ["Descents", "Searched", "descend_from", "search_downhill", "search_widely"]

MOST_MOVES = 400
MOST_ROUNDS = 20
MOST_LISTS = 10
WINDOW = 6.0
MOST_VISITED = 5000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Descents:
    """Where steepest descents ended.

    Attributes
    ----------
    member : ndarray of bool, shape (descents, terms)
    criterion : ndarray of float64, shape (descents,)
        Without constant; infinite where nothing estimable was met.
    unseen : ndarray of float64, shape (descents,)
    moves : ndarray of int64, shape (descents, most)
        Places of the terms moved, -1 after the last.
    """

    member: BoolMatrix
    criterion: FloatVector
    unseen: FloatVector
    moves: IntMatrix


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Searched:
    """What a search visited.

    Attributes
    ----------
    models : Hierarchies
        Models met on the way, each once.
    starts : ndarray of bool, shape (starts, terms)
        Models from which resamples repeat the search.
    """

    models: Hierarchies
    starts: BoolMatrix


def search_downhill(
    counts: IntVector, *, max_order: int, criterion: Criterion
) -> Searched:
    """Descend from independent lists; every neighbour on the way counts as visited.

    Parameters
    ----------
    counts : ndarray of shape (2 ** lists,)
    max_order : int
    criterion : {"bic", "aic"}
    """
    term = _terms_of(counts, max_order)
    main = _main_effects(term)
    found = descend_from(counts[None], main, term, criterion=criterion)
    visited = [main]
    now = main[0].copy()
    for place in [*found.moves[0][found.moves[0] >= 0].tolist(), -1]:
        visited.append(_neighbours(now, term))
        if place >= 0:
            now[place] = ~now[place]
    return Searched(models=_hierarchies(counts, visited, max_order), starts=main)


def search_widely(
    counts: IntVector, *, max_order: int, criterion: Criterion, n_starts: int = 4
) -> Searched:
    """Descend from many models, and from the best one with each pair turned over.

    A pair that was turned is held until the descent stops, and then let go; that is
    repeated until no pair leads to a better model. There is no chance in it.

    Parameters
    ----------
    counts : ndarray of shape (2 ** lists,)
    max_order : int
    criterion : {"bic", "aic"}
    n_starts : int
        Most minima from which resamples descend.
    """
    term = _terms_of(counts, max_order)
    main = _main_effects(term)
    pairs = main | (np.bitwise_count(term) == 2)[None]
    table = counts[None]
    found = descend_from(table, np.vstack([main, pairs]), term, criterion=criterion)
    ends, values = found.member, found.criterion
    for _ in range(MOST_ROUNDS):
        best = int(np.argmin(values))
        turned, held = _turned(ends[best], term)
        stuck = descend_from(table, turned, term, criterion=criterion, locked=held)
        free = descend_from(table, stuck.member, term, criterion=criterion)
        before = values[best]
        ends = np.vstack([ends, free.member])
        values = np.concatenate([values, free.criterion])
        if not values.min() < before:
            break
    minima, first = np.unique(ends, axis=0, return_index=True)
    minima = minima[np.argsort(values[first], kind="stable")]
    visited = _opened(counts, np.vstack([main, minima]), term, criterion)
    return Searched(
        models=_hierarchies(counts, [visited], max_order),
        starts=np.unique(np.vstack([main, minima[:n_starts]]), axis=0),
    )


def _opened(
    counts: IntVector, members: BoolMatrix, term: IntVector, criterion: Criterion
) -> BoolMatrix:
    """Add the neighbours of all models within `WINDOW` of the best until none is new.

    Rivals of the best model are to be seen beside it.
    """
    value: dict[bytes, float] = {}
    opened: set[bytes] = set()
    new = members
    while len(new) and len(value) < MOST_VISITED:
        found = _criteria(counts, new, term, criterion)
        value.update(zip(map(bytes, new), found.tolist(), strict=True))
        reach = min(value.values()) + WINDOW
        near = [key for key, at in value.items() if at <= reach and key not in opened]
        opened.update(near)
        rows = [_neighbours(np.frombuffer(key, dtype=np.bool_), term) for key in near]
        new = np.unique(np.vstack([members[:0], *rows]), axis=0)
        new = new[[bytes(row) not in value for row in new]]
    return np.array([np.frombuffer(key, dtype=np.bool_) for key in value])


def _criteria(
    counts: IntVector, members: BoolMatrix, term: IntVector, criterion: Criterion
) -> FloatVector:
    """Return criteria without constant, infinite where not estimable."""
    padded, sizes = padded_terms(members, term)
    _, results, estimable = fit_padded(counts, padded, sizes)
    price = penalty(criterion, int(counts.sum()))
    values = price * (sizes + 1) - 2 * results[:, 0]
    return np.where(estimable, values, np.inf)


def descend_from(
    counts: IntMatrix,
    starts: BoolMatrix,
    term: IntVector,
    *,
    criterion: Criterion,
    locked: IntVector | None = None,
    n_jobs: int | None = None,
) -> Descents:
    """Descend from every start on every table; rows run over starts first.

    Parameters
    ----------
    counts : ndarray of shape (tables, 2 ** lists)
    starts : ndarray of bool, shape (starts, terms)
    term : ndarray of int64, shape (terms,)
        Bit masks; lists by themselves are in every model.
    criterion : {"bic", "aic"}
    locked : ndarray of int64, shape (starts,), optional
        Place of a term that stays as it is.
    n_jobs : int, optional
        Threads.
    """
    from estimators.capture_recapture._kernels_search import descend_all

    n_tables, n_starts = len(counts), len(starts)
    tasks = n_tables * n_starts
    member = np.tile(starts, (n_tables, 1)).astype(np.int64)
    held = np.full(n_starts, -1) if locked is None else locked
    moves = np.full((tasks, MOST_MOVES), -1, dtype=np.int64)
    results = np.empty((tasks, 2))
    prices = [penalty(criterion, int(n)) for n in counts.sum(axis=1)]
    with threads(n_jobs):
        descend_all(
            counts.astype(np.float64),
            np.repeat(np.arange(n_tables), n_starts),
            term,
            np.array(prices),
            np.tile(held, n_tables).astype(np.int64),
            member,
            moves,
            results,
        )
    return Descents(
        member=member.astype(np.bool_),
        criterion=results[:, 0],
        unseen=results[:, 1],
        moves=moves,
    )


def _terms_of(counts: IntVector, max_order: int) -> IntVector:
    lists = int(counts.size).bit_length() - 1
    if lists > MOST_LISTS or not 1 <= max_order < max(lists, 2):
        raise InputError(
            f"{lists} lists, max_order={max_order}: at most {MOST_LISTS} lists and an "
            "order from 1 to the lists less one were expected. Merge or omit lists "
            "(`histories.merge`, `histories.omit`)."
        )
    return lattice_terms(lists, max_order)


def _main_effects(term: IntVector) -> BoolMatrix:
    main: BoolMatrix = np.bitwise_count(term)[None] == 1
    return main


@lru_cache(maxsize=8)
def _above(terms: tuple[int, ...]) -> BoolMatrix:
    """Return where the column's term holds the row's and is not the same."""
    masks = np.array(terms)
    holds: BoolMatrix = (masks[:, None] & masks) == masks[:, None]
    np.fill_diagonal(holds, val=False)
    return holds


def _neighbours(member: BoolMatrix, term: IntVector) -> BoolMatrix:
    """Return the hierarchical models one term away."""
    above = _above(tuple(term.tolist()))
    out = member & (np.bitwise_count(term) > 1) & ~(above & member).any(axis=1)
    into = ~member & ~(above & ~member[:, None]).any(axis=0)
    places = np.flatnonzero(out | into)
    models = np.repeat(member[None], places.size, axis=0)
    models[np.arange(places.size), places] ^= True
    return models


def _turned(member: BoolMatrix, term: IntVector) -> tuple[BoolMatrix, IntVector]:
    """Return the model with each pair turned over, and the places of the pairs."""
    above = _above(tuple(term.tolist()))
    pairs = np.flatnonzero(np.bitwise_count(term) == 2)
    models = np.repeat(member[None], pairs.size, axis=0)
    for row, pair in enumerate(pairs.tolist()):
        models[row, pair] ^= True
        if member[pair]:
            models[row, above[pair]] = False
    return models, pairs


def _hierarchies(
    counts: IntVector, members: list[BoolMatrix], max_order: int
) -> Hierarchies:
    lists = int(counts.size).bit_length() - 1
    return Hierarchies(
        n_lists=lists,
        max_order=max_order,
        term=lattice_terms(lists, max_order),
        member=np.unique(np.vstack(members), axis=0),
    )
