"""Empirical Bayes rates: R spdep 1.2-7, closed forms, zero populations."""

import csv
import json

import numpy as np
import pytest
from scipy import stats

from estimators.errors import InputError, NotEstimableError
from estimators.spatial import SpatialWeights, empirical_bayes_rates

CASES, PERSONS = [0, 3, 9, 1, 12], [40, 60, 90, 50, 60]
CHAIN = SpatialWeights.from_pairs([(0, 1), (1, 2), (2, 3), (3, 4)], n_areas=5)


@pytest.fixture(scope="module")
def carolina(shared_folder):
    survey = shared_folder / "reference" / "gis_surveillance"
    reference = json.loads((survey / "reference.json").read_text(encoding="utf-8"))

    def read(name, *columns):
        with (survey / "data" / name).open(encoding="utf-8") as lines:
            table = list(csv.DictReader(lines))
        return [np.array([float(row[column]) for row in table]) for column in columns]

    pairs = np.column_stack(read("nc_sids_ncCR85_edges.csv", "i", "j")) - 1
    weights = SpatialWeights.from_pairs(pairs, n_areas=100, symmetric=False)
    return *read("nc_sids.csv", "SID74", "BIR74"), weights, reference


def values(result):
    return np.array([row.estimate for row in result])


def test_carolina__global_and_local_rates_of_spdep_and_esda(carolina):
    """To 1e-8 relative, the digits that the systems share."""
    cases, births, weights, reference = carolina
    spdep, esda = reference["spdep"]["nc_sids"], reference["pysal_statsmodels_oracle"]
    whole = empirical_bayes_rates(cases, births)
    np.testing.assert_allclose(
        values(whole), spdep["EBest_poisson"]["estmm"], rtol=1e-8
    )
    np.testing.assert_allclose(values(whole), esda["EB"], rtol=1e-8)
    local = empirical_bayes_rates(cases, births, weights=weights)
    # Where a neighbourhood has no case esda divides 0 by 0; the rate is 0.
    theirs = np.array([rate or 0.0 for rate in esda["Spatial_EB"]])
    np.testing.assert_allclose(values(local), theirs, rtol=1e-8)


def test_carolina__spdep_measures_neighbours_against_their_own_neighbourhoods(carolina):
    """EBlocal 1.2-7 differs in 57 counties for this reason alone: rebuilt to 1e-8."""
    cases, births, weights, reference = carolina
    theirs = np.array(reference["spdep"]["nc_sids"]["EBlocal"]["est"])
    ours = values(empirical_bayes_rates(cases, births, weights=weights))
    assert (~np.isclose(ours, theirs, rtol=1e-8)).sum() == 57
    near = weights.to_dense() + np.eye(100)
    persons, rate = near @ births, cases / births
    around = near @ cases / persons
    spread = near @ (births * (rate - around) ** 2) / persons
    spread = np.maximum(spread - around * near.sum(axis=1) / persons, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(spread > 0, spread / (spread + around / births), 0)
    np.testing.assert_allclose(around + share * (rate - around), theirs, rtol=1e-8)


def test_limits__are_those_of_the_gamma_posterior():
    x, c = np.array(PERSONS), np.array(CASES)
    b = c.sum() / x.sum()
    a = (x * (c / x - b) ** 2).sum() / x.sum() - b / x.mean()
    result = empirical_bayes_rates(CASES, PERSONS, level=0.9)
    for row, count, persons in zip(result, c, x, strict=True):
        posterior = stats.gamma(b**2 / a + count, scale=1 / (b / a + persons))
        assert row.estimate == pytest.approx(posterior.mean(), rel=1e-12)
        assert row.std_error == pytest.approx(posterior.std(), rel=1e-12)
        limits = row.ci.low, row.ci.high
        assert limits == pytest.approx(posterior.interval(0.9), rel=1e-9)


def test_no_variance__gives_the_pooled_rate_and_its_exact_limits():
    result = empirical_bayes_rates([2, 4, 6], [20, 40, 60])
    assert {group["category"] for group in result.groups} == {"pooled"}
    low, high = stats.gamma(12).ppf(0.025) / 120, stats.gamma(13).ppf(0.975) / 120
    for row in result:
        assert row.estimate == pytest.approx(0.1)
        assert (row.ci.low, row.ci.high) == pytest.approx((low, high))


@pytest.mark.parametrize("local", [False, True])
def test_a_zero_or_unknown_population__poisons_nobody_else(local):
    """Where esda answers NaN for every area."""
    chain = CHAIN if local else None
    plain = empirical_bayes_rates(CASES, PERSONS, weights=chain)
    more = SpatialWeights.from_pairs(
        [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)], n_areas=7
    )
    result = empirical_bayes_rates(
        [*CASES, 0, 3], [*PERSONS, 0, np.nan], weights=more if local else None
    )
    np.testing.assert_allclose(values(result)[:5], values(plain), rtol=1e-12)
    assert np.isnan(values(result)[5:]).all()
    found = [group["category"] for group in result.groups[5:]]
    assert found == ["nobody at risk", "no data"]
    assert "left out: 6" in result.notes[1]
    assert "left out: 5" in result.notes[2]


def test_a_neighbourhood_without_cases__has_rate_zero_and_an_upper_limit():
    result = empirical_bayes_rates([0, 0, 0, 4, 9], PERSONS, weights=CHAIN)
    assert result[0].estimate == 0
    assert result[0].ci.high == pytest.approx(-np.log(0.025) / 100)


def test_refusals():
    with pytest.raises(InputError, match="nobody at risk \\(1\\)"):
        empirical_bayes_rates([1, 2], [10, 0])
    with pytest.raises(InputError, match="differ in length"):
        empirical_bayes_rates([1, 2], [10, 10, 10])
    with pytest.raises(InputError, match="below 0"):
        empirical_bayes_rates([1, -2], [10, 10])
    with pytest.raises(InputError, match="numbers"):
        empirical_bayes_rates(["x", "y"], [10, 10])
    with pytest.raises(NotEstimableError, match="no rate"):
        empirical_bayes_rates([0, 0], [10, 10])
