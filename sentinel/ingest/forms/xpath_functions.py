"""The functions of form expressions that an export lets us evaluate."""

# ruff: noqa: ARG001 - every function has one signature, whatever it uses

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sentinel.ingest.forms.xpath_values import (
    BoolVector,
    Flags,
    IndexVector,
    Numbers,
    Texts,
    Value,
    all_known,
    day_number,
    to_flags,
    to_numbers,
    to_texts,
)

__all__ = ["FUNCTIONS", "NotEvaluable", "Rows", "pairwise"]


class NotEvaluable(Exception):  # noqa: N818 - a finding, never an error of the user's
    """An expression, or a part of one, that cannot be evaluated; says why."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What expressions are evaluated on: n rows of answers.

    `columns` hold what is known by question name, `today` the day of each interview
    where the export has it, `choice` the columns of the choice that stands beside each
    row where a choice filter is evaluated.
    """

    n: int
    columns: dict[str, Texts] = field(default_factory=dict)
    today: Texts | None = None
    choice: dict[str, Texts] | None = None

    def take(self, places: IndexVector, names: Sequence[str]) -> Rows:
        """Return some rows, as often as they are named, with some of the columns."""
        return Rows(
            n=len(places),
            columns={
                name: self.columns[name].take(places)
                for name in names
                if name in self.columns
            },
            today=None if self.today is None else self.today.take(places),
        )


Function = Callable[[Sequence[Value], Rows], Value]


