"""Evaluate a form expression for all rows of an export at once."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sentinel.ingest.forms.xpath_functions import FUNCTIONS, NotEvaluable, Rows
from sentinel.ingest.forms.xpath_syntax import (
    Binary,
    Call,
    Column,
    Constant,
    Negated,
    Node,
    OwnAnswer,
    Reference,
    parse_expression,
)
from sentinel.ingest.forms.xpath_values import (
    BoolVector,
    Flags,
    Numbers,
    Texts,
    Value,
    all_known,
    to_flags,
    to_numbers,
)

__all__ = ["Truth", "evaluate", "evaluate_value"]

_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Truth:
    """Where an expression is true, where it is known, and why not.

    Attributes
    ----------
    true, known : ndarray of bool, shape (n,)
        `true` counts only where `known`.
    not_checked : tuple of str
        Why it is not known: functions that are not ours, questions that are not there.
    """

    __slots__ = ("known", "not_checked", "true")

    def __init__(
        self, true: BoolVector, known: BoolVector, not_checked: Sequence[str] = ()
    ) -> None:
        self.true = true & known
        self.known = known
        self.not_checked = tuple(dict.fromkeys(not_checked))

    @property
    def false(self) -> BoolVector:
        """Where it is known to be false, shape (n,)."""
        return self.known & ~self.true


def evaluate(expression: str, rows: Rows) -> Truth:
    """Evaluate an expression as a condition.

    An unknown function, a question that the rows lack, and text that is no expression
    make the result unknown where it hangs on them: never true.

    Examples
    --------
    >>> import pandas as pd
    >>> age = Texts.of(pd.Series(["17", "30", ""], dtype="str"), is_number=True)
    >>> rows = Rows(n=3, columns={"age": age})
    >>> evaluate("${age} < 18", rows).true.tolist()
    [True, False, False]
    >>> evaluate("${age} < 18 or pulldata('x', 'y')", rows).known.tolist()
    [True, False, False]
    """
    value, reasons = evaluate_value(expression, rows)
    flags = to_flags(value)
    return Truth(flags.values, flags.known, reasons)


def evaluate_value(expression: str, rows: Rows) -> tuple[Value, tuple[str, ...]]:
    """Return what an expression gives in every row, and why some is not known.

    Examples
    --------
    >>> import pandas as pd
    >>> pay = Texts.of(pd.Series(["7", ""], dtype="str"), is_number=True)
    >>> evaluate_value("${pay} * 2", Rows(n=2, columns={"pay": pay}))[0].values
    array([14., nan])
    """
    run = _Run(rows)
    try:
        value = run.value(parse_expression(expression))
    except (ValueError, RecursionError) as error:
        told = "it is nested too deeply" if isinstance(error, RecursionError) else error
        return _nothing_known(rows.n), (str(told),)
    return value, tuple(dict.fromkeys(run.reasons))


def _nothing_known(n: int) -> Flags:
    return Flags(values=np.zeros(n, np.bool_), known=np.zeros(n, np.bool_))


class _Run:
    """One evaluation; `reasons` collects why something is not known."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.reasons: list[str] = []

    def value(self, node: Node) -> Value:
        if isinstance(node, Constant):
            return self._constant(node.value)
        if isinstance(node, Reference):
            return self._answer(node.name)
        if isinstance(node, OwnAnswer):
            return self._answer(".")
        if isinstance(node, Column):
            return self._column(node.name)
        if isinstance(node, Negated):
            number = to_numbers(self.value(node.operand))
            return Numbers(values=-number.values, known=number.known)
        if isinstance(node, Call):
            return self._call(node)
        return self._binary(node)

    def unknown(self, reason: str) -> Value:
        self.reasons.append(reason)
        return _nothing_known(self.rows.n)

    def _constant(self, value: str | float) -> Value:
        n = self.rows.n
        if isinstance(value, str):
            return Texts.constant(value, n)
        return Numbers(values=np.full(n, value), known=np.ones(n, np.bool_))

    def _answer(self, name: str) -> Value:
        found = self.rows.columns.get(name)
        if found is not None:
            return found
        return self.unknown("its own answer" if name == "." else f"{name} is not there")

    def _column(self, name: str) -> Value:
        beside = self.rows.choice
        if beside is None:
            return self.unknown(f"{name} is no question; those are written ${{{name}}}")
        if name not in beside:
            return self.unknown(f"the choices have no column {name}")
        return beside[name]

    def _call(self, node: Call) -> Value:
        known = FUNCTIONS.get(node.name)
        if known is None:
            return self.unknown(f"{node.name}() is not evaluated")
        function, least, most = known
        if not least <= len(node.arguments) <= most:
            return self.unknown(f"{node.name}() with {len(node.arguments)} arguments")
        given = [self.value(argument) for argument in node.arguments]
        try:
            return function(given, self.rows)
        except NotEvaluable as reason:
            return self.unknown(str(reason))

    def _binary(self, node: Binary) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if node.sign in {"and", "or"}:
            return _joined(node.sign, to_flags(left), to_flags(right))
        known = all_known([left, right], self.rows.n)
        if node.sign in {"=", "!="}:
            equal = _equal(left, right)
            return Flags(values=equal if node.sign == "=" else ~equal, known=known)
        first, second = to_numbers(left).values, to_numbers(right).values
        if node.sign in _ORDER:
            return Flags(values=_ORDER[node.sign](first, second), known=known)
        return Numbers(values=_arithmetic(node.sign, first, second), known=known)


def _joined(sign: str, left: Flags, right: Flags) -> Flags:
    """``and`` and ``or`` in Kleene's logic: one decisive side is enough."""
    decisive = sign == "or"
    decided = (left.known & (left.values == decisive)) | (
        right.known & (right.values == decisive)
    )
    both = left.known & right.known
    values = decided if decisive else ~decided
    return Flags(values=values & (decided | both), known=decided | both)


def _equal(left: Value, right: Value) -> BoolVector:
    if isinstance(left, Flags) or isinstance(right, Flags):
        return np.asarray(to_flags(left).values == to_flags(right).values)
    if isinstance(left, Numbers) or isinstance(right, Numbers):
        return np.asarray(to_numbers(left).values == to_numbers(right).values)
    same = _same_text(left, right)
    if not (np.any(left.is_number) or np.any(right.is_number)):
        return same
    # A stored number is compared as one wherever it is given: 18 equals "18.0".
    given = np.zeros(len(left.index), np.bool_)
    for side in (left, right):
        given |= side.is_number & ~side.empty
    numeric = to_numbers(left).values == to_numbers(right).values
    return np.where(given, numeric, same)


def _same_text(left: Texts, right: Texts) -> BoolVector:
    if len(left.distinct) == 1 or len(right.distinct) == 1:
        one, other = (left, right) if len(left.distinct) == 1 else (right, left)
        wanted = one.distinct[0]
        return other.flags(lambda text: text == wanted)
    places = {text: place for place, text in enumerate(right.distinct)}
    to_right = np.array([places.get(text, -1) for text in left.distinct], np.intp)
    if not len(to_right):
        return np.zeros(0, np.bool_)
    return np.asarray(to_right[left.index] == right.index)


def _arithmetic(sign: str, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        if sign == "+":
            return np.asarray(first + second)
        if sign == "-":
            return np.asarray(first - second)
        if sign == "*":
            return np.asarray(first * second)
        if sign == "div":
            return np.asarray(first / second)
        return np.asarray(np.fmod(first, second))  # the sign of the dividend, as XPath
