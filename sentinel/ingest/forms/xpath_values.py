"""Values of form expressions for all rows at once, each known or not known.

A text column is held as its distinct texts and one index per row: every function works
on the distinct texts alone. A value that cannot be known (a function that is not ours,
a question that the export lacks) is marked so and stays so through ``and``, ``or`` and
``if`` as in Kleene's logic: unknown or true is true, unknown and true is unknown.
An answer that was not given is the empty text, as ODK has it, and is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = [
    "BoolVector",
    "Flags",
    "IndexVector",
    "Numbers",
    "Texts",
    "Value",
    "all_known",
    "day_number",
    "number_of_text",
    "text_of_number",
    "to_flags",
    "to_numbers",
    "to_texts",
]

BoolVector = npt.NDArray[np.bool_]
FloatVector = npt.NDArray[np.float64]
IndexVector = npt.NDArray[np.intp]
_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_NAMED_DAY = re.compile(
    rf"(?P<month>{'|'.join(_MONTHS)}) (?P<day>\d{{1,2}}), (?P<year>\d{{4}})(?!\d)"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """Numbers, shape (n,); NaN is what XPath calls not a number."""

    values: FloatVector
    known: BoolVector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flags:
    """Truth values, shape (n,)."""

    values: BoolVector
    known: BoolVector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Texts:
    """Texts as distinct ones and an index, shape (n,).

    `is_number` marks answers that the form stores as numbers or days, for all rows or
    row by row: they compare as numbers wherever they are given, and as the empty text
    where they are not.
    """

    index: IndexVector
    distinct: tuple[str, ...]
    known: BoolVector
    is_number: bool | BoolVector = False

    @classmethod
    def of(
        cls,
        column: pd.Series | npt.NDArray[np.object_],
        *,
        is_number: bool | BoolVector = False,
    ) -> Texts:
        """Return a column of str, shape (n,)."""
        index, distinct = pd.factorize(column)
        return cls(
            index=index.astype(np.intp),
            distinct=tuple(str(text) for text in distinct),
            known=np.ones(len(column), np.bool_),
            is_number=is_number,
        )

    @classmethod
    def constant(cls, text: str, n: int) -> Texts:
        """Return one text n times."""
        return cls(
            index=np.zeros(n, np.intp), distinct=(text,), known=np.ones(n, np.bool_)
        )

    def take(self, places: IndexVector) -> Texts:
        """Return the texts of some rows, as often as they are named."""
        flag = self.is_number
        return replace(
            self,
            index=self.index[places],
            known=self.known[places],
            is_number=flag if isinstance(flag, bool) else flag[places],
        )

    def flags(self, test: Callable[[str], bool]) -> BoolVector:
        """Return a test of every text, made once for each distinct one."""
        found = np.array([test(text) for text in self.distinct], np.bool_)
        return found[self.index] if len(found) else np.zeros(0, np.bool_)

    def numbers(self, measure: Callable[[str], float]) -> FloatVector:
        """Return a number of every text, found once for each distinct one."""
        found = np.array([measure(text) for text in self.distinct], np.float64)
        return found[self.index] if len(found) else np.zeros(0)

    def map(self, change: Callable[[str], str]) -> Texts:
        """Return every text changed."""
        return replace(
            self,
            distinct=tuple(change(text) for text in self.distinct),
            is_number=False,
        )

    def objects(self) -> npt.NDArray[np.object_]:
        """Return the plain texts, shape (n,)."""
        return np.array([*self.distinct, ""], dtype=object)[self.index]

    @property
    def empty(self) -> BoolVector:
        """Where nothing is given."""
        return self.flags(lambda text: not text)


Value = Numbers | Flags | Texts


def number_of_text(text: str) -> float:
    """Return a text as XPath's number() does; days count from 1970-01-01.

    Examples
    --------
    >>> number_of_text(" 12.5 "), number_of_text("1970-01-03"), number_of_text("")
    (12.5, 2.0, nan)
    """
    plain = text.strip()
    if not plain.isascii() or "_" in plain:
        return np.nan
    try:
        number = float(plain)
    except ValueError:
        return day_number(plain)
    # XPath knows neither exponents nor "inf" and "nan".
    return number if plain.lstrip("-").replace(".", "", 1).isdigit() else np.nan


def day_number(text: str) -> float:
    """Return the days from 1970-01-01 to a day that leads a text, else NaN.

    Days are written as ISO has them, or as SurveyCTO writes them into CSV files.

    Examples
    --------
    >>> day_number("2026-03-02T10:00:00.000+07:00") == day_number("Mar 2, 2026 9:00 AM")
    True
    """
    plain = text.strip()
    named = _NAMED_DAY.match(plain)
    try:
        if named is None:
            day = date.fromisoformat(plain[:10])
        else:
            month = 1 + _MONTHS.index(named["month"])
            day = date(int(named["year"]), month, int(named["day"]))
    except ValueError:
        return np.nan
    return float(day.toordinal() - _EPOCH)


def text_of_number(number: float) -> str:
    """Return a number as XPath writes it: whole ones without a point."""
    if np.isnan(number):
        return "NaN"
    if np.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if float(number).is_integer():
        return str(int(number))
    return np.format_float_positional(number, trim="-")  # never an exponent


def to_numbers(value: Value) -> Numbers:
    """Return a value as numbers: true is 1, a text that is no number is NaN."""
    if isinstance(value, Numbers):
        return value
    if isinstance(value, Flags):
        return Numbers(values=value.values.astype(np.float64), known=value.known)
    return Numbers(values=value.numbers(number_of_text), known=value.known)


def to_texts(value: Value) -> Texts:
    """Return a value as texts."""
    if isinstance(value, Texts):
        return value
    if isinstance(value, Flags):
        return Texts(
            index=value.values.astype(np.intp),
            distinct=("false", "true"),
            known=value.known,
        )
    distinct, index = np.unique(value.values, return_inverse=True)
    return Texts(
        index=index.astype(np.intp),
        distinct=tuple(text_of_number(number) for number in distinct),
        known=value.known,
    )


def to_flags(value: Value) -> Flags:
    """Return a value as truth values: a number but 0 and NaN, a text but ""."""
    if isinstance(value, Flags):
        return value
    if isinstance(value, Numbers):
        there = (value.values != 0) & ~np.isnan(value.values)
        return Flags(values=there, known=value.known)
    there = ~value.empty
    if np.any(value.is_number):
        there = np.where(value.is_number, to_flags(to_numbers(value)).values, there)
    return Flags(values=there, known=value.known)


def all_known(values: Sequence[Value], n: int) -> BoolVector:
    """Return where every value is known, shape (n,)."""
    known = np.ones(n, np.bool_)
    for value in values:
        known = known & value.known
    return known
