"""What bounds a scan's zones: a radius in distance, and a number of connected sets."""

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError, NotEstimableError
from estimators.spatial import flexible_windows, space_time_scan, spatial_scan
from estimators.spatial.neighbour_order import areas_within

# One degree of latitude on a sphere of 6371.0088 km.
DEGREE = 111.19508


def test_radius_of_great_circles__is_in_kilometres():
    places = np.array([[105.0, 12.0], [105.0, 13.0], [105.0, 15.0]])
    options = {"metric": "great_circle"}
    for reach, counts in (
        (0.9999, [1, 1, 1]),
        (1.0001, [2, 2, 1]),
        (2.0001, [2, 3, 2]),
    ):
        found = areas_within(places, max_distance=reach * DEGREE, **options)
        assert found.tolist() == counts


@pytest.mark.parametrize("shape", ["circular", "flexible", "restricted"])
def test_clusters__stay_within_the_radius(shape):
    at = np.arange(20.0)
    places = np.column_stack([at, np.zeros(20)])
    cases, persons = np.full(20, 3.0), np.full(20, 30.0)
    cases[5:14] = 12
    pairs = np.column_stack([at[:-1], at[1:]]).astype(int)
    widths = []
    for reach in (1.0, 2.5, None):
        found = spatial_scan(
            cases, persons, places, model="bernoulli", shape=shape, max_areas=15,
            max_distance=reach, adjacency=pairs, n_resamples=19, rng=1,
        )  # fmt: skip
        widths.append(np.ptp(sorted(found.clusters[0].members)))
    assert widths == [2, 4, 8]


def test_cylinders__stay_within_the_radius():
    rng = np.random.default_rng(1)
    places = np.column_stack([np.arange(12.0), np.zeros(12)])
    cases = rng.poisson(3, size=(12, 4)).astype(float)
    cases[3:8, 2:] += 9
    for reach, most in ((1.0, 2), (None, 12)):
        found = space_time_scan(
            cases, np.ones(12), places, model="poisson", max_distance=reach,
            n_resamples=19, rng=1,
        )  # fmt: skip
        spans = [np.ptp(sorted(one.members)) for one in found.clusters]
        assert max(spans) <= most
    assert spans[0] == 4


def test_too_many_sets__are_refused_and_not_waited_for(monkeypatch):
    side = 8
    at = np.arange(side * side)
    places = np.column_stack(np.divmod(at, side)).astype(float)
    apart = np.abs(places[:, None] - places[None]).sum(axis=2)
    cases = np.full(side * side, 3.0)
    cases[:40] = 9
    data = {
        "cases": cases,
        "population": np.full(side * side, 20.0),
        "coordinates": places,
        "adjacency": apart == 1,
        "model": "bernoulli",
        "shape": "restricted",
        "max_areas": 60,
        "n_resamples": 9,
        "rng": 1,
    }
    monkeypatch.setattr(flexible_windows, "_MOST_SETS", 1e5)
    with pytest.raises(NotEstimableError, match="restriction="):
        spatial_scan(**data)
    monkeypatch.setattr(flexible_windows, "_MOST_DRAWN_SETS", 1e3)
    with pytest.raises(NotEstimableError, match="max_areas="):
        spatial_scan(**{**data, "restriction": 0.9})
    few = spatial_scan(**{**data, "max_areas": 9})
    assert len(few.clusters[0].members) == 9


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_distance": 0}, "max_distance=0"),
        ({"max_distance": "far"}, "number above 0"),
        ({"max_distance": 2.0, "shape": "elliptic"}, "no one radius"),
    ],
)
def test_bad_radius__is_refused(options, words):
    places = np.column_stack([np.arange(6.0), np.zeros(6)])
    with pytest.raises(InputError, match=words):
        spatial_scan(np.arange(6.0), np.full(6, 9.0), places, n_resamples=9, **options)


def test_nyc_fever__has_no_significant_cluster_as_satscan_prints(shared_folder):
    """Permutation, prospective, 3 km, 7 days: 3 clusters, 0 with p < .05."""
    folder = shared_folder / "reference" / "gis_surveillance" / "data"
    cases = pd.read_csv(folder / "satscan_NYCfevercas.csv")
    places = pd.read_csv(folder / "satscan_NYCfevergeo.csv").set_index("zip")
    day = pd.to_datetime(cases["date"], format="%Y/%m/%d").dt.day - 1
    counts = np.zeros((len(places), 24))
    np.add.at(counts, (places.index.get_indexer(cases["zip"]), day), cases["cases"])
    assert counts.shape == (192, 24)
    assert counts.sum() == 194
    found = space_time_scan(
        counts, None, places[["long", "lat"]].to_numpy(), model="permutation",
        analysis="prospective", metric="great_circle", max_distance=3.0,
        max_duration=7, n_resamples=999, rng=1,
    )  # fmt: skip
    assert found.clusters
    assert all(one.p_value > 0.05 for one in found.clusters)
