"""What is wrong with the files of [maps], said before a run, all of it at once."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import Point, box

from sentinel.cli import run
from sentinel.mapping import check_maps
from sentinel.study.config import StudyConfig

pytestmark = pytest.mark.filterwarnings("ignore:'crs' was not provided")
CODES = ["KH-1", "KH-2", "KH-3"]


def shapes(codes=CODES, column="code", crs=4326, **more):
    polygons = [box(at, 12, at + 1, 13) for at in range(103, 103 + len(codes))]
    return gpd.GeoDataFrame({column: codes, **more}, geometry=polygons, crs=crs)


def config(folder, **maps):
    return StudyConfig.model_validate(
        {
            "study": {"title": "t", "population": "p", "reference_period": "r"},
            "rounds": [
                {"label": "A", "files": ["a.csv"], "fieldwork_start": "2010-01-01",
                 "fieldwork_end": "2010-01-02"}
            ],
            "maps": {"boundaries": "adm1.gpkg", **maps},
            "folder": folder,
        }
    )  # fmt: skip


def found(folder, frame, codes=(), **maps):
    frame.to_file(folder / "adm1.gpkg")
    return check_maps(config(folder, **maps), codes=codes)


def test_good_boundaries__nothing_is_said(tmp_path):
    assert not list(found(tmp_path, shapes(), codes=set(CODES)))


def test_every_problem_at_once_with_file_and_column(tmp_path):
    frame = shapes(["KH-1", "KH-1", None, "KH-2"], crs=None)
    problems = [*found(tmp_path, frame).errors]
    assert {problem.file for problem in problems} == {"adm1.gpkg"}
    said = [(problem.column, problem.expected) for problem in problems]
    assert said == [
        ("geometry", "a coordinate reference system"),
        ("code", "a code for every polygon"),
        ("code", "every code once"),
    ]
    assert "KH-1" in problems[-1].value


@pytest.mark.parametrize("key", [None, "HASC"])
def test_no_column_to_join_by__the_columns_are_listed(tmp_path, key):
    maps = {} if key is None else {"boundary_key": key}
    (problem,) = found(tmp_path, shapes(column="district"), **maps).errors
    assert problem.column == (key or "")
    assert "boundary_key" in problem.expected
    assert "district" in problem.hint


def test_points_are_no_boundaries(tmp_path):
    frame = gpd.GeoDataFrame(
        {"code": ["KH-1"]}, geometry=[Point(103, 12)], crs=4326
    )  # fmt: skip
    (problem,) = found(tmp_path, frame).errors
    assert (problem.value, problem.expected) == ("Point", "polygons")


def test_places_without_a_polygon_and_polygons_without_a_place(tmp_path):
    frame = shapes(["KH-1", "KH0299"], name=["", "Nowhere"])
    problems = found(tmp_path, frame, codes={"KH-1", "KH-2", "XB-POIPET"})
    assert not problems.errors
    without, strange = problems.warnings
    assert (without.column, without.value) == ("code", "KH-2")
    assert strange.value == "KH0299 (Nowhere)"


@pytest.mark.filterwarnings("ignore:More than one layer")
def test_two_layers__the_first_is_read_and_that_is_said(tmp_path):
    shapes().to_file(tmp_path / "adm1.gpkg", layer="provinces")
    shapes().to_file(tmp_path / "adm1.gpkg", layer="districts")
    (problem,) = check_maps(config(tmp_path)).warnings
    assert problem.value == "provinces, districts"


def test_no_shapes__a_table_and_a_text_are_named(tmp_path):
    pd.DataFrame({"code": ["KH-1"]}).to_csv(tmp_path / "adm1.csv", index=False)
    (problem,) = check_maps(config(tmp_path, boundaries="adm1.csv")).errors
    assert "without geometry" in problem.hint
    (tmp_path / "adm1.gpkg").write_text("no shapes")
    (problem,) = check_maps(config(tmp_path)).errors
    assert "could not be read" in problem.hint


def test_places_of_the_study__every_bad_row(tmp_path):
    shapes().to_file(tmp_path / "adm1.gpkg")
    (tmp_path / "places.csv").write_text(
        "code,name,level,country,lat,lon\nKH-X,,admin1,KH,95,103\n"
    )
    problems = check_maps(config(tmp_path, places="places.csv"))
    assert {(p.file, p.row, p.column) for p in problems.errors} == {
        ("places.csv", 2, "name"),
        ("places.csv", 2, "lat"),
    }


def test_check_and_run_say_it_before_anything_is_read(tmp_path, capsys):
    shapes(crs=None).to_file(tmp_path / "adm1.gpkg")
    (tmp_path / "a.csv").write_text("rec_id\n")
    study = tmp_path / "study.toml"
    study.write_text(
        '[study]\ntitle = "t"\npopulation = "p"\nreference_period = "r"\n'
        '[[rounds]]\nlabel = "A"\nfiles = ["a.csv"]\n'
        "fieldwork_start = 2010-01-01\nfieldwork_end = 2010-01-02\n"
        '[maps]\nboundaries = "adm1.gpkg"\n'
    )
    assert run(["check", str(study)]) == 1
    assert "adm1.gpkg:geometry: expected a coordinate" in capsys.readouterr().out
    assert run(["run", str(study), "--out", str(tmp_path / "out")]) == 2
    assert "adm1.gpkg:geometry" in capsys.readouterr().err
    study.write_text(study.read_text().replace("adm1.gpkg", "absent.gpkg"))
    assert run(["check", str(study)]) == 1
    assert "'absent.gpkg' came, expected a file that exists" in capsys.readouterr().out
