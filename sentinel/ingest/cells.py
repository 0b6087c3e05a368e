"""From the text of one cell to its value and state, by codebook and mapping."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import NamedTuple

from sentinel.ingest.missing_codes import MissingCodes, parse_range
from sentinel.schema.states import CellState
from sentinel.schema.variables import Variable

__all__ = ["Cell", "CellReader", "Recode", "canonical"]

_WHOLE = re.compile(r"-?\d+\.0+")
_SEPARATORS = re.compile(r"[;,|\s]+")
_ISO_MONTH = re.compile(r"(\d{4})-(\d{1,2})")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_WITHOUT_TIME = re.compile(r"[T ]\d{1,2}:\d{2}.*$")
_DIGITS_ALONE = re.compile(r"(?:%[dmyY])+")
_WIDTHS = {"d": 2, "m": 2, "y": 2, "Y": 4}
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


class Cell(NamedTuple):
    """What a cell holds; `fault` says what is wrong with it, empty if nothing is."""

    value: str | float | date | None
    state: CellState
    fault: str = ""


def canonical(text: str) -> str:
    """Return a code or number in plain digits, whole ones without their ".0".

    Examples
    --------
    >>> canonical("3.0"), canonical("២៤"), canonical("XB-POIPET")
    ('3', '24', 'XB-POIPET')
    """
    if not text.isascii():
        # Khmer, Lao, Burmese and Thai digits are digits.
        text = "".join(
            str(unicodedata.decimal(char)) if char.isdecimal() else char
            for char in text
        )
    return text.partition(".")[0] if _WHOLE.fullmatch(text) else text


class Recode:
    """Old answers, ranges and patterns to new codes; ``"*"`` catches the rest.

    A single answer goes before a range, a range before a pattern, and of two patterns
    the one that stands first in the table counts.

    Examples
    --------
    >>> table = Recode({"97": "other", "1..5": "low", "*06": "june", "*": "rest"})
    >>> [table.apply(text) for text in ("97", "3", "51406", "x")]
    ['other', 'low', 'june', 'rest']
    """

    def __init__(self, table: Mapping[str, str]) -> None:
        self._rest = table.get("*")
        self._patterns = [
            (old, new) for old, new in table.items() if "*" in old and old != "*"
        ]
        self._single = {old: new for old, new in table.items() if "*" not in old}
        self._ranges = [
            (*ends, new)
            for old, new in table.items()
            if (ends := parse_range(old)) is not None
        ]

    def names(self, text: str) -> bool:
        """Return whether the table has a line for this answer, ``"*"`` aside."""
        return self._named(text) is not None

    def apply(self, text: str) -> str:
        """Return the new code, the old one where the table says nothing."""
        new = self._named(text)
        if new is not None:
            return new
        return text if self._rest is None else self._rest

    def _named(self, text: str) -> str | None:
        if text in self._single:
            return self._single[text]
        new = self._in_range(text)
        if new is not None:
            return new
        return next(
            (new for old, new in self._patterns if fnmatchcase(text, old)), None
        )

    def _in_range(self, text: str) -> str | None:
        if not self._ranges or not _NUMBER.fullmatch(text):
            return None
        number = float(text)
        return next(
            (new for low, high, new in self._ranges if low <= number <= high), None
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellReader:
    """Reads the cells of one variable in one file.

    The order is fixed: the mapping's missing codes speak of the file's own codes and
    come first; then the recode; then the codebook's missing codes; then those that the
    file itself declares; then the value.
    """

    variable: Variable
    recode: Recode | None = None
    own_missing: MissingCodes | None = None
    general_missing: MissingCodes = field(default_factory=lambda: MissingCodes({}))
    declared_missing: MissingCodes = field(default_factory=lambda: MissingCodes({}))
    date_format: str = ""
    decimal_comma: bool = False
    factor: float = 1.0

    def read(self, text: str) -> Cell:
        """Return value, state and fault of one text."""
        if self.variable.kind not in {"id", "string"}:
            text = canonical(text)
        if not text:
            return _EMPTY
        mapped = self._by_mapping(text)
        if mapped is not None:
            return mapped
        new = text if self.recode is None else self._recoded(self.recode, text)
        state = self.variable.missing.get(new)
        if state is None and new == text:
            state = self.declared_missing.state(text)
        if state is not None or not new:
            return Cell(None, state or CellState.MISSING)
        return self._value(new)

    def _recoded(self, table: Recode, text: str) -> str:
        """Return the new code, of a multiple answer part by part."""
        if self.variable.kind != "multi" or table.names(text):
            return table.apply(text)
        parts = [canonical(part) for part in _SEPARATORS.split(text) if part]
        return ";".join(filter(None, (table.apply(part) for part in parts)))

    def _by_mapping(self, text: str) -> Cell | None:
        if self.own_missing is not None:
            state = self.own_missing.state(text)
            return None if state is None else Cell(None, state)
        state = self.general_missing.state(text)
        if state is None or (self.recode is not None and self.recode.names(text)):
            return None
        if self._is_lawful(text):
            if not self.variable.is_numeric:
                return None
            name = self.variable.name
            return Cell(
                None,
                CellState.MISSING,
                f"an answer or a missing code: [missing] lists {text}, yet it is a "
                f"lawful {name}; decide in [missing.{name}]",
            )
        return Cell(None, state)

    def _is_lawful(self, text: str) -> bool:
        variable = self.variable
        if variable.kind == "id":
            return True
        if variable.codes or variable.is_numeric or variable.is_dated:
            return not self._value(text).fault
        return False

    def _value(self, text: str) -> Cell:
        variable = self.variable
        if variable.is_numeric:
            return _number(text, self)
        if variable.is_dated:
            return _day(text, self)
        return (
            _codes(text, variable)
            if variable.kind == "multi"
            else _code(text, variable)
        )


_EMPTY = Cell(None, CellState.MISSING)


def _wrong(variable: Variable) -> Cell:
    return Cell(None, CellState.MISSING, variable.expected())


def _is_code(text: str, variable: Variable) -> bool:
    if variable.codes:
        return text in variable.codes
    return not variable.pattern or re.fullmatch(variable.pattern, text) is not None


def _code(text: str, variable: Variable) -> Cell:
    if _is_code(text, variable):
        return Cell(text, CellState.VALUE)
    return _wrong(variable)


def _codes(text: str, variable: Variable) -> Cell:
    parts = {canonical(part) for part in _SEPARATORS.split(text) if part}
    if parts and all(_is_code(part, variable) for part in parts):
        return Cell(";".join(sorted(parts)), CellState.VALUE)
    return _wrong(variable)


def _number(text: str, reader: CellReader) -> Cell:
    variable = reader.variable
    if reader.decimal_comma:
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        return _wrong(variable)
    number = float(text) * reader.factor
    inside = (variable.low is None or number >= variable.low) and (
        variable.high is None or number <= variable.high
    )
    whole = variable.kind == "number" or number.is_integer()
    if not (math.isfinite(number) and inside and whole):
        return _wrong(variable)
    return Cell(number, CellState.VALUE)


def _with_leading_zero(text: str, date_format: str) -> str:
    """Return a date of digits alone in the format's full width.

    Spreadsheets take 010614 for a number and keep 10614, which strptime would read as
    10 June 2014 instead of 1 June.
    """
    if not _DIGITS_ALONE.fullmatch(date_format):
        return text
    width = sum(_WIDTHS[letter] for letter in date_format if letter != "%")
    if not text.isdigit() or not width - 1 <= len(text) <= width:
        raise ValueError(text)
    return text.zfill(width)


def _day(text: str, reader: CellReader) -> Cell:
    variable = reader.variable
    try:
        if reader.date_format:
            padded = _with_leading_zero(text, reader.date_format)
            day = datetime.strptime(padded, reader.date_format).date()
        elif variable.kind == "month" and (match := _ISO_MONTH.fullmatch(text)):
            day = date(int(match[1]), int(match[2]), 1)
        else:
            day = date.fromisoformat(_WITHOUT_TIME.sub("", text))
    except ValueError:
        return _wrong(variable)
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        return _wrong(variable)
    return Cell(
        day.replace(day=1) if variable.kind == "month" else day, CellState.VALUE
    )
