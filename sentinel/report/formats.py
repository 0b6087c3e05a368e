"""Numbers as the report prints them; percent exists only here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MINUS",
    "NOTHING",
    "WITHHELD",
    "count",
    "hidden_mark",
    "interval",
    "is_hidden",
    "is_missing",
    "number",
    "percent",
    "value",
]

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EM DASH}"
WITHHELD = "withheld"
MANY = 1000


def percent(share: float, *, signed: bool = False) -> str:
    """Return a proportion in percent with one decimal, without the sign of percent.

    Examples
    --------
    >>> percent(0.2349), percent(0.04, signed=True)
    ('23.5', '+4.0')
    """
    return number(100 * share, signed=signed)


def number(amount: float, *, signed: bool = False, decimals: int = 1) -> str:
    """Return an amount with a true minus sign; a signed zero becomes "0.0"."""
    if not math.isfinite(amount):
        return NOTHING
    text = f"{amount:{'+' if signed else ''},.{decimals}f}"
    if not any(digit in text for digit in "123456789"):
        return text.lstrip("+-")
    return text.replace("-", MINUS)


def count(amount: object) -> str:
    """Return a whole number with thousands marked; "—" for none.

    Examples
    --------
    >>> count(89096)
    '89,096'
    """
    return NOTHING if is_missing(amount) else f"{int(float(str(amount))):,}"


def interval(low: str, high: str) -> str:
    """Join two printed limits."""
    joint = " to " if MINUS in low or MINUS in high or "+" in high else DASH
    return f"{low}{joint}{high}"


def value(amount: float, unit: str, *, signed: bool = False) -> str:
    """Return an estimate in the unit in which the report prints it."""
    if unit.startswith("proportion"):
        return percent(amount, signed=signed)
    size = abs(amount)
    return number(amount, signed=signed, decimals=0 if size >= MANY else 2)


def is_hidden(row: Mapping[str, object] | pd.Series) -> bool:
    """Whether disclosure control took the numbers of this row away."""
    return bool(row["suppressed"])


def is_missing(cell: object) -> bool:
    """Whether a cell holds nothing: None, NA, NaT or NaN."""
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return True
    return isinstance(cell, float) and math.isnan(cell)


def hidden_mark(minimum_cell: int) -> str:
    """Return what stands in a cell that is known to be too small."""
    return f"<{minimum_cell}"
