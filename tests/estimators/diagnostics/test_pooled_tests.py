"""Pooled tests: closed forms, exact enumeration, JAGS, sums over a grid."""

import json
import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from estimators.diagnostics import BetaPrior, pooled_test_prevalence
from estimators.errors import InputError, NotEstimableError

SIZES = ([12, 5], [10, 25])


def every_outcome(pools):
    return list(product(*(range(m + 1) for m in pools)))


def chances(outcomes, p, pools, sizes):
    mass = [
        [
            stats.binom.pmf(y, m, 1 - (1 - p) ** s)
            for y, m, s in zip(o, pools, sizes, strict=True)
        ]
        for o in outcomes
    ]
    return np.prod(mass, axis=1)


@pytest.mark.parametrize(("se", "sp"), [(1.0, 1.0), (0.9, 0.95)])
def test_one_size__closed_form(se, sp):
    result = pooled_test_prevalence(
        [7], [30], [8], sensitivity=se, specificity=sp, estimation="maximum_likelihood"
    )

    def person(share):
        return 1 - (1 - (share + sp - 1) / (se + sp - 1)) ** (1 / 8)

    assert result.estimate == pytest.approx(person(7 / 30), rel=1e-10)
    for limit, share in (
        (result.ci.low, stats.beta.ppf(0.025, 7, 24)),
        (result.ci.high, stats.beta.ppf(0.975, 8, 23)),
    ):
        assert limit == pytest.approx(person(share), rel=1e-9)
    slope = 8 * (1 - result.estimate) ** 7 * (se + sp - 1)
    expected = math.sqrt(7 / 30 * 23 / 30 / 30) / slope
    assert result.std_error == pytest.approx(expected, rel=1e-9)


def test_pools_of_one__are_a_proportion():
    result = pooled_test_prevalence([4], [80], [1])
    assert result.estimate == pytest.approx(0.05, rel=1e-12)
    assert result.ci.high == pytest.approx(stats.beta.ppf(0.975, 5, 76), rel=1e-9)


def test_one_entry_per_pool__is_the_same():
    single = pooled_test_prevalence([1, 0, 1, 0, 1], [1] * 5, [10, 10, 20, 20, 20])
    grouped = pooled_test_prevalence([1, 2], [2, 3], [10, 20])
    assert single.estimate == grouped.estimate
    assert single.ci == grouped.ci


def test_firth__has_less_bias_than_maximum_likelihood_exactly():
    pools, sizes, p = [8, 4], [5, 20], 0.02
    outcomes = every_outcome(pools)
    mass = chances(outcomes, p, pools, sizes)
    bias = {}
    for estimation in ("firth", "maximum_likelihood"):
        found = [
            pooled_test_prevalence(
                o, pools, sizes, estimation=estimation, ci="score"
            ).estimate
            for o in outcomes
        ]
        keep = np.array(found) < 1  # maximum likelihood is 1 when all are positive
        bias[estimation] = mass[keep] @ np.array(found)[keep] / mass[keep].sum() - p
    assert abs(bias["firth"]) < 0.1 * abs(bias["maximum_likelihood"])


@pytest.mark.parametrize("p", [0.004, 0.03, 0.1])
def test_exact_limits__cover_at_least_their_level_at_any_prevalence(p):
    pools, sizes = [6, 3], [5, 12]
    outcomes = every_outcome(pools)
    mass = chances(outcomes, p, pools, sizes)
    inside = [p in pooled_test_prevalence(o, pools, sizes).ci for o in outcomes]
    assert mass[inside].sum() >= 0.95


def test_likelihood_and_score__solve_their_equations():
    y, (pools, sizes) = [3, 2], SIZES

    def loglik(p):
        return sum(
            stats.binom.logpmf(a, m, 1 - (1 - p) ** s)
            for a, m, s in zip(y, pools, sizes, strict=True)
        )

    result = pooled_test_prevalence(
        y, pools, sizes, ci="likelihood", estimation="maximum_likelihood"
    )
    for limit in (result.ci.low, result.ci.high):
        ratio = 2 * (loglik(result.estimate) - loglik(limit))
        assert ratio == pytest.approx(stats.chi2.ppf(0.95, 1), rel=1e-8)
    grid = np.linspace(0.5, 1.5, 41) * result.estimate
    assert loglik(result.estimate) >= max(loglik(p) for p in grid)
    score = pooled_test_prevalence(y, pools, sizes, ci="score")
    for limit in (score.ci.low, score.ci.high):
        h = 1e-6 * limit
        slope = (loglik(limit + h) - loglik(limit - h)) / (2 * h)
        q = 1 - limit
        information = sum(
            m * s**2 * q ** (s - 2) / (1 - q**s)
            for m, s in zip(pools, sizes, strict=True)
        )
        assert slope**2 / information == pytest.approx(3.841459, rel=1e-5)


