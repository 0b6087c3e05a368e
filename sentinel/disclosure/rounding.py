"""Counts rounded down to a base: an alternative to hiding cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError
from sentinel.disclosure.tables import TOTAL, with_margins

if TYPE_CHECKING:
    from sentinel.disclosure.policy import ReleasePolicy

__all__ = ["RoundedTable", "round_counts_down"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundedTable:
    """A table in which every count is a multiple of a base.

    Attributes
    ----------
    frame : DataFrame of Int64
        Cells rounded down; margins are the sums of the rounded cells.
    base : int
    note : str
        What must stand beside the table.
    """

    frame: pd.DataFrame
    base: int
    note: str


def round_counts_down(
    table: pd.DataFrame, policy: ReleasePolicy, *, total: str = TOTAL
) -> RoundedTable:
    """Round every count down to a multiple of the base and add the margins anew.

    The base is ``policy.round_to`` or else ``policy.minimum_cell``. Nothing is hidden
    and nothing needs complementary cells: margins are made of what is shown, so the
    whole table tells of each cell only that it lies within ``base`` whole numbers.

    Parameters
    ----------
    table : DataFrame of shape (rows, columns)
        Counts of persons, with or without margins (as `protect_counts` takes them).
    policy : ReleasePolicy
    total : str
        Label of the margins.

    Raises
    ------
    InputError
        If the base is below the minimum cell, for then small counts would differ from
        zero; or for what `protect_counts` refuses.

    Notes
    -----
    A margin is too low by up to ``base - 1`` per cell: do not print it beside the true
    total, the difference would be one more number to solve with. The
    Counter-Trafficking Data Collaborative rounded its aggregates down to the closest k
    in this way.

    Examples
    --------
    >>> from sentinel.disclosure import ReleasePolicy
    >>> table = pd.DataFrame({"male": [4, 60], "female": [30, 45]}, ["sea", "other"])
    >>> round_counts_down(table, ReleasePolicy()).frame
           male  female  Total
    sea       0      22     22
    other    55      44     99
    Total    55      66    121
    """
    base = policy.round_to or policy.minimum_cell
    if base < policy.minimum_cell:
        raise InputError(
            f"round_to={base} is below the minimum cell {policy.minimum_cell}: counts "
            "from it up to the minimum would be told from zero. Give at least "
            f"{policy.minimum_cell}."
        )
    full = with_margins(table, total)
    inner = full.drop(index=total, columns=total)
    frame = with_margins(inner - inner % base, total).astype("Int64")
    note = (
        f"Every count is rounded down to a multiple of {base}; 0 stands for 0 to "
        f"{base - 1}. Totals are the sums of the rounded counts and lie below the true "
        "totals."
    )
    return RoundedTable(frame=frame, base=base, note=note)
