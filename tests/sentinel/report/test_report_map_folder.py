"""Maps alone: the same protection, their own folder, whole or not at all."""

from __future__ import annotations

import dataclasses
import json

import geopandas as gpd
import pytest
from shapely.geometry import box

from estimators.errors import InputError
from sentinel.report import write_map_folder
from sentinel.study.config import MapsSection


def with_maps(study, **options):
    maps = MapsSection(**options)
    config = study.config.model_copy(update={"maps": maps})
    return dataclasses.replace(study, config=config)


def test_map_folder__holds_maps_and_a_manifest_that_lists_them(study, tmp_path):
    said = []
    files, reasons = write_map_folder(
        study, tmp_path / "out", rng=1, progress=said.append
    )
    assert reasons == ()
    assert said == ["maps"]
    assert all(path.is_file() for path in files)
    names = {path.name for path in files}
    assert {"flow_map.html", "flow_map_R2009.svg", "flow_map_rounds.png"} <= names
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert {f"maps/{name}" for name in names} <= set(json.dumps(manifest).split('"'))
    # A second run replaces the first.
    again, _ = write_map_folder(study, tmp_path / "out", rng=1)
    assert [path.name for path in again] == [path.name for path in files]


def test_map_folder__draws_what_the_study_asks_for(study, tmp_path):
    some = with_maps(study, show=("routes",), rounds=("R2012",))
    files, _ = write_map_folder(some, tmp_path / "out")
    assert [path.name for path in files] == [
        "flow_map_R2012.png",
        "flow_map_R2012.svg",
    ]
    none = dataclasses.replace(
        study, config=study.config.model_copy(update={"maps": None})
    )
    with pytest.raises(InputError, match="No map could be drawn"):
        write_map_folder(none, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_map_folder__names_places_without_a_polygon(study, tmp_path):
    file = tmp_path / "adm1.gpkg"
    outline = gpd.GeoDataFrame(
        {"shapeISO": ["KH-1"]}, geometry=[box(102, 13, 104, 14)], crs=4326
    )
    outline.to_file(file)
    some = with_maps(
        study, show=("routes",), boundaries=str(file), boundary_source="a test"
    )
    _, reasons = write_map_folder(some, tmp_path / "out")
    assert len(reasons) == 1
    assert "no polygon for" in reasons[0]
    assert "KH-1," not in reasons[0]


def test_maps_section__refuses_unknown_kinds():
    with pytest.raises(ValueError, match="show"):
        MapsSection(show=("routs",))
