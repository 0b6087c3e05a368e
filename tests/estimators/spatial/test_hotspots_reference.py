"""Columbus and North Carolina against R spdep 1.2-7 and Python esda 2.8.2.

Exact quantities agree to 1e-8 relative (measured: 1e-14). Shares of 9,999 draws agree
within five binomial standard errors of the difference of two runs.
"""

import csv
import json

import numpy as np
import pytest

from estimators.spatial import SpatialWeights, getis_ord, local_geary, local_moran

close = {"rtol": 1e-8, "atol": 1e-12}


@pytest.fixture(scope="module")
def survey(shared_folder):
    return shared_folder / "reference" / "gis_surveillance"


@pytest.fixture(scope="module")
def reference(survey):
    return json.loads((survey / "reference.json").read_text(encoding="utf-8"))


def column(path, name):
    with path.open(encoding="utf-8") as lines:
        return np.array([float(row[name]) for row in csv.DictReader(lines)])


def links(path, n):
    pairs = np.column_stack([column(path, "i"), column(path, "j")]) - 1
    return SpatialWeights.from_pairs(pairs, n_areas=n, symmetric=False)


@pytest.fixture(scope="module")
def crime(survey):
    return column(survey / "data" / "columbus.csv", "CRIME")


@pytest.fixture(scope="module")
def queen(survey):
    return links(survey / "data" / "columbus_queen_edges.csv", 49)


def within_drawing(found, expected, n_draws=9999):
    p = np.clip(np.asarray(expected), 1e-3, 1 - 1e-3)
    return np.abs(np.asarray(found) - expected) < 5 * np.sqrt(2 * p * (1 - p) / n_draws)


@pytest.mark.parametrize("moments", ["total", "conditional"])
def test_local_moran__spdep(reference, crime, queen, moments):
    expected = reference["spdep"]["columbus"][f"localmoran_{moments}"]
    table = local_moran(
        crime, queen.row_standardised(), moments=moments, inference="normal"
    ).table
    for ours, theirs in {
        "statistic": "Ii", "expected": "E", "variance": "V", "z": "z", "p_value": "p"
    }.items():  # fmt: skip
        np.testing.assert_allclose(table[ours], expected[theirs], **close)


def test_local_moran__fdr_and_the_other_divisor(reference, crime, queen):
    spdep, esda = reference["spdep"]["columbus"], reference["pysal_statsmodels_oracle"]
    table = local_moran(
        crime,
        queen.row_standardised(),
        moments="total",
        inference="normal",
        divisor="n-1",
    ).table
    np.testing.assert_allclose(
        table["p_adjusted"], spdep["fdr_adjust"]["p_BH"], **close
    )
    np.testing.assert_allclose(
        table["statistic"], spdep["localmoran_mlvarFALSE_Ii"], **close
    )
    np.testing.assert_allclose(table["statistic"], esda["moran_local"]["Is"], **close)
    assert (table["category"] != "ns").sum() == 9  # as many as spdep's p.adjust finds


def test_local_moran__quadrants(reference, crime, queen):
    expected = reference["pysal_statsmodels_oracle"]["moran_local"]["q"]
    table = local_moran(
        crime, queen.row_standardised(), inference="normal", adjust="none", level=1e-9
    ).table
    names = {1: "HH", 2: "LH", 3: "LL", 4: "HL"}
    assert list(table["category"]) == [names[q] for q in expected]


def test_local_moran__draws_without_replacement_as_esda_does(reference, crime, queen):
    """Esda's p is the smaller tail, about half of the two-sided one.

    spdep's localmoran_perm drew with replacement: its variances are those of s2 alone,
    without the correction for a finite map. Its p-values are not ours.
    """
    rows = queen.row_standardised()
    tails = [
        local_moran(crime, rows, alternative=side, rng=1).table["p_value"]
        for side in ("greater", "less")
    ]
    smaller = np.minimum(*tails)
    esda = reference["pysal_statsmodels_oracle"]["moran_local"]["p_sim_9999"]
    assert within_drawing(smaller, esda).all()
    spdep = reference["spdep"]["columbus"]["localmoran_perm9999"]
    exact = local_moran(crime, rows, inference="normal").table["variance"]
    s1, s2 = rows.row_sums(), rows.row_sums(2)
    replaced = exact * s2 / (s2 - (s1**2 - s2) / 47)
    # Of 49 variances of 9,999 draws (standard error 1.4 % each) the mean is meant.
    assert np.mean(spdep["V"] / replaced) == pytest.approx(1, abs=0.01)
    assert np.mean(spdep["V"] / exact) > 1.08


