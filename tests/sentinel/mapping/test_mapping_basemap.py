"""The bundled ground: known places lie where it says they do, borders are shared."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from sentinel import datasets
from sentinel.mapping import build_scene, load_places
from sentinel.mapping.basemap import clip_land
from sentinel.mapping.plane import WIDTH, Plane
from sentinel.mapping.projection import EARTH_RADIUS_KM, EqualArea


@pytest.fixture(scope="module")
def countries():
    return gpd.read_file(datasets.path("countries") / "countries.geojson")


def plane(lat, lon):
    return Plane(pd.DataFrame({"lat": lat, "lon": lon}))


def test_countries__hold_their_provinces_as_another_source_places_them(countries):
    places = load_places().query("level == 'admin1'")
    shapes = countries.set_index("code").geometry
    inside = [
        shapes[country].buffer(0.1).contains(shapely.Point(lon, lat))
        for country, lat, lon in zip(
            places["country"], places["lat"], places["lon"], strict=True
        )
    ]
    # Islands and estuaries smaller than the outlines' detail may lie off them.
    assert np.mean(inside) > 0.99


def test_countries__borders_are_shared_and_areas_are_near_the_published(countries):
    shapes = countries.set_index("code").geometry
    common = shapely.intersection(shapes["KH"], shapes["VN"])
    assert common.area < 0.01
    assert shapely.length(common) > 5
    # Total areas in km2 as read there; outlines are good to 2 %. Cambodia: FAO,
    # www.fao.org/forestry/country/18310; Thailand: ICID, country profile; Guatemala:
    # CIA World Factbook, geography.
    for code, area in (("KH", 181_035), ("TH", 513_120), ("GT", 108_889)):
        middle = shapes[code].centroid
        flat = flattened(shapes[code], middle.y, middle.x)
        assert flat.area == pytest.approx(area, rel=0.02)


def flattened(shape, lat, lon):
    ours = EqualArea(lat=lat, lon=lon)
    return shapely.transform(
        shape, lambda at: np.column_stack(ours.project(at[:, 1], at[:, 0]))
    )


@pytest.mark.parametrize(
    ("south", "north", "west", "east"),
    [(10, 15, 102, 108), (-4, 4, -3, 3), (50, 70, 0, 40), (-30, -10, 170, 190)],
)
def test_projection__keeps_the_area_of_a_spherical_trapezoid(south, north, west, east):
    square = shapely.segmentize(shapely.box(west, south, east, north), 0.01)
    flat = flattened(square, (south + north) / 2 + 1.5, (west + east) / 2 - 2.0)
    height = np.sin(np.radians(north)) - np.sin(np.radians(south))
    area = EARTH_RADIUS_KM**2 * np.radians(east - west) * height
    # Chords of 0.01 degrees in place of arcs.
    assert flat.area == pytest.approx(area, rel=1e-7)


def test_radius__is_that_of_the_sphere_with_the_area_of_wgs_84():
    a, flattening = 6378.137, 1 / 298.257223563
    e = np.sqrt(flattening * (2 - flattening))
    area = 0.5 * a**2 * (1 + (1 - e**2) / e * np.arctanh(e))
    assert pytest.approx(np.sqrt(area), abs=5e-5) == EARTH_RADIUS_KM


def test_unproject__undoes_project_and_marks_what_is_off_the_sphere():
    ours = EqualArea(lat=-16.0, lon=179.0)
    lat, lon = np.array([-16.0, -40.0, 10.0]), np.array([179.0, 181.5, 160.0])
    back = ours.unproject(*ours.project(lat, lon))
    np.testing.assert_allclose(back[0], lat, atol=1e-9)
    np.testing.assert_allclose(back[1], lon, atol=1e-9)
    assert np.isnan(ours.unproject(np.array([3e4]), np.array([0.0]))[0]).all()


def test_land__is_clipped_to_the_frame():
    ours = plane([10.0, 15.0], [101.0, 107.0])
    land = {item.code: item.shape for item in clip_land(ours, width=WIDTH)}
    assert {"KH", "TH", "VN", "LA"} <= set(land)
    assert "MX" not in land
    for shape in land.values():
        assert shapely.is_valid(shape)
        left, top, right, bottom = shape.bounds
        assert left >= -12.01
        assert top >= -12.01
        assert right <= WIDTH + 12.01
        assert bottom <= ours.height + 12.01


def test_land__on_both_sides_of_the_antimeridian():
    ours = plane([-17.0, -14.0], [178.0, -171.0])
    land = {item.code: item.shape for item in clip_land(ours, width=WIDTH)}
    assert {"FJ", "WS"} <= set(land)
    assert land["FJ"].bounds[0] < land["WS"].bounds[0]


def test_scene__names_countries_that_have_room(scene, flows):
    named = {country.name for country in scene.countries if country.name}
    assert {"Cambodia", "Thailand"} <= named
    ground = build_scene(flows, load_places(), minimum_cell=11)
    assert [c.code for c in ground.countries] == [c.code for c in scene.countries]
