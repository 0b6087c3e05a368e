"""Who is on which of two lists, given covariates, predicted out of fold."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = ["Learner", "Nuisances", "TwoLists", "cross_fit", "read_two_lists"]

MOST_STEPS = 50
_SHOWN = 5


class Learner(Protocol):
    """A classifier in scikit-learn's manner."""

    def fit(self, X: FloatMatrix, y: IntVector) -> Any:  # noqa: ANN401, N803 - scikit-learn's own signature
        """Learn from covariates and classes."""

    def predict_proba(self, X: FloatMatrix) -> Any:  # noqa: ANN401, N803 - scikit-learn's own signature
        """Return probabilities, one column for each class learned, ascending."""


@dataclass(frozen=True, slots=True, eq=False)
class TwoLists:
    """Observed persons: membership of two lists, and covariates.

    Attributes
    ----------
    first, second : ndarray of shape (n,)
        0 or 1.
    matrix : ndarray of shape (n, columns)
    notes : tuple of str
    """

    first: FloatVector
    second: FloatVector
    matrix: FloatMatrix
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Nuisances:
    """Probabilities given covariates of an observed person, out of fold, and the fold.

    Attributes
    ----------
    both, first, second : ndarray of shape (n,)
        Of being on both lists, on the first, on the second.
    fold : ndarray of int64, shape (n,)
    n_truncated : int
        Persons with a probability at the truncation.
    """

    both: FloatVector
    first: FloatVector
    second: FloatVector
    fold: IntVector
    n_truncated: int


def read_two_lists(
    frame: pd.DataFrame, lists: Sequence[str], covariates: Sequence[str]
) -> TwoLists:
    """Read two 0/1 columns and covariates; text and categories become indicators.

    Raises
    ------
    InputError
        If a column is missing or is no list, or a person is on neither list.
    NotEstimableError
        If nobody is on both lists.
    """
    if len(lists) != 2 or lists[0] == lists[1] or not len(covariates):
        raise InputError(
            f"Two lists and at least one covariate are needed; lists={tuple(lists)!r} "
            f"and covariates={tuple(covariates)!r} came."
        )
    roles = {f"list {name}": name for name in lists}
    check_columns(frame, roles | {f"covariate {name}": name for name in covariates})
    members = [_zero_one(frame[name], name) for name in lists]
    neither = np.flatnonzero(members[0] + members[1] == 0)
    if neither.size:
        raise InputError(
            f"{neither.size} persons are on neither list (rows "
            f"{', '.join(map(str, neither[:_SHOWN]))}, counted from 0): leave them out."
        )
    missing = frame[list(covariates)].isna()
    kept = ~missing.any(axis=1).to_numpy()
    if not (members[0] * members[1])[kept].any():
        raise NotEstimableError(
            f"Nobody with known covariates is on both {lists[0]} and {lists[1]}: "
            "without an overlap the size is not determined."
        )
    notes: tuple[str, ...] = ()
    if not kept.all():
        named = ", ".join(f"{k} {v}" for k, v in missing.sum().items() if v)
        notes = (
            f"{int((~kept).sum())} observed persons are left out for missing values "
            f"({named}): the size is that of the population of complete records",
        )
    return TwoLists(
        members[0][kept],
        members[1][kept],
        _indicators(frame.loc[kept, list(covariates)]),
        notes,
    )


def cross_fit(
    data: TwoLists,
    fold: IntVector,
    *,
    learner: Learner | None,
    separate: bool,
    truncation: float,
) -> Nuisances:
    """Predict every fold from the others.

    One model of three classes gives q12, q10 and q02, which add up to 1, as they must
    for persons who were seen. Three `separate` models do not: as drpop has it,
    q1 = min(q12 + q10, 1) and q2 = max(q12 / q1, min(q12 + q02, 1 + q12 - q1)) then,
    and the answer depends on the order of the lists.
    """
    kind = np.where(data.first * data.second == 1, 0, np.where(data.first == 1, 1, 2))
    shares = np.empty((data.first.size, 3))
    for part in np.unique(fold):
        inside = fold == part
        train = kind[~inside]
        if not (train == 0).any():
            raise NotEstimableError(
                "Outside one fold nobody is on both lists: use fewer folds, or fewer "
                "covariates with a stratified estimator."
            )
        old, new = data.matrix[~inside], data.matrix[inside]
        if separate:
            for row in range(3):
                shares[inside, row] = _predict(
                    learner, old, (train == row).astype(np.int64), new
                )[:, 1]
        else:
            shares[inside] = _predict(learner, old, train, new, classes=3)
    raw, only_first, only_second = shares.T
    both = np.maximum(raw, truncation)
    first = np.maximum(np.minimum(both + only_first, 1.0), truncation)
    second = np.minimum(both + only_second, 1.0)
    if separate:
        second = np.maximum(both / first, np.minimum(second, 1 + both - first))
    second = np.maximum(second, truncation)
    return Nuisances(
        both, first, second, fold, int(np.count_nonzero(raw <= truncation))
    )


