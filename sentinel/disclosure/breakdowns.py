"""Parts of places (sectors worked in at each destination) beside other tables.

Each place's parts add up to what the routes print of it, and over all places a part
adds up to what a table by that part prints: one system of cells.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError
from sentinel.disclosure.cells import SystemBuilder
from sentinel.disclosure.suppression import suppress

if TYPE_CHECKING:
    from sentinel.disclosure.elsewhere import PlacesElsewhere
    from sentinel.disclosure.policy import ReleasePolicy

__all__ = ["protect_breakdown"]


def protect_breakdown(
    counts: pd.DataFrame,
    policy: ReleasePolicy,
    *,
    printed: Collection[str],
    elsewhere: Sequence[PlacesElsewhere] = (),
) -> pd.DataFrame:
    """Hide what the parts of places must not show beside other tables.

    Parameters
    ----------
    counts : DataFrame
        ``place, part, n``: every respondent once.
    policy : ReleasePolicy
    printed : collection of str
        Places whose total is printed: their parts are released. Others stay unprinted,
        and their small parts are protected all the same.
    elsewhere : sequence of PlacesElsewhere
        Protected tables whose ``place`` is a part here.

    Returns
    -------
    DataFrame
        ``place, part, n`` of the printed places, sorted; ``n`` is missing where hidden.

    Raises
    ------
    InputError
        Missing columns, or a table that counts more of a part than there are.

    Examples
    --------
    >>> from sentinel.disclosure import ReleasePolicy
    >>> counts = pd.DataFrame({"place": "TH-10", "part": ["sea", "farm", "shop"],
    ...                        "n": [40, 30, 4]})
    >>> protect_breakdown(counts, ReleasePolicy(), printed=["TH-10"])["n"].tolist()
    [<NA>, 40, <NA>]
    """
    check_columns(counts, {name: name for name in ("place", "part", "n")})
    persons = counts[counts["n"] > 0].astype({"place": "str", "part": "str"})
    table = persons.groupby(["place", "part"])["n"].sum().reset_index()
    is_printed = table["place"].isin(list(printed)).to_numpy(dtype=bool)
    builder = SystemBuilder()
    cells = [
        builder.add(int(n), kind="cell" if shown else "private")
        for n, shown in zip(table["n"], is_printed, strict=True)
    ]
    totals = []
    for place, rows in table.groupby("place").indices.items():
        inside = [cells[row] for row in rows]
        kind = "known" if place in printed else "private"
        totals.append(builder.add(sum(map(builder.value, inside)), kind=kind))
        builder.sums(totals[-1], inside)
    builder.sums(builder.add(int(table["n"].sum()), kind="known"), totals)
    parts = {
        str(part): [cells[row] for row in rows]
        for part, rows in table.groupby("part").indices.items()
    }
    for other in elsewhere:
        _tie(builder, parts, other)
    found = suppress(builder.build(), policy.minimum_cell, exact=False, tell=False)
    hidden = found.hidden[: len(cells)] | bool(found.unprotected.size)
    shown_n = table["n"].astype("Int64").mask(hidden)
    return table.assign(n=shown_n)[is_printed].reset_index(drop=True)


def _tie(
    builder: SystemBuilder, parts: dict[str, list[int]], other: PlacesElsewhere
) -> None:
    """State that a part over all places is what a table counts of it, and a rest."""
    value = builder.value
    counted = other.counts.groupby(["place", "row"], as_index=False)["n"].sum()
    by_row: dict[str, list[int]] = {}
    by_part: dict[str, list[int]] = {}
    for part, row, n in zip(
        counted["place"], counted["row"], counted["n"], strict=True
    ):
        cell = builder.add(int(n), kind="free")
        by_row.setdefault(str(row), []).append(cell)
        by_part.setdefault(str(part), []).append(cell)
    for part, inside in by_part.items():
        whole = builder.add(sum(map(value, parts.get(part, []))), kind="free")
        rest = value(whole) - sum(map(value, inside))
        if rest < 0:
            raise InputError(
                "A table counts more respondents of a part than the places do."
            )
        builder.sums(whole, parts[part])
        builder.sums(whole, [*inside, builder.add(rest, kind="free")])
    every = [cell for inside in by_part.values() for cell in inside]
    builder.sums(builder.add(sum(map(value, every)), kind="known"), every)
    for row, inside in by_row.items():
        kind = "known" if other.shown[row] else "private"
        builder.sums(builder.add(sum(map(value, inside)), kind=kind), inside)
