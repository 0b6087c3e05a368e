"""The space-time scan: values of scanstatistics, a twin, margins and messages."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.errors import InputError, NotEstimableError
from estimators.spatial import space_time_scan, spatial_scan
from estimators.spatial.example import surveyed_rounds
from estimators.spatial.null_draws import draw_mixed
from tests.twins import spatial_scan as twin

GRID = np.array([(x, y) for y in range(4) for x in range(3)], dtype=float)


@pytest.fixture(scope="module")
def new_mexico(shared_folder):
    folder = shared_folder / "reference" / "gis_surveillance"
    scans = json.loads((folder / "reference.json").read_text())["scan"]
    zones = scans["scanstat_zone_def"]
    places = pd.read_csv(folder / "data" / "scanstatistics_NM_geo.csv")
    places = places.set_index("county").loc[zones["county_order"]]
    return {
        "cases": np.array(zones["counts"], dtype=float).T,
        "population": np.array(zones["population"], dtype=float).T,
        "coordinates": places[["center_long", "center_lat"]].to_numpy(),
        "scans": scans,
    }


@pytest.mark.shared
@pytest.mark.parametrize(
    ("model", "key"),
    [
        ("poisson", "scanstat_pb_poisson_NM8691"),
        ("expectation", "scanstat_eb_poisson_NM8691"),
        ("permutation", "scanstat_permutation_NM8691"),
    ],
)
def test_new_mexico__as_scanstatistics(new_mexico, model, key):
    persons = new_mexico["population"]
    # scanstatistics gives every year the same share of the cases.
    even = persons / persons.sum(axis=0) if model == "poisson" else None
    found = space_time_scan(
        new_mexico["cases"],
        persons,
        new_mexico["coordinates"],
        model=model,
        expected=even,
        analysis="prospective",
        metric="great_circle",
        max_areas=15,
        max_population_share=1.0,
        min_cases=0,
        rng=1,
    )
    theirs = new_mexico["scans"][key]
    best, other = found.clusters[0], theirs["mlc"]
    assert best.log_likelihood_ratio == pytest.approx(other["score"], rel=1e-8)
    locations = np.atleast_1d(other["locations"])
    assert sorted(m + 1 for m in best.members) == sorted(locations)
    assert best.period == (6 - other["duration"], 5)
    p = theirs["mc_p"]
    assert abs(best.p_value - p) < 4 * np.sqrt(2 * p * (1 - p) / 999) + 0.002


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    entropy=st.integers(0, 2**32 - 1),
    model=st.sampled_from(["poisson", "bernoulli", "permutation", "expectation"]),
    direction=st.sampled_from(["high", "low"]),
    analysis=st.sampled_from(["retrospective", "prospective"]),
)
def test_space_time__equals_the_twin(entropy, model, direction, analysis):
    rng = np.random.default_rng(entropy)
    persons = rng.integers(1, 20, size=(12, 4)).astype(float)
    cases = rng.binomial(persons.astype(int), 0.3).astype(float)
    found = space_time_scan(
        cases, persons, GRID, model=model, direction=direction, analysis=analysis,
        n_resamples=9, rng=1,
    )  # fmt: skip
    weight = persons
    if model == "permutation":
        weight = np.outer(cases.sum(axis=1), cases.sum(axis=0)) / cases.sum()
    size = weight if model == "bernoulli" else weight * cases.sum() / weight.sum()
    share = weight.sum(axis=1) / weight.sum()
    kept = np.flatnonzero(share > 0)
    circles = twin.circles(GRID[kept], share[kept], 0.5)
    runs = (
        [range(s, 4) for s in range(4)]
        if analysis == "prospective"
        else [range(s, e) for s in range(4) for e in range(s + 1, min(s + 2, 4) + 1)]
    )
    cylinders = [
        tuple(sorted(kept[area] * 4 + t for area in circle for t in run))
        for circle in circles
        for run in runs
    ]
    kind = "poisson" if model == "permutation" else model
    best, which = twin.greatest(
        cylinders, cases.ravel(), size.ravel(), kind=kind,
        side=1 if direction == "high" else -1,
    )  # fmt: skip
    if best <= 1e-9:
        assert not found.clusters
        return
    cluster = found.clusters[0]
    assert cluster.log_likelihood_ratio == pytest.approx(best, rel=1e-9)
    first, last = cluster.period
    cells = [m * 4 + t for m in cluster.members for t in range(first, last + 1)]
    assert tuple(sorted(cells)) in which
    assert cluster.observed == cases[list(cluster.members), first : last + 1].sum()


def test_one_period__is_the_spatial_scan():
    rng = np.random.default_rng(2)
    persons = np.full(12, 30.0)
    cases = rng.binomial(30, 0.3, size=12).astype(float)
    for model in ("poisson", "bernoulli"):
        plain = spatial_scan(cases, persons, GRID, model=model, rng=1, n_resamples=99)
        timed = space_time_scan(
            cases[:, None], persons, GRID, model=model, rng=1, n_resamples=99
        )
        np.testing.assert_allclose(plain.null_maxima, timed.null_maxima)
        assert [c.members for c in plain.clusters] == [
            c.members for c in timed.clusters
        ]


def test_mixed_tables__hold_both_margins():
    by_area, by_period = np.array([3.0, 0, 5]), np.array([4.0, 4])
    tables = draw_mixed(by_area, by_period, 50, np.random.default_rng(1))
    tables = tables.reshape(50, 3, 2)
    assert (tables.sum(axis=2) == by_area).all()
    assert (tables.sum(axis=1) == by_period).all()
    assert len(np.unique(tables.reshape(50, -1), axis=0)) > 3


def test_empty_areas__keep_their_row_numbers():
    data = surveyed_rounds()
    data["population"][[2, 3]] = data["cases"][[2, 3]] = 0
    found = space_time_scan(**data, model="bernoulli", rng=1, n_resamples=19)
    assert set(found.clusters[0].members) == {0, 1, 5, 6}
    assert found.clusters[0].observed == 192
    assert any("2 of 25 areas" in note for note in found.notes)


BAD = {
    "one row per area and one column": {"cases": np.ones(25)},
    "population=None": {"population": None},
    "more cases than population": {"population": np.ones((25, 4))},
    "have cases, but no population": {"population": np.zeros((25, 4))},
    "max_duration=9": {"max_duration": 9},
    "max_areas=0": {"max_areas": 0},
    "expected= goes with": {"expected": np.ones((25, 4))},
    "model='gauss'": {"model": "gauss"},
    "cases must be whole": {"cases": np.full((25, 4), 0.5), "model": "permutation"},
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input__is_refused_by_name(words):
    arguments = {**surveyed_rounds(), "model": "bernoulli"}
    with pytest.raises(InputError, match=words):
        space_time_scan(**{**arguments, **BAD[words]})


def test_no_cases__cannot_be_scanned():
    data = {**surveyed_rounds(), "cases": np.zeros((25, 4))}
    for model in ("permutation", "poisson"):
        with pytest.raises(NotEstimableError, match="all 0"):
            space_time_scan(**data, model=model)
