"""Intervals against scipy's bootstrap, printed examples and their closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from estimators.errors import InputError, NotEstimableError
from estimators.intervals import (
    basic_interval,
    bca_interval,
    critical_value,
    logit_interval,
    percentile_interval,
    t_interval,
    unseen_log_interval,
    wald_interval,
)

SAMPLE = np.array([3.1, 0.2, 8.8, 1.9, 2.2, 14.5, 0.7, 5.0, 2.9, 1.1, 0.4])


def pair(interval):
    return np.array([interval.low, interval.high])


@pytest.fixture(scope="module")
def draws():
    rng = np.random.default_rng(5)
    return np.array(
        [rng.choice(SAMPLE, SAMPLE.size).mean() for _ in range(999)], dtype=float
    )


@pytest.fixture(scope="module")
def left_out():
    return np.array([np.delete(SAMPLE, i).mean() for i in range(SAMPLE.size)])


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("method", ["percentile", "basic", "BCa"])
def test_bootstrap_intervals__equal_scipy_on_the_same_replicates(
    draws, left_out, method, level
):
    # scipy keeps the replicates it is given when asked for none of its own.
    given = stats._resampling.BootstrapResult(
        confidence_interval=None, bootstrap_distribution=draws, standard_error=0.0
    )
    expected = stats.bootstrap(
        (SAMPLE,),
        np.mean,
        n_resamples=0,
        bootstrap_result=given,
        confidence_level=level,
        method=method,
    ).confidence_interval
    found = {
        "percentile": lambda: percentile_interval(draws, level=level),
        "basic": lambda: basic_interval(SAMPLE.mean(), draws, level=level),
        "BCa": lambda: bca_interval(SAMPLE.mean(), draws, left_out, level=level),
    }[method]()
    np.testing.assert_allclose(pair(found), expected, rtol=1e-12)


def test_bca_interval__ties_count_half():
    values = np.array([1.0, 2.0, 2.0, 2.0, 5.0, 5.0, 7.0, 8.0])
    # 1 below and 3 ties of 8: z0 = qnorm(2.5 / 8), a = 0.
    z0 = stats.norm.ppf(2.5 / 8)
    tails = stats.norm.cdf(2 * z0 + stats.norm.ppf([0.05, 0.95]))
    found = bca_interval(2.0, values, np.ones(3), level=0.9)
    np.testing.assert_allclose(pair(found), np.quantile(values, tails), rtol=1e-12)


def test_bca_interval__all_replicates_equal():
    found = bca_interval(2.0, np.full(50, 2.0), np.full(9, 2.0))
    assert pair(found).tolist() == [2.0, 2.0]
    assert "all replicates equal" in found.method


def test_bca_interval__all_replicates_on_one_side_falls_back_and_says_so(draws):
    found = bca_interval(-1.0, draws, np.array([1.0, 2.0, 4.0]))
    assert pair(found).tolist() == pair(percentile_interval(draws)).tolist()
    assert "BCa undefined" in found.method


def test_bca_interval__beyond_the_pole_takes_the_outermost_replicate(draws):
    # One jackknife value far off the rest: acceleration near its bound 1/6 sqrt(n).
    skewed = np.array([100.0] + [0.0] * 200)
    found = bca_interval(np.quantile(draws, 0.02), draws, skewed, level=0.999)
    assert found.low == draws.min()
    assert np.isfinite(found.high)


@pytest.mark.parametrize(
    ("values", "level", "expected"),
    [
        ([1.0, 2.0, math.inf, math.inf], 0.9, [1.15, math.inf]),
        ([-math.inf, -math.inf, 0.0], 0.5, [-math.inf, -math.inf]),
        ([math.inf] * 4, 0.5, [math.inf, math.inf]),
    ],
)
def test_percentile_interval__infinite_replicates_stay_infinite(
    values, level, expected
):
    found = percentile_interval(np.array(values), level=level)
    np.testing.assert_allclose(pair(found), expected)


def test_percentile_interval__refuses_nan_and_counts_it():
    with pytest.raises(InputError, match="2 of 4 replicates are NaN"):
        percentile_interval(np.array([1.0, np.nan, 2.0, np.nan]))
    with pytest.raises(InputError, match="two replicates"):
        percentile_interval(np.array([1.0]))
    with pytest.raises(InputError, match="jackknife"):
        bca_interval(1.0, np.array([1.0, 2.0]), np.array([np.inf, 1.0]))


def test_unseen_log_interval__unseen_part_is_log_normal():
    total, seen, variance = 75.4, 68.0, 5.09**2
    unseen = total - seen
    sigma = math.sqrt(math.log(1 + variance / unseen**2))
    found = unseen_log_interval(total, seen, variance)
    expected = stats.lognorm.ppf([0.025, 0.975], s=sigma, scale=unseen)
    np.testing.assert_allclose(pair(found) - seen, expected, rtol=1e-12)


def test_unseen_log_interval__edges():
    assert pair(unseen_log_interval(50, 50, 4.0)).tolist() == [50, 50]
    assert pair(unseen_log_interval(60, 50, math.inf)).tolist() == [50, math.inf]
    assert pair(unseen_log_interval(60, 50, 0.0)).tolist() == [60, 60]
    with pytest.raises(InputError, match="at least the persons seen"):
        unseen_log_interval(40, 50, 1.0)
    with pytest.raises(InputError, match="variance"):
        unseen_log_interval(60, 50, float("nan"))


@settings(deadline=None, derandomize=True)
@given(
    seen=st.floats(0, 1e5),
    unseen=st.floats(1e-3, 1e6),
    variance=st.floats(0, 1e12),
    level=st.floats(0.01, 0.999),
)
def test_unseen_log_interval__never_below_the_seen(seen, unseen, variance, level):
    total = seen + unseen
    found = unseen_log_interval(total, seen, variance, level=level)
    assert seen <= found.low
    assert found.low <= total * (1 + 1e-12)
    assert total * (1 - 1e-12) <= found.high


def test_wald_and_t__closed_forms():
    found = wald_interval(10.0, 2.0, level=0.9)
    np.testing.assert_allclose(pair(found), stats.norm.interval(0.9, 10, 2), rtol=1e-14)
    found = t_interval(10.0, 2.0, df=7)
    np.testing.assert_allclose(
        pair(found), stats.t.interval(0.95, 7, 10, 2), rtol=1e-13
    )
    assert pair(wald_interval(0.5, math.inf, bounds=(0, 1))).tolist() == [0, 1]
    assert (
        pair(t_interval(1, 1, df=math.inf)).tolist()
        == pair(wald_interval(1, 1)).tolist()
    )


def test_logit_interval__equals_the_odds_form():
    p, se = 0.03, 0.01
    reach = critical_value(0.95, df=11) * se / (p * (1 - p))
    odds = p / (1 - p) * np.exp([-reach, reach])
    np.testing.assert_allclose(
        pair(logit_interval(p, se, df=11)), odds / (1 + odds), rtol=1e-13
    )
    with pytest.raises(NotEstimableError, match="exact"):
        logit_interval(0.0, 0.1)


def test_intervals__refuse_nonsense():
    with pytest.raises(InputError, match="std_error=-1"):
        wald_interval(0.0, -1)
    with pytest.raises(InputError, match="std_error=nan"):
        logit_interval(0.5, math.nan)
    with pytest.raises(NotEstimableError, match="df=0"):
        t_interval(0.0, 1.0, df=0)
    with pytest.raises(InputError, match="level=1"):
        percentile_interval(np.array([1.0, 2.0]), level=1)
