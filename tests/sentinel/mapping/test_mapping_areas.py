"""Places with values, categories, clusters and bands: what is drawn, what is not."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from shapely.geometry import box

from estimators.errors import InputError
from sentinel.disclosure.flows import ALL_ROUNDS
from sentinel.mapping import (
    Cluster,
    Words,
    area_layers,
    area_scene,
    draw_area_maps,
    interactive_map,
    load_places,
    route_bands,
    sankey,
    save_figure,
    static_area_map,
)
from sentinel.mapping.areas import class_of, nice_breaks
from sentinel.mapping.style import CATEGORIES, SEQUENTIAL

WORDS = Words(title="Share by home province", source="a test")


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "round_id": ["A", "A", "A", "A", "B", "B"],
            "place": ["KH-1", "KH-2", "KH-17", "KH-3", "KH-1", "KH-2"],
            "estimate": [0.20, 0.30, np.nan, 0.0, 0.11, 0.38],
            "std_error": [0.03, 0.12, np.nan, 0.0, 0.02, 0.05],
            "ci_low": [0.14, 0.10, np.nan, 0.0, 0.07, 0.28],
            "ci_high": [0.26, 0.54, np.nan, 0.05, 0.15, 0.48],
            "n_obs": [90, 20, 30, 40, 80, 60],
            "suppressed": [False, False, True, False, False, False],
        }
    )


@pytest.fixture
def places():
    return load_places()


def layers_of(frame, places, **options):
    scene = area_scene([frame], places, minimum_cell=11)
    return area_layers(frame, places, scene.plane, **options)


def test_layers__say_how_sure_each_place_is(frame, places):
    first, second = layers_of(frame, places, titles={"B": "Second", "A": "First"})
    assert [first.title, second.title] == ["Second", "First"]
    states = {area.code: area.state for area in second.areas}
    # CV 0.15; CV 0.40; withheld; an estimate of 0 has no CV.
    assert states == {"KH-1": "shown", "KH-2": "wide", "KH-17": "few", "KH-3": "wide"}
    assert second.breaks == first.breaks == (0.0, 0.1, 0.2, 0.3, 0.4)
    assert second.largest == first.largest == 90
    assert all(area.rings == () for area in second.areas)


def test_layers__a_withheld_row_with_a_number_is_refused(frame, places):
    frame.loc[2, "estimate"] = 0.4
    with pytest.raises(InputError, match="KH-17"):
        layers_of(frame, places)


def test_layers__a_place_twice_or_nowhere_is_said(frame, places):
    twice = pd.concat([frame, frame.iloc[[0]]])
    with pytest.raises(InputError, match=r"KH-1.*one row"):
        layers_of(twice, places)
    frame.loc[0, "place"] = "ZZ-1"
    layer = next(item for item in layers_of(frame, places) if item.round_id == "A")
    assert any("ZZ-1" in note for note in layer.notes)
    with pytest.raises(InputError, match="coordinates"):
        area_scene([frame.assign(place="ZZ-1")], places, minimum_cell=11)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.042, 0.131, 0.37], (0.0, 0.1, 0.2, 0.3, 0.4)),
        ([0.25], (0.245, 0.25)),
        ([0.0, 0.0], (0.0, 2e-7)),
        ([0.05, 0.98], (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
    ],
)
def test_breaks__are_round_few_and_hold_all(values, expected):
    breaks = nice_breaks(values)
    assert breaks[0] <= min(values)
    assert breaks[-1] >= max(values)
    assert 2 <= len(breaks) <= 6
    if len(values) > 2 or max(values) > 0.9:
        assert breaks == expected
    assert [class_of(value, breaks) for value in sorted(values)] == sorted(
        class_of(value, breaks) for value in values
    )


def lightness(colour):
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in to_rgb(colour)
    ]
    y = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return 116 * y ** (1 / 3) - 16


def test_colours__keep_their_order_in_grey_and_categories_differ_without_colour():
    steps = [lightness(colour) for colour in SEQUENTIAL]
    # CIELAB: a difference of 5 is seen side by side.
    assert min(np.diff(steps[::-1])) > 5
    moran = ["high-high", "low-low", "low-high", "high-low", "not significant"]
    marks = [
        (round(lightness(CATEGORIES[name].colour) / 12), CATEGORIES[name].hatch)
        for name in moran
    ]
    assert len(set(marks)) == len(moran)


def test_area_maps__are_written_with_boundaries_for_some(frame, places, tmp_path):
    outline = gpd.GeoDataFrame(
        {"code": ["KH-1", "KH-17"], "name": ["", ""]},
        geometry=[
            box(102.5, 13, 103.5, 14).difference(box(102.8, 13.3, 103.2, 13.6)),
            box(103.5, 13, 104.5, 14),
        ],
        crs=4326,
    )
    written = draw_area_maps(
        frame,
        places,
        WORDS,
        tmp_path,
        name="prevalence",
        minimum_cell=11,
        boundaries=outline,
    )
    names = [item.path.name for item in written if item.format == "svg"]
    assert names == ["prevalence_A.svg", "prevalence_B.svg", "prevalence_rounds.svg"]
    assert "Battambang, 30 %" in written[0].alt
    assert all(item.path.stat().st_size > 5000 for item in written)
    drawn = written[0].path.read_bytes()
    one = area_scene([frame], places, minimum_cell=11, boundaries=outline)
    layers = area_layers(frame, places, one.plane, boundaries=outline)
    again = tmp_path / "again.svg"
    save_figure(static_area_map(one, layers[0], WORDS), again)
    assert again.read_bytes() == drawn


def test_clusters_and_categories__are_drawn_and_withheld_places_have_none(
    places, tmp_path
):
    table = pd.DataFrame(
        {
            "place": ["KH-1", "KH-2", "KH-17", "KH-3", "KH-9"],
            "category": [
                "high-high",
                "low-low",
                "no neighbours",
                "not significant",
                None,
            ],
            "suppressed": [False, False, False, False, True],
        }
    )
    (layer,) = layers_of(table, places)
    assert {area.code: area.category for area in layer.areas}["KH-9"] == ""
    scan = Cluster(label="Relative risk 2.1", members=("KH-1", "KH-2"), p_value=0.003)
    written = draw_area_maps(
        table,
        places,
        WORDS,
        tmp_path,
        name="hotspots",
        minimum_cell=11,
        clusters={"": (scan,)},
    )
    assert [item.path.name for item in written] == ["hotspots.svg", "hotspots.png"]
    table.loc[4, "category"] = "high-high"
    with pytest.raises(InputError, match="KH-9"):
        layers_of(table, places)


def test_sankey__bands_are_the_protected_legs(scene, tmp_path):
    layer = next(item for item in scene.layers if item.round_id == ALL_ROUNDS)
    stops, bands = route_bands(layer)
    assert sorted(band.n for band in bands) == sorted(leg.n for leg in layer.legs)
    assert min(band.n for band in bands) >= 11
    hidden = {node.code for node in layer.nodes if node.n is None}
    assert {stop.key for stop in stops if stop.n is None} <= hidden
    save_figure(sankey(stops, bands, WORDS), tmp_path / "sankey.pdf")
    assert (tmp_path / "sankey.pdf").read_bytes().startswith(b"%PDF")


def test_page__places_are_told_with_interval_and_without_withheld(frame, places, scene):
    areas = area_layers(frame, places, scene.plane, titles={"A": "Rates", "B": "C"})
    page = interactive_map(scene, WORDS, areas=areas)
    assert "Banteay Meanchey\n20.0 % (interval 14.0 to 26.0)\n90 respondents" in page
    assert "Siem Reap\nwithheld" in page
    assert "uncertain: CV over 30 %" in page
    assert "url(" not in page
    assert page.count('class="round"') == len(scene.layers) + 2
