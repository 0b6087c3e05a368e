"""Places, their names, their projection and the user's own boundaries."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer
from shapely.geometry import Point, box

from estimators.errors import InputError
from sentinel.mapping import (
    Words,
    build_scene,
    interactive_map,
    load_places,
    match_boundaries,
    normalise_name,
    read_boundaries,
    resolve_places,
)
from sentinel.mapping.projection import EARTH_RADIUS_KM, EqualArea


def test_projection__equals_proj():
    ours = EqualArea(lat=13.0, lon=103.0)
    proj = Transformer.from_crs(
        "EPSG:4326",
        f"+proj=laea +lat_0=13 +lon_0=103 +R={EARTH_RADIUS_KM * 1000}",
        always_xy=True,
    )
    lat = np.linspace(-11, 53, 40)
    lon = np.linspace(73, 140, 40)
    x, y = ours.project(lat, lon)
    east, north = proj.transform(lon, lat)
    # The proj string carries the radius to the metre's tenth: 1e-9 relative.
    np.testing.assert_allclose(x, np.array(east) / 1000, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(y, np.array(north) / 1000, rtol=1e-9, atol=1e-6)


def test_projection__keeps_areas():
    ours = EqualArea(lat=13.0, lon=103.0)
    step = 0.01
    for lat, lon in ((5.0, 95.0), (13.0, 103.0), (25.0, 120.0)):
        corner = np.array([lat, lat, lat + step, lat + step])
        side = np.array([lon, lon + step, lon + step, lon])
        x, y = ours.project(corner, side)
        area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
        band = np.sin(np.radians(lat + step)) - np.sin(np.radians(lat))
        true = EARTH_RADIUS_KM**2 * np.radians(step) * band
        assert area == pytest.approx(true, rel=1e-6)


def test_projection__middle_across_the_antimeridian():
    middle = EqualArea.about(np.array([0.0, 0.0]), np.array([179.0, -179.0]))
    assert abs(middle.lon) == pytest.approx(180.0)


# places ----------------------------------------------------------------------------


def test_resolve__codes_then_names_and_nothing_is_guessed():
    places = load_places()
    found, problems = resolve_places(
        [
            "KH-1",
            "Bântéay Méanchey",
            "siem reap province",
            "Bangkok",
            "Savannakhet",
            "X",
        ],
        places,
        extra={"Krong Thep": "TH-10"},
    )
    assert found["KH-1"] == found["Bântéay Méanchey"] == "KH-1"
    assert found["siem reap province"] == "KH-17"
    assert found["Bangkok"] == "TH-10"
    assert found["Savannakhet"] == "LA-SV"
    assert [problem.value for problem in problems] == ["X"]
    assert all(problem.severity == "warning" for problem in problems)
    assert resolve_places(["Krong Thep"], places, {"Krong Thep": "TH-10"})[0] == {
        "Krong Thep": "TH-10"
    }


def test_resolve__a_name_of_two_places_is_no_match():
    places = pd.DataFrame(
        {"code": ["A-1", "B-1"], "name": ["San Marcos", "San Marcos"]}
    )
    found, problems = resolve_places(["San Marcos", "A-1"], places)
    assert found == {"A-1": "A-1"}
    assert "A-1, B-1" in next(iter(problems)).hint


def test_normalise__keeps_other_scripts():
    khmer = "\u1794\u17c9\u17c4\u1799\u1794\u17c9\u17c2\u178f"
    assert normalise_name(khmer)
    assert normalise_name("Qu\u1ea3ng Ninh") == "quang ninh"
    assert normalise_name("\u0110\u1ed3ng Nai") == "dong nai"


def test_places_file__extends_and_replaces(tmp_path):
    file = tmp_path / "places.csv"
    file.write_text(
        "code,name,level,country,lat,lon,aliases\n"
        "GT-13,Huehuetenango,admin1,GT,15.6,-91.6,Huehue\n"
        "KH-1,Poipet side,admin1,KH,13.7,102.9,\n",
        encoding="utf-8",
    )
    places = load_places(file).set_index("code")
    assert places.loc["KH-1", "name"] == "Poipet side"
    assert places.loc["GT-13", "lat"] == 15.6
    assert places.index.is_unique
    found, _ = resolve_places(["huehue"], places.reset_index())
    assert found == {"huehue": "GT-13"}


def test_places_file__every_problem_at_once(tmp_path):
    file = tmp_path / "places.csv"
    file.write_text(
        "code,name,level,country,lat,lon\nA,,admin1,GT,95,x\nA,b,admin1,GT,1,2\n"
    )
    with pytest.raises(InputError) as caught:
        load_places(file)
    text = str(caught.value)
    assert "places.csv:2:name" in text
    assert "places.csv:2:lat" in text
    assert "places.csv:2:lon" in text
    assert "places.csv:3:code" in text
    with pytest.raises(InputError, match="does not exist"):
        load_places(tmp_path / "nowhere.csv")


@pytest.fixture
def outline():
    return gpd.GeoDataFrame(
        {"pcode": ["KH-1", "KH-2"]},
        geometry=[box(102, 13, 104, 14), box(102, 12, 104, 13)],
        crs=4326,
    )


def test_boundaries__are_read_and_matched(tmp_path, outline, flows):
    file = tmp_path / "adm1.geojson"
    outline.to_file(file)
    read = read_boundaries(file, "pcode")
    assert read["code"].tolist() == ["KH-1", "KH-2"]
    places = load_places()
    matched, problems = match_boundaries(read, places, {"KH-1", "KH-17", "XB-POIPET"})
    assert [problem.value for problem in problems] == ["KH-17"]
    assert matched["code"].tolist() == ["KH-1", "KH-2"]
    scene = build_scene(flows, load_places(), minimum_cell=11, boundaries=read)
    assert len(scene.outlines) == 2
    words = Words(title="t", boundaries="COD-AB 2024")
    assert any("COD-AB 2024" in line for line in words.below())
    assert 'class="outline"' in interactive_map(scene, words)


def test_boundaries__p_codes_are_joined_by_unique_names_only(tmp_path):
    # COD-AB: KH01 is Banteay Meanchey, and looks like KH-1 by accident.
    rows = {
        "KH01": "Banteay Meanchey",
        "KH99": "Siemreap",
        "KH17": "Siem Reap",
        "KH03": "Battambang",
        "KH04": "Battambang Province",
        "KH05": "Nowhere",
    }
    frame = gpd.GeoDataFrame(
        {"ADM1_PCODE": list(rows), "ADM1_EN": list(rows.values())},
        geometry=[box(102 + k, 13, 103 + k, 14) for k in range(len(rows))],
        crs=4326,
    )
    frame.to_parquet(tmp_path / "adm1.parquet")
    read = read_boundaries(tmp_path / "adm1.parquet")
    wanted = {"KH-1", "KH-17", "KH-2"}
    matched, problems = match_boundaries(read, load_places(), wanted)
    codes = dict(zip(read["code"], matched["code"], strict=True))
    assert codes["KH01"] == "KH-1"
    assert codes["KH17"] == "KH-17"
    # Two polygons say Battambang, so neither is it.
    assert codes["KH03"] == "KH03"
    assert codes["KH04"] == "KH04"
    assert [problem.value for problem in problems] == ["KH-2"]


@pytest.mark.parametrize(
    ("ending", "code", "name"),
    [
        (".gpkg", "shapeISO", "shapeName"),
        (".geojson", "iso_3166_2", "name"),
        (".shp", "GID_1", "NAME_1"),
    ],
)
def test_boundaries__columns_of_known_sources_are_found(tmp_path, ending, code, name):
    file = tmp_path / f"adm1{ending}"
    frame = gpd.GeoDataFrame(
        {name: ["Siem Reap"], code: ["KHM.17_1"]}, geometry=[box(1, 2, 3, 4)], crs=4326
    )
    frame.to_crs(3857).to_file(file)
    read = read_boundaries(file)
    assert read["name"].tolist() == ["Siem Reap"]
    matched, _ = match_boundaries(read, load_places(), {"KH-17"})
    assert matched["code"].tolist() == ["KH-17"]
    assert matched.total_bounds == pytest.approx([1, 2, 3, 4])


def test_boundaries__bad_files_get_one_clear_message(tmp_path, outline):
    with pytest.raises(InputError, match="does not exist"):
        read_boundaries(tmp_path / "none.gpkg", "pcode")
    text = tmp_path / "broken.geojson"
    text.write_text("not json")
    with pytest.raises(InputError, match="could not be read"):
        read_boundaries(text, "pcode")
    file = tmp_path / "adm1.gpkg"
    outline.to_file(file)
    with pytest.raises(InputError, match="pcode"):
        read_boundaries(file, "adm1_code")
    bare = tmp_path / "bare.parquet"
    outline.set_crs(None, allow_override=True).to_parquet(bare)
    with pytest.raises(InputError, match="coordinate reference system"):
        read_boundaries(bare, "pcode")
    points = tmp_path / "points.gpkg"
    gpd.GeoDataFrame({"pcode": ["a"]}, geometry=[Point(1, 1)], crs=4326).to_file(points)
    with pytest.raises(InputError, match="no polygon"):
        read_boundaries(points, "pcode")
    twice = tmp_path / "twice.gpkg"
    outline.assign(pcode="KH-1").to_file(twice)
    with pytest.raises(InputError, match="more than once"):
        read_boundaries(twice, "pcode")
