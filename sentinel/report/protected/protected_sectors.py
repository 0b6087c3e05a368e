"""Sectors worked in at each destination, protected beside the routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from sentinel.disclosure import PlacesElsewhere, ProtectedFlows, ReleasePolicy

__all__ = ["protect_sectors"]

COLUMNS = ("destination", "sector", "n")
NOT_STATED = "not stated"


def protect_sectors(
    sectors: pd.DataFrame,
    routes: ProtectedFlows | None,
    policy: ReleasePolicy,
    elsewhere: Sequence[PlacesElsewhere] = (),
) -> pd.DataFrame:
    """Return the counts that may be shown beside the routes of the same release.

    Parameters
    ----------
    sectors : DataFrame
        ``destination, sector, n`` over all rounds, unprotected.
    routes : ProtectedFlows or None
    policy : ReleasePolicy
    elsewhere : sequence of PlacesElsewhere
        Released tables by sector.

    Returns
    -------
    DataFrame
        ``destination, sector, n``, shown counts only.

    Notes
    -----
    A destination is taken only if the routes print its number over all rounds: then
    its sectors add up to what readers know already. Sums of a sector over destinations
    are tied to the released tables by sector. The release ledger keeps these counts in
    one family with the routes (`released_cells`).
    """
    from sentinel.disclosure import protect_breakdown
    from sentinel.disclosure.flows import ALL_ROUNDS

    empty = pd.DataFrame(columns=list(COLUMNS))
    if sectors.empty or routes is None:
        return empty
    nodes = routes.destinations
    layers = set(routes.totals["round_id"].astype("str"))
    layer = ALL_ROUNDS if ALL_ROUNDS in layers else min(layers)
    shown = nodes[(nodes["round_id"] == layer) & ~nodes["suppressed"]]
    totals = sectors.groupby(sectors["destination"].astype("str"))["n"].sum()
    # Not the persons that the routes count: their sum would tell of others.
    printed = [
        str(place)
        for place, number in zip(shown["place"], shown["n"], strict=True)
        if place and totals.get(str(place), 0) == number
    ]
    counts = sectors.rename(columns={"destination": "place", "sector": "part"})
    counts = counts.assign(part=counts["part"].astype("str").replace("", NOT_STATED))
    table = protect_breakdown(counts, policy, printed=printed, elsewhere=elsewhere)
    names = {"place": "destination", "part": "sector"}
    return table[table["n"].notna()].rename(columns=names)[list(COLUMNS)]
