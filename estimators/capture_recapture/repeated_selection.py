"""A selection repeated: on resamples, with persons left out, and the BCa interval."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, ndtr, ndtri

from estimators.capture_recapture._extended_likelihood import (
    estimability_status,
    fit_extended,
)
from estimators.capture_recapture.all_models import (
    AllModels,
    Criterion,
    fit_padded,
    lists_of,
    padded_terms,
    penalty,
)
from estimators.checks import check_level
from estimators.errors import InputError, NotEstimableError
from estimators.results import Interval

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix, IntVector

__all__ = ["BestOfTables", "best_of_tables", "cell_bca", "leave_one_out"]

ROOM = 32


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
    padded, sizes = padded_terms(fits.models)
    padded, sizes = padded[order], sizes[order]
    counts = tables.astype(np.float64)
    penalties = np.array([penalty(criterion, int(n)) for n in tables.sum(axis=1)])
    winners = np.empty((len(tables), 4))
    doubts = np.empty((len(tables), 3 * ROOM))
    with threads(n_jobs):
        select_models(
            counts, padded, sizes, fits.starts[order], penalties, winners, doubts
        )
    model = winners[:, 0].astype(np.int64)
    unseen = winners[:, 2].copy()
    for row in np.flatnonzero(winners[:, 3] > 0).tolist():
        model[row], unseen[row] = _settle(
            (tables[row], padded, sizes), winners[row], doubts[row], penalties[row]
        )
    return BestOfTables(model=np.where(model < 0, -1, order[model]), unseen=unseen)


def _settle(
    problem: tuple[IntVector, IntMatrix, IntVector],
    winner: FloatVector,
    doubts: FloatVector,
    price: float,
) -> tuple[int, float]:
    """Decide whether a model that the kernel left open wins one table."""
    counts, terms, sizes = problem
    lists = lists_of(counts)
    if winner[3] > ROOM:
        _, results, status = fit_padded(counts, terms, sizes)
        values = price * (sizes + 1) - 2 * results[:, 0]
        if not (status == 0).any():
            return -1, math.nan
        best = int(np.nanargmin(values))
        return best, float(results[best, 1])
    candidates = doubts[: 3 * int(winner[3])].reshape(-1, 3)
    best, least, unseen = int(winner[0]), winner[1], float(winner[2])
    for place, value, _ in candidates[np.argsort(candidates[:, 1], kind="stable")]:
        if value >= least:
            break
        mine = terms[int(place), : sizes[int(place)]].tolist()
        if estimability_status(counts, tuple(sorted({0, *mine})), lists) == 0:
            fit = fit_extended(counts, mine, lists)
            reached = fit.log_likelihood + float(gammaln(counts + 1.0).sum())
            value_now = price * len(fit.terms) - 2 * reached
            if value_now < least:
                best, least, unseen = int(place), value_now, fit.unseen
    return best, unseen


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


def cell_bca(
    estimate: float,
    replicates: FloatVector,
    left_out: FloatVector,
    persons: IntVector,
    *,
    level: float,
) -> Interval:
    """Return the BCa interval of a statistic of cell counts.

    z0 = ndtri(share of replicates below the estimate); with r the weighted mean of the
    leave-one-out values less each of them and c persons in the cell, the acceleration
    is sum(c r^3) / (6 sum(c r^2)^1.5). Quantiles are median-unbiased (type 8), and a
    replicate equal to the estimate does not count as below: both as published.

    Parameters
    ----------
    estimate : float
    replicates : ndarray of shape (replicates,)
        Finite.
    left_out : ndarray of shape (cells,)
        Finite values with one person of the cell left out.
    persons : ndarray of shape (cells,)
        Persons in each of these cells.
    level : float

    Raises
    ------
    NotEstimableError
        If fewer than two replicates came.

    References
    ----------
    Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American
    Statistical Association 82, 171-185. https://doi.org/10.2307/2289144
    """
    if replicates.size < 2:
        raise NotEstimableError(
            f"{replicates.size} replicates have an estimate: an interval needs two."
        )
    tail = (1 - check_level(level)) / 2
    bias = float(ndtri(np.mean(replicates < estimate)))
    if math.isinf(bias):
        low, high = _quantiles(replicates, [tail, 1 - tail])
        method = "percentile bootstrap (BCa undefined: all replicates on one side)"
        return Interval(low=low, high=high, level=level, method=method)
    centred = np.average(left_out, weights=persons) - left_out
    scatter = float((persons * centred**2).sum())
    skew = float((persons * centred**3).sum())
    acceleration = skew / (6 * scatter**1.5) if scatter > 0 else 0.0
    shifted = bias + np.array([ndtri(tail), ndtri(1 - tail)])
    # Beyond this pole the corrected tail turns back: the outermost replicate is meant.
    room = 1 - acceleration * shifted
    inside = np.where(room > 0, room, 1.0)
    corrected = np.where(room > 0, ndtr(bias + shifted / inside), shifted > 0)
    low, high = _quantiles(replicates, list(corrected))
    return Interval(low=low, high=high, level=level, method="BCa bootstrap")


def _quantiles(values: FloatVector, shares: list[float]) -> tuple[float, float]:
    low, high = np.sort(np.quantile(values, shares, method="median_unbiased"))
    return float(low), float(high)
