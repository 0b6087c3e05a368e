"""Sectors worked in at each destination, protected beside the routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from sentinel.disclosure import ProtectedFlows, ReleasePolicy

__all__ = ["protect_sectors"]

COLUMNS = ("destination", "sector", "n")
NOT_STATED = "not stated"


def protect_sectors(
    sectors: pd.DataFrame,
    routes: ProtectedFlows | None,
    policy: ReleasePolicy,
) -> pd.DataFrame:
    """Return the counts that may be shown beside the routes of the same release.

    Parameters
    ----------
    sectors : DataFrame
        ``destination, sector, n`` over all rounds, unprotected.
    routes : ProtectedFlows or None
    policy : ReleasePolicy

    Returns
    -------
    DataFrame
        ``destination, sector, n``, shown counts only.

    Notes
    -----
    A destination is taken only if the routes print its number over all rounds: then
    its sectors add up to what readers know already, and each destination is protected
    by itself with that sum as known. Sums of a sector over destinations are never
    printed, so that no two destinations share an equation. The release ledger keeps
    these counts in one family with the routes (`released_cells`).
    """
    from sentinel.disclosure import protect_marginals
    from sentinel.disclosure.flows import ALL_ROUNDS

    empty = pd.DataFrame(columns=list(COLUMNS))
    if sectors.empty or routes is None:
        return empty
    nodes = routes.destinations
    layers = set(routes.totals["round_id"].astype("str"))
    layer = ALL_ROUNDS if ALL_ROUNDS in layers else min(layers)
    shown = nodes[(nodes["round_id"] == layer) & ~nodes["suppressed"]]
    parts = []
    for place, number in zip(shown["place"], shown["n"], strict=True):
        rows = sectors[sectors["destination"].astype("str") == str(place)]
        if not place or int(rows["n"].sum()) != int(number):
            # Not the persons that the routes count: their sum would tell of others.
            continue
        persons = rows.loc[rows.index.repeat(rows["n"]), ["sector"]].astype("str")
        persons = persons.replace("", NOT_STATED).reset_index(drop=True)
        (table,) = protect_marginals(persons, [["sector"]], policy).tables
        table = table[table["count"].notna()].rename(columns={"count": "n"})
        parts.append(table.assign(destination=str(place)))
    if not parts:
        return empty
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]
