"""The surface of respondents: of released places alone, wide enough, whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError, NotEstimableError
from sentinel.mapping import Words, area_scene, draw_intensity, load_places
from sentinel.mapping.intensity_map import _released, _surface, least_bandwidth
from sentinel.study.config import MapsSection

WORDS = Words(title="Where respondents come from", simulated=True)


@pytest.fixture(scope="module")
def places():
    return load_places()


@pytest.fixture
def counts():
    return pd.DataFrame(
        {
            "place": ["KH-1", "KH-2", "KH-17", "KH-14", "KH-3", "KH-9", "KH-23"],
            "n": pd.array([120, 90, 60, 40, 30, None, 11], dtype="Int64"),
            "suppressed": [False, False, False, False, False, True, False],
        }
    )


def test_surface__holds_every_released_respondent_per_square_kilometre(counts, places):
    shown, hidden = _released(counts, places, 11)
    assert (len(shown), hidden) == (6, 1)
    scene = area_scene([shown], places, minimum_cell=11)
    surface = _surface(shown, scene, 60.0)
    assert surface.unit == "km"
    # The edge correction keeps the mass; 1 % for cells cut by coast and border.
    held = float(surface.intensity.sum() * surface.cell_area)
    assert held == pytest.approx(351, rel=0.01)
    # Nothing of it lies in another country: cells are in the land of Cambodia, or on
    # the ground that a place off the simplified coast gets.
    cambodia = next(item for item in scene.countries if item.code == "KH")
    at = surface.places / scene.km_per_unit
    inside = np.array([cambodia.holds(x, y) for x, y in at])
    assert inside.mean() > 0.99


def test_bandwidth__too_narrow_is_refused_and_the_least_is_half_the_spacing(
    counts, places, tmp_path
):
    line = pd.DataFrame({"lat": [0.0] * 5, "lon": [0.0, 2, 4, 6, 8]})
    # Two degrees of the equator are 222.4 km on the sphere of the projection.
    assert least_bandwidth(line) == pytest.approx(111.2, rel=0.01)
    near = pd.DataFrame({"lat": [0.0] * 5, "lon": 0.1 * np.arange(5)})
    assert least_bandwidth(near) == 25.0
    with pytest.raises(InputError, match="as if persons had been there"):
        draw_intensity(
            counts,
            places,
            WORDS,
            tmp_path,
            name="x",
            minimum_cell=11,
            bandwidth_km=5,
        )
    assert list(tmp_path.iterdir()) == []


def test_unprotected_counts__are_refused(counts, places, tmp_path):
    options = {"name": "x", "minimum_cell": 11}
    small = counts.assign(n=counts["n"].mask(counts["place"] == "KH-23", 4))
    with pytest.raises(InputError, match="1 released counts are below 11"):
        draw_intensity(small, places, WORDS, tmp_path, **options)
    told = counts.assign(n=counts["n"].fillna(5))
    with pytest.raises(InputError, match="withheld places hold a number"):
        draw_intensity(told, places, WORDS, tmp_path, **options)
    with pytest.raises(InputError, match="come twice"):
        draw_intensity(pd.concat([counts, counts]), places, WORDS, tmp_path, **options)
    with pytest.raises(NotEstimableError, match="needs 5 or more"):
        draw_intensity(counts.head(3), places, WORDS, tmp_path, **options)


def test_sheet__is_written_and_does_not_depend_on_withheld_places(
    counts, places, tmp_path
):
    options = {"name": "where", "minimum_cell": 11, "formats": ("png", "pdf")}
    written = draw_intensity(counts, places, WORDS, tmp_path, **options)
    assert [item.path.name for item in written] == ["where.png", "where.pdf"]
    assert written[0].alt.startswith("Surface of respondents per area. Most from: ")
    again = draw_intensity(counts, places, WORDS, tmp_path / "b", **options)
    assert written[0].path.read_bytes() == again[0].path.read_bytes()
    assert "intensity" not in MapsSection().show
