"""Ordinal models: a printed table, R's svyolr, statsmodels, derivatives, refusals."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit
from statsmodels.miscmodels.ordinal_model import OrderedModel

from estimators.designs import SurveyDesign, to_replicates
from estimators.errors import InputError, NotEstimableError
from estimators.regression import logistic, ordinal_logistic
from estimators.regression._cumulative_model import cumulative_rows

# Venables and Ripley's housing data (R package MASS), satisfaction fastest, then
# influence, type of dwelling, contact.
HOUSING = [
    21, 21, 28, 34, 22, 36, 10, 11, 36, 61, 23, 17, 43, 35, 40, 26, 18, 54, 13, 9, 10,
    8, 8, 12, 6, 7, 9, 18, 6, 7, 15, 13, 13, 7, 5, 11, 14, 19, 37, 17, 23, 40, 3, 5, 23,
    78, 46, 43, 48, 45, 86, 15, 25, 62, 20, 23, 20, 10, 22, 24, 7, 10, 21, 57, 23, 13,
    31, 21, 13, 5, 6, 13,
]  # fmt: skip
CELLS = pd.DataFrame(
    {"x": [0, 0, 0, 1, 1, 1], "tier": [0, 1, 2] * 2, "n": [40, 20, 10, 15, 20, 25]}
)


def _persons(n, rng=1, own=0.0):
    rng = np.random.default_rng(rng)
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.integers(0, 2, n)})
    eta = 0.7 * frame["x"].to_numpy() + 0.5 * frame["z"].to_numpy()
    first = expit(eta - 0.4)
    second = expit(eta - 1.6 + own * frame["z"].to_numpy())
    u = rng.random(n)
    frame["tier"] = (u < first).astype(int) + (u < np.minimum(first, second))
    return frame.assign(site=np.arange(n) // 10, w=1.0 + np.arange(n) % 4)


def test_housing__is_the_printed_table():
    # Modern Applied Statistics with S, section 7.3: coefficients and standard errors.
    levels = itertools.product(
        ["Low", "High"],
        ["Tower", "Apartment", "Atrium", "Terrace"],
        ["Low", "Medium", "High"],
        ["Low", "Medium", "High"],
    )
    frame = pd.DataFrame(levels, columns=["cont", "type", "infl", "sat"]).assign(
        n=HOUSING
    )
    frame["cont"] = pd.Categorical(frame["cont"], ["Low", "High"])
    frame["infl"] = pd.Categorical(frame["infl"], ["Low", "Medium", "High"])
    frame["type"] = pd.Categorical(frame["type"], frame["type"].unique())
    fit = ordinal_logistic(
        "sat ~ infl + type + cont", frame, order=["Low", "Medium", "High"], count="n"
    )
    table = fit.terms().set_index("term").round(4)
    expected = {
        "infl[T.Medium]": (0.5664, 0.1047), "infl[T.High]": (1.2888, 0.1272),
        "type[T.Apartment]": (-0.5724, 0.1192), "type[T.Atrium]": (-0.3662, 0.1552),
        "type[T.Terrace]": (-1.0910, 0.1515), "cont[T.High]": (0.3603, 0.0955),
        "Low|Medium": (-0.4961, 0.1248), "Medium|High": (0.6907, 0.1255),
    }  # fmt: skip
    for name, values in expected.items():
        assert tuple(table.loc[name, ["estimate", "std_error"]]) == values
    assert -2 * fit.fit_statistics["log_likelihood"] == pytest.approx(
        3479.149, abs=5e-4
    )


@pytest.mark.shared
def test_apiclus1__is_r_svyolr(shared_folder):
    folder = shared_folder / "reference" / "survey"
    sets = json.loads((folder / "reference.json").read_text(encoding="utf-8"))["sets"]
    reference = sets["survey45"]["cases"]["olr_mealcat"]["value"]
    frame = pd.read_csv(folder / "data" / "apiclus1.csv").rename(
        columns={"avg.ed": "avg_ed"}
    )
    frame["mealcat"] = pd.cut(frame["meals"], [0, 25, 50, 75, 100])
    formula = "mealcat ~ avg_ed + mobility + stype"
    design = SurveyDesign.from_frame(frame, weights="pw", psu="dnum")
    fit = ordinal_logistic(formula, frame, design=design)
    # svyolr stops where BFGS gains less than 1e-8 of the deviance: its coefficients are
    # good to 5e-5. Its Hessian is a difference quotient, its variance good to 1e-4.
    coefficients = list(reference["coef"].values())
    np.testing.assert_allclose(fit.estimate, coefficients, atol=1e-4)
    np.testing.assert_allclose(
        fit.covariance, reference["vcov"]["values"], rtol=1e-3, atol=1e-5
    )
    # The same call with a finite population and reltol = 1e-16 (survey 4.1.1).
    design = SurveyDesign.from_frame(frame, weights="pw", psu="dnum", fpc="fpc")
    fit = ordinal_logistic(formula, frame, design=design)
    tight = [-2.6999076216, 0.0325043766, -1.7574815093, -0.6191451839]
    np.testing.assert_allclose(fit.estimate[:4], tight, atol=2e-6)
    errors = [1.13421543, 0.02065657, 0.69952793, 0.30964219]
    np.testing.assert_allclose(fit.std_error[:4], errors, rtol=2e-5)
    assert fit.fit_statistics["residual_df"] == 10


def test_independent__is_statsmodels_ordered_model():
    frame = _persons(300)
    fit = ordinal_logistic("tier ~ x + z", frame)
    known = OrderedModel(frame["tier"], frame[["x", "z"]], distr="logit").fit(
        method="newton", disp=False, tol=1e-12
    )
    params = known.params.to_numpy()
    second = params[2] + np.exp(params[3])  # thresholds are increments there
    np.testing.assert_allclose(
        fit.estimate, [*params[:2], params[2], second], rtol=1e-6
    )
    np.testing.assert_allclose(fit.std_error[:3], known.bse.iloc[:3], rtol=1e-5)
    assert fit.fit_statistics["log_likelihood"] == pytest.approx(known.llf, rel=1e-10)
    expected = known.predict(frame[["x", "z"]].head(5)).to_numpy()
    np.testing.assert_allclose(fit.probabilities(frame.head(5)), expected, rtol=1e-6)


def test_saturated_partial_model__has_closed_form():
    fit = ordinal_logistic("tier ~ x", CELLS, nonproportional="x", count="n")
    base = logit(np.array([40, 60]) / 70)
    exposed = logit(np.array([15, 35]) / 60)
    np.testing.assert_allclose(fit.estimate, [*base, *(base - exposed)], rtol=1e-9)
    assert fit.term == ("0|1", "1|2", "x at 0|1", "x at 1|2")
    np.testing.assert_allclose(
        fit.probabilities(pd.DataFrame({"x": [0, 1]})),
        [[40 / 70, 20 / 70, 10 / 70], [15 / 60, 20 / 60, 25 / 60]],
    )
    # Woolf: each cumulative odds ratio is that of a 2 x 2 table.
    np.testing.assert_allclose(
        fit.std_error[2:],
        np.sqrt([1 / 40 + 1 / 30 + 1 / 15 + 1 / 45, 1 / 60 + 1 / 10 + 1 / 35 + 1 / 25]),
    )


def test_score_and_information__are_numeric_derivatives():
    rng = np.random.default_rng(4)
    matrix = rng.normal(size=(40, 3))
    free = np.array([False, True, False])
    cells = cumulative_rows(
        matrix, rng.integers(0, 4, 40), rng.uniform(1, 3, 40), categories=4, free=free
    )
    theta = np.array([0.2, -0.3, -1, 0.1, 1.2, 0.1, 0.15, 0.2])
    shifts = 1e-5 * np.eye(theta.size)
    state = cells.at(theta)
    slope = [
        (cells.at(theta + d).log_likelihood - cells.at(theta - d).log_likelihood) / 2e-5
        for d in shifts
    ]
    np.testing.assert_allclose(cells.mass @ state.scores, slope, atol=1e-6)
    bend = [
        -cells.mass @ (cells.at(theta + d).scores - cells.at(theta - d).scores) / 2e-5
        for d in shifts
    ]
    np.testing.assert_allclose(state.information, bend, atol=1e-6)


def test_proportionality__score_test_of_a_two_by_three_table():
    # Expected information at the estimate, score by hand from cell probabilities.
    fit = ordinal_logistic("tier ~ x", CELLS, count="n")
    b, *zeta = fit.estimate
    counts = CELLS["n"].to_numpy().reshape(2, 3)

    def log_probabilities(gamma):
        upto = [expit(zeta[0] - b), expit(zeta[1] - b - gamma)]
        return np.log(np.diff([0, *upto, 1]))

    def all_log_probabilities(theta):
        upto = expit([theta[1], theta[2]])
        above = expit([theta[1] - theta[0], theta[2] - theta[0] - theta[3]])
        return np.log([np.diff([0, *upto, 1]), np.diff([0, *above, 1])])

    theta = np.array([b, *zeta, 0.0])
    slopes = np.array(
        [
            (all_log_probabilities(theta + d) - all_log_probabilities(theta - d)) / 2e-6
            for d in 1e-6 * np.eye(4)
        ]
    )
    score = (slopes * counts).sum(axis=(1, 2))
    expected = np.exp(all_log_probabilities(theta)) * counts.sum(axis=1)[:, None]
    information = np.einsum("ars,brs,rs->ab", slopes, slopes, expected)
    statistic = score @ np.linalg.solve(information, score)
    row = fit.proportionality.iloc[0]
    assert row["statistic"] == pytest.approx(statistic, rel=1e-5)
    assert row["p_value"] == pytest.approx(stats.chi2.sf(statistic, 1), rel=1e-5)
    assert np.isfinite(log_probabilities(0.0)).all()
    # The likelihood ratio against the saturated model says the same.
    free = ordinal_logistic("tier ~ x", CELLS, nonproportional="x", count="n")
    ratio = 2 * (
        free.fit_statistics["log_likelihood"] - fit.fit_statistics["log_likelihood"]
    )
    assert row["statistic"] == pytest.approx(ratio, abs=0.1)


def test_proportionality__finds_the_term_that_is_not():
    fit = ordinal_logistic("tier ~ x + z", _persons(1500, own=-1.0))
    table = fit.proportionality.set_index("term")["p_value"]
    assert table["z"] < 1e-4
    assert table["x"] > 0.01
    assert "odds are not proportional" in fit.summary()


def test_two_thresholds__are_two_logistic_models_when_all_terms_are_free():
    # Not the same estimates, but near: a check of signs and of the order of names.
    frame = _persons(600)
    fit = ordinal_logistic("tier ~ x + z", frame, nonproportional=["x", "z"])
    for step in (0, 1):
        other = logistic(
            "y ~ x + z", frame.assign(y=(frame["tier"] > step).astype(int))
        )
        place = [2 + step, 4 + step]
        np.testing.assert_allclose(
            fit.estimate[place], other.estimate[1:], atol=0.5 * other.std_error.max()
        )
        assert fit.term[place[0]] == f"x at {step}|{step + 1}"


def test_design__of_single_persons_and_jackknife_agree_with_the_sandwich():
    frame = _persons(400)
    design = SurveyDesign.from_frame(frame, weights="w", psu="site")
    fit = ordinal_logistic("tier ~ x + z", frame, design=design)
    jackknife = ordinal_logistic(
        "tier ~ x + z", frame, design=to_replicates(design, kind="JK1")
    )
    # 40 clusters: the jackknife is larger by a term of order 1 / 40.
    np.testing.assert_allclose(fit.std_error, jackknife.std_error, rtol=0.1)
    np.testing.assert_allclose(fit.estimate, jackknife.estimate)
    # A domain outside changes nothing but the degrees of freedom.
    more = pd.concat([frame, frame.assign(site=frame["site"] + 1000)])
    more["inside"] = [1] * 400 + [0] * 400
    wide = SurveyDesign.from_frame(more, weights="w", psu="site")
    inside = ordinal_logistic(
        "tier ~ x + z", wide.frame, design=wide.subset("inside == 1")
    )
    np.testing.assert_allclose(inside.estimate, fit.estimate, rtol=1e-9)


def test_order__reversed_turns_signs_and_text_needs_one():
    named = CELLS.assign(tier=CELLS["tier"].map({0: "none", 1: "some", 2: "worst"}))
    up = ordinal_logistic("tier ~ x", named, order=["none", "some", "worst"], count="n")
    down = ordinal_logistic(
        "tier ~ x", named, order=["worst", "some", "none"], count="n"
    )
    assert up.term == ("x", "none|some", "some|worst")
    np.testing.assert_allclose(up.estimate[0], -down.estimate[0], rtol=1e-9)
    np.testing.assert_allclose(up.estimate[1:], -down.estimate[:0:-1], rtol=1e-9)
    augmented = up.augment(named)
    assert {".fitted_none", ".fitted_worst"} <= set(augmented)
    with pytest.raises(InputError, match="no order"):
        ordinal_logistic("tier ~ x", named, count="n")
    with pytest.raises(InputError, match="not named: worst"):
        ordinal_logistic("tier ~ x", named, order=["none", "some"], count="n")


def test_separation__is_named_and_few_persons_are_counted():
    cells = CELLS.assign(n=[40, 20, 10, 0, 0, 25])
    with pytest.raises(NotEstimableError, match="x are infinite"):
        ordinal_logistic("tier ~ x", cells, count="n")
    few = ordinal_logistic("tier ~ x", CELLS.assign(n=[3, 2, 1, 1, 2, 2]), count="n")
    assert "unstable" in few.summary()
    assert few.fit_statistics["events_per_variable"] < 11


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"formula": "tier ~ x - 1"}, "intercept"),
        ({"formula": "tier ~ 1"}, "at least one term"),
        ({"formula": "np.log(tier) ~ x"}, "one column of the frame"),
        ({"formula": "tier ~ x + tier"}, "outcome and a term"),
        ({"nonproportional": "q"}, "no term q"),
        ({"frame": CELLS.assign(tier=0.5 + CELLS["tier"])}, "whole numbers"),
    ],
)
def test_wrong_input__is_refused_in_words(changes, message):
    with pytest.raises(InputError, match=message):
        ordinal_logistic(
            **{"formula": "tier ~ x", "frame": CELLS, "count": "n", **changes}
        )


def test_fewer_than_three_categories__is_refused_and_empty_ones_are_noted():
    with pytest.raises(NotEstimableError, match="needs three"):
        ordinal_logistic("tier ~ x", CELLS[CELLS["tier"] < 2], count="n")
    levels = pd.Categorical(CELLS["tier"], [0, 1, 2, 9], ordered=True)
    fit = ordinal_logistic("tier ~ x", CELLS.assign(tier=levels), count="n")
    assert "categories without any person are left out: 9" in fit.summary()


@pytest.mark.simulation
def test_simulation__proportionality_test_keeps_its_level_and_intervals_cover():
    runs, rejected, covered = 500, 0, 0
    for run in range(runs):
        fit = ordinal_logistic("tier ~ x + z", _persons(250, rng=run))
        rejected += fit.proportionality["p_value"].iloc[-1] < 0.05
        covered += fit.ci_low[0] <= 0.7 <= fit.ci_high[0]
    assert rejected <= stats.binom.ppf(0.9995, runs, 0.05)
    assert covered >= stats.binom.ppf(0.0005, runs, 0.95)
