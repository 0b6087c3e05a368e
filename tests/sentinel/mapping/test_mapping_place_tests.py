"""Which places stand out: from released numbers alone, and never by chance or size."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.stats import binom

from estimators.errors import InputError
from sentinel.mapping import (
    Words,
    area_scene,
    draw_place_test,
    find_hotspots,
    interactive_map,
)
from sentinel.mapping.area_shapes import cluster_outline, filled_shape
from sentinel.mapping.place_tests import judged_layers
from sentinel.mapping.released_places import ReleasedPlaces
from sentinel.study.config import MapsSection

SIDE = 8
CODES = [f"XX-{at:02d}" for at in range(SIDE * SIDE)]
CORNER = {f"XX-{SIDE * y + x:02d}" for x in range(3) for y in range(3)}
WORDS = Words(title="A made-up square", simulated=True)


@pytest.fixture(scope="module")
def places():
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    return pd.DataFrame(
        {
            "code": CODES,
            "name": [f"Place {code[3:]}" for code in CODES],
            "country": "XX",
            "level": "admin1",
            "lon": 100.0 + 0.5 * x.ravel(),
            "lat": 10.0 + 0.5 * y.ravel(),
        }
    )


@pytest.fixture(scope="module")
def squares(places):
    middles = zip(places["lon"], places["lat"], strict=True)
    shapes = [shapely.box(x - 0.25, y - 0.25, x + 0.25, y + 0.25) for x, y in middles]
    return gpd.GeoDataFrame({"code": CODES}, geometry=shapes, crs="EPSG:4326")


def released(share, persons, *, effect=1.0, withheld=()):
    """Return a table as disclosure control leaves it."""
    table = pd.DataFrame({"place": CODES, "estimate": share, "n_obs": persons})
    error = np.sqrt(effect * table["estimate"] * (1 - table["estimate"]) / persons)
    table = table.assign(std_error=error, suppressed=table["place"].isin(withheld))
    numbers = ["estimate", "std_error"]
    table[numbers] = table[numbers].mask(table["suppressed"])
    return table


def planted(**options):
    share = np.where([code in CORNER for code in CODES], 0.5, 0.2)
    return released(share + 0.01 * np.sin(np.arange(64.0)), 150, **options)


def found_by(table, places, **options):
    tests, reasons = find_hotspots(table, places, rng=1, **options)
    assert reasons == ()
    return {test.method: test for test in tests}


def categories(test):
    shown = test.table[~test.table["suppressed"].astype(bool)]
    return dict(zip(shown["place"], shown["category"], strict=True))


@pytest.mark.parametrize("polygons", [False, True])
def test_planted_corner__is_found_by_every_method(places, squares, polygons):
    boundaries = squares if polygons else None
    tests = found_by(planted(), places, boundaries=boundaries)
    hot = {k for k, v in categories(tests["getis_ord"]).items() if v == "hot 99"}
    assert hot
    # A neighbourhood reaches one place beyond the corner and no further.
    assert hot <= {f"XX-{SIDE * y + x:02d}" for x in range(4) for y in range(4)}
    high = {k for k, v in categories(tests["local_moran"]).items() if v == "high-high"}
    assert high
    assert high <= CORNER
    first = tests["scan"].clusters[""][0]
    assert first.direction == "high"
    assert len(CORNER & set(first.members)) >= 6
    assert "LLR" in first.told
    assert "p = 0.001" in first.told
    told = "polygons meet" if polygons else "4 nearest released places"
    assert told in " ".join(tests["getis_ord"].notes[""])


def test_withheld_places__have_no_class_and_change_no_other(places):
    hidden = ["XX-01", "XX-40"]
    table = planted(withheld=hidden)
    tests = found_by(table, places)
    # Whatever stood behind a withheld row: the map is the same without it.
    other = table.assign(n_obs=table["n_obs"].mask(table["suppressed"], 9999))
    without = table[~table["suppressed"]]
    for method, test in tests.items():
        rows = test.table.set_index("place").loc[hidden]
        assert rows["suppressed"].all()
        assert rows["category"].isna().all()
        assert categories(test) == categories(found_by(other, places)[method])
        assert categories(test) == categories(found_by(without, places)[method])
        assert "2 withheld places" in " ".join(test.notes[""])
        for cluster in test.clusters.get("", ()):
            assert not set(hidden) & set(cluster.members)
    scene = area_scene([table], places, minimum_cell=11)
    (layer,) = judged_layers(tests["getis_ord"], places, scene.plane)
    assert {area.code for area in layer.areas if area.state == "few"} == set(hidden)
    page = interactive_map(scene, WORDS, areas=[layer])
    assert "Place 01\nwithheld" in page


def test_chance_alone__makes_hotspots_no_oftener_than_it_says(places):
    rng = np.random.default_rng(5)
    wrong = maps = 0
    for _ in range(40):
        # Few and many respondents side by side: rates of the few are extreme.
        persons = rng.choice([20, 60, 900], SIDE * SIDE)
        share = rng.binomial(persons, 0.25) / persons
        table = released(share, persons)
        tests, _ = find_hotspots(
            table,
            places,
            methods=["getis_ord", "local_moran"],
            n_resamples=999,
            rng=int(rng.integers(2**31)),
        )
        for test in tests:
            maps += 1
            wrong += (
                test.table["category"]
                .isin(
                    ["hot 95", "hot 99", "cold 95", "cold 99", "high-high", "low-low"]
                )
                .any()
            )
    # With nothing there every finding is false: the false discovery rate is the share
    # of maps with any. 99.9 % of a binomial of 5 %.
    assert wrong <= binom.ppf(0.999, maps, 0.05)


def test_deviates__have_one_spread_whatever_the_number_of_respondents(places):
    rng = np.random.default_rng(2)
    persons = np.tile([25, 2500], SIDE * SIDE // 2)
    spreads = []
    for _ in range(60):
        share = np.clip(rng.binomial(persons, 0.3) / persons, 0.01, 0.99)
        known = ReleasedPlaces.of(
            released(share, persons).assign(suppressed=False),
            places.set_index("code"),
            None,
            4,
        )
        z = known.deviates()
        spreads.append([np.mean(z[::2] ** 2), np.mean(z[1::2] ** 2)])
    # 1 920 squares of standard deviates each: +-0.10 is three standard errors. Shares
    # of the few vary a hundred times as much before. The variance between places is
    # found with error, and never below 0, which takes from the many only.
    few, many = np.mean(spreads, axis=0)
    assert few == pytest.approx(1.0, abs=0.10)
    assert 0.5 < many < 1.10


def test_deviates__by_hand(places):
    table = released([0.2, 0.4] + [0.3] * 62, [100, 300] + [400] * 62, effect=2.0)
    known = ReleasedPlaces.of(table, places.set_index("code"), None, 4)
    assert known.design_effect == pytest.approx(2.0, rel=1e-12)
    # Pooled (50 x .2 + 150 x .4 + 12400 x .3) / 12600; no spread beyond chance is left.
    pooled = (10 + 60 + 3720) / 12600
    z = (0.2 - pooled) / np.sqrt(pooled * (1 - pooled) / 50)
    assert known.deviates()[0] == pytest.approx(z, rel=1e-12)


def test_design_effect__is_that_of_the_released_errors_and_widens_the_scan(places):
    plain = found_by(planted(), places, methods=["scan"])["scan"]
    wide = found_by(planted(effect=9.0), places, methods=["scan"])["scan"]
    assert "design effect 9)" in " ".join(wide.notes[""])

    def ratio(test):
        return float(test.clusters[""][0].label.split("LLR ")[1])

    # Cases and persons shrink alike, so does their likelihood ratio: 150 persons of a
    # place are worth 16.7, of which the whole ones count.
    assert ratio(wide) == pytest.approx(ratio(plain) * 16 / 150, rel=0.02)


def test_island__is_not_tested_and_no_hotspot(places, squares):
    far = shapely.box(130, 30, 131, 31)
    squares = squares.assign(
        geometry=[far if code == "XX-00" else shape
                  for code, shape in zip(CODES, squares.geometry, strict=True)]
    )  # fmt: skip
    tests = found_by(planted(), places, boundaries=squares)
    for method in ("getis_ord", "local_moran"):
        assert categories(tests[method])["XX-00"] == "no neighbours"


def test_too_few_places__are_told_and_nothing_is_drawn(places):
    table = planted(withheld=CODES[7:])
    tests, reasons = find_hotspots(table, places, rng=1)
    assert [test.method for test in tests] == ["scan"]
    assert len(reasons) == 1
    assert "7 places have a released number" in reasons[0]
    assert "Gi*" in reasons[0]
    assert "local Moran" in reasons[0]
    tests, reasons = find_hotspots(planted(withheld=CODES[3:]), places, rng=1)
    assert tests == []
    assert len(reasons) == 2
    with pytest.raises(InputError, match="kriging"):
        find_hotspots(table, places, methods=["kriging"])


def test_rounds__are_judged_one_by_one(places):
    two = pd.concat(
        [
            planted().assign(round_id="A"),
            released(0.25 + 0.01 * np.cos(np.arange(64.0)), 150).assign(round_id="B"),
        ]
    )
    test = found_by(two, places, methods=["scan"])["scan"]
    assert set(test.clusters) == {"A"}
    assert "No zone stands out" in test.notes["B"][0]
    alone = found_by(planted(), places, methods=["scan"])["scan"]
    assert [one.members for one in test.clusters["A"]] == [
        one.members for one in alone.clusters[""]
    ]


def test_outline__of_polygons_holds_the_members_and_no_other(places, squares):
    test = found_by(planted(), places, boundaries=squares, methods=["scan"])["scan"]
    scene = area_scene([test.table], places, minimum_cell=11, boundaries=squares)
    (layer,) = judged_layers(test, places, scene.plane, boundaries=squares)
    cluster = layer.clusters[0]
    outline = cluster_outline(layer, cluster, scene.height)
    assert outline.loose == ()
    around = shapely.union_all([shapely.Polygon(ring) for ring in outline.rings])
    whole = shapely.box(0, 0, 1000, scene.height)
    assert shapely.contains(whole, around)
    for area in layer.areas:
        middle = shapely.Point(area.x, area.y)
        assert shapely.contains(around, middle) == (area.code in cluster.members)
        if area.code in cluster.members:
            seen = shapely.intersection(filled_shape(area.rings), whole)
            # All but a rim along the frame.
            assert shapely.area(shapely.difference(seen, around)) < 0.1 * seen.area


def test_sheets__in_every_format_and_the_same_again(places, squares, tmp_path):
    test = found_by(planted(withheld=["XX-40"]), places)["scan"]
    options = {"name": "clusters", "minimum_cell": 11, "formats": ("svg", "png", "pdf")}
    written = draw_place_test(test, places, WORDS, tmp_path, **options)
    names = [item.path.name for item in written]
    assert names == ["clusters.svg", "clusters.png", "clusters.pdf"]
    assert written[2].path.read_bytes().startswith(b"%PDF")
    assert written[0].title == "A made-up square: Clusters (spatial scan)"
    assert "In a high cluster: Place 00" in written[0].alt
    again = draw_place_test(test, places, WORDS, tmp_path / "again", **options)
    for one, other in zip(written, again, strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()


def test_page__tells_categories_in_key_hover_and_table(places, squares):
    tests = found_by(planted(withheld=["XX-40"]), places, boundaries=squares)
    scene = area_scene([planted()], places, minimum_cell=11, boundaries=squares)
    layers = [
        layer
        for test in tests.values()
        for layer in judged_layers(test, places, scene.plane, boundaries=squares)
    ]
    page = interactive_map(scene, WORDS, areas=layers)
    assert "hotspot, 99 %" in page
    assert "high among high" in page
    assert "in a cluster, high" in page
    assert 'aria-label="Cluster 1\nhigh risk' in page
    assert "Place 40\nwithheld" in page
    assert "NaN" not in page
    assert "url(" not in page


def test_study_file__names_methods_neighbours_and_formats():
    section = MapsSection(hotspots=["scan"], neighbours=6, formats=["pdf", "png"])
    assert section.formats == ("pdf", "png")
    assert MapsSection().hotspots == ("getis_ord", "local_moran", "scan")
    for wrong in ({"formats": ["pdf"]}, {"hotspots": ["k_means"]}, {"neighbours": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            MapsSection(**wrong)
