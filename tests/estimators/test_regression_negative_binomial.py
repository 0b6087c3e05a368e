"""NB2 against statsmodels, scipy's law, arithmetic, and its own limits."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import approx_fprime
from statsmodels.discrete.discrete_model import NegativeBinomial

from estimators import regression
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.regression._nb2_likelihood import _SMALL, NB2, _h, _h_slope

# Both maximise one likelihood by Newton: what differs is where they stop.
SAME = 1e-6
FORMULA = "calls ~ aired + registered"


def drawn(n, alpha, level, seed=3):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "aired": rng.integers(0, 2, n),
            "registered": rng.normal(size=n),
            "open": rng.uniform(-0.5, 0.5, n),
        }
    )
    mean = np.exp(level + 0.5 * frame.aired - 0.3 * frame.registered + frame.open)
    frame["calls"] = rng.poisson(rng.gamma(1 / alpha, mean * alpha))
    return frame


def theirs(frame, **options):
    columns = sm.add_constant(frame[["aired", "registered"]])
    model = NegativeBinomial(
        frame.calls, columns, offset=frame.open, loglike_method="nb2"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = model.fit(disp=0, method="bfgs", maxiter=2000)
        return model.fit(
            start_params=found.params, disp=0, method="newton", tol=1e-13, **options
        )


@pytest.mark.parametrize(
    ("n", "alpha", "level"), [(45, 0.3, 4), (200, 1.2, 1), (400, 0.05, 2), (60, 3, 0)]
)
def test_as_statsmodels(n, alpha, level):
    frame = drawn(n, alpha, level)
    other, sandwich = theirs(frame), theirs(frame, cov_type="HC0")
    fit = regression.negative_binomial(FORMULA, frame, offset="open")
    said = fit.fit_statistics
    estimates = [*fit.estimate, said["alpha"]]
    errors = [*fit.std_error, said["alpha_std_error"]]
    np.testing.assert_allclose(estimates, other.params, rtol=SAME, atol=SAME)
    np.testing.assert_allclose(errors, other.bse, rtol=SAME, atol=SAME)
    assert said["log_likelihood"] == pytest.approx(other.llf, abs=SAME)
    assert said["aic"] == pytest.approx(other.aic, abs=SAME)
    robust = regression.negative_binomial(
        FORMULA, frame, offset="open", variance="robust"
    )
    np.testing.assert_allclose(robust.std_error, sandwich.bse[:3], rtol=SAME)


def test_one_group__the_mean_and_the_likelihood_of_scipys_law():
    counts = np.array([0, 3, 1, 9, 4, 0, 2, 7, 15, 1])
    fit = regression.negative_binomial("y ~ 1", pd.DataFrame({"y": counts}))
    assert np.exp(fit.estimate[0]) == pytest.approx(counts.mean(), rel=1e-9)
    size = 1 / fit.fit_statistics["alpha"]

    def loss(k):
        return -stats.nbinom.logpmf(counts, k, k / (k + counts.mean())).sum()

    assert fit.fit_statistics["log_likelihood"] == pytest.approx(-loss(size), abs=1e-9)
    around = [loss(size * step) for step in (0.99, 1.0, 1.01)]
    assert around[1] == min(around)


def test_counts_of_poisson_scatter__are_poissons():
    counts = [19, 21, 20, 20, 41, 39, 40, 40]
    frame = pd.DataFrame({"y": counts, "x": [0] * 4 + [1] * 4})
    fit = regression.negative_binomial("y ~ x", frame)
    assert fit.fit_statistics["alpha"] == 0
    assert fit.fit_statistics["poisson_p_value"] == 1
    assert "alpha_std_error" not in fit.fit_statistics
    assert any("no more than Poisson" in note for note in fit.notes)
    # A ratio of two Poisson sums: variance of its logarithm 1 / 80 + 1 / 160.
    assert fit.estimate[1] == pytest.approx(np.log(2))
    assert fit.std_error[1] == pytest.approx(np.sqrt(1 / 80 + 1 / 160))


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    counts=st.lists(st.integers(0, 40), min_size=4, max_size=12),
    alpha=st.floats(1e-9, 5),
)
def test_likelihood__is_scipys_and_its_derivatives_are_its_own(counts, alpha):
    y = np.array(counts)
    x = np.column_stack([np.ones(y.size), np.arange(y.size) / y.size])
    model = NB2(y, x, np.zeros(y.size))
    beta = np.array([1.5, -0.4])
    mean = model.mean(beta)
    law = stats.nbinom.logpmf(y, 1 / alpha, 1 / (1 + alpha * mean)).sum()
    # scipy takes differences of gamma functions, which cancel near Poisson.
    near = 1e-8 if alpha > 1e-3 else 1e-4
    assert model.log_likelihood(mean, alpha) == pytest.approx(law, abs=near, rel=near)

    def value(parameters):
        return model.log_likelihood(model.mean(parameters[:2]), parameters[2])

    if alpha > 1e-3:
        slope = approx_fprime([*beta, alpha], value, 1e-7)
        told = model.scores(mean, alpha).sum(axis=0)
        np.testing.assert_allclose(told, slope, rtol=1e-3, atol=1e-2 * y.size)


def test_likelihood__the_series_meets_the_formula():
    z = np.array([_SMALL * (1 - 1e-9), _SMALL * (1 + 1e-9)])
    for function in (_h, _h_slope):
        below, above = function(z)
        assert below == pytest.approx(above, rel=1e-8)
    assert _h(np.zeros(1))[0] == 0.5
    assert _h_slope(np.zeros(1))[0] == pytest.approx(-2 / 3)


def test_information__is_minus_the_slope_of_the_scores():
    frame = drawn(40, 0.5, 2)
    x = np.column_stack([np.ones(40), frame.aired])
    model = NB2(frame.calls.to_numpy(), x, np.zeros(40))
    at = np.array([1.8, 0.4, 0.6])

    def scores(parameters):
        return model.scores(model.mean(parameters[:2]), parameters[2]).sum(axis=0)

    moves = 1e-6 * np.eye(3)
    numeric = [(scores(at + move) - scores(at - move)) / 2e-6 for move in moves]
    told = model.information(model.mean(at[:2]), at[2])
    np.testing.assert_allclose(told, -np.array(numeric), rtol=1e-6, atol=1e-4)


def test_rows_in_another_order_and_exposure_in_other_units_change_nothing():
    frame = drawn(80, 0.4, 2)
    fit = regression.negative_binomial(FORMULA, frame, offset="open")
    other = frame.sample(frac=1, random_state=1)
    other = other.assign(open=other["open"] + np.log(1000))
    again = regression.negative_binomial(FORMULA, other, offset="open")
    np.testing.assert_allclose(again.estimate[1:], fit.estimate[1:], rtol=1e-8)
    moved = fit.estimate[0] - again.estimate[0]
    assert moved == pytest.approx(np.log(1000), rel=1e-9)
    alphas = [item.fit_statistics["alpha"] for item in (fit, again)]
    assert alphas[0] == pytest.approx(alphas[1], rel=1e-8)


def test_limits__hold_the_truth_where_poissons_do_not():
    """100 series of 60 months: 95 % limits of NB2, those of Poisson far too narrow."""
    held = {"nb": 0, "poisson": 0}
    for seed in range(100):
        frame = drawn(60, 0.4, 3, seed=seed)
        fit = regression.negative_binomial(FORMULA, frame, offset="open")
        held["nb"] += fit.ci_low[1] <= 0.5 <= fit.ci_high[1]
        mean = np.exp(np.asarray(fit.linear_predictor(frame)))
        x = np.column_stack([np.ones(60), frame.aired, frame.registered])
        error = np.sqrt(np.linalg.inv(x.T @ (x * mean[:, None]))[1, 1])
        held["poisson"] += abs(fit.estimate[1] - 0.5) <= 1.96 * error
    # Central 99.9 % of a binomial of 100 and 0.95.
    low, high = stats.binom(100, 0.95).interval(0.999)
    assert low <= held["nb"] <= high
    assert held["poisson"] < 75


@pytest.mark.parametrize(
    ("frame", "error", "says"),
    [
        ({"y": [1.5, 2, 3, 4, 6, 9], "x": [0, 1] * 3}, InputError, "whole numbers"),
        ({"y": [-1, 2, 3, 4, 6, 9], "x": [0, 1] * 3}, InputError, ">= 0"),
        ({"y": [4, 9], "x": [0, 1]}, NotEstimableError, "cannot carry"),
        ({"y": [0, 0, 0, 4, 60, 9], "x": [0] * 3 + [1] * 3}, ConvergenceError, "are 0"),
    ],
)
def test_what_cannot_be_fitted_is_said(frame, error, says):
    with pytest.raises(error, match=says):
        regression.negative_binomial("y ~ x", pd.DataFrame(frame))


def test_missing_rows_are_counted():
    frame = drawn(50, 0.4, 2)
    frame.loc[3, "registered"] = np.nan
    fit = regression.negative_binomial("calls ~ registered", frame)
    assert (fit.n_obs, fit.fit_statistics["n_excluded"]) == (49, 1)
