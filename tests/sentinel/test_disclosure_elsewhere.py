"""Routes beside tables by place: what one hides the other must not tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from estimators.errors import InputError
from sentinel.disclosure import ReleasePolicy, protect_flows
from sentinel.disclosure.flows import PlacesElsewhere

POLICY = ReleasePolicy()
K = POLICY.minimum_cell
CROSSING, DESTINATIONS = "XB-POIPET", ("TH-10", "TH-11")


def routes_of(origins):
    rows = [
        ("2009", origin, CROSSING, place, number)
        for origin, numbers in origins.items()
        for place, number in zip(DESTINATIONS, numbers, strict=True)
    ]
    names = ["round_id", "origin", "crossing", "destination", "n"]
    return pd.DataFrame(rows, columns=names)


def table_beside(flows, unknown=(), hidden=("KH-2", "KH-3")):
    """Return respondents by home, all of them but the unknown ones."""
    counts = flows.groupby(["round_id", "origin"])["n"].sum().reset_index()
    counts.columns = ["round_id", "place", "n"]
    for place, number in unknown:
        counts.loc[counts["place"] == place, "n"] -= number
    counts["row"] = counts["place"]
    shown = {row: row not in hidden for row in counts["row"]}
    return PlacesElsewhere(what="origin", counts=counts, shown=shown)


HOMES = {"KH-1": (40, 30), "KH-2": (30, 25), "KH-3": (2, 3), "KH-4": (9, 5)}


def reach_of_smallest(flows, released, beside, place="KH-3"):
    """Bound a home's respondents by all that both documents print."""
    places = sorted(flows["origin"].unique())
    counted = beside.counts.set_index("place")["n"]
    total = flows["n"].sum()
    # Unknowns: respondents by home, then those of them that the table does not count.
    equal, right = [], []
    size = len(places)
    everybody = np.concatenate([np.ones(size), np.zeros(size)])
    equal.append(everybody)
    right.append(total)
    outside = np.concatenate([np.zeros(size), np.ones(size)])
    equal.append(outside)
    right.append(total - counted.sum())
    nodes = released.origins.query("not suppressed").set_index("place")["n"]
    for at, name in enumerate(places):
        home = np.eye(2 * size)[at]
        if name in nodes.index:
            equal.append(home)
            right.append(nodes[name])
        if beside.shown[name]:
            equal.append(home - np.eye(2 * size)[size + at])
            right.append(counted[name])
    goal = np.eye(2 * size)[places.index(place)]
    given = {"A_eq": np.array(equal), "b_eq": np.array(right, dtype=float)}
    return linprog(goal, **given).fun, -linprog(-goal, **given).fun


@pytest.mark.parametrize("unknown", [(), [("KH-1", 3), ("KH-4", 1)]])
def test_routes__hide_what_the_table_hides_or_more(unknown):
    flows = routes_of(HOMES)
    beside = table_beside(flows, unknown)
    alone = protect_flows(flows, POLICY)
    # Five persons of KH-3 are hidden with the 14 of KH-4, whom the table prints (or
    # all but one of them): the reader of both documents is too close.
    low, high = reach_of_smallest(flows, alone, beside)
    assert high - low < 5
    together = protect_flows(flows, POLICY, elsewhere=[beside])
    low, high = reach_of_smallest(flows, together, beside)
    assert low <= 5 <= high
    assert (low <= 1 and high >= K - 1) or high - low >= K


def test_routes__are_refused_where_the_table_itself_tells_the_small_home():
    flows = routes_of(HOMES)
    beside = table_beside(flows, hidden=("KH-3",))
    with pytest.raises(InputError, match="cannot be protected"):
        protect_flows(flows, POLICY, elsewhere=[beside])


def test_routes__a_table_that_counts_more_than_the_routes_is_refused():
    flows = routes_of(HOMES)
    beside = table_beside(flows, unknown=[("KH-1", -5)])
    with pytest.raises(InputError, match="more respondents"):
        protect_flows(flows, POLICY, elsewhere=[beside])