def _predict(
    learner: Learner | None,
    train: FloatMatrix,
    kind: IntVector,
    new: FloatMatrix,
    classes: int = 2,
) -> FloatMatrix:
    """Return probabilities of shape (rows of `new`, classes)."""
    known = np.unique(kind)
    shares = np.zeros((len(new), classes))
    if known.size == 1:
        shares[:, known[0]] = 1.0
    elif learner is None:
        shares[:, known] = _logistic(train, np.searchsorted(known, kind), new)
    else:
        fresh = copy.deepcopy(learner)
        fresh.fit(train, kind)
        shares[:, known] = np.asarray(fresh.predict_proba(new), dtype=np.float64)
    return shares


def _logistic(train: FloatMatrix, kind: IntVector, new: FloatMatrix) -> FloatMatrix:
    """Return predictions of a main-effects multinomial logistic model, by Newton."""
    centre, spread = train.mean(axis=0), train.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    matrix = np.column_stack([np.ones(len(train)), (train - centre) / spread])
    width, classes = matrix.shape[1], int(kind.max()) + 1
    member = (kind[:, None] == np.arange(1, classes)).astype(np.float64)
    beta = np.zeros((classes - 1, width))
    value = -np.inf
    for _ in range(MOST_STEPS):
        log_share = _log_shares(matrix @ beta.T)
        now = float(log_share[np.arange(len(kind)), kind].sum())
        if now <= value + 1e-13 * (1 + abs(now)):
            break
        value = now
        share = np.exp(log_share[:, 1:])
        score = (member - share).T @ matrix
        blocks = [
            [
                (matrix.T * (share[:, a] * ((a == b) - share[:, b]))) @ matrix
                for b in range(classes - 1)
            ]
            for a in range(classes - 1)
        ]
        # Separated or collinear columns have no curvature: least squares leaves them.
        step = np.linalg.lstsq(np.block(blocks), score.ravel(), rcond=1e-12)[0]
        beta = beta + step.reshape(beta.shape)
    new = np.column_stack([np.ones(len(new)), (new - centre) / spread])
    return np.asarray(np.exp(_log_shares(new @ beta.T)), dtype=np.float64)


def _log_shares(eta: FloatMatrix) -> FloatMatrix:
    full = np.column_stack([np.zeros(len(eta)), eta])
    top = full.max(axis=1, keepdims=True)
    total = top + np.log(np.exp(full - top).sum(axis=1, keepdims=True))
    return np.asarray(full - total, dtype=np.float64)


def _zero_one(column: pd.Series[Any], name: str) -> FloatVector:
    values = pd.to_numeric(column, errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    wrong: BoolVector = np.asarray((values != 0) & (values != 1))
    if wrong.any():
        at = np.flatnonzero(wrong)
        raise InputError(
            f"The list {name} must be 0 or 1, {at.size} rows are not (rows "
            f"{', '.join(map(str, at[:_SHOWN]))}, counted from 0)."
        )
    return np.asarray(values, dtype=np.float64)


def _indicators(covariates: pd.DataFrame) -> FloatMatrix:
    table = pd.get_dummies(covariates, drop_first=True, dtype=np.float64)
    matrix = np.ascontiguousarray(table.to_numpy(dtype=np.float64))
    infinite = ~np.isfinite(matrix).all(axis=0)
    if infinite.any():
        raise InputError(
            f"Covariates must be finite: {', '.join(table.columns[infinite])} are not."
        )
    return matrix
