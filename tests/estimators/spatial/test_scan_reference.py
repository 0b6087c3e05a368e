"""Printed results of SaTScan 9.6 and FleXScan 3.1.2, and values of smerc and others.

Ratios agree to the printed digits and areas are the same; p-values, from other random
numbers, within four standard errors of both simulations.
"""

import json

import numpy as np
import pandas as pd
import pytest

from estimators.spatial import spatial_scan

pytestmark = pytest.mark.shared
FOLDER = "reference/gis_surveillance"
# file of the printed result: options; ellipses were run with x = latitude.
PRINTED = {
    "scan_test_ny_poisson_circular_cartesian.txt": {},
    "scan_test_ny_poisson_circular_cartesian_ubpop_10percent.txt": {
        "max_population_share": 0.1
    },
    "scan_test_ny_poisson_ellipse_a=0.txt": {"shape": "elliptic", "penalty": 0},
    "scan_test_ny_poisson_ellipse_a=0.5.txt": {"shape": "elliptic", "penalty": 0.5},
    "scan_test_ny_poisson_ellipse_a=1.txt": {"shape": "elliptic", "penalty": 1},
    "scan_test_ny_poisson_elliptical_ubpop_10percent_penalty_none.txt": {
        "shape": "elliptic",
        "penalty": 0,
        "max_population_share": 0.1,
    },
    "flex_test_ny_poisson_10nn_cartesian.out": {"shape": "flexible", "max_areas": 10},
    "flex_test_ny_binomial_10nn_cartesian.out": {
        "shape": "flexible",
        "max_areas": 10,
        "model": "bernoulli",
    },
    "rflex_test_ny_poisson_50nn_cartesian.out": {
        "shape": "restricted",
        "max_areas": 50,
    },
    "rflex_test_ny_binomial_50nn_cartesian.out": {
        "shape": "restricted",
        "max_areas": 50,
        "model": "bernoulli",
    },
}


@pytest.fixture(scope="module")
def reference(shared_folder):
    return json.loads((shared_folder / FOLDER / "reference.json").read_text())


@pytest.fixture(scope="module")
def new_york(shared_folder):
    data = shared_folder / FOLDER / "data"
    frame = pd.read_csv(data / "smerc_nydf.csv")
    edges = pd.read_csv(data / "smerc_nyw_edges.csv").to_numpy() - 1
    return {
        "cases": np.floor(frame["cases"].to_numpy()),
        "population": frame["population"].to_numpy(dtype=float),
        "latitude": frame[["latitude", "longitude"]].to_numpy(),
        "edges": edges,
    }


def identifiers(cluster):
    return sorted(member + 1 for member in cluster.members)


def digits(printed):
    """Half a unit of the last printed digit, for numbers printed as text or float."""
    return 0.51 * 10.0 ** -len(str(printed).partition(".")[2])


@pytest.mark.parametrize("name", PRINTED)
def test_new_york__as_satscan_and_flexscan_print_it(name, reference, new_york):
    options = dict(PRINTED[name])
    maps = 99 if options.get("shape") == "elliptic" else 999
    if options.get("shape") in ("flexible", "restricted"):
        options["adjacency"] = new_york["edges"]
    found = spatial_scan(
        new_york["cases"],
        new_york["population"],
        new_york["latitude"],
        n_resamples=maps,
        rng=1,
        **options,
    )
    printed = reference["satscan_flexscan_printed_results"][name]["clusters"]
    assert len(printed) >= 1
    for ours, theirs in zip(found.clusters, printed, strict=False):
        ratio = float(theirs["llr"])
        assert ours.log_likelihood_ratio == pytest.approx(
            ratio, abs=digits(theirs["llr"])
        )
        assert identifiers(ours) == sorted(theirs["ids"])
        assert ours.observed == float(theirs["cases"])
        if theirs.get("test_statistic"):
            assert ours.statistic == pytest.approx(theirs["test_statistic"], abs=6e-7)
        if theirs["expected"]:
            assert ours.expected == pytest.approx(theirs["expected"], abs=0.0051)
            assert ours.relative_risk == pytest.approx(theirs["rr"], abs=0.0051)
        p = float(theirs["p"])
        within = 4 * np.sqrt(p * (1 - p) * (1 / 999 + 1 / maps)) + 2 / (maps + 1)
        assert abs(ours.p_value - p) < within


