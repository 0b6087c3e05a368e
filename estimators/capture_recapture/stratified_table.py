"""Tables of lists by covariates, and the columns of their log-linear models."""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntMatrix

__all__ = ["Pair", "StratifiedTable", "read_stratified_table"]

Pair = tuple[int, int]
MOST_CELLS = 200_000
_SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class StratifiedTable:
    """Every combination of lists and covariate levels, the unseen ones included.

    Attributes
    ----------
    names : tuple of str
        Lists, then covariates.
    n_lists : int
    levels : tuple of tuple
        Of each list (0, 1) and covariate.
    code : ndarray of int64, shape (cells, names)
        Position of each cell's level.
    count : ndarray of shape (cells,)
        Persons; 0 in cells that no list can show.
    notes : tuple of str
    degree : mapping of str to int
        Numeric covariates that enter as polynomials.
    """

    names: tuple[str, ...]
    n_lists: int
    levels: tuple[tuple[Any, ...], ...]
    code: IntMatrix
    count: FloatVector
    notes: tuple[str, ...]
    degree: Mapping[str, int] = field(default_factory=dict)

    @property
    def observable(self) -> BoolVector:
        """Cells of persons on at least one list."""
        return np.asarray(self.code[:, : self.n_lists].any(axis=1))

    @property
    def n_observed(self) -> int:
        """Persons on at least one list."""
        return int(self.count.sum())

    def pairs(self) -> list[Pair]:
        """Return every two-way term, by position in `names`."""
        return list(itertools.combinations(range(len(self.names)), 2))

    def label(self, pair: Pair) -> str:
        """Return ``first:second``."""
        return f"{self.names[pair[0]]}:{self.names[pair[1]]}"

    def main_columns(self) -> FloatMatrix:
        """Return the intercept and the main effects of every name, first level 0."""
        blocks = [self._columns(at) for at in range(len(self.names))]
        return np.column_stack([np.ones(len(self.code)), *blocks])

    def pair_columns(self, pair: Pair) -> FloatMatrix:
        """Return the products of the columns of two names."""
        one, other = (self._columns(at) for at in pair)
        return (one[:, :, None] * other[:, None, :]).reshape(len(self.code), -1)

    def column_names(self, pairs: Sequence[Pair]) -> list[str]:
        """Return ``sex=m``, ``police=1:sex=m``, ``year^2``: one for each parameter."""
        single = [self._labels(at) for at in range(len(self.names))]
        names = ["Intercept", *itertools.chain.from_iterable(single)]
        for one, other in pairs:
            names += [f"{a}:{b}" for a in single[one] for b in single[other]]
        return names

    def empty_margins(self, pair: Pair) -> BoolVector:
        """Return the cells whose level pair nobody has: their fitted mean is 0.

        A pair in which a list is absent also holds unseen persons: its being empty in
        the data says nothing.
        """
        first, second = pair
        if any(self.names[at] in self.degree for at in pair):
            # A polynomial has no parameter for one level.
            return np.zeros(len(self.code), dtype=np.bool_)
        width = len(self.levels[second])
        key = self.code[:, first] * width + self.code[:, second]
        total = np.bincount(key, self.count)
        empty = total[key] == 0
        for at in pair:
            if at < self.n_lists:
                empty &= self.code[:, at] == 1
        return np.asarray(empty)

    def _labels(self, at: int) -> list[str]:
        name = self.names[at]
        if name in self.degree:
            return [f"{name}^{power}" for power in range(1, self.degree[name] + 1)]
        return [f"{name}={level}" for level in self.levels[at][1:]]

    def _columns(self, at: int) -> FloatMatrix:
        name = self.names[at]
        if name in self.degree:
            return _orthogonal(self.levels[at], self.degree[name])[self.code[:, at]]
        levels = np.arange(1, len(self.levels[at]))
        return np.asarray(self.code[:, at, None] == levels, dtype=np.float64)


def _orthogonal(levels: Sequence[Any], degree: int) -> FloatMatrix:
    """Return polynomials of the levels' values, orthonormal over levels."""
    values = np.asarray(levels, dtype=np.float64)
    centred = (values - values.mean()) / np.ptp(values)
    basis, _ = np.linalg.qr(np.vander(centred, degree + 1, increasing=True))
    return np.asarray(basis[:, 1:])


