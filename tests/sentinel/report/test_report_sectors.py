"""Sectors by destination: nothing that adds to what the routes tell."""

from __future__ import annotations

import pandas as pd
import pytest

from sentinel.disclosure import ReleasePolicy, protect_flows
from sentinel.mapping import Words, draw_sectors, load_places
from sentinel.report.protected.protected_sectors import protect_sectors

POLICY = ReleasePolicy()


@pytest.fixture
def routes():
    flows = pd.DataFrame(
        {
            "round_id": "2009",
            "origin": "KH-1",
            "crossing": "XB-POIPET",
            "destination": ["TH-10", "TH-20", "TH-11", "TH-90"],
            "n": [90, 60, 40, 3],
        }
    )
    return protect_flows(flows, POLICY)


@pytest.fixture
def sectors():
    return pd.DataFrame(
        {
            "destination": ["TH-10"] * 4 + ["TH-20"] * 2 + ["TH-11", "TH-90"],
            "sector": [
                "fishing",
                "farm",
                "domestic",
                "",
                "fishing",
                "farm",
                "farm",
                "farm",
            ],
            "n": [50, 25, 12, 3, 31, 29, 40, 3],
        }
    )


def test_sectors__only_of_destinations_whose_number_is_printed(routes, sectors, study):
    shown = protect_sectors(sectors, routes, POLICY)
    nodes = routes.destinations
    told = set(nodes.loc[~nodes["suppressed"], "place"])
    assert set(shown["destination"]) <= told
    assert "TH-90" not in told
    first = shown[shown["destination"] == "TH-10"].set_index("sector")["n"]
    # The 3 without a sector are hidden, and one more: else 90 less the rest tells them.
    assert "not stated" not in first.index
    assert len(first) <= 2
    assert 90 - first.sum() >= 11 + 3
    assert (shown["n"] >= 11).all()


def test_sectors__other_persons_or_no_routes_give_none(routes, sectors, study):
    shown = protect_sectors(sectors, routes, POLICY)
    fewer = sectors.assign(n=sectors["n"] - sectors["n"].eq(50))
    less = protect_sectors(fewer, routes, POLICY)
    assert "TH-10" in set(shown["destination"])
    assert "TH-10" not in set(less["destination"])
    assert protect_sectors(sectors, None, POLICY).empty


def test_sectors__are_drawn_as_bands_of_what_is_shown(routes, sectors, study, tmp_path):
    shown = protect_sectors(sectors, routes, POLICY)
    words = Words(title="Sectors")
    options = {"minimum_cell": 11}
    written = draw_sectors(
        routes,
        shown.assign(label=shown["sector"].str.title()),
        load_places(),
        words,
        tmp_path,
        **options,
    )
    assert [item.path.name for item in written] == [
        "sankey_sectors.svg",
        "sankey_sectors.png",
    ]
    assert "Bangkok to Fishing, 50" in written[0].alt
    none = shown.iloc[:0].assign(label="")
    assert draw_sectors(routes, none, load_places(), words, tmp_path, **options) == []
