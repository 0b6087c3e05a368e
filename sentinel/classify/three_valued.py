"""Kleene's three-valued logic over whole columns of answers.

Truths are ``int8``: 0 no, 1 unknown, 2 yes. Then *and* is the minimum, *or* the
maximum and *not* is 2 - x, which is Kleene's strong logic: an unknown answer decides
nothing unless every value that it could have leads to the same result of that operator.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from estimators.errors import InputError
from sentinel.classify.strength_rules import settle_rule
from sentinel.classify.syntax_tree import (
    AllOf,
    AnyOf,
    Arithmetic,
    AtLeast,
    Comparison,
    Condition,
    CountRule,
    Literal,
    Member,
    Negation,
    Operand,
    Parameter,
    Reference,
    Selected,
    SelectedCount,
    Unmeasured,
    Variable,
)
from sentinel.schema.states import CellState

__all__ = ["NO", "UNKNOWN", "YES", "Answers", "TruthVector", "evaluate"]

TruthVector: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int8]]
AnyArray: TypeAlias = npt.NDArray[Any]
NO, UNKNOWN, YES = np.int8(0), np.int8(1), np.int8(2)

_COMPARE: Mapping[str, Callable[..., AnyArray]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_COMBINE: Mapping[str, Callable[..., AnyArray]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One variable, decoded once: ``values`` are numbers or positions in ``codes``."""

    values: AnyArray
    codes: tuple[str, ...] | None
    known: AnyArray
    not_asked: AnyArray


@dataclass(frozen=True, slots=True, eq=False)
class _Numbers:
    values: AnyArray
    known: AnyArray
    not_asked: AnyArray


class Answers:
    """The columns of an interview table, decoded when first needed.

    Parameters
    ----------
    frame : DataFrame of shape (n, variables)
        Categories as strings, multiple answers as codes with ";" between, numbers.
    states : DataFrame of shape (n, variables)
        `CellState` of every cell; a cell that claims a value but holds none is unknown.
    """

    def __init__(self, frame: pd.DataFrame, states: pd.DataFrame) -> None:
        self.n_rows = len(frame)
        self._frame = frame
        self._states = states
        self._columns: dict[str, _Column] = {}

    def column(self, name: str) -> _Column:
        """Return a decoded column."""
        if name not in self._columns:
            self._columns[name] = self._decode(name)
        return self._columns[name]

    def _decode(self, name: str) -> _Column:
        series = self._frame[name]
        absent = series.isna().to_numpy(dtype=bool)
        state = self._states[name].to_numpy()
        known = (state == CellState.VALUE) & ~absent
        not_asked = state == CellState.NOT_ASKED
        if pd.api.types.is_numeric_dtype(series) and not isinstance(
            series.dtype, pd.CategoricalDtype
        ):
            values = series.to_numpy(dtype=np.float64, na_value=np.nan)
            return _Column(values, None, known, not_asked)
        positions, codes = pd.factorize(series.astype(object), use_na_sentinel=True)
        texts = tuple(str(code) for code in codes)
        # A text without a character is a form in which nothing was ticked or typed.
        blank = _lookup(np.array([not text.strip() for text in texts], bool), positions)
        return _Column(positions, texts, known & ~blank, not_asked)


def evaluate(
    condition: Condition,
    answers: Answers,
    *,
    parameters: Mapping[str, float] | None = None,
    named: Mapping[str, TruthVector] | None = None,
    not_asked_is_no: bool = False,
) -> TruthVector:
    """Return the truth of a condition for every row.

    Parameters
    ----------
    condition : Condition
        From `parse_expression`.
    answers : Answers
    parameters : mapping of str to float
        Values of ``$name``.
    named : mapping of str to ndarray of int8, shape (n,)
        Truths of the conditions that `condition` refers to by name.
    not_asked_is_no : bool
        A comparison with a question that the form skipped is no instead of unknown.

    Returns
    -------
    ndarray of int8, shape (n,)
        0 no, 1 unknown, 2 yes.

    Examples
    --------
    >>> import pandas as pd
    >>> from sentinel.classify.expressions import parse_expression
    >>> frame = pd.DataFrame({"locked": ["1", "0", None], "hours_day": [9.0, 15, 15]})
    >>> states = pd.DataFrame({"locked": [0, 0, 3], "hours_day": [0, 0, 0]})
    >>> tree = parse_expression("locked = 1 and hours_day > $hours")
    >>> evaluate(tree, Answers(frame, states), parameters={"hours": 12.0}).tolist()
    [0, 0, 1]
    """
    scope = _Scope(answers, parameters or {}, named or {}, not_asked_is_no)
    return scope.truth(condition)


