"""All hierarchical log-linear models of some lists.

A term is a bit mask of lists (bit j = list j, from 0); a hierarchical model is a set of
terms that holds every list by itself and, with a term, all of its parts. It is written
by its maximal terms with list numbers from 1, ``[123,14]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture.model_terms import write_terms
from estimators.checks import check_counts
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import IntVector

    BoolMatrix = np.ndarray[tuple[int, int], np.dtype[np.bool_]]

__all__ = [
    "Hierarchies",
    "can_be_enumerated",
    "default_order",
    "hierarchical_models",
    "lattice_terms",
]

MOST_MODELS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hierarchies:
    """Hierarchical models of some lists up to an order, all or some of them.

    Attributes
    ----------
    n_lists, max_order : int
    term : ndarray of int64, shape (terms,)
        Bit masks, by order and then by list numbers.
    member : ndarray of bool, shape (models, terms)
        Which terms a model has; the intercept is understood.
    """

    n_lists: int
    max_order: int
    term: IntVector
    member: BoolMatrix

    def __post_init__(self) -> None:
        self.term.setflags(write=False)
        self.member.setflags(write=False)

    def __len__(self) -> int:
        return len(self.member)

    def terms(self, model: int) -> tuple[int, ...]:
        """Return the terms of one model, intercept left out."""
        return tuple(int(mask) for mask in self.term[self.member[model]])

    def find(self, terms: tuple[int, ...]) -> int:
        """Return the place of a model given by its terms; intercept or not.

        Raises
        ------
        InputError
            If it is not among the models.
        """
        wanted = np.isin(self.term, terms)
        found = np.flatnonzero((self.member == wanted).all(axis=1))
        if found.size != 1 or wanted.sum() != len(set(terms) - {0}):
            raise InputError(
                f"{write_terms(terms)} is not among the {len(self)} hierarchical "
                f"models of {self.n_lists} lists with terms of up to {self.max_order}."
            )
        return int(found[0])

    def name(self, model: int) -> str:
        """Return one model as its maximal terms."""
        return write_terms(self.terms(model))


@lru_cache(maxsize=8)
def hierarchical_models(n_lists: int, *, max_order: int | None = None) -> Hierarchies:
    """Enumerate the hierarchical models that hold all main effects.

    Parameters
    ----------
    n_lists : int
        Lists, 2 or more.
    max_order : int, optional
        Greatest number of lists in a term; by default all but one, 2 for six lists.

    Returns
    -------
    Hierarchies
        8 models for three lists, 113 for four, 6 893 for five (1 024 with pairs, 6 212
        with triples), 32 768 with pairs of six.

    Raises
    ------
    InputError
        If `max_order` is not from 1 to `n_lists` - 1, or the models are too many.

    Examples
    --------
    >>> models = hierarchical_models(4, max_order=3)
    >>> len(models), models.name(0)
    (113, '[1,2,3,4]')
    """
    order = (
        default_order(n_lists)
        if max_order is None
        else check_counts(max_order=max_order)["max_order"]
    )
    if n_lists < 2 or not 1 <= order < max(n_lists, 2):
        raise InputError(
            f"n_lists={n_lists}, max_order={order}: at least two lists, and an order "
            "from 1 to the lists less one were expected. The term of all lists cannot "
            "be told from the number of persons unseen."
        )
    if not can_be_enumerated(n_lists, order):
        raise InputError(
            f"{n_lists} lists with terms of up to {order} have more than {MOST_MODELS} "
            "hierarchical models, too many to fit all of them: `select_bic`, "
            "`select_aic` and `downhill` search; or use fewer lists "
            "(`histories.merge`, `histories.omit`)"
            + (", or max_order=2." if n_lists == 6 else ".")
        )
    terms = lattice_terms(n_lists, order).tolist()
    column = {mask: place for place, mask in enumerate(terms)}
    member = np.zeros((1, len(terms)), dtype=np.bool_)
    member[:, :n_lists] = True
    for mask in terms[n_lists:]:
        parents = [column[part] for part in _parents(mask)]
        larger = member[member[:, parents].all(axis=1)]
        larger[:, column[mask]] = True
        member = np.concatenate([member, larger])
    return Hierarchies(
        n_lists=n_lists,
        max_order=order,
        term=lattice_terms(n_lists, order),
        member=member,
    )


def lattice_terms(n_lists: int, max_order: int) -> IntVector:
    """Return the terms of up to `max_order` lists, by order and then by lists."""
    masks = [
        sum(1 << place for place in places)
        for size in range(1, max_order + 1)
        for places in combinations(range(n_lists), size)
    ]
    return np.array(masks, dtype=np.int64)


def can_be_enumerated(n_lists: int, max_order: int) -> bool:
    """Tell whether there are few enough hierarchical models to fit all of them."""
    # With pairs alone there are 2 ** C(t, 2); triples of six lists make 3 702 013.
    if max_order < 2:
        return True
    return n_lists <= 5 or (n_lists == 6 and max_order == 2)


def default_order(n_lists: int) -> int:
    """Return the order up to which all models are enumerated unless one is given."""
    return n_lists - 1 if n_lists < 6 else 2


def _parents(mask: int) -> list[int]:
    places = range(mask.bit_length())
    return [mask ^ (1 << place) for place in places if mask >> place & 1]
