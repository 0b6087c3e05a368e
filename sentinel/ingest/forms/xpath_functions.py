"""The functions of form expressions that an export lets us evaluate."""

# ruff: noqa: ARG001 - every function has one signature, whatever it uses

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sentinel.ingest.forms.xpath_values import (
    BoolVector,
    Flags,
    Numbers,
    Texts,
    Value,
    all_known,
    day_number,
    to_flags,
    to_numbers,
    to_texts,
)

__all__ = ["FUNCTIONS", "NotEvaluable", "Rows"]


class NotEvaluable(Exception):  # noqa: N818 - a finding, never an error of the user's
    """An expression, or a part of one, that cannot be evaluated; says why."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What expressions are evaluated on: n rows of answers.

    `columns` hold what is known by question name, `today` the day of each interview
    where the export has it.
    """

    n: int
    columns: dict[str, Texts] = field(default_factory=dict)
    today: Texts | None = None


Function = Callable[[Sequence[Value], Rows], Value]


def _number_function(
    change: Callable[[np.ndarray], np.ndarray],
) -> Function:
    def apply(given: Sequence[Value], rows: Rows) -> Value:
        number = to_numbers(given[0])
        return Numbers(values=change(number.values), known=number.known)

    return apply


def _selected(given: Sequence[Value], rows: Rows) -> Value:
    answer, wanted = to_texts(given[0]), to_texts(given[1])
    known = all_known([answer, wanted], rows.n)
    found = np.zeros(rows.n, np.bool_)
    for place, code in enumerate(wanted.distinct):
        if not code:
            continue
        here = wanted.index == place
        words = [set(text.split()) for text in answer.distinct]
        hit = np.array([code.strip() in item for item in words], np.bool_)
        found |= here & hit[answer.index]
    return Flags(values=found, known=known)


def _count_selected(given: Sequence[Value], rows: Rows) -> Value:
    answer = to_texts(given[0])
    counts = answer.numbers(lambda text: float(len(text.split())))
    return Numbers(values=counts, known=answer.known)


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


def _string_length(given: Sequence[Value], rows: Rows) -> Value:
    text = to_texts(given[0])
    return Numbers(values=text.numbers(lambda item: float(len(item))), known=text.known)


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
    texts = np.where(first, to_texts(left).objects(), to_texts(right).objects())
    index, distinct = pd.factorize(texts)
    numeric = np.where(first, _is_number(left), _is_number(right))
    return Texts(
        index=index.astype(np.intp),
        distinct=tuple(distinct),
        known=both,
        is_number=numeric.astype(np.bool_),
    )


def _is_number(value: Value) -> bool | BoolVector:
    return value.is_number if isinstance(value, Texts) else True


def _coalesce(given: Sequence[Value], rows: Rows) -> Value:
    first = to_texts(given[0])
    return _chosen(~first.empty, first.known, given[0], given[1])


def _contains(given: Sequence[Value], rows: Rows) -> Value:
    return _text_test(given, rows, lambda text, part: part in text)


def _starts_with(given: Sequence[Value], rows: Rows) -> Value:
    return _text_test(given, rows, str.startswith)


def _ends_with(given: Sequence[Value], rows: Rows) -> Value:
    return _text_test(given, rows, str.endswith)


def _text_test(
    given: Sequence[Value], rows: Rows, test: Callable[[str, str], bool]
) -> Value:
    text, part = to_texts(given[0]), to_texts(given[1])
    found = np.zeros(rows.n, np.bool_)
    for place, wanted in enumerate(part.distinct):
        hits = text.flags(lambda item, wanted=wanted: test(item, wanted))  # type: ignore[misc]
        found |= (part.index == place) & hits
    return Flags(values=found, known=all_known(given, rows.n))


def _concat(given: Sequence[Value], rows: Rows) -> Value:
    parts = [to_texts(value).objects() for value in given]
    joined = ["".join(items) for items in zip(*parts, strict=True)]
    index, distinct = pd.factorize(np.array(joined, dtype=object))
    return Texts(
        index=index.astype(np.intp),
        distinct=tuple(distinct),
        known=all_known(given, rows.n),
    )


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
    scale = 10.0**digits
    # Halves go up, as in XPath, and not to the even neighbour.
    values = np.floor(number.values * scale + 0.5) / scale
    return Numbers(values=values, known=number.known)


def _power(given: Sequence[Value], rows: Rows) -> Value:
    base, exponent = to_numbers(given[0]), to_numbers(given[1])
    with np.errstate(all="ignore"):
        values = np.power(base.values, exponent.values)
    return Numbers(values=values, known=all_known(given, rows.n))


def _extreme(pick: Callable[..., np.ndarray]) -> Function:
    def apply(given: Sequence[Value], rows: Rows) -> Value:
        numbers = np.stack([to_numbers(value).values for value in given])
        return Numbers(values=pick(numbers, axis=0), known=all_known(given, rows.n))

    return apply


def _true(given: Sequence[Value], rows: Rows) -> Value:
    return Flags(values=np.ones(rows.n, np.bool_), known=np.ones(rows.n, np.bool_))


def _false(given: Sequence[Value], rows: Rows) -> Value:
    return Flags(values=np.zeros(rows.n, np.bool_), known=np.ones(rows.n, np.bool_))


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
    "selected": (_selected, 2, 2),
    "count-selected": (_count_selected, 1, 1),
    "selected-at": (_selected_at, 2, 2),
    "string-length": (_string_length, 1, 1),
    "regex": (_regex, 2, 2),
    "if": (_if, 3, 3),
    "coalesce": (_coalesce, 2, 2),
    "number": (lambda given, _: to_numbers(given[0]), 1, 1),
    "int": (_number_function(np.trunc), 1, 1),
    "abs": (_number_function(np.abs), 1, 1),
    "round": (_round, 1, 2),
    "pow": (_power, 2, 2),
    "min": (_extreme(np.min), 2, math.inf),
    "max": (_extreme(np.max), 2, math.inf),
    "string": (lambda given, _: to_texts(given[0]), 1, 1),
    "boolean": (lambda given, _: to_flags(given[0]), 1, 1),
    "concat": (_concat, 1, math.inf),
    "contains": (_contains, 2, 2),
    "starts-with": (_starts_with, 2, 2),
    "ends-with": (_ends_with, 2, 2),
    "substr": (_substring, 2, 3),
    "date": (_date, 1, 1),
    "today": (_today, 0, 0),
    "true": (_true, 0, 0),
    "false": (_false, 0, 0),
    "not": (_not, 1, 1),
    "once": (_once, 1, 1),
}
