"""Areas that meet: R spdep's list of Columbus, topology by DE-9IM, drawn squares."""

import csv

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon, box

from estimators.errors import InputError
from sentinel.mapping import contiguity_weights


def links(weights):
    return set(zip(weights.owner.tolist(), weights.neighbour.tolist(), strict=True))


@pytest.fixture(scope="module")
def survey(shared_folder):
    return shared_folder / "reference" / "gis_surveillance" / "data"


def test_columbus__the_queen_list_of_spdep(survey):
    with (survey / "columbus_queen_edges.csv").open(encoding="utf-8") as lines:
        theirs = {
            (int(row["i"]) - 1, int(row["j"]) - 1) for row in csv.DictReader(lines)
        }
    weights = contiguity_weights(gpd.read_file(survey / "columbus.geojson"))
    assert weights.n_areas == 49
    assert links(weights) == theirs
    assert weights.is_symmetric


@pytest.mark.parametrize("name", ["columbus", "nc_sids"])
@pytest.mark.parametrize("kind", ["queen", "rook"])
def test_real_maps__every_pair_by_topology(survey, name, kind):
    """The boundaries' intersection matrix of all pairs, without a tree."""
    frame = gpd.read_file(survey / f"{name}.geojson")
    geometry = frame.geometry.to_numpy()
    pattern = "F***1****" if kind == "rook" else "F***T****"
    meet = shapely.relate_pattern(geometry[:, None], geometry[None, :], pattern)
    # Slivers that overlap have common insides as well.
    meet |= shapely.relate_pattern(geometry[:, None], geometry[None, :], "T********")
    np.fill_diagonal(meet, val=False)
    expected = set(zip(*(at.tolist() for at in np.nonzero(meet)), strict=True))
    assert links(contiguity_weights(frame, kind=kind)) == expected


def test_corner__is_a_border_of_queens_alone():
    squares = gpd.GeoSeries([box(0, 0, 1, 1), box(1, 1, 2, 2), box(1, 0, 2, 1)])
    assert links(contiguity_weights(squares)) == {
        (0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1),
    }  # fmt: skip
    assert links(contiguity_weights(squares, kind="rook")) == {
        (0, 2), (2, 0), (1, 2), (2, 1),
    }  # fmt: skip


@settings(derandomize=True, max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(2, 5), st.floats(0.01, 1000))
def test_grid__has_the_links_that_counting_gives(rows, columns, size):
    cells = gpd.GeoSeries(
        [
            box(size * c, size * r, size * (c + 1), size * (r + 1))
            for r in range(rows)
            for c in range(columns)
        ]
    )
    sides = 2 * (rows * (columns - 1) + columns * (rows - 1))
    corners = 4 * (rows - 1) * (columns - 1)
    rook, queen = (contiguity_weights(cells, kind=kind) for kind in ("rook", "queen"))
    assert rook.neighbour.size == sides
    assert queen.neighbour.size == sides + corners
    bridged = contiguity_weights(cells, kind="rook", tolerance=size / 100)
    assert links(bridged) == links(rook)


def test_slivers__overlap_or_gap():
    overlap = gpd.GeoSeries([box(0, 0, 1, 1), box(0.999, 0, 2, 1)])
    assert links(contiguity_weights(overlap, kind="rook")) == {(0, 1), (1, 0)}
    gap = gpd.GeoSeries([box(0, 0, 1, 1), box(1.001, 0, 2, 1), box(1.001, 1, 2, 2)])
    assert contiguity_weights(gap).islands == (0,)
    bridged = contiguity_weights(gap, kind="rook", tolerance=0.002)
    assert links(bridged) == {(0, 1), (1, 0), (1, 2), (2, 1)}
    assert (0, 2) in links(contiguity_weights(gap, tolerance=0.002))


def test_parts_holes_and_islands():
    frame = gpd.GeoDataFrame(
        {"code": ["coast", "isle", "ring", "core"]},
        geometry=[
            MultiPolygon([box(0, 0, 1, 1), box(10, 0, 11, 1)]),
            box(20, 0, 21, 1),
            box(11, 0, 14, 3) - box(12, 1, 13, 2),
            box(12, 1, 13, 2),
        ],
    )
    weights = contiguity_weights(frame, kind="rook")
    assert weights.areas == ("coast", "isle", "ring", "core")
    assert weights.islands == ("isle",)
    assert links(weights) == {(0, 2), (2, 0), (2, 3), (3, 2)}


def test_labels__a_named_column_or_the_index():
    frame = gpd.GeoDataFrame(
        {"district": ["b", "a"]}, geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)]
    )
    assert contiguity_weights(frame).areas == (0, 1)
    assert contiguity_weights(frame, areas="district").areas == ("b", "a")
    with pytest.raises(InputError, match="no column 'province'"):
        contiguity_weights(frame, areas="province")
    with pytest.raises(InputError, match="1 areas have no label in column 'code'"):
        contiguity_weights(frame.assign(code=["a", None]))
    with pytest.raises(InputError, match="come twice: a"):
        contiguity_weights(frame.assign(code=["a", "a"]))


def test_refusals():
    square = box(0, 0, 1, 1)
    with pytest.raises(InputError, match=r"3 of 4 areas have no polygon \(first 1, 2"):
        contiguity_weights(gpd.GeoSeries([square, None, Polygon(), Point(0, 0)]))
    with pytest.raises(InputError, match="1 pairs of areas lie on one another"):
        contiguity_weights(gpd.GeoSeries([square, box(0.2, 0.2, 0.6, 0.6)]))
    with pytest.raises(InputError, match="kind"):
        contiguity_weights(gpd.GeoSeries([square]), kind="bishop")
    with pytest.raises(InputError, match="tolerance"):
        contiguity_weights(gpd.GeoSeries([square]), tolerance=-1)
