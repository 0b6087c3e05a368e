"""Trend test and nowcast against software, print and hand."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from estimators import surveillance
from estimators.errors import InputError, NotEstimableError


def test_trend__smokers_as_printed_by_r():
    # R, example(prop.trend.test): X-squared = 8.2249, p-value = 0.004132
    test = surveillance.trend_test([83, 90, 129, 70], [86, 93, 136, 82])
    assert test.diagnostics["chi_squared"] == pytest.approx(8.2249, abs=5e-5)
    assert test.diagnostics["p_value"] == pytest.approx(0.004132, abs=5e-7)


def brute_force(r, n, x):
    """Go through every table with the same margins."""
    total = sum(r)
    tables = {}
    for table in itertools.product(*(range(k + 1) for k in n)):
        if sum(table) == total:
            score = sum(a * b for a, b in zip(table, x, strict=True))
            ways = math.prod(math.comb(k, a) for k, a in zip(n, table, strict=True))
            tables[table] = score, ways
    whole = sum(ways for _, ways in tables.values())
    mean = sum(score * ways for score, ways in tables.values()) / whole
    seen = abs(tables[tuple(r)][0] - mean)
    far = [w for score, w in tables.values() if abs(score - mean) >= seen - 1e-9]
    return sum(far) / whole


@pytest.mark.parametrize(
    ("r", "n", "x"),
    [
        ([1, 2, 4], [6, 6, 6], [1, 2, 3]),
        ([0, 3, 1, 5], [5, 7, 4, 6], [2009, 2010, 2012, 2013]),
        ([2, 2, 2], [4, 5, 6], [0, 0.5, 3]),
    ],
)
def test_trend__exact_is_the_enumeration(r, n, x):
    test = surveillance.trend_test(r, n, scores=x, p_value="exact")
    assert test.diagnostics["p_value"] == pytest.approx(brute_force(r, n, x), rel=1e-9)


def test_trend__slope_is_the_weighted_regression_and_refusals():
    r, n, x = np.array([3, 5, 9]), np.array([40, 42, 39]), np.array([0, 1, 4])
    found = surveillance.trend_test(r, n, scores=x).estimate
    line = np.polyfit(x, r / n, 1, w=np.sqrt(n))[0]
    assert found == pytest.approx(line, rel=1e-10)
    with pytest.raises(NotEstimableError, match="nothing varies"):
        surveillance.trend_test([0, 0], [4, 5])
    with pytest.raises(InputError, match="at most as many events"):
        surveillance.trend_test([5, 1], [4, 5])


@pytest.mark.shared
def test_nowcast__hus_2011(folder, reference):
    path = folder / "data" / "husO104_reportingTriangle_20110602.csv"
    triangle = pd.read_csv(path, index_col=0)
    # The prior of the R help page, which the reference used. Its 1000 draws of the
    # delays leave their medians and limits a Monte-Carlo error of about one case.
    result = surveillance.reporting_delay_nowcast(
        triangle, prior_mean=50, prior_variance=3000
    )
    block = reference["nowcast_bayes.trunc"]
    rows = [result.get(period=day) for day in block["dates"]]
    assert [row.n_obs for row in rows] == block["observed"]
    np.testing.assert_allclose([r.estimate for r in rows], block["median"], atol=1)
    np.testing.assert_allclose([r.ci.low for r in rows], block["ci_lo"], atol=1)
    np.testing.assert_allclose([r.ci.high for r in rows], block["ci_hi"], atol=2)
    # The reference rounds its normal limit up to whole counts.
    moments = surveillance.reporting_delay_nowcast(triangle, method="lawless")
    found = [moments.get(period=day).estimate for day in block["dates"]]
    np.testing.assert_allclose(found, reference["nowcast_lawless"]["median"], atol=1)


def test_nowcast__lawless_by_hand():
    triangle = np.array([[5.0, 5], [6, 4], [5, 5], [4, 6], [5, np.nan]])
    row = surveillance.reporting_delay_nowcast(triangle, method="lawless")[0]
    # half of 40 reports came at delay 1: 5 / 0.5
    assert row.diagnostics["reported_share"] == 0.5
    assert row.std_error**2 == pytest.approx(5 * 6 / 0.25 * 0.5 / (40 * 0.5) + 5 * 2)
    assert 5 <= row.ci.low < 10 < row.ci.high


def test_nowcast__lawless_limits_are_whole_and_hold_what_is_seen():
    """The oldest open period: one report in fifty is still to come, none most often."""
    triangle = np.tile([49.0, 1.0], (30, 1))
    triangle[-1, 1] = np.nan
    row = surveillance.reporting_delay_nowcast(triangle, method="lawless")[0]
    assert row.ci.low == 49
    assert row.ci.high == np.ceil(row.ci.high)


def test_nowcast__covers_the_truth():
    rng = np.random.default_rng(8)
    delay = np.array([0.3, 0.3, 0.2, 0.1, 0.1])
    hits = tried = 0
    for _ in range(20):
        full = np.array([rng.multinomial(n, delay) for n in rng.poisson(30, 40)])
        cut = full.astype(float)
        for back in range(4):
            cut[39 - back, back + 1 :] = np.nan
        for row, truth in zip(
            surveillance.reporting_delay_nowcast(cut),
            full[36:].sum(axis=1),
            strict=True,
        ):
            hits += truth in row.ci
            tried += 1
    # 80 intervals, not independent; 95 % nominal, 99.9 % band of the binomial
    assert 69 <= hits <= tried


def test_nowcast__refusals():
    with pytest.raises(InputError, match=r"not so at \(row, delay\)"):
        surveillance.reporting_delay_nowcast(np.ones((5, 2)))
    with pytest.raises(NotEstimableError, match="no period is complete"):
        surveillance.reporting_delay_nowcast(
            np.array([[1.0, 1, np.nan], [1, np.nan, np.nan]])
        )