def read_stratified_table(
    frame: pd.DataFrame,
    *,
    lists: Sequence[str],
    covariates: Sequence[str],
    count: str | None,
    degree: Mapping[str, int] | None = None,
) -> StratifiedTable:
    """Count persons by lists and covariates.

    Raises
    ------
    InputError
        If a column is missing, a list is not 0/1, a count is no whole number, persons
        are on no list, a covariate has one level, or there are too many cells.
    """
    names = [*lists, *covariates]
    if len(lists) < 2 or len(set(names)) < len(names):
        raise InputError(
            f"At least two lists and different names are needed, {names} came."
        )
    roles = {f"list {name}": name for name in lists}
    roles |= {f"covariate {name}": name for name in covariates}
    check_columns(frame, roles | ({} if count is None else {"count": count}))
    persons = _persons(frame, count)
    members = [_zero_one(frame[name], name) for name in lists]
    _check_seen(np.column_stack(members), persons)
    missing = frame[list(covariates)].isna().any(axis=1).to_numpy()
    lost = int(persons[missing].sum())
    notes = (
        (
            f"{lost} observed persons are left out for missing covariates: give them a "
            "level of their own to keep them",
        )
        if lost
        else ()
    )
    kept = ~missing & (persons > 0)
    if not kept.any():
        raise NotEstimableError("No observed person has every covariate.")
    codes = [member[kept] for member in members]
    levels: list[tuple[Any, ...]] = [(0, 1)] * len(lists)
    for name in covariates:
        code, found = pd.factorize(frame.loc[kept, name], sort=True)
        if len(found) < 2:
            raise InputError(f"The covariate {name} has one level only: leave it out.")
        codes.append(code)
        levels.append(tuple(found))
    shape = tuple(len(level) for level in levels)
    if np.prod(shape, dtype=float) > MOST_CELLS:
        raise InputError(
            f"{np.prod(shape, dtype=float):.0f} cells, at most {MOST_CELLS} are taken: "
            "join levels or leave covariates out."
        )
    flat = np.ravel_multi_index(
        [np.asarray(code, dtype=np.intp) for code in codes], shape
    )
    return StratifiedTable(
        names=tuple(names),
        n_lists=len(lists),
        levels=tuple(levels),
        code=np.column_stack(np.unravel_index(np.arange(np.prod(shape)), shape)).astype(
            np.int64
        ),
        count=np.asarray(
            np.bincount(flat, persons[kept], minlength=int(np.prod(shape))),
            dtype=np.float64,
        ),
        notes=notes,
        degree=_degrees(degree or {}, dict(zip(names, levels, strict=True))),
    )


def _degrees(
    degree: Mapping[str, int], levels: Mapping[str, Sequence[Any]]
) -> dict[str, int]:
    problems = []
    for name, power in degree.items():
        found = levels.get(name, ())
        numeric = all(
            isinstance(value, numbers.Real) and math.isfinite(value) for value in found
        )
        if not found or found == (0, 1) or not numeric:
            problems.append(f"{name} is no covariate of numbers")
        elif isinstance(power, bool) or not isinstance(power, int) or power < 1:
            problems.append(f"the degree of {name} is {power!r}, not 1, 2, ...")
        elif power >= len(found):
            problems.append(
                f"{name} has {len(found)} values, too few for degree {power}"
            )
    if problems:
        raise InputError(f"polynomials: {'; '.join(problems)}.")
    return dict(degree)


def _check_seen(members: IntMatrix, persons: FloatVector) -> None:
    unseen = np.flatnonzero(~members.any(axis=1) & (persons > 0))
    if unseen.size:
        raise InputError(
            f"Persons are given who are on no list (rows "
            f"{', '.join(map(str, unseen[:_SHOWN]))}, counted from 0): they are what "
            "is to be estimated. Leave them out."
        )


def _persons(frame: pd.DataFrame, count: str | None) -> FloatVector:
    if count is None:
        return np.ones(len(frame))
    values = _numbers(frame[count])
    return _checked(
        values,
        np.isfinite(values) & (values >= 0) & (values == np.round(values)),
        f"count={count!r}: whole numbers >= 0 were expected",
    )


def _zero_one(column: pd.Series[Any], name: str) -> Any:  # noqa: ANN401 - integers of any width
    values = _numbers(column)
    lawful = (values == 0) | (values == 1)
    return _checked(values, lawful, f"The list {name} must be 0 or 1").astype(np.int64)


def _numbers(column: pd.Series[Any]) -> FloatVector:
    return np.asarray(
        pd.to_numeric(column, errors="coerce").to_numpy(
            dtype=np.float64, na_value=np.nan
        )
    )


def _checked(values: FloatVector, lawful: BoolVector, words: str) -> FloatVector:
    wrong = np.flatnonzero(~lawful)
    if wrong.size:
        raise InputError(
            f"{words}, {wrong.size} rows are not (rows "
            f"{', '.join(map(str, wrong[:_SHOWN]))}, counted from 0)."
        )
    return values