def pairwise(left: Texts, right: Texts, test: Callable[[str, str], bool]) -> BoolVector:
    """Return a test of two texts in every row, made once for each pair that occurs."""
    if len(right.distinct) == 1:
        only = right.distinct[0]
        return left.flags(lambda text: test(text, only))
    wide = max(len(right.distinct), 1)
    pairs, row = np.unique(left.index * wide + right.index, return_inverse=True)
    hits = [
        test(left.distinct[pair // wide], right.distinct[pair % wide])
        for pair in pairs.tolist()
    ]
    return np.array(hits, np.bool_)[row]


def _text_test(test: Callable[[str, str], bool]) -> Function:
    def apply(given: Sequence[Value], rows: Rows) -> Value:
        hits = pairwise(to_texts(given[0]), to_texts(given[1]), test)
        return Flags(values=hits, known=all_known(given, rows.n))

    return apply


def _text_measure(measure: Callable[[str], float]) -> Function:
    def apply(given: Sequence[Value], rows: Rows) -> Value:
        text = to_texts(given[0])
        return Numbers(values=text.numbers(measure), known=text.known)

    return apply


def _number_function(change: Callable[..., np.ndarray]) -> Function:
    def apply(given: Sequence[Value], rows: Rows) -> Value:
        numbers = [to_numbers(value).values for value in given]
        with np.errstate(all="ignore"):
            values = np.asarray(change(*numbers), np.float64)
        return Numbers(values=values, known=all_known(given, rows.n))

    return apply


def _truth(*, value: bool) -> Function:
    def apply(given: Sequence[Value], rows: Rows) -> Value:
        known = np.ones(rows.n, np.bool_)
        return Flags(values=np.full(rows.n, value), known=known)

    return apply


def _is_selected(answer: str, code: str) -> bool:
    return bool(code.strip()) and code.strip() in answer.split()


def _selected_at(given: Sequence[Value], rows: Rows) -> Value:
    place = _constant_number(given[1])
    return to_texts(given[0]).map(
        lambda text: text.split()[place] if 0 <= place < len(text.split()) else ""
    )


def _constant_number(value: Value) -> int:
    numbers = to_numbers(value).values
    if len(numbers) and not (np.isfinite(numbers[0]) and (numbers == numbers[0]).all()):
        raise NotEvaluable("a position that differs between rows")
    return int(numbers[0]) if len(numbers) else 0


def _regex(given: Sequence[Value], rows: Rows) -> Value:
    import pyarrow as pa
    import pyarrow.compute as pc

    text, pattern = to_texts(given[0]), to_texts(given[1])
    used = np.unique(pattern.index)
    if len(used) != 1:
        if rows.n:
            raise NotEvaluable("a pattern that differs between rows")
        return Flags(values=np.zeros(0, np.bool_), known=text.known)
    # This engine has no backtracking: no pattern of a form can hang the reader.
    whole = f"^(?:{pattern.distinct[used[0]]})$"
    try:
        found = pc.match_substring_regex(pa.array(text.distinct, pa.string()), whole)
    except pa.ArrowInvalid:
        raise NotEvaluable("a pattern that our matcher does not know") from None
    hits = np.array(found.to_pylist(), np.bool_)
    # "$" also matches before a final line break, which the whole text is not.
    hits &= np.array([not item.endswith("\n") for item in text.distinct], np.bool_)
    return Flags(values=hits[text.index], known=all_known(given, rows.n))


def _if(given: Sequence[Value], rows: Rows) -> Value:
    test = to_flags(given[0])
    return _chosen(test.values, test.known, given[1], given[2])


def _chosen(first: BoolVector, known: BoolVector, left: Value, right: Value) -> Value:
    both = known & np.where(first, left.known, right.known)
    if isinstance(left, Numbers) and isinstance(right, Numbers):
        return Numbers(values=np.where(first, left.values, right.values), known=both)
    if isinstance(left, Flags) and isinstance(right, Flags):
        return Flags(values=np.where(first, left.values, right.values), known=both)
    if isinstance(left, Flags) or isinstance(right, Flags):
        raise NotEvaluable("a choice between a truth value and something else")
    numeric = np.where(first, _is_number(left), _is_number(right)).astype(np.bool_)
    texts = np.where(first, to_texts(left).objects(), to_texts(right).objects())
    return replace(Texts.of(texts, is_number=numeric), known=both)


def _is_number(value: Value) -> bool | BoolVector:
    return value.is_number if isinstance(value, Texts) else True


def _coalesce(given: Sequence[Value], rows: Rows) -> Value:
    first = to_texts(given[0])
    return _chosen(~first.empty, first.known, given[0], given[1])


def _concat(given: Sequence[Value], rows: Rows) -> Value:
    parts = [to_texts(value).objects() for value in given]
    joined = ["".join(items) for items in zip(*parts, strict=True)]
    texts = Texts.of(np.array(joined, dtype=object))
    return replace(texts, known=all_known(given, rows.n))


def _date(given: Sequence[Value], rows: Rows) -> Value:
    value = given[0]
    if isinstance(value, Texts):
        return Numbers(values=value.numbers(day_number), known=value.known)
    return to_numbers(value)


def _today(given: Sequence[Value], rows: Rows) -> Value:
    if rows.today is None:
        raise NotEvaluable("today(): the export does not say the day of the interview")
    days = rows.today.numbers(day_number)
    return Numbers(values=days, known=rows.today.known & ~np.isnan(days))


def _round(given: Sequence[Value], rows: Rows) -> Value:
    digits = _constant_number(given[1]) if len(given) > 1 else 0
    number = to_numbers(given[0])
    if abs(digits) > 15:
        raise NotEvaluable(f"round() to {digits} digits")
    scaled = number.values * 10.0**digits
    # Halves go up, as in XPath, and not to the even neighbour. 2.675 is a half of a
    # hundredth although its nearest binary number lies four units of the last place
    # below: form servers round the decimal that was typed.
    slack = np.where(np.abs(scaled) < 1e12, np.abs(scaled) * 4.5e-16, 0.0)
    values = np.floor(scaled + slack + 0.5) / 10.0**digits
    return Numbers(values=values, known=number.known)


def _extreme(pick: Callable[..., np.ndarray]) -> Function:
    return _number_function(lambda *numbers: pick(np.stack(numbers), axis=0))


def _not(given: Sequence[Value], rows: Rows) -> Value:
    flags = to_flags(given[0])
    return Flags(values=~flags.values, known=flags.known)


def _once(given: Sequence[Value], rows: Rows) -> Value:
    own = rows.columns.get(".")
    return given[0] if own is None else _coalesce([own, given[0]], rows)


def _substring(given: Sequence[Value], rows: Rows) -> Value:
    start = _constant_number(given[1])
    end = _constant_number(given[2]) if len(given) > 2 else None
    return to_texts(given[0]).map(lambda text: text[start:end])


# Name to (function, least number of arguments, most).
FUNCTIONS: dict[str, tuple[Function, int, float]] = {
    "selected": (_text_test(_is_selected), 2, 2),
    "count-selected": (_text_measure(lambda text: float(len(text.split()))), 1, 1),
    "selected-at": (_selected_at, 2, 2),
    "string-length": (_text_measure(lambda text: float(len(text))), 1, 1),
    "regex": (_regex, 2, 2),
    "if": (_if, 3, 3),
    "coalesce": (_coalesce, 2, 2),
    "number": (lambda given, _: to_numbers(given[0]), 1, 1),
    "int": (_number_function(np.trunc), 1, 1),
    "abs": (_number_function(np.abs), 1, 1),
    "round": (_round, 1, 2),
    "pow": (_number_function(np.power), 2, 2),
    "min": (_extreme(np.min), 2, math.inf),
    "max": (_extreme(np.max), 2, math.inf),
    "string": (lambda given, _: to_texts(given[0]), 1, 1),
    "boolean": (lambda given, _: to_flags(given[0]), 1, 1),
    "concat": (_concat, 1, math.inf),
    "contains": (_text_test(lambda text, part: part in text), 2, 2),
    "starts-with": (_text_test(str.startswith), 2, 2),
    "ends-with": (_text_test(str.endswith), 2, 2),
    "substr": (_substring, 2, 3),
    "date": (_date, 1, 1),
    "today": (_today, 0, 0),
    "true": (_truth(value=True), 0, 0),
    "false": (_truth(value=False), 0, 0),
    "not": (_not, 1, 1),
    "once": (_once, 1, 1),
}
