"""Whether the parts of a printed table add up to what is printed as their total."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from estimators.checks import check_columns
from sentinel.schema.problems import Problem, Problems

__all__ = ["check_margins", "check_sums"]


def check_sums(
    frame: pd.DataFrame,
    *,
    parts: Sequence[str],
    total: str,
    label: str | None = None,
    tolerance: float = 0.0,
    file: str = "",
) -> Problems:
    """List the rows whose parts do not add up to their printed total.

    Parameters
    ----------
    frame : DataFrame
    parts, total : sequence of str, str
        Numeric columns. A row with a missing part or total cannot be checked and is
        listed as a warning.
    label : str, optional
        Column that names the row in a message.
    tolerance : float
        Largest difference that is rounding: half a unit of the last printed digit for
        every part.
    file : str
        Name for messages.

    Examples
    --------
    >>> table = pd.DataFrame({"men": [3, 4], "women": [2, 2], "all": [5, 7]})
    >>> print(*check_sums(table, parts=["men", "women"], total="all"))
    2:all: '7' came, expected 6, the sum of men, women
    """
    check_columns(frame, {f"parts {name}": name for name in parts} | {"total": total})
    problems = Problems()
    for place, (_, row) in enumerate(frame.iterrows(), start=1):
        name = "" if label is None else f" ({row[label]})"
        cells = row[[*parts, total]]
        if cells.isna().any():
            gone = ", ".join(cells.index[cells.isna()])
            problems.add(
                Problem(
                    severity="warning", file=file, row=place, column=total,
                    expected=f"all parts{name}", hint=f"Not checked without {gone}.",
                )
            )  # fmt: skip
            continue
        summed, printed = float(cells[list(parts)].sum()), float(cells[total])
        if abs(summed - printed) > tolerance:
            problems.add(
                Problem(
                    file=file, row=place, column=total, value=f"{printed:g}",
                    expected=f"{summed:g}, the sum of {', '.join(parts)}{name}",
                )
            )  # fmt: skip
    return problems


def check_margins(
    frame: pd.DataFrame,
    *,
    margin: str,
    count: str,
    total: str = "total",
    file: str = "",
) -> Problems:
    """List the margins of one table that do not add up to its printed total.

    Parameters
    ----------
    frame : DataFrame
        Long: `margin` says to which margin a row belongs, or `total`.
    margin, count : str
        Columns.
    total : str
        Value of `margin` in the row of the total.
    file : str
        Name for messages.

    Examples
    --------
    >>> from sentinel import datasets
    >>> table = datasets.load("commit_activities_2009")
    >>> len(check_margins(table, margin="margin", count="activities"))
    0
    """
    check_columns(frame, {"margin": margin, "count": count})
    sums = frame.groupby(margin, sort=False)[count].sum()
    problems = Problems()
    if total not in sums.index:
        expected = f"a row whose {margin} is {total!r}"
        problems.add(Problem(file=file, column=margin, expected=expected))
        return problems
    printed = sums.pop(total)
    for name, summed in sums.items():
        if summed != printed:
            problems.add(
                Problem(
                    file=file, column=str(name), value=f"{summed:g}",
                    expected=f"{printed:g}, the printed total",
                )
            )  # fmt: skip
    return problems