def test_new_york__great_circles_as_satscan(new_york):
    lonlat = new_york["latitude"][:, ::-1]
    found = spatial_scan(
        new_york["cases"],
        new_york["population"],
        lonlat,
        metric="great_circle",
        n_resamples=9,
        rng=1,
    )
    # SaTScan prints 14.780276 and 31 areas (survey of anchors, "Highest anchors" 1).
    assert found.clusters[0].log_likelihood_ratio == pytest.approx(14.780276, abs=6e-7)
    assert len(found.clusters[0].members) == 31


def test_new_york__gumbel_reaches_what_satscan_prints(new_york):
    found = spatial_scan(
        new_york["cases"], new_york["population"], new_york["latitude"], rng=1
    )
    # SaTScan prints 0.00015; a Gumbel tail of 999 maxima has a wide error itself.
    assert 0.00004 < found.clusters[0].gumbel_p_value < 0.0006


@pytest.mark.parametrize(
    ("model", "whole", "ratio"),
    [
        ("poisson", True, 15.17750918959495),
        ("poisson", False, 13.27815790895944),
        ("bernoulli", True, 15.18689434044063),
        ("bernoulli", False, 13.28683678619564),
    ],
)
def test_spatialepi_coordinates__as_smerc_where_spatialepi_truncates(
    model, whole, ratio, shared_folder
):
    frame = pd.read_csv(shared_folder / FOLDER / "data" / "nyleukemia.csv")
    cases = frame["cases"].to_numpy()
    found = spatial_scan(
        np.floor(cases) if whole else cases,
        frame["pop"].to_numpy(dtype=float),
        frame[["x", "y"]].to_numpy(),
        model=model,
        n_resamples=9,
        rng=1,
    )
    best = found.clusters[0]
    assert best.log_likelihood_ratio == pytest.approx(ratio, rel=1e-8)
    assert len(best.members) == 30
    # SpatialEpi holds the sum of cases as a C++ int: 15.0870621536571 for whole cases.
    assert abs(best.log_likelihood_ratio - 15.0870621536571) > 0.05
    assert any("fractions" in note for note in found.notes) != whole


def test_null_quantiles__as_spatialepi_simulates_them(shared_folder, reference):
    frame = pd.read_csv(shared_folder / FOLDER / "data" / "nyleukemia.csv")
    found = spatial_scan(
        np.floor(frame["cases"].to_numpy()),
        frame["pop"].to_numpy(dtype=float),
        frame[["x", "y"]].to_numpy(),
        min_cases=0,
        rng=1,
    )
    theirs = reference["scan"]["kulldorff_NY_intcases_ub0.5_poisson"]["sim_quantiles"]
    # Their 0, 5, 50, 90, 95, 99, 100 % quantiles of 999 maps; ours have other draws.
    ours = np.quantile(found.null_maxima, [0.05, 0.5, 0.9, 0.95])
    np.testing.assert_allclose(ours, theirs[1:5], atol=0.35)


def test_five_thousand_areas__as_the_exact_ratio(shared_folder, reference):
    frame = pd.read_csv(shared_folder / FOLDER / "data" / "sim2000.csv")
    found = spatial_scan(
        frame["cases"],
        frame["pop"],
        frame[["x", "y"]],
        max_population_share=0.1,
        n_resamples=9,
        rng=1,
    )
    theirs = reference["numba_prototype_scan"]["sim2000_ub0.1"]
    assert found.clusters[0].log_likelihood_ratio == pytest.approx(
        theirs["llr"], rel=1e-10
    )
    assert identifiers(found.clusters[0]) == sorted(theirs["ids"])
