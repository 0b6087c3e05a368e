"""Skip expressions of a codebook: ``hh_debt=1``, ``age<18``, ``reason=1|2 and sold=1``.

Declarative on purpose: a codebook is data from anyone and is never executed. A name
that is not one word stands between backticks: ```group/q 1`=1``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.schema.states import CellState

__all__ = ["Comparison", "Condition", "parse_condition"]

BoolVector = npt.NDArray[np.bool_]
_COMPARISON = re.compile(
    r"^\s*([^\W\d]\w*|`[^`]+`)\s*(!=|<=|>=|=|<|>)\s*([^\s=<>!].*?)\s*$"
)
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One variable against one value, or against any of several (``1|2``)."""

    variable: str
    sign: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.variable}{self.sign}{'|'.join(self.values)}"

    def holds(self, column: pd.Series) -> BoolVector:
        """Return where the comparison holds; an empty cell never fulfils it."""
        if self.sign in _ORDER:
            numbers = pd.to_numeric(column, errors="coerce")
            limit = float(self.values[0])
            found = _ORDER[self.sign](
                numbers.to_numpy(np.float64, na_value=np.nan), limit
            )
            return np.asarray(found, dtype=np.bool_)
        if pd.api.types.is_numeric_dtype(column):
            wanted = [float(value) for value in self.values]
            equal = column.isin(wanted).to_numpy(np.bool_, na_value=False)
            return equal if self.sign == "=" else ~equal & column.notna().to_numpy()
        text = column.astype("str")
        if self.sign == "=":
            inside = "|".join(re.escape(value) for value in self.values)
            found = text.str.contains(rf"(?:^|;)(?:{inside})(?:;|$)", regex=True)
            return found.to_numpy(np.bool_, na_value=False)
        # A multiple answer differs from "none" when anything but "none" is in it.
        return (text.notna() & ~text.isin([*self.values, ""])).to_numpy(np.bool_)


@dataclass(frozen=True, slots=True)
class Condition:
    """Comparisons joined by ``and`` inside, ``or`` outside.

    Examples
    --------
    >>> condition = parse_condition("hh_debt=1 or age<18")
    >>> str(condition), sorted(condition.variables)
    ('hh_debt=1 or age<18', ['age', 'hh_debt'])
    """

    alternatives: tuple[tuple[Comparison, ...], ...]

    def __str__(self) -> str:
        return " or ".join(" and ".join(map(str, parts)) for parts in self.alternatives)

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every comparison, in order."""
        return tuple(part for parts in self.alternatives for part in parts)

    @property
    def variables(self) -> frozenset[str]:
        """Names that the condition reads."""
        return frozenset(part.variable for part in self.comparisons)

    def evaluate(
        self, frame: pd.DataFrame, states: pd.DataFrame
    ) -> tuple[BoolVector, BoolVector]:
        """Return where the condition is true and where it cannot be known, each (n,).

        "Don't know" and "refused" did not fulfil the condition on the form, so the
        question behind it was not asked; only a lost answer leaves it open.
        """
        n = len(frame)
        true_any, false_all = np.zeros(n, np.bool_), np.ones(n, np.bool_)
        for parts in self.alternatives:
            true_all, false_any = np.ones(n, np.bool_), np.zeros(n, np.bool_)
            for part in parts:
                lost = states[part.variable].to_numpy() == CellState.MISSING
                held = part.holds(frame[part.variable])
                true_all &= held & ~lost
                false_any |= ~held & ~lost
            true_any |= true_all
            false_all &= false_any
        return true_any, ~true_any & ~false_all


def parse_condition(text: str) -> Condition:
    """Read a skip expression.

    Raises
    ------
    ValueError
        If a part is not ``variable sign value``, or an order is asked of text.
    """
    return Condition(
        tuple(
            tuple(_comparison(part) for part in re.split(r"\s+and\s+", alternative))
            for alternative in re.split(r"\s+or\s+", text.strip())
        )
    )


def _comparison(text: str) -> Comparison:
    match = _COMPARISON.match(text)
    if match is None:
        raise ValueError(
            f"{text.strip()!r} is not a variable, one of = != < <= > >=, and a value"
        )
    variable, sign, value = match.groups()
    values = tuple(part.strip() for part in value.split("|"))
    if sign in _ORDER:
        if len(values) > 1:
            raise ValueError(f"{text.strip()!r} orders against several values")
        try:
            float(values[0])
        except ValueError:
            raise ValueError(f"{text.strip()!r} orders against text") from None
    return Comparison(variable.strip("`"), sign, values)
