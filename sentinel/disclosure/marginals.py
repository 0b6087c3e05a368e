"""Several tables of the same persons, protected together through their joint table.

Outcomes of one definition imply each other, types are sums of patterns, and a table of
two definitions has the margins of both: what one table hides another may tell. Here
every printed count is written as a sum of cells of the joint table of all variables,
which is itself never printed, and all are protected as one system.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError
from sentinel.disclosure.cells import SystemBuilder
from sentinel.disclosure.suppression import suppress

if TYPE_CHECKING:
    from sentinel.disclosure.policy import ReleasePolicy

__all__ = ["ProtectedCounts", "protect_marginals"]

HEADLINE_COST = 20.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProtectedCounts:
    """Counts that may be released together.

    Attributes
    ----------
    tables : tuple of DataFrame
        One per table asked for: its variables, then ``count`` (Int64, NA if hidden).
        Combinations that nobody has are left out.
    n_hidden : int
    """

    tables: tuple[pd.DataFrame, ...]
    n_hidden: int


def protect_marginals(
    frame: pd.DataFrame,
    tables: Sequence[Sequence[str]],
    policy: ReleasePolicy,
    *,
    headline: Collection[str] = (),
) -> ProtectedCounts:
    """Count persons in several tables and hide what together would tell small groups.

    Parameters
    ----------
    frame : DataFrame of n rows
        One row per person, texts or categories without missing values.
    tables : sequence of sequence of str
        Columns of each table to print.
    policy : ReleasePolicy
    headline : collection of str
        Variables whose own table is hidden only when nothing else helps.

    Returns
    -------
    ProtectedCounts
        A group of the joint table is safe too, although it is not printed: two printed
        totals of which one holds the other would show their difference.

    Raises
    ------
    InputError
        If a column is absent or holds missing values.

    Examples
    --------
    >>> from sentinel.disclosure import ReleasePolicy
    >>> frame = pd.DataFrame({"exploited": ["yes"] * 54 + ["no"] * 60,
    ...                       "case": ["yes"] * 50 + ["no"] * 64})
    >>> protect_marginals(frame, [["exploited"], ["case"]], ReleasePolicy()).n_hidden
    2
    """
    names = list(dict.fromkeys(name for columns in tables for name in columns))
    absent = [name for name in names if name not in frame]
    if absent:
        raise InputError(f"The persons have no column {', '.join(absent)}.")
    texts = frame[names].astype("object")
    if texts.isna().any(axis=None):
        raise InputError("Missing values: give them a label of their own first.")
    if texts.empty:
        raise InputError("There are no persons or no tables to count.")
    joint = pd.DataFrame(texts.value_counts(sort=False)).reset_index()
    builder = SystemBuilder()
    base = [builder.add(count, kind="private") for count in joint["count"]]
    builder.sums(builder.add(len(frame), kind="known"), base)
    counted: list[pd.DataFrame] = []
    cells: list[list[int]] = []
    for columns in tables:
        parts = joint.groupby(list(columns), sort=True)
        totals = parts["count"].sum()
        is_headline = len(columns) == 1 and columns[0] in headline
        kind, cost = ("margin", HEADLINE_COST) if is_headline else ("cell", 1.0)
        numbers = [builder.add(count, kind=kind, cost=cost) for count in totals]
        for number, rows in zip(numbers, parts.indices.values(), strict=True):
            builder.sums(number, [base[row] for row in rows])
        counted.append(totals.reset_index())
        cells.append(numbers)
    found = suppress(builder.build(), policy.minimum_cell)
    hidden = found.hidden | bool(found.unprotected.size)
    masked, n_hidden = [], 0
    for table, numbers in zip(counted, cells, strict=True):
        counts = table["count"].astype("Int64")
        if policy.round_to:
            counts -= counts % policy.round_to
        masked.append(table.assign(count=counts.mask(hidden[numbers])))
        n_hidden += int(hidden[numbers].sum())
    return ProtectedCounts(tables=tuple(masked), n_hidden=n_hidden)
