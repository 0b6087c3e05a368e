"""Which ways stand out: from released legs alone, none where ends meet at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sentinel.disclosure import ReleasePolicy, protect_flows
from sentinel.mapping import Words, build_scene, draw_maps, interactive_map, load_places
from sentinel.mapping.flow_tests import find_flow_clusters, standing_layer
from sentinel.study.config import MapsSection

WORDS = Words(title="Ways", simulated=True)
HOME = ["KH-1", "KH-2", "KH-17", "KH-14", "KH-15"]
SHARES = [0.3, 0.25, 0.2, 0.23, 0.02]
CROSSING = ["XB-POIPET", "XB-DAUNG", "XB-OSMACH"]
TARGET = ["TH-10", "TH-20", "TH-11", "TH-32"]


def counted(rng, n, *, bound):
    """Draw routes; half of those from Banteay Meanchey go by O Smach to Surin."""
    origin = rng.choice(HOME, n, p=SHARES)
    crossing = rng.choice(CROSSING, n, p=[0.5, 0.3, 0.2])
    target = rng.choice(TARGET, n, p=[0.4, 0.3, 0.2, 0.1])
    if bound:
        taken = (origin == "KH-1") & (rng.random(n) < 0.6)
        crossing[taken], target[taken] = "XB-OSMACH", "TH-32"
    table = pd.DataFrame(
        {"origin": origin, "crossing": crossing, "destination": target}
    )
    return table.groupby(list(table.columns)).size().rename("n").reset_index()


@pytest.fixture(scope="module")
def places():
    return load_places()


@pytest.fixture(scope="module")
def flows():
    rng = np.random.default_rng(4)
    table = pd.concat(
        [
            counted(rng, 1500, bound=True).assign(round_id="A"),
            counted(rng, 1500, bound=False).assign(round_id="B"),
        ]
    )
    return protect_flows(table, ReleasePolicy())


def judged(flows, places, round_id):
    return find_flow_clusters(flows, places, round_id=round_id, minimum_cell=11, rng=1)


def test_planted_way__is_found_on_both_legs_and_makes_a_corridor(flows, places):
    findings, note = judged(flows, places, "A")
    inward = next(one for one in findings if one.roles == ("origin", "crossing"))
    assert inward.starts == {"KH-1"}
    assert inward.ends == {"XB-OSMACH"}
    onward = next(one for one in findings if one.roles == ("crossing", "destination"))
    assert onward.starts == {"XB-OSMACH"}
    assert onward.ends == {"TH-32"}
    assert "released numbers alone" in note
    layer = build_scene(flows, places, minimum_cell=11).layers[0]
    apart = standing_layer(layer, findings)
    assert apart.top(25) == apart.standing == sum(bool(leg.group) for leg in apart.legs)
    assert [leg.group for leg in apart.legs[: apart.standing]] != []
    assert sorted(leg.n for leg in apart.legs) == sorted(leg.n for leg in layer.legs)
    told = " ".join(apart.notes)
    assert "Corridor: Banteay Meanchey >" in told
    assert "Surin" in told
    assert apart.rest_words(25) == "other ways"


def test_ends_that_meet_at_random__have_no_ways_that_stand_out(flows, places):
    findings, note = judged(flows, places, "B")
    assert findings == []
    assert "No ways stand out" in note
    layer = build_scene(flows, places, minimum_cell=11).layers[1]
    assert standing_layer(layer, findings).standing == 0


def test_findings__are_made_of_what_is_released(flows, places):
    legs = flows.flows
    # Whatever the hidden legs and places hold: the findings are the same.
    hidden = legs["suppressed"].astype(bool)
    assert hidden.any()
    other = replace(flows, flows=legs.assign(n=legs["n"].mask(hidden, 10)))
    first, _ = judged(flows, places, "A")
    assert first == judged(other, places, "A")[0]
    for one in first:
        shown = legs[
            (legs["round_id"] == "A")
            & ~hidden
            & legs[one.roles[0]].isin(one.starts)
            & legs[one.roles[1]].isin(one.ends)
        ]
        assert one.observed == shown["n"].sum()
        nodes = {
            role: getattr(flows, f"{role}s").query("round_id == 'A'").set_index("place")
            for role in one.roles
        }
        start, end = (nodes[role]["n"] for role in one.roles)
        total = flows.totals.set_index("round_id").loc["A", "n"]
        expected = start[sorted(one.starts)].sum() * end[sorted(one.ends)].sum() / total
        assert one.expected == pytest.approx(float(expected), rel=1e-9)


def test_sheets_and_page__show_the_rounds_that_have_such_ways(flows, places, tmp_path):
    written = draw_maps(
        flows,
        places,
        WORDS,
        tmp_path,
        minimum_cell=11,
        kinds=("flows", "interactive"),
        formats=("pdf",),
        rng=1,
    )
    assert [item.path.name for item in written] == [
        "flow_clusters_A.pdf",
        "flow_map.html",
    ]
    assert "Banteay Meanchey to" in written[0].alt
    page = written[1].path.read_text(encoding="utf-8")
    assert '<optgroup label="Ways that stand out"><option value="3">' in page
    assert "stands out: group 1" in page
    assert page.count("No ways stand out") == 1
    scene = build_scene(flows, places, minimum_cell=11)
    assert "stands out" not in interactive_map(scene, WORDS)


def test_flows__are_a_kind_of_map_of_the_study_file():
    assert "flows" in MapsSection().show
