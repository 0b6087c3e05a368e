"""One table of counts made fit for release: `sentinel redact`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError
from sentinel.disclosure import (
    ReleasedCells,
    protect_counts,
    round_counts_down,
    safe_csv_cell,
)
from sentinel.report.formats import WITHHELD, hidden_mark
from sentinel.report.tables import csv_text

if TYPE_CHECKING:
    from sentinel.disclosure import ReleasePolicy

__all__ = ["Redaction", "redact_counts"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Redaction:
    """A protected table as text, what must be said of it, and what the ledger keeps."""

    text: str
    notes: tuple[str, ...]
    released: ReleasedCells
    tables: Mapping[str, Mapping[str, int]]


def redact_counts(
    table: pd.DataFrame,
    policy: ReleasePolicy,
    *,
    name: str,
    rounded: bool = False,
    group: str = "",
) -> Redaction:
    """Protect a table of counts whose first column holds the rows' labels.

    Parameters
    ----------
    table : DataFrame
        As read from a file: texts or numbers, with or without sums called "Total".
    policy : ReleasePolicy
    name : str
        What the table counts: a ledger knows it by this name and its labels.
    rounded : bool
        Round every count down and add the sums anew, instead of hiding cells.
    group : str
        Whom it counts (a round): releases about different groups are not compared.

    Raises
    ------
    InputError
        If it is no table of counts.

    Examples
    --------
    >>> from sentinel.disclosure import ReleasePolicy
    >>> table = pd.DataFrame({"sector": ["sea", "other"], "male": [4, 60],
    ...                       "female": [30, 45]})
    >>> print(redact_counts(table, ReleasePolicy(), name="t").text)
    sector,male,female,Total
    sea,<11,withheld,34
    other,withheld,withheld,105
    Total,64,75,139
    """
    if table.shape[1] < 2:
        raise InputError(
            "A table of counts was expected: labels in the first column, counts in the "
            "others."
        )
    label = str(table.columns[0])
    counts = table.set_index(label)
    if counts.index.has_duplicates or counts.columns.has_duplicates:
        raise InputError("Two rows or two columns have the same label.")
    if rounded:
        result = round_counts_down(counts, policy)
        shown = result.frame.astype("object")
        notes: tuple[str, ...] = (result.note,)
    else:
        protected = protect_counts(counts, policy)
        hidden = protected.frame.isna()
        small = (protected.reasons == "primary") & protected.reasons_safe
        shown = protected.frame.astype("object")
        shown = shown.mask(hidden, WITHHELD)
        shown = shown.mask(hidden & small, hidden_mark(policy.minimum_cell))
        notes = (
            f"{protected.n_primary} small cells and {protected.n_complementary} for "
            f"their sake hidden; choice of cells: {protected.method}.",
        )
    printed = shown.rename_axis(label).reset_index()
    sizes = {"cells": int(shown.size), "hidden": int(_hidden(shown).to_numpy().sum())}
    return Redaction(
        text=csv_text(printed, safe_csv_cell),
        notes=notes,
        released=_released(shown, policy, name, group),
        tables={"table": sizes},
    )


def _hidden(shown: pd.DataFrame) -> pd.DataFrame:
    return shown.map(lambda cell: isinstance(cell, str))


def _released(
    shown: pd.DataFrame, policy: ReleasePolicy, name: str, group: str
) -> ReleasedCells:
    cells: dict[str, int | str | None] = {}
    for row, values in zip(shown.index, shown.to_numpy(dtype=object), strict=True):
        for column, value in zip(shown.columns, values, strict=True):
            told = None if value == WITHHELD else value
            key = f"round={group}|row={row}|column={column}|n"
            cells[key] = told if told is None or isinstance(told, str) else int(told)
    return ReleasedCells(
        rounds={group: ""}, minimum_cell=policy.minimum_cell, cells={name: cells}
    )
