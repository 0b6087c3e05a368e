"""Widths, curves, labels, scenes and printed sheets."""

from __future__ import annotations

import numpy as np
import pytest

from estimators.errors import InputError
from sentinel.disclosure.flows import ALL_ROUNDS
from sentinel.mapping import (
    Words,
    build_scene,
    draw_maps,
    load_places,
    save_figure,
    static_flow_map,
)
from sentinel.mapping.curves import flow_curve, line_width, nice_steps, symbol_radius
from sentinel.mapping.lettering import Box, place_labels
from sentinel.mapping.marks import mark_radius

NASTY = "<script>alert(1)</script> & \"quoted\" 'title' $money"


def test_widths_and_areas__are_linear_in_the_number():
    assert line_width(80, 100) == pytest.approx(2 * line_width(40, 100))
    big, small = symbol_radius(80, 100), symbol_radius(20, 100)
    assert (big / small) ** 2 == pytest.approx(4)
    # A diamond and a circle of one number have one area.
    diamond = mark_radius("destination", 50, 100)
    circle = mark_radius("origin", 50, 100)
    assert 2 * diamond**2 == pytest.approx(np.pi * circle**2, rel=1e-4)


def test_curve__bends_right_and_stops_short():
    there = flow_curve((0, 0), (100, 0), width=4, gaps=(10, 12), longest=100)
    back = flow_curve((100, 0), (0, 0), width=4, gaps=(10, 12), longest=100)
    # y points down: right of a way east is below, right of a way west is above.
    assert there.control[1] > 0 > back.control[1]
    assert np.hypot(*there.start) >= 10
    assert np.hypot(100 - there.tip[0], there.tip[1]) >= 12 - 1e-6
    assert there.end[0] < there.tip[0]
    longer = flow_curve((0, 0), (300, 0), width=4, gaps=(0, 0), longest=300)
    assert longer.control[1] / 300 > 0.12
    near = flow_curve((0, 0), (12, 0), width=13, gaps=(8, 8), longest=300)
    assert np.isfinite(np.array(near)).all()


def test_nice_steps__are_round_and_never_above():
    assert nice_steps(187) == [100, 50, 20]
    assert nice_steps(7) == [5, 2, 1]
    assert nice_steps(0) == []


def test_labels__do_not_cover_each_other():
    items = [(str(at), "Province", 50.0 + 3 * at, 50.0, 4.0) for at in range(8)]
    labels = place_labels(items, size=10, frame=Box(0, 0, 300, 300))
    assert 0 < len(labels) < 8


# scene -----------------------------------------------------------------------------


def test_scene__shows_protected_numbers_only(scene, flows):
    layer = next(item for item in scene.layers if item.round_id == "POI2009")
    rows = flows.origins.query("round_id == 'POI2009'").set_index("place")
    for node in layer.nodes:
        if node.role == "origin":
            assert (node.n is None) == bool(rows.loc[node.code, "suppressed"])
    assert all(leg.n >= 11 for leg in layer.legs)
    hidden = {node.code for node in layer.nodes if node.n is None}
    assert "KH-23" in hidden  # 1 % of 400
    assert any("official checkpoints" in note for note in layer.notes)
    assert {node.code for node in layer.nodes}.isdisjoint({"", "XB-INFORMAL", "OTHER"})


def test_scene__pooled_layer_is_last_and_everything_is_in_the_frame(scene):
    assert scene.layers[-1].round_id == ALL_ROUNDS
    for layer in scene.layers:
        for node in layer.nodes:
            assert 0 <= node.x <= 1000
            assert 0 <= node.y <= scene.height
    # Poipet to Songkhla (13.66 N to about 7 N) is some 750 km.
    nodes = {node.code: node for node in scene.layers[-1].nodes}
    gap = np.hypot(
        nodes["XB-POIPET"].x - nodes["TH-90"].x, nodes["XB-POIPET"].y - nodes["TH-90"].y
    )
    assert 650 < gap * scene.km_per_unit < 850


def test_scene__unknown_places_are_said_and_not_drawn(flows):
    places = load_places().query("code != 'KH-17'")
    scene = build_scene(flows, places, minimum_cell=11)
    assert set(scene.unplaced) == {"KH-17", "XB-INFORMAL"}
    assert any("KH-17" in note for note in scene.layers[0].notes)
    with pytest.raises(InputError, match="coordinates"):
        build_scene(flows, places.query("country == 'CN'"), minimum_cell=11)


def test_static__same_bytes_and_text_is_not_interpreted(scene, tmp_path):
    words = Words(title=NASTY, source="s")
    files = []
    for name in ("a.svg", "b.svg"):
        path = tmp_path / name
        save_figure(static_flow_map(scene, scene.layers[0], words), path)
        files.append(path.read_bytes())
    assert files[0] == files[1]
    assert b"<dc:date>" not in files[0]


def test_draw_maps__writes_every_round_and_one_page(flows, tmp_path):
    written = draw_maps(
        flows,
        load_places(),
        Words(title="Ways"),
        tmp_path / "maps",
        minimum_cell=11,
        titles={"POI2010": "Poipet 2010", "POI2009": "Poipet 2009"},
    )
    names = [item.path.name for item in written]
    assert names[:2] == ["flow_map_POI2010.svg", "flow_map_POI2010.png"]
    assert names[-1] == "flow_map.html"
    # A map of two rounds and of both, their bands, the rounds side by side, the page.
    assert len(names) == 2 * (3 + 1 + 1) + 1
    assert "flow_map_rounds.svg" in names
    assert all(item.path.stat().st_size > 2000 for item in written)
    assert "respondents from home province" in written[0].alt
    few = draw_maps(
        flows,
        load_places(),
        Words(title="Ways"),
        tmp_path / "few",
        minimum_cell=11,
        rounds=["POI2009"],
        kinds=["routes"],
    )
    assert [item.path.name for item in few] == [
        "flow_map_POI2009.svg",
        "flow_map_POI2009.png",
    ]
    with pytest.raises(InputError, match="POI1999"):
        draw_maps(
            flows,
            load_places(),
            Words(title="Ways"),
            tmp_path / "none",
            minimum_cell=11,
            rounds=["POI1999"],
        )
