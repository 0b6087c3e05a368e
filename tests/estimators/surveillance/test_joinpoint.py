"""Joinpoint trends against weighted regressions, every placement and simulation."""

import itertools

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from estimators import surveillance
from estimators.errors import InputError, NotEstimableError
from estimators.surveillance.joinpoint import _best

CASES = [50, 54, 61, 66, 70, 79, 70, 60, 55, 46, 43, 36]


def test_no_joinpoint__is_weighted_regression():
    counts, size = np.array([20, 25, 22, 30, 33]), np.array([9.0, 10, 11, 12, 13])
    row = surveillance.joinpoint_trend(
        counts, population=size, times=[2009, 2010, 2012, 2013, 2014], max_joinpoints=0
    )[0]
    x = sm.add_constant(np.array([0.0, 1, 3, 4, 5]))
    fit = sm.WLS(np.log(counts / size), x, weights=counts).fit()
    assert row.diagnostics["slope"] == pytest.approx(fit.params[1], rel=1e-10)
    low, high = np.expm1(fit.conf_int()[1]) * 100
    assert (row.ci.low, row.ci.high) == pytest.approx((low, high), rel=1e-9)


def test_best__is_the_least_of_all_placements():
    y, when, root = np.log(CASES), np.arange(1.0, 13), np.sqrt(CASES)
    for k in (1, 2):
        losses = {}
        for points in itertools.combinations(range(2, 10), k):
            if k == 2 and points[1] - points[0] < 2:
                continue
            hinges = [np.maximum(when - when[at], 0) for at in points]
            x = np.column_stack([np.ones(12), when, *hinges])
            losses[points] = sm.WLS(y, x, weights=CASES).fit().ssr
        found, where = _best((y * root)[None, :], root, when, k)
        assert found[0] == pytest.approx(min(losses.values()), rel=1e-8)
        assert where == min(losses, key=losses.get)


def test_selection__keeps_its_level_and_finds_a_bend():
    rng = np.random.default_rng(2)
    bent = 0
    for start in range(150):
        counts = rng.poisson(np.exp(4 + 0.05 * np.arange(14)))
        found = surveillance.joinpoint_trend(
            counts, max_joinpoints=1, n_resamples=99, rng=start
        )
        bent += len(found) > 1
    assert bent <= stats.binom.ppf(0.9995, 150, 0.05)
    found = surveillance.joinpoint_trend(CASES, rng=1)
    assert [(g["first"], g["last"]) for g in found.groups] == [(1, 6), (6, 12)]


def test_refusals():
    with pytest.raises(InputError, match=r"counts of 0 in rows \[1\]"):
        surveillance.joinpoint_trend([3, 0, 4, 5, 6, 7, 8, 9, 9])
    with pytest.raises(NotEstimableError, match="too few"):
        surveillance.joinpoint_trend([3, 4, 4, 5])
    with pytest.raises(InputError, match="times must rise"):
        surveillance.joinpoint_trend([3] * 9, times=[1] * 9)