@pytest.mark.shared
def test_bayesian__equals_prevalence_within_its_monte_carlo_error(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    sets = json.loads(path.read_text(encoding="utf-8"))["sets"]
    value = sets["prevalence"]["cases"]["truePrevPools"]["value"]["TP"]
    result = pooled_test_prevalence(
        [0, 1, 1, 0, 1, 0, 0, 0, 1, 0],
        [1] * 10,
        [10] * 10,
        sensitivity=0.9,
        specificity=0.99,
        estimation="bayesian_persons",
    )
    assert result.estimate == pytest.approx(value["mean"], abs=5e-4)
    assert result.std_error == pytest.approx(value["sd"], abs=5e-4)
    assert result.ci.low == pytest.approx(value["2.5%"], abs=1e-3)
    assert result.ci.high == pytest.approx(value["97.5%"], abs=2e-3)


@pytest.mark.parametrize("uncertain", [False, True])
def test_bayesian__equals_a_plain_sum(uncertain):
    p = ((np.arange(20_000) + 0.5) / 20_000)[:, None]
    sp, weight = np.array([[0.95]]), np.array([[1.0]])
    specificity = 0.95
    if uncertain:
        sp = ((np.arange(400) + 0.5) / 400)[None, :]
        weight = stats.beta.pdf(sp, 96, 6)
        specificity = (95, 100)
    caught = 1 - (1 - p) ** 10
    chance = (1 - sp) + caught * (0.9 - (1 - sp))
    mass = weight * chance**4 * (1 - chance) ** 16
    expected = (mass * p).sum() / mass.sum()
    result = pooled_test_prevalence(
        [4],
        [20],
        [10],
        sensitivity=0.9,
        specificity=specificity,
        estimation="bayesian",
    )
    assert result.estimate == pytest.approx(expected, abs=1e-5)


def test_edges__are_named():
    nobody = pooled_test_prevalence([0, 0], *SIZES)
    assert nobody.estimate == nobody.ci.low == 0
    assert nobody.ci.high > 0.005
    assert "read the interval" in nobody.notes[-1]
    everybody = pooled_test_prevalence([12, 5], *SIZES)
    assert everybody.ci.high == 1
    assert "every pool is positive" in everybody.notes[0]
    assert 0 < everybody.ci.low < everybody.estimate < 1
    assert everybody.diagnostics["maximum_likelihood"] == 1
    few = pooled_test_prevalence([0], [60], [10], specificity=0.8)
    assert few.estimate == 0
    assert few.ci.high > 0
    assert "likelihood ratio's" in few.notes[0]
    many = pooled_test_prevalence([3, 4, 5, 1], [30] * 4, [5, 10, 20, 40])
    assert "too many" in many.notes[0]


def test_bad_input__is_refused_by_name():
    for arguments, words in [
        (([3], [2], [10]), "entries 0 need 0 <= positive_pools"),
        (([1.5], [2], [10]), "whole numbers"),
        (([1], [2], [0]), "pool_size of 1"),
        (([1, 2], [2], [10]), "one entry per kind"),
    ]:
        with pytest.raises(InputError, match=words):
            pooled_test_prevalence(*arguments)
    with pytest.raises(InputError, match="bayesian"):
        pooled_test_prevalence([1], [9], [5], sensitivity=BetaPrior(9, 1))
    with pytest.raises(InputError, match="not better than chance"):
        pooled_test_prevalence([1], [9], [5], sensitivity=0.5, specificity=0.5)
    with pytest.raises(NotEstimableError, match="No pool"):
        pooled_test_prevalence([0], [0], [5])
