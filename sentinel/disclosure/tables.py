"""Tables of counts: small cells hidden, and those whose sums would tell them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.errors import InputError
from sentinel.disclosure.cells import CellSystem, SystemBuilder, feasible_intervals
from sentinel.disclosure.policy import ReleasePolicy
from sentinel.disclosure.suppression import Suppression, suppress

if TYPE_CHECKING:
    from estimators.array_types import IntMatrix

__all__ = ["ProtectedTable", "audit", "protect_counts", "with_margins"]

TOTAL = "Total"
MARGIN_COST = 20.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProtectedTable:
    """A table of counts that may be released.

    Attributes
    ----------
    frame : DataFrame of Int64
        With margins; hidden cells are NA.
    reasons : DataFrame of str
        ``"primary"`` (small itself), ``"complementary"`` (would tell a small one) or
        empty. May be released only where `reasons_safe`.
    reasons_safe : bool
        Whether a reader who is given `reasons` still learns no more of a small cell
        than that it lies in 1..k-1. Otherwise mark all hidden cells alike.
    n_primary, n_complementary : int
    optimal : bool
        No protected table hides less (by the cost that puts margins last): proven by
        binary programmes within their limits. Else cells were hidden one after the
        other until the attack failed, which is as safe and may hide more.
    narrowest : float
        Of all small cells, the least number of steps between the smallest and the
        largest count that fit the shown cells (``inf`` if none is hidden or bounded).
    """

    frame: pd.DataFrame
    reasons: pd.DataFrame
    reasons_safe: bool
    n_primary: int
    n_complementary: int
    optimal: bool
    narrowest: float

    @property
    def method(self) -> str:
        """How the hidden cells were chosen, for print."""
        return "optimal (binary programme)" if self.optimal else "greedy, then audited"


def protect_counts(
    table: pd.DataFrame, policy: ReleasePolicy, *, total: str = TOTAL
) -> ProtectedTable:
    """Hide what a table of counts must not show.

    Parameters
    ----------
    table : DataFrame of shape (rows, columns)
        Counts of persons. Margins are added unless a row and a column are labelled
        `total` already; those must be the sums.
    policy : ReleasePolicy
    total : str
        Label of the margins.

    Returns
    -------
    ProtectedTable
        Every small cell is ambiguous to a reader who solves the whole table with its
        margins: everything from 1 to ``minimum_cell - 1`` fits, or, in tables too tight
        for that, a range at least ``minimum_cell`` wide. Margins are hidden last. What
        is hidden costs least where ``optimal``; larger tables use a sequence of linear
        programmes that is as safe and may hide more.

    Raises
    ------
    InputError
        Counts that are not whole numbers >= 0, or margins that are not the sums.

    Examples
    --------
    >>> table = pd.DataFrame({"male": [4, 60], "female": [30, 45]}, ["sea", "other"])
    >>> protect_counts(table, ReleasePolicy()).frame
           male  female  Total
    sea    <NA>    <NA>     34
    other  <NA>    <NA>    105
    Total    64      75    139
    """
    full = with_margins(table, total)
    counts = full.to_numpy(dtype=np.int64)
    system = _two_way(counts)
    found = suppress(system, policy.minimum_cell)
    if found.unprotected.size:
        raise InputError(
            "This table cannot be protected even with every cell hidden; merge rows or "
            "columns first."
        )
    hidden = found.hidden.reshape(counts.shape)
    primary = found.primary.reshape(counts.shape)
    shown = counts - counts % policy.round_to if policy.round_to else counts
    reasons = np.where(primary, "primary", np.where(hidden, "complementary", ""))
    return ProtectedTable(
        frame=pd.DataFrame(shown, full.index, full.columns, dtype="Int64").mask(hidden),
        reasons=pd.DataFrame(reasons, full.index, full.columns),
        reasons_safe=bool(found.told.all()),
        n_primary=int(primary.sum()),
        n_complementary=int((hidden & ~primary).sum()),
        optimal=found.optimal,
        narrowest=_narrowest(system, found),
    )


def audit(
    table: pd.DataFrame, mask: pd.DataFrame, *, total: str = TOTAL
) -> pd.DataFrame:
    """Attack a release: bound every hidden cell by what is shown.

    Parameters
    ----------
    table : DataFrame of shape (rows, columns)
        True counts, with or without margins.
    mask : DataFrame of bool, same shape with margins
        True where the release hides the cell.
    total : str
        Label of the margins.

    Returns
    -------
    DataFrame
        One row per hidden cell: ``row, column, low, high``, the limits of all values
        that fit the shown cells, the sums and non-negativity.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [4, 60], "b": [30, 45]})
    >>> mask = with_margins(table, "Total") == 4
    >>> audit(table, mask)
      row column  low  high
    0   0      a  4.0   4.0
    """
    full = with_margins(table, total)
    if mask.shape != full.shape:
        raise InputError(
            f"The mask has shape {mask.shape}, the table with margins {full.shape}."
        )
    hidden = mask.to_numpy(dtype=bool).ravel()
    cells = np.flatnonzero(hidden)
    limits = feasible_intervals(_two_way(full.to_numpy(dtype=np.int64)), hidden, cells)
    rows, columns = np.divmod(cells, full.shape[1])
    return pd.DataFrame(
        {
            "row": full.index[rows],
            "column": full.columns[columns],
            "low": limits[:, 0].round(6),
            "high": limits[:, 1].round(6),
        }
    )


def _narrowest(system: CellSystem, found: Suppression) -> float:
    """Attack the finished table anew, with no knowledge but what is printed."""
    small = np.flatnonzero(found.primary)
    if not small.size:
        return np.inf
    limits = feasible_intervals(system, found.hidden, small)
    return float((limits[:, 1] - limits[:, 0]).min().round(6))


def with_margins(table: pd.DataFrame, total: str) -> pd.DataFrame:
    """Return whole counts with their sums; refuse what is no table of counts."""
    numbers = table.apply(pd.to_numeric, errors="coerce").astype("float64")
    values = numbers.to_numpy()
    if not table.size or not np.all(np.isfinite(values) & (values >= 0)):
        raise InputError(
            "A table of counts was expected: at least one cell, whole numbers >= 0, no "
            "missing value."
        )
    if not np.array_equal(values, np.round(values)):
        raise InputError(
            "Counts must be whole numbers; weighted totals are not counts."
        )
    counts = numbers.astype("int64")
    if total in table.index and total in table.columns:
        inner = counts.drop(index=total, columns=total)
        if not _add_margins(inner, total).equals(
            counts.reindex(index=[*inner.index, total], columns=[*inner, total])
        ):
            raise InputError(f"The rows and columns {total!r} are not the sums.")
        return _add_margins(inner, total)
    if total in table.index or total in table.columns:
        raise InputError(f"Give {total!r} for rows and columns, or for neither.")
    return _add_margins(counts, total)


def _add_margins(inner: pd.DataFrame, total: str) -> pd.DataFrame:
    values = inner.to_numpy()
    values = np.column_stack([values, values.sum(axis=1)])
    values = np.vstack([values, values.sum(axis=0)])
    return pd.DataFrame(values, [*inner.index, total], [*inner.columns, total])


def _two_way(counts: IntMatrix) -> CellSystem:
    """Return the system of a table whose last row and column are its sums."""
    n_rows, n_columns = counts.shape
    builder = SystemBuilder()
    for (row, column), value in np.ndenumerate(counts):
        sums = (row == n_rows - 1) + (column == n_columns - 1)
        kind = "margin" if sums else "cell"
        builder.add(int(value), kind=kind, cost=MARGIN_COST**sums)
    number = np.arange(counts.size).reshape(counts.shape)
    for row in range(n_rows):
        builder.sums(int(number[row, -1]), number[row, :-1].tolist())
    for column in range(n_columns):
        builder.sums(int(number[-1, column]), number[:-1, column].tolist())
    return builder.build()
