"""Published intervals combined: bootComb, the beta's quantiles, refusals."""

import json

import numpy as np
import pytest
from scipy import stats

from estimators.binomial_limits import binomial_limits
from estimators.diagnostics import prevalence_from_intervals
from estimators.diagnostics.melding import _chance, quantile_of_correction
from estimators.diagnostics.published_intervals import beta_from_interval
from estimators.errors import InputError


def exact(x, n):
    return binomial_limits(x, n, "clopper_pearson", level=0.95)


@pytest.mark.shared
def test_equals_bootcomb_within_its_monte_carlo_error(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    sets = json.loads(path.read_text(encoding="utf-8"))["sets"]
    value = sets["prevalence"]["cases"]["bootComb_adjPrev"]["value"]["ci"]
    intervals = [exact(84, 500), exact(238, 270), exact(82, 88)]
    share, right, clean = (beta_from_interval(i, "x", 0.95) for i in intervals)
    wrong = clean.mirrored()
    # bootComb discards draws below 0: its quantiles are those of the rest.
    below = _chance((1.0, -1.0), (share, wrong))
    assert 0.005 < below < 0.015
    for tail, key in ((0.025, "2.5%"), (0.975, "97.5%")):
        found = quantile_of_correction(
            (share, wrong, right), below + (1 - below) * tail, 0.0
        )
        # Quantiles of 1e6 draws with standard deviation 0.04: error about 1.1e-4.
        assert found == pytest.approx(value[key], abs=4e-4)
    ours = prevalence_from_intervals(*intervals)
    assert ours.ci.low < value["2.5%"]


def test_equals_draws_of_our_own_making():
    intervals = [(0.136, 0.204), (0.837, 0.918), (0.857, 0.975)]
    result = prevalence_from_intervals(*intervals)
    rng = np.random.default_rng(1)
    a, se, sp = (
        rng.beta(prior.alpha, prior.beta, 1_000_000)
        for prior in (beta_from_interval(i, "x", 0.95) for i in intervals)
    )
    draws = np.clip((a + sp - 1) / (se + sp - 1), 0, 1)
    low, high = np.quantile(draws, [0.025, 0.975])
    assert result.ci.low == pytest.approx(low, abs=4e-4)
    assert result.ci.high == pytest.approx(high, abs=4e-4)
    assert result.std_error == pytest.approx(draws.std(), rel=5e-3)


@pytest.mark.parametrize(
    "limits", [(0.01, 0.03), (0.2, 0.9), (0.9, 0.999), (0.4999, 0.5001)]
)
def test_beta_from_interval__has_the_limits_as_quantiles(limits):
    prior = beta_from_interval(limits, "x", 0.9)
    found = stats.beta.ppf([0.05, 0.95], prior.alpha, prior.beta)
    np.testing.assert_allclose(found, limits, rtol=1e-7)


def test_below_the_false_positive_rate__no_false_certainty():
    result = prevalence_from_intervals((0.001, 0.01), (0.8, 0.9), (0.7, 0.8))
    assert result.estimate == result.ci.low == 0
    assert result.ci.high > 0.01
    assert "disagree" in result.notes[-1]


def test_bad_input__is_refused_by_name():
    good = [(0.1, 0.2), (0.8, 0.9), (0.9, 0.95)]
    for place, value, words in [
        (0, (0.2, 0.1), "apparent="),
        (1, (0.8, 1.0), "sensitivity=.*counts"),
        (2, 0.9, "specificity=0.9: a pair"),
        (2, (0.05, 0.1), "not better than chance"),
    ]:
        changed = list(good)
        changed[place] = value
        with pytest.raises(InputError, match=words):
            prevalence_from_intervals(*changed)
