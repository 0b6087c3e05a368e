"""Log-linear models of lists and covariates: fit, existence and stepwise choice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

if TYPE_CHECKING:
    from estimators.array_types import (
        BoolVector,
        FloatMatrix,
        FloatVector,
        IntVector,
    )
    from estimators.capture_recapture.stratified_table import Pair, StratifiedTable

__all__ = ["StratifiedFit", "choose_pairs", "fit_pairs", "refusal"]

MOST_STEPS = 60
_RANK = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class StratifiedFit:
    """One model with main effects and some pairs.

    Attributes
    ----------
    pairs : tuple of pair
    mean : ndarray of shape (cells,)
        Expected persons, cells that no list can show included.
    unseen_root : ndarray of shape (unseen cells, parameters)
        Times its transpose: covariance of the log means of the unseen cells.
    n_parameters : int
        Those at minus infinity included.
    log_likelihood : float
    deviance : float
    coefficient : ndarray of shape (parameters,)
        NaN for parameters that the table does not determine, or at minus infinity.
    design : ndarray of shape (cells, parameters)
    empty : ndarray of bool, shape (cells,)
        Cells with mean 0 by an empty margin.
    """

    pairs: tuple[Pair, ...]
    mean: FloatVector
    unseen_root: FloatMatrix
    n_parameters: int
    log_likelihood: float
    deviance: float
    coefficient: FloatVector
    design: FloatMatrix
    empty: BoolVector

    def criterion(self, penalty: float) -> float:
        """Return -2 log likelihood + penalty * parameters."""
        return penalty * self.n_parameters - 2 * self.log_likelihood


def fit_pairs(table: StratifiedTable, pairs: Sequence[Pair]) -> StratifiedFit:
    """Fit by extended maximum likelihood: level pairs that nobody has get mean 0.

    Their cells leave the table; of the columns that remain a basis is kept.
    """
    full = np.column_stack(
        [table.main_columns(), *(table.pair_columns(pair) for pair in pairs)]
    )
    empty = np.zeros(len(full), dtype=bool)
    for pair in pairs:
        empty |= table.empty_margins(pair)
    observed = table.observable & ~empty
    chosen = _basis(full[observed])
    matrix = full[:, chosen]
    count = table.count[observed]
    beta = _poisson(matrix[observed], count)
    coefficient = np.full(full.shape[1], np.nan)
    coefficient[chosen] = beta
    mean = np.where(empty, 0.0, np.exp(np.clip(matrix @ beta, -700, 60)))
    fitted = mean[observed]
    information = (matrix[observed].T * fitted) @ matrix[observed]
    value = float(count @ np.log(fitted) - fitted.sum() - gammaln(count + 1).sum())
    top = np.where(count > 0, count, 1.0)
    saturated = float(count @ np.log(top) - count.sum() - gammaln(count + 1).sum())
    return StratifiedFit(
        pairs=tuple(pairs),
        mean=np.asarray(mean),
        unseen_root=_root(information, matrix[~table.observable]),
        n_parameters=full.shape[1],
        log_likelihood=value,
        deviance=2 * (saturated - value),
        coefficient=coefficient,
        design=full,
        empty=empty,
    )


def refusal(table: StratifiedTable, fit: StratifiedFit) -> str:
    """Return why the size is not estimable under a model, empty if it is.

    The maximum exists if some table with the same sufficient margins has no empty cell
    (Fienberg and Rinaldo 2012): a linear programme decides.
    """
    observed = table.observable & ~fit.empty
    rows = fit.design[observed]
    if not _spanned(rows, fit.design[~table.observable & ~fit.empty]):
        return (
            "the observed cells do not determine the mean of the unseen ones (a level "
            "or a list has too few combinations with the others)"
        )
    if not _exists(rows[:, _basis(rows)], table.count[observed]):
        return (
            "a parameter runs to infinity: the table has too many empty cells for "
            "these terms, and the unseen persons would be set to 0 or to any number"
        )
    return ""


def choose_pairs(
    table: StratifiedTable,
    *,
    penalty: float,
    start: Sequence[Pair] = (),
) -> tuple[StratifiedFit, tuple[str, ...]]:
    """Add or remove one pair at a time while the criterion falls.

    Returns the last model and the labels of the pairs that were refused because the
    size would not be estimable with them.
    """
    now = fit_pairs(table, start)
    refused: dict[str, None] = {}
    for _ in range(len(table.pairs()) * 4):
        better = _best_move(table, now, penalty, refused)
        if better is None:
            break
        now = better
    return now, tuple(refused)


def _best_move(
    table: StratifiedTable,
    now: StratifiedFit,
    penalty: float,
    refused: dict[str, None],
) -> StratifiedFit | None:
    moves = [
        tuple(p for p in now.pairs if p != pair)
        if pair in now.pairs
        else (*now.pairs, pair)
        for pair in table.pairs()
    ]
    fits = [fit_pairs(table, pairs) for pairs in moves]
    for fit in sorted(fits, key=lambda one: one.criterion(penalty)):
        if fit.criterion(penalty) >= now.criterion(penalty) - 1e-9:
            return None
        if not refusal(table, fit):
            return fit
        if len(fit.pairs) > len(now.pairs):
            refused[table.label(fit.pairs[-1])] = None
    return None


def _basis(matrix: FloatMatrix) -> IntVector:
    """Return columns that are independent, the earlier ones first."""
    chosen: list[int] = []
    rest = np.array(matrix)
    length = np.linalg.norm(matrix, axis=0)
    for column in range(matrix.shape[1]):
        left = rest[:, column]
        size = float(np.linalg.norm(left))
        if size > _RANK * max(1.0, float(length[column])) * math.sqrt(len(matrix)):
            chosen.append(column)
            direction = left / size
            rest -= np.outer(direction, direction @ rest)
    return np.array(chosen, dtype=np.int64)


def _spanned(rows: FloatMatrix, wanted: FloatMatrix) -> bool:
    """Whether every wanted row is a combination of the rows."""
    sizes, directions = np.linalg.eigh(rows.T @ rows)
    outside = directions[:, sizes <= _RANK * sizes[-1]]
    return bool(np.abs(wanted @ outside).max(initial=0.0) < 1e-6)


def _poisson(matrix: FloatMatrix, count: FloatVector) -> FloatVector:
    """Return coefficients by iteratively reweighted least squares."""
    mean = count + 0.5
    beta = np.linalg.lstsq(
        matrix * np.sqrt(mean)[:, None], np.sqrt(mean) * np.log(mean), rcond=None
    )[0]
    value = -math.inf
    for _ in range(MOST_STEPS):
        eta = np.clip(matrix @ beta, -700, 60)
        mean = np.exp(eta)
        now = float(count @ eta - mean.sum())
        if abs(now - value) <= 1e-13 * (1 + abs(now)):
            break
        value = now
        information = (matrix.T * mean) @ matrix
        step = _solve(information, matrix.T @ (count - mean))
        longest = float(np.abs(matrix @ step).max())
        beta = beta + step * min(1.0, 5.0 / max(longest, 5.0))
    return np.asarray(beta)


def _solve(information: FloatMatrix, score: FloatVector) -> FloatVector:
    try:
        step = np.linalg.solve(information, score)
    except np.linalg.LinAlgError:
        step = np.linalg.lstsq(information, score, rcond=1e-15)[0]
    return np.asarray(step)


def _root(information: FloatMatrix, unseen: FloatMatrix) -> FloatMatrix:
    sizes, directions = np.linalg.eigh(information)
    good = sizes > 1e-13 * sizes[-1]
    root = directions[:, good] / np.sqrt(sizes[good])
    return np.asarray(unseen @ root)


def _exists(matrix: FloatMatrix, count: FloatVector) -> bool:
    from scipy.optimize import linprog

    cells, width = matrix.shape
    if count.min() > 0:
        return True
    # Unknowns: x of every cell, then s <= 1. Maximise s with x - s >= 0.
    equal = np.column_stack([matrix.T, np.zeros(width)])
    above = np.column_stack([-np.eye(cells), np.ones(cells)])
    found = linprog(
        np.append(np.zeros(cells), -1.0),
        A_ub=above,
        b_ub=np.zeros(cells),
        A_eq=equal,
        b_eq=matrix.T @ count,
        bounds=[(0, None)] * cells + [(0, 1)],
        method="highs",
    )
    return found.x is not None and found.status == 0 and float(found.x[-1]) > 1e-6