@pytest.mark.parametrize("style", ["B", "W"])
def test_gi_star__spdep_in_both_styles(reference, crime, queen, style):
    weights = queen if style == "B" else queen.row_standardised()
    expected = reference["spdep"]["columbus"][f"localGstar_{style}"]["z"]
    table = getis_ord(crime, weights, inference="normal").table
    np.testing.assert_allclose(table["statistic"], expected, **close)
    # esda's row-scaled Gi* begins with -0.81: it sets self after scaling.
    assert table["statistic"][0] == pytest.approx(-1.43277965396643, rel=1e-12)


def test_gi_and_shares__spdep_and_esda(reference, crime, queen):
    spdep = reference["spdep"]["columbus"]
    for star, name, key in ((True, "localGstar_B", "G*i"), (False, "localG_B", "Gi")):
        table = getis_ord(crime, queen, star=star, inference="normal").table
        inner = spdep[name]["internals"]
        np.testing.assert_allclose(table["statistic"], spdep[name]["z"], **close)
        np.testing.assert_allclose(table["share"], inner[key], **close)
        np.testing.assert_allclose(table["expected_share"], inner[f"E({key})"], **close)
        np.testing.assert_allclose(
            table["p_value"], inner[f"Pr(z != E({key}))"], **close
        )
    esda = reference["pysal_statsmodels_oracle"]["G_Local_g_B"]
    tails = [
        getis_ord(crime, queen, star=False, alternative=side, rng=1).table["p_value"]
        for side in ("greater", "less")
    ]
    assert within_drawing(np.minimum(*tails), esda["p_sim_9999"]).all()


def test_gi_star__other_neighbours(reference, survey, crime):
    weights = links(survey / "data" / "columbus_knn4_edges.csv", 49)
    expected = reference["spdep"]["columbus"]["localGstar_knn4_B"]["z"]
    table = getis_ord(crime, weights, inference="normal").table
    np.testing.assert_allclose(table["statistic"], expected, **close)


def test_builders__find_the_neighbours_of_columbus(reference, survey):
    path = survey / "data" / "columbus.csv"
    places = np.column_stack([column(path, "X"), column(path, "Y")])
    nearest = SpatialWeights.k_nearest(places, k=4)
    assert nearest == links(survey / "data" / "columbus_knn4_edges.csv", 49)
    band = SpatialWeights.distance_band(places, threshold=8)
    expected = reference["spdep"]["columbus"]["dnear_band8_card"]
    np.testing.assert_array_equal(band.n_neighbours, expected)


def test_local_geary__spdep(reference, crime, queen):
    table = local_geary(crime, queen.row_standardised(), n_resamples=19, rng=1).table
    expected = reference["spdep"]["columbus"]["localC_W"]
    np.testing.assert_allclose(table["statistic"], expected, **close)


def test_rates_of_north_carolina__spdep(reference, survey):
    path = survey / "data" / "nc_sids.csv"
    rate = column(path, "SID74") / column(path, "BIR74")
    weights = links(survey / "data" / "nc_sids_ncCR85_edges.csv", 100)
    expected = reference["spdep"]["nc_sids"]
    hot = getis_ord(rate, weights, inference="normal").table
    np.testing.assert_allclose(
        hot["statistic"], expected["localGstar_rate_B"]["z"], **close
    )
    local = local_moran(rate, weights.row_standardised(), inference="normal").table
    moran = expected["localmoran_rate_W"]
    np.testing.assert_allclose(local["statistic"], moran["Ii"], **close)
    has = np.array([value is not None for value in moran["z"]])
    theirs = np.array([value for value in moran["z"] if value is not None])
    np.testing.assert_allclose(local["z"][has], theirs, **close)


def test_an_island__is_no_hotspot_whatever_esda_says(reference, crime, queen):
    esda = reference["pysal_statsmodels_oracle"]
    assert esda["island5_local_moran"]["p_sim5"] == 0.001  # reproduced there
    assert esda["island5_gstar"]["p5"] == pytest.approx(0.001)
    cut = (queen.owner != 4) & (queen.neighbour != 4)
    pairs = np.column_stack([queen.owner, queen.neighbour])[cut]
    weights = SpatialWeights.from_pairs(pairs, n_areas=49, symmetric=False)
    for result in (
        local_moran(crime, weights.row_standardised(), rng=1),
        getis_ord(crime, weights, rng=1),
        getis_ord(crime, weights, star=False, rng=1),
    ):
        row = result.table.loc[4]
        assert row["category"] == "no neighbours"
        assert np.isnan(row["p_value"])
        assert result.table["p_value"].notna().sum() == 48