@dataclass(frozen=True, slots=True, eq=False)
class _Scope:
    answers: Answers
    parameters: Mapping[str, float]
    named: Mapping[str, TruthVector]
    not_asked_is_no: bool

    def truth(self, node: Condition) -> TruthVector:
        if isinstance(node, Negation):
            return np.subtract(YES, self.truth(node.item), dtype=np.int8)
        if isinstance(node, AllOf):
            return reduce(np.minimum, self._truths(node.items))
        if isinstance(node, AnyOf):
            return reduce(np.maximum, self._truths(node.items))
        if isinstance(node, AtLeast):
            return _at_least(node.count, self._truths(node.items))
        if isinstance(node, Comparison):
            return self._compare(node)
        if isinstance(node, Member | Selected):
            return self._membership(node)
        return self._named_truth(node)

    def _named_truth(self, node: Reference | CountRule | Unmeasured) -> TruthVector:
        if isinstance(node, Reference):
            return self.named[node.name]
        n_rows = self.answers.n_rows
        if isinstance(node, Unmeasured):
            return np.full(n_rows, UNKNOWN)
        return settle_rule(node, self.named, self.parameters, n_rows)

    def _truths(self, items: Sequence[Condition]) -> list[TruthVector]:
        return [self.truth(item) for item in items]

    def _membership(self, node: Member | Selected) -> TruthVector:
        column = self.answers.column(node.variable)
        if column.codes is None:
            wanted = [float(code) for code in node.codes]
            return self._settle(np.isin(column.values, wanted), column)
        hit = _code_hits(column.codes, node)
        return self._settle(_lookup(hit, column.values), column)

    def _compare(self, node: Comparison) -> TruthVector:
        category = self._category_side(node)
        if category is not None:
            name, code = category
            if node.operator not in {"=", "!="}:
                raise InputError(
                    f"{name} {node.operator} {code}: {name} holds codes, which have no "
                    "order; compare with = or != or list them with 'in'."
                )
            column = self.answers.column(name)
            hit = np.array([text == code for text in column.codes or ()], dtype=bool)
            found = _lookup(hit, column.values)
            return self._settle(found if node.operator == "=" else ~found, column)
        left, right = self._numbers(node.left), self._numbers(node.right)
        with np.errstate(invalid="ignore"):
            holds = _COMPARE[node.operator](left.values, right.values)
        both = _Numbers(
            holds, left.known & right.known, left.not_asked | right.not_asked
        )
        return self._settle(holds, both)

    def _category_side(self, node: Comparison) -> tuple[str, str] | None:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, Variable):
                column = self.answers.column(one.name)
                if column.codes and isinstance(other, Literal):
                    return one.name, other.text
        return None

    def _numbers(self, node: Operand) -> _Numbers:
        n_rows = self.answers.n_rows
        if isinstance(node, Literal | Parameter):
            constant = (
                node.number if isinstance(node, Literal) else self.parameters[node.name]
            )
            everywhere = np.ones(n_rows, dtype=bool)
            return _Numbers(np.full(n_rows, constant), everywhere, ~everywhere)
        if isinstance(node, Arithmetic):
            left, right = self._numbers(node.left), self._numbers(node.right)
            return _Numbers(
                _COMBINE[node.operator](left.values, right.values),
                left.known & right.known,
                left.not_asked | right.not_asked,
            )
        if isinstance(node, SelectedCount):
            column = self.answers.column(node.variable)
            counts = np.array(
                [
                    len(set(_split(text)) & set(node.codes))
                    for text in column.codes or ()
                ],
                dtype=np.float64,
            )
            values = _lookup(counts, column.values)
            return _Numbers(values, column.known, column.not_asked)
        column = self.answers.column(node.name)
        if column.codes is not None and not _is_empty(column):
            raise InputError(
                f"{node.name} holds codes, not numbers: compare it with one code."
            )
        return _Numbers(
            column.values.astype(np.float64), column.known, column.not_asked
        )

    def _settle(self, holds: AnyArray, cells: _Column | _Numbers) -> TruthVector:
        settled = np.where(holds, YES, NO).astype(np.int8)
        settled[~cells.known] = UNKNOWN
        if self.not_asked_is_no:
            settled[cells.not_asked] = NO
        return settled


def _at_least(count: int, truths: Sequence[TruthVector]) -> TruthVector:
    stacked = np.stack(truths)
    certain = (stacked == YES).sum(axis=0)
    possible = (stacked >= UNKNOWN).sum(axis=0)
    settled = np.full(stacked.shape[1], UNKNOWN, dtype=np.int8)
    settled[certain >= count] = YES
    settled[possible < count] = NO
    return settled


def _code_hits(codes: Sequence[str], node: Member | Selected) -> AnyArray:
    wanted = set(node.codes)
    if isinstance(node, Selected):
        return np.array([bool(wanted & set(_split(text))) for text in codes], bool)
    return np.array([text in wanted for text in codes], bool)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";")]


def _lookup(by_code: AnyArray, positions: AnyArray) -> AnyArray:
    """Return ``by_code[positions]``; position -1, an empty cell, gives zero."""
    padded: AnyArray = np.append(by_code, np.zeros(1, dtype=by_code.dtype))
    return padded[positions]


def _is_empty(column: _Column) -> bool:
    return not column.codes
