"""A selection among fitted models repeated: on resamples, with persons left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture.all_models import (
    AllModels,
    Criterion,
    padded_terms,
    penalty,
)
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix, IntVector

__all__ = ["BestOfTables", "best_of_tables", "leave_one_out", "threads"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BestOfTables:
    """The best model of every table.

    Attributes
    ----------
    model : ndarray of int64, shape (tables,)
        Place among all models; -1 where none is estimable.
    unseen : ndarray of float64, shape (tables,)
        NaN where none is estimable.
    """

    model: IntVector
    unseen: FloatVector


def best_of_tables(
    fits: AllModels,
    tables: IntMatrix,
    *,
    criterion: Criterion,
    top: int | None = None,
    n_jobs: int | None = None,
) -> BestOfTables:
    """Repeat the selection on other tables of the same lists.

    Every model is a candidate in every table unless `top` says otherwise. Models are
    passed over only where they cannot win: because even a perfect fit would not pay for
    their parameters, or because the ascent shows that they end below the best so far.

    Parameters
    ----------
    fits : AllModels
        Fits to the original table: order of trial and starting values.
    tables : ndarray of shape (tables, 2 ** lists)
    criterion : {"bic", "aic"}
    top : int, optional
        Only the best models of the original table are candidates, so many.
    n_jobs : int, optional
        Threads; None takes all that numba may use.
    """
    from estimators.capture_recapture._kernels_all_models import select_models

    order = fits.ranking(criterion)
    rest = np.setdiff1d(np.arange(len(fits.models)), order)
    order = np.concatenate([order, rest]) if top is None else order[:top]
    padded, sizes = padded_terms(fits.models.member, fits.models.term)
    padded, sizes = padded[order], sizes[order]
    counts = tables.astype(np.float64)
    penalties = np.array([penalty(criterion, int(n)) for n in tables.sum(axis=1)])
    winners = np.empty((len(tables), 3))
    with threads(n_jobs):
        select_models(counts, padded, sizes, fits.starts[order], penalties, winners)
    model = winners[:, 0].astype(np.int64)
    return BestOfTables(
        model=np.where(model < 0, -1, order[model]), unseen=winners[:, 2].copy()
    )


@contextmanager
def threads(n_jobs: int | None) -> Iterator[None]:
    """Let numba use so many threads; -1 and None mean all."""
    import numba

    if n_jobs is not None and (n_jobs == 0 or n_jobs < -1):
        raise InputError(f"n_jobs={n_jobs}: 1 or more threads, or -1, were expected.")
    before = numba.get_num_threads()
    wanted = before if n_jobs in (None, -1) else n_jobs
    numba.set_num_threads(min(int(wanted or 1), before))
    try:
        yield
    finally:
        numba.set_num_threads(before)


def leave_one_out(counts: IntVector) -> IntMatrix:
    """Return the table with one person less, for every cell that has persons."""
    cells = np.flatnonzero(counts)
    tables = np.repeat(counts[None, :], cells.size, axis=0)
    tables[np.arange(cells.size), cells] -= 1
    return tables
