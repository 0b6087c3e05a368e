"""Gamma priors of rates: SpatialEpi 1.2.8, DCluster 0.2-10, equations, limits."""

import csv
import json

import numpy as np
import pytest
from scipy import stats

from estimators.errors import InputError
from estimators.spatial import SpatialWeights, empirical_bayes_rates

CASES = np.array([0.0, 3, 9, 1, 12, 4, 20])
PERSONS = np.array([40.0, 60, 90, 50, 60, 70, 110])
CALM = ([10, 20, 31, 39], [100, 200, 300, 400])


@pytest.fixture(scope="module")
def survey(shared_folder):
    folder = shared_folder / "reference" / "gis_surveillance"
    reference = json.loads((folder / "reference.json").read_text(encoding="utf-8"))

    def read(name, *columns):
        with (folder / "data" / name).open(encoding="utf-8") as lines:
            table = list(csv.DictReader(lines))
        return [np.array([float(row[column]) for row in table]) for column in columns]

    return read, reference


def prior(result, pooled=1.0):
    """Return shape and rate of the prior, on the scale of ratios to `pooled`."""
    found = result[0].diagnostics
    mean, variance = found["prior_mean"], found["prior_variance"]
    return mean**2 / variance, pooled * mean / variance


def values(result):
    return np.array([row.estimate for row in result])


def test_new_york__likelihood_of_spatialepi(survey):
    """To 1e-5 relative: its optimiser stops at that (score of ours: next test).

    SpatialEpi takes cases as whole numbers, which cuts 281 areas' decimals off.
    """
    read, reference = survey
    cases, persons = read("nyleukemia.csv", "cases", "pop")
    cases = np.floor(cases)
    theirs = reference["scan"]["eBayes_gamma_poisson_NY"]
    result = empirical_bayes_rates(cases, persons, method="likelihood")
    pooled = cases.sum() / persons.sum()
    shape, rate = prior(result, pooled)
    assert shape == pytest.approx(theirs["alpha"], rel=1e-5)
    assert shape / rate == pytest.approx(np.exp(theirs["beta"]), rel=1e-5)
    np.testing.assert_allclose(
        values(result)[:10] / pooled, theirs["RR_first10"], rtol=1e-5
    )


def test_likelihood__no_other_prior_is_likelier():
    """The negative binomial of scipy falls to all sides; score 0 to 1e-6."""
    shape, rate = prior(empirical_bayes_rates(CASES, PERSONS, method="likelihood"))

    def fit(log_shape, log_rate):
        chance = np.exp(log_rate) / (np.exp(log_rate) + PERSONS)
        return stats.nbinom.logpmf(CASES, np.exp(log_shape), chance).sum()

    at = np.log([shape, rate])
    for step in ((1, 0), (0, 1), (1, 1), (1, -1)):
        move = 1e-3 * np.array(step)
        ahead, back = fit(*(at + move)), fit(*(at - move))
        assert max(ahead, back) < fit(*at)
        assert (ahead - back) / 2e-3 == pytest.approx(0, abs=1e-5)


def test_carolina__equations_of_dcluster(survey):
    """To 1e-4 relative: DCluster stops when a step moves less than 1e-5."""
    read, reference = survey
    cases, births = read("nc_sids.csv", "SID74", "BIR74")
    theirs = reference["spdep"]["nc_sids"]["DCluster_empbaysmooth"]
    result = empirical_bayes_rates(cases, births, method="clayton_kaldor")
    pooled = cases.sum() / births.sum()
    nu, alpha = prior(result, pooled)
    assert nu == pytest.approx(theirs["nu"], rel=1e-4)
    assert alpha == pytest.approx(theirs["alpha"], rel=1e-4)
    ratios = values(result) / pooled
    np.testing.assert_allclose(ratios, theirs["smthrr"], rtol=1e-4)
    # The two equations themselves, to what the iteration leaves.
    assert ratios.mean() == pytest.approx(nu / alpha, rel=1e-9)
    gaps = (1 + alpha / (births * pooled)) * (ratios - ratios.mean()) ** 2
    assert gaps.sum() / 99 == pytest.approx(nu / alpha**2, rel=1e-9)


@pytest.mark.parametrize("method", ["likelihood", "clayton_kaldor"])
def test_counts_that_vary_no_more_than_chance__are_pooled(method):
    result = empirical_bayes_rates(*CALM, method=method)
    assert {group["category"] for group in result.groups} == {"pooled"}
    assert values(result) == pytest.approx([0.1] * 4)


@pytest.mark.parametrize("method", ["likelihood", "clayton_kaldor"])
def test_unknown_and_empty_areas__touch_no_other(method):
    alone = empirical_bayes_rates(CASES, PERSONS, method=method)
    more = empirical_bayes_rates([*CASES, 0, 2], [*PERSONS, 0, np.nan], method=method)
    np.testing.assert_allclose(values(more)[:7], values(alone), rtol=1e-12)
    assert np.isnan(values(more)[7:]).all()


def test_likelihood__finds_the_rates_that_counts_were_drawn_from():
    """1,000 areas of shape 4, mean 0.05: within four standard errors (0.3, 0.001)."""
    rng = np.random.default_rng(2)
    persons = rng.integers(50, 2_000, 1_000).astype(float)
    cases = rng.poisson(persons * rng.gamma(4, 0.05 / 4, 1_000))
    shape, rate = prior(empirical_bayes_rates(cases, persons, method="likelihood"))
    assert shape == pytest.approx(4, abs=0.9)
    assert shape / rate == pytest.approx(0.05, abs=0.004)


def test_refusals():
    chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(6)], n_areas=7)
    with pytest.raises(InputError, match="whole map"):
        empirical_bayes_rates(CASES, PERSONS, weights=chain, method="likelihood")
    with pytest.raises(InputError, match="method"):
        empirical_bayes_rates(CASES, PERSONS, method="magic")
