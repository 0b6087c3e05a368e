"""Kleene's three-valued logic over whole columns of answers.

Truths are ``int8``: 0 no, 1 unknown, 2 yes. Then *and* is the minimum, *or* the
maximum and *not* is 2 - x, which is Kleene's strong logic: an unknown answer decides
nothing unless every value that it could have leads to the same result of that operator.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from estimators.errors import InputError
from sentinel.classify._kernels import look_up
from sentinel.classify.answers import Answers, Column
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

__all__ = ["NO", "UNKNOWN", "YES", "TruthVector", "evaluate"]

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
class _Numbers:
    """Values of an operand; a constant is one number for all rows."""

    values: AnyArray | np.float64
    known: AnyArray | np.bool_
    not_asked: AnyArray | np.bool_


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
            return self._settle(_is_one_of(column, node.codes), column)
        return self._settle_codes(node, column)

    def _compare(self, node: Comparison) -> TruthVector:
        category = self._category_side(node)
        if category is not None:
            name, code = category
            if node.operator not in {"=", "!="}:
                raise InputError(
                    f"{name} {node.operator} {code}: {name} holds codes, which have no "
                    "order; compare with = or != or list them with 'in'."
                )
            return self._settle_codes(node, self.answers.column(name), code)
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
        if isinstance(node, Literal | Parameter):
            constant = (
                node.number if isinstance(node, Literal) else self.parameters[node.name]
            )
            return _Numbers(np.float64(constant), np.True_, np.False_)
        if isinstance(node, Arithmetic):
            left, right = self._numbers(node.left), self._numbers(node.right)
            return _Numbers(
                _COMBINE[node.operator](left.values, right.values),
                left.known & right.known,
                left.not_asked | right.not_asked,
            )
        if isinstance(node, SelectedCount):
            column = self.answers.column(node.variable)
            if column.codes is None:
                return self._of_column(_is_one_of(column, node.codes) * 1.0, column)
            counts = self.answers.table(node, partial(_selected_counts, column, node))
            return self._of_column(counts[column.values], column)
        column = self.answers.column(node.name)
        if column.codes:
            raise InputError(
                f"{node.name} holds codes, not numbers: compare it with one code."
            )
        return self._of_column(column.values, column)

    def _of_column(self, values: AnyArray, column: Column) -> _Numbers:
        skipped = column.not_asked if self.not_asked_is_no else np.False_
        return _Numbers(values, column.known, skipped)

    def _settle(self, holds: AnyArray, cells: Column | _Numbers) -> TruthVector:
        # Sums of bytes: np.where would take fifteen times as long.
        settled = holds * YES * cells.known + ~cells.known * UNKNOWN
        if self.not_asked_is_no:
            settled *= ~cells.not_asked
        if not np.ndim(settled):  # both sides are constants
            return np.full(self.answers.n_rows, settled)
        return settled

    def _settle_codes(
        self, node: Comparison | Member | Selected, column: Column, code: str = ""
    ) -> TruthVector:
        """Look the truth of every cell up: one decision per code of the column."""
        truths = self.answers.table(node, partial(_code_truths, column, node, code))
        settled = np.empty(self.answers.n_rows, dtype=np.int8)
        skipped = NO if self.not_asked_is_no else UNKNOWN
        look_up(truths, column.values, column.state, skipped, settled)
        return settled


def _at_least(count: int, truths: Sequence[TruthVector]) -> TruthVector:
    stacked = np.stack(truths)
    certain = (stacked == YES).sum(axis=0)
    possible = (stacked >= UNKNOWN).sum(axis=0)
    # Nobody has more certain than possible ones: 0, 1 or 2 of the claims hold.
    claims: TruthVector = np.add(certain >= count, possible >= count, dtype=np.int8)
    return claims


def _is_one_of(column: Column, codes: Sequence[str]) -> AnyArray:
    """Return where a number is one of the codes; a code that is no number is none."""
    return np.isin(column.values, [Literal(code).number for code in codes])


def _code_truths(
    column: Column, node: Comparison | Member | Selected, code: str
) -> npt.NDArray[np.int8]:
    """Return the truth of an empty cell, then of every code."""
    texts = column.codes or ()
    if isinstance(node, Comparison):
        hits = [(text == code) is (node.operator == "=") for text in texts]
    elif isinstance(node, Selected):
        wanted = set(node.codes)
        hits = [bool(wanted & set(_split(text))) for text in texts]
    else:
        hits = [text in node.codes for text in texts]
    settled = np.where(np.array(hits, dtype=bool), YES, NO)
    settled[column.is_blank] = UNKNOWN
    truths: npt.NDArray[np.int8] = np.append(UNKNOWN, settled)
    return truths


def _selected_counts(column: Column, node: SelectedCount) -> AnyArray:
    """Return how many of the listed codes each text holds; last, an empty cell's."""
    wanted = set(node.codes)
    counts = [len(wanted & set(_split(text))) for text in column.codes or ()]
    return np.array([*counts, 0], dtype=np.float64)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";")]
