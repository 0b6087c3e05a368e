"""Names for the patterns of a definition's dimensions: six dimensions, 64 patterns."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.classify.syntax_tree import (
    AllOf,
    AnyOf,
    AtLeast,
    Condition,
    Negation,
    Reference,
)

__all__ = ["Typology", "holds"]

VALUES = 3
UNKNOWN = 1
MARKS = ("0", "?", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typology:
    """Types of persons by which dimensions are positive; the first that fits counts.

    Attributes
    ----------
    dimensions : tuple of str
        A pattern has one place for each, in this order.
    types : mapping of str to Condition
        Label to a condition on the dimensions.
    texts : mapping of str to str
        Label to the condition as written.
    """

    dimensions: tuple[str, ...]
    types: Mapping[str, Condition]
    texts: Mapping[str, str]

    def patterns(self) -> pd.DataFrame:
        """Return every pattern with its type: 64 rows for six dimensions.

        Returns
        -------
        DataFrame
            One column of 0 and 1 per dimension, ``pattern`` ("100110") and ``type``; a
            pattern without a type has none (NA).
        """
        grid = list(itertools.product((0, 1), repeat=len(self.dimensions)))
        frame = pd.DataFrame(grid, columns=list(self.dimensions))
        frame["pattern"] = ["".join(map(str, row)) for row in grid]
        labels = [None if (found := self._type(row)) is None else found for row in grid]
        frame["type"] = pd.array(labels, dtype="str")
        return frame

    def assign(
        self, truths: Sequence[npt.NDArray[np.int8]]
    ) -> tuple[pd.Categorical[str], pd.Categorical[str]]:
        """Return pattern and type of every person from the dimensions' truths.

        Parameters
        ----------
        truths : sequence of ndarray of int8, shape (n,)
            0 no, 1 unknown, 2 yes, one array per dimension.

        Returns
        -------
        tuple of Categorical
            Patterns with "?" at unknown dimensions; the type where all patterns that
            the unknowns allow have the same, else missing.
        """
        most = VALUES ** len(truths)
        code = np.zeros(len(truths[0]), dtype=np.min_scalar_type(-most))
        for truth in truths:
            code *= VALUES
            code += truth
        labels, table = self._table()
        patterns = [
            "".join(MARKS[value] for value in row)
            for row in itertools.product(range(VALUES), repeat=len(self.dimensions))
        ]
        return (
            pd.Categorical.from_codes(code, categories=pd.Index(patterns)),
            pd.Categorical.from_codes(table[code], categories=pd.Index(labels)),
        )

    def _table(self) -> tuple[list[str], npt.NDArray[np.int16]]:
        """Return the labels and, for every pattern with unknowns, which one it has."""
        labels = list(self.types)
        found: dict[tuple[int, ...], int] = {}
        rows = list(itertools.product(range(VALUES), repeat=len(self.dimensions)))
        for row in sorted(rows, key=lambda values: values.count(UNKNOWN)):
            if UNKNOWN in row:
                place = row.index(UNKNOWN)
                no, yes = (
                    found[(*row[:place], value, *row[place + 1 :])] for value in (0, 2)
                )
                found[row] = no if no == yes else -1
            else:
                label = self._type(tuple(value // 2 for value in row))
                found[row] = -1 if label is None else labels.index(label)
        return labels, np.array([found[row] for row in rows], dtype=np.int16)

    def _type(self, row: Sequence[int]) -> str | None:
        values = dict(zip(self.dimensions, map(bool, row), strict=True))
        for label, condition in self.types.items():
            if holds(condition, values):
                return label
        return None


def holds(condition: Condition, values: Mapping[str, bool]) -> bool:
    """Return whether a condition on names holds when all of them are known."""
    if isinstance(condition, Reference):
        return values[condition.name]
    if isinstance(condition, Negation):
        return not holds(condition.item, values)
    if isinstance(condition, AllOf | AnyOf | AtLeast):
        count = sum(holds(item, values) for item in condition.items)
        if isinstance(condition, AtLeast):
            return count >= condition.count
        return (
            count == len(condition.items) if isinstance(condition, AllOf) else count > 0
        )
    raise TypeError(f"{condition} reads answers; a type reads dimensions only")
