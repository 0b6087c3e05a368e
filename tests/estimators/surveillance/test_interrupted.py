"""Interrupted series against R and statsmodels, plain twins and known truth."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from estimators import surveillance
from estimators.errors import InputError, NotEstimableError

NAMES = {
    "const": "Intercept",
    "smokban": "level",
    "s1": "sin1",
    "c1": "cos1",
    "s2": "sin2",
    "c2": "cos2",
}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("level", {"slope": False}),
        ("level_harmonic2", {"slope": False, "harmonics": 2}),
        ("level_slope_harmonic2", {"harmonics": 2}),
        ("HAC12", {"slope": False, "harmonics": 2, "hac_lags": 12}),
    ],
)
def test_its__sicily(case, options, folder):
    every = json.loads((folder / "reference.json").read_text())
    block = every["pysal_statsmodels_oracle"][f"its_sicily_{case}"]
    data = pd.read_csv(folder / "data" / "its_sicily.csv")
    first = data.index[data["smokban"] == 1][0]
    fit = surveillance.interrupted_time_series(
        data["aces"],
        intervention=first,
        population=data["stdpop"],
        # The reference is the R and statsmodels output: normal, and HAC as published.
        quantiles="normal",
        hac_adjust=False,
        **options,
    )
    terms = fit.terms().set_index("term")
    for quantity, column in (("coef", "estimate"), ("se", "std_error")):
        for name, value in block[quantity].items():
            assert terms.loc[NAMES.get(name, name), column] == pytest.approx(
                value, rel=1e-8, abs=1e-12
            )
    if case == "level":
        assert math.exp(terms.loc["level", "estimate"]) == pytest.approx(
            0.894377, abs=5e-7
        )
        limits = np.exp(terms.loc["level", ["ci_low", "ci_high"]].astype(float))
        np.testing.assert_allclose(limits, block["rr_ci"], rtol=1e-8)
    if "dispersion" in block:
        found = fit.fit_statistics["dispersion"]
        assert found == pytest.approx(block["dispersion"], rel=1e-8)


def data(n=40, start=20):
    rng = np.random.default_rng(3)
    time = np.arange(1, n + 1)
    after = (np.arange(n) >= start).astype(float)
    mean = np.exp(3 + 0.01 * time - 0.5 * after)
    return rng.negative_binomial(6, 6 / (6 + mean)), time, after


@pytest.mark.filterwarnings("ignore:Negative binomial dispersion parameter")
def test_its__negative_binomial_as_statsmodels():
    counts, time, after = data()
    fit = surveillance.interrupted_time_series(
        counts, intervention=21, slope=False, family="negative_binomial"
    )
    x = np.column_stack([np.ones(40), after, time])
    size = fit.fit_statistics["size"]
    full = sm.NegativeBinomial(counts, x).fit(disp=0, maxiter=500, gtol=1e-9)
    np.testing.assert_allclose(fit.estimate, full.params[:3], atol=1e-5)
    assert 1 / size == pytest.approx(full.params[3], rel=1e-3)
    given = sm.GLM(counts, x, family=sm.families.NegativeBinomial(alpha=1 / size)).fit()
    np.testing.assert_allclose(fit.std_error, given.bse, rtol=1e-6)


def test_its__quasi_binomial_as_statsmodels():
    rng = np.random.default_rng(4)
    trials = rng.integers(80, 150, 12)
    positive = rng.binomial(trials, [0.5] * 6 + [0.3] * 6)
    fit = surveillance.interrupted_time_series(
        positive, intervention=7, trials=trials, family="quasi_binomial"
    )
    time = np.arange(1, 13)
    after = (time >= 7).astype(float)
    x = np.column_stack([np.ones(12), after, time, after * (time - 6)])
    ready = sm.GLM(
        np.column_stack([positive, trials - positive]), x, family=sm.families.Binomial()
    ).fit()
    # Its scale="X2" leaves the number of trials out of the variance: taken by hand.
    share = ready.fittedvalues
    pearson = (positive - trials * share) ** 2 / (trials * share * (1 - share))
    spread = np.sqrt(pearson.sum() / 8)
    np.testing.assert_allclose(fit.estimate, ready.params, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(fit.std_error, ready.bse * spread, rtol=1e-7)


def test_its__residual_autocorrelation_is_reported():
    counts, _, _ = data()
    statistics = surveillance.interrupted_time_series(
        counts, intervention=21
    ).fit_statistics
    assert {"residual_acf_1", "residual_acf_10", "ljung_box_p_value"} <= set(statistics)


def test_its__refusals():
    with pytest.raises(NotEstimableError, match="2 periods before and 8"):
        surveillance.interrupted_time_series([5] * 10, intervention=3)
    with pytest.raises(InputError, match="not a period"):
        surveillance.interrupted_time_series([5] * 10, intervention=30)
    with pytest.raises(NotEstimableError, match="cannot carry"):
        surveillance.interrupted_time_series(
            [5, 6, 4, 5, 6, 7], intervention=4, harmonics=2
        )
    with pytest.raises(InputError, match="trials belong"):
        surveillance.interrupted_time_series([5] * 10, intervention=4, trials=[9] * 10)


def test_its__limits_and_p_values_are_those_of_t():
    counts, _, _ = data()
    for options in ({}, {"hac_lags": 2}, {"family": "negative_binomial"}):
        fit = surveillance.interrupted_time_series(counts, intervention=21, **options)
        assert fit.ci_method.endswith("t with 36 df")
        p = 2 * stats.t.sf(np.abs(fit.statistic), 36)
        np.testing.assert_allclose(fit.p_value, p, rtol=1e-10)
        # At the level 1 - p the limits end where the null hypothesis is.
        for j, p_value in list(enumerate(fit.p_value))[1:]:
            assert p_value > 1e-6  # below, 1 - p cannot be told from 1
            edge = surveillance.interrupted_time_series(
                counts, intervention=21, level=1 - p_value, **options
            )
            ends = np.abs([edge.ci_low[j], edge.ci_high[j]])
            assert ends.min() <= 1e-8 * ends.max()
    normal = surveillance.interrupted_time_series(
        counts, intervention=21, quantiles="normal"
    )
    p = 2 * stats.norm.sf(np.abs(normal.statistic))
    np.testing.assert_allclose(normal.p_value, p, rtol=1e-10)
    assert normal.ci_method == "Wald"


@pytest.mark.parametrize("adjust", [True, False])
@pytest.mark.parametrize("lags", [0, 3, 6])
def test_its__newey_west_as_statsmodels(lags, adjust):
    counts, time, after = data()
    fit = surveillance.interrupted_time_series(
        counts, intervention=21, slope=False, hac_lags=lags, hac_adjust=adjust
    )
    ready = sm.GLM(
        counts,
        np.column_stack([np.ones(40), after, time]),
        family=sm.families.Poisson(),
    ).fit(
        cov_type="HAC",
        cov_kwds={"maxlags": lags, "use_correction": adjust},
        tol=1e-14,
    )
    np.testing.assert_allclose(fit.covariance, ready.cov_params(), rtol=1e-8)


def plain_ar1(design, counts, mean, rho):
    """Return covariance, df and expected correlation at lag 1, sum by sum."""
    n, k = design.shape
    bread = np.linalg.inv(sum(mean[i] * np.outer(x, x) for i, x in enumerate(design)))
    r = (counts - mean) / np.sqrt(mean)
    alike = np.array([[rho ** abs(i - j) for j in range(n)] for i in range(n)])
    hat = np.sqrt(np.outer(mean, mean)) * (design @ bread @ design.T)
    spread = (np.eye(n) - hat) @ alike @ (np.eye(n) - hat)
    middle = np.zeros((k, k))
    for i in range(n):
        for j in range(n):
            scale = alike[i, j] * np.sqrt(mean[i] * mean[j])
            middle += scale * np.outer(design[i], design[j])
    phi = (r**2).sum() / np.trace(spread)
    eigen = np.linalg.eigvals(spread).real
    expected = sum(spread[i, i + 1] for i in range(n - 1)) / np.trace(spread)
    covariance = phi * bread @ middle @ bread
    return covariance, eigen.sum() ** 2 / (eigen**2).sum(), expected


def waves(rng, n=40, *, rho=0.7, log_mean=5.0, scale=0.2):
    log_rate = np.zeros(n)
    log_rate[0] = rng.normal()
    for t in range(1, n):
        log_rate[t] = rho * log_rate[t - 1] + np.sqrt(1 - rho**2) * rng.normal()
    return rng.poisson(np.exp(log_mean + scale * log_rate))


def test_its__ar1_is_the_plain_sum():
    counts = waves(np.random.default_rng(5))
    _, time, after = data()
    fit = surveillance.interrupted_time_series(
        counts, intervention=21, correlation="ar1"
    )
    design = np.column_stack([np.ones(40), after, time, after * (time - 20)])
    mean = np.exp(design @ fit.estimate)
    rho = fit.fit_statistics["ar1_correlation"]
    assert 0.1 < rho < 0.95
    covariance, df, expected = plain_ar1(design, counts, mean, rho)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-8)
    assert fit.ci_method == f"AR(1) Wald, t with {df:.4g} df"
    p = 2 * stats.t.sf(np.abs(fit.statistic), df)
    np.testing.assert_allclose(fit.p_value, p, rtol=1e-6)
    r = (counts - mean) / np.sqrt(mean)
    assert (r[1:] @ r[:-1]) / (r @ r) == pytest.approx(expected, abs=1e-9)


def test_its__ar1_allows_for_the_terms_fitted():
    """Residuals are less alike than errors: the found correlation is nearly theirs."""
    rng = np.random.default_rng(6)
    found, seen = [], []
    for _ in range(80):
        # Means so high that Poisson noise, alike to nothing, is 1 % of the variance.
        counts = waves(rng, 100, rho=0.5, log_mean=11, scale=0.04)
        statistics = surveillance.interrupted_time_series(
            counts, intervention=51, correlation="ar1"
        ).fit_statistics
        found.append(statistics["ar1_correlation"])
        seen.append(statistics["residual_acf_1"])
    # A ratio of sums falls short by 2 rho / n = 0.01 even if the mean is known; four
    # standard errors of the mean over 80 series are 0.04.
    assert np.mean(found) == pytest.approx(0.49, abs=0.04)
    assert np.mean(seen) < 0.45


def test_its__ar1_without_correlation_is_the_model():
    counts = np.array([30, 36] * 12)  # neighbours unlike each other
    plain = surveillance.interrupted_time_series(counts, intervention=13)
    alike = surveillance.interrupted_time_series(
        counts, intervention=13, correlation="ar1"
    )
    assert alike.fit_statistics["ar1_correlation"] == 0
    np.testing.assert_allclose(alike.covariance, plain.covariance, rtol=1e-10)
    np.testing.assert_allclose(alike.p_value, plain.p_value, rtol=1e-8)


def test_its__ar1_says_when_a_swing_may_be_a_trend():
    counts = [10, 20, 30, 38, 42, 45, 44, 42, 37, 30, 21, 10]
    fit = surveillance.interrupted_time_series(
        counts, intervention=7, slope=False, correlation="ar1"
    )
    assert fit.fit_statistics["ar1_correlation"] == 0.95
    assert any("highest tried" in note for note in fit.notes)


def test_its__clashing_errors_refused():
    counts, _, _ = data()
    for options in ({"hac_lags": 2}, {"family": "negative_binomial"}):
        with pytest.raises(InputError, match="quasi families and without hac_lags"):
            surveillance.interrupted_time_series(
                counts, intervention=21, correlation="ar1", **options
            )
    with pytest.raises(InputError, match="quantiles"):
        surveillance.interrupted_time_series(counts, intervention=21, quantiles="z")
    with pytest.raises(InputError, match="correlation"):
        surveillance.interrupted_time_series(counts, intervention=21, correlation="x")


def test_its_notes__say_what_makes_the_limits_too_narrow():
    rng = np.random.default_rng(2)
    counts = rng.poisson(30, size=48)
    plain = surveillance.interrupted_time_series(counts, intervention=25)
    assert not any("narrow" in note or "Newey" in note for note in plain.notes)
    robust = surveillance.interrupted_time_series(counts, intervention=25, hac_lags=3)
    assert any("79 to 90 %" in note for note in robust.notes)
    few = surveillance.interrupted_time_series(counts[:12], intervention=7)
    assert not any("more than terms" in note for note in few.notes)
    normal = surveillance.interrupted_time_series(
        counts[:12], intervention=7, quantiles="normal"
    )
    assert any("8 periods more than terms" in note for note in normal.notes)
    size = surveillance.interrupted_time_series(
        counts[:12], intervention=7, family="negative_binomial"
    )
    assert any("hardly known" in note for note in size.notes)
    level = np.repeat(rng.normal(scale=0.5, size=12), 4)
    waves = rng.poisson(30 * np.exp(level))
    alike = surveillance.interrupted_time_series(waves, intervention=25)
    assert any("autocorrelated" in note for note in alike.notes)
    told = surveillance.interrupted_time_series(
        waves, intervention=25, correlation="ar1"
    )
    assert not any("autocorrelated" in note for note in told.notes)
