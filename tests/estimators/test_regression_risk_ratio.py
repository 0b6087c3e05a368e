"""Risk ratios and differences against R's glm, sandwich and survey, and their edge."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from estimators.designs import SurveyDesign, to_replicates
from estimators.errors import InputError, NotEstimableError
from estimators.regression.events import events_per_variable
from estimators.regression.risk_regression import risk_difference, risk_ratio
from estimators.regression.survey_models import survey_glm

FORMULA = "y ~ female + debt + agency + wave"


@pytest.fixture(scope="module")
def cases(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    return json.loads(path.read_text(encoding="utf-8"))["sets"]["firth"]["cases"]


@pytest.fixture(scope="module")
def rare(shared_folder):
    return pd.read_csv(shared_folder / "reference" / "survey" / "data" / "rare.csv")


def scaled(fit, covariance):
    size = np.sqrt(np.diag(covariance))
    return (fit.covariance - covariance) / np.outer(size, size)


@pytest.mark.shared
def test_modified_poisson__equals_r_sandwich(cases, rare):
    value = cases["rr_modpoisson_HC0"]["value"]
    plain = risk_ratio(FORMULA, rare)
    np.testing.assert_allclose(plain.estimate, list(value["coef"].values()), rtol=1e-8)
    hc0 = np.array(value["vcov_HC0"]["values"])
    np.testing.assert_allclose(scaled(plain, hc0), 0, atol=1e-8)
    clustered = risk_ratio(FORMULA, rare, cluster="site")
    by_site = np.array(value["vcov_CL_site"]["values"])
    np.testing.assert_allclose(scaled(clustered, by_site), 0, atol=1e-8)
    # Without the factor G / (G - 1).
    bare = np.array(value["vcov_CL_site_HC0"]["values"])
    np.testing.assert_allclose(scaled(clustered, bare * 8 / 7), 0, atol=1e-8)
    assert clustered.fit_statistics["residual_df"] == 8 - 5
    assert any("8 clusters" in note for note in clustered.notes)


@pytest.mark.shared
def test_gee_with_independence__is_the_cluster_sandwich(cases, rare):
    from estimators.regression.maximum_likelihood import logistic

    value = cases["gee_independence_binomial"]["value"]
    design = SurveyDesign.from_frame(rare, psu="site")
    fit = logistic(FORMULA, rare, design=design, ci="wald")
    np.testing.assert_allclose(fit.estimate, list(value["coef"].values()), rtol=1e-7)
    # geeglm has no factor G / (G - 1).
    np.testing.assert_allclose(
        scaled(fit, np.array(value["vcov"]) * 8 / 7), 0, atol=1e-6
    )


@pytest.mark.shared
def test_log_binomial__equals_r_glm(cases, rare):
    value = cases["rr_logbin"]["value"]
    fit = risk_ratio(FORMULA, rare, method="log_binomial")
    covariance = np.array(value["vcov"]["values"])
    size = np.sqrt(np.diag(covariance))
    # R's scoring gains digits linearly on this link: 7 iterations leave 1e-7.
    np.testing.assert_allclose(
        (fit.estimate - list(value["coef"].values())) / size, 0, atol=1e-6
    )
    np.testing.assert_allclose(scaled(fit, covariance), 0, atol=2e-5)


@pytest.mark.shared
def test_binomial_difference__equals_r_glm(cases, rare):
    value = cases["rd_binid"]["value"]
    fit = risk_difference("y ~ female + debt + agency", rare, method="binomial")
    covariance = np.array(value["vcov"]["values"])
    size = np.sqrt(np.diag(covariance))
    # Same: R stops at its default 1e-8.
    np.testing.assert_allclose(
        (fit.estimate - list(value["coef"].values())) / size, 0, atol=5e-4
    )
    np.testing.assert_allclose(scaled(fit, covariance), 0, atol=1e-3)


def cells(table):
    rows = [(x, y, n) for x, pair in enumerate(table) for y, n in enumerate(pair)]
    return pd.DataFrame(rows, columns=["x", "y", "n"])


@pytest.mark.parametrize("method", ["modified_poisson", "log_binomial"])
def test_one_predictor__ratio_and_error_have_closed_forms(method):
    fit = risk_ratio("y ~ x", cells([(18, 2), (6, 4)]), method=method, count="n")
    assert np.exp(fit.estimate) == pytest.approx([0.1, 4.0], rel=1e-9)
    error = np.sqrt(1 / 2 - 1 / 20 + 1 / 4 - 1 / 10)
    assert fit.std_error[1] == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("method", ["least_squares", "binomial"])
def test_one_predictor__difference_and_error_have_closed_forms(method):
    fit = risk_difference("y ~ x", cells([(18, 2), (6, 4)]), method=method, count="n")
    assert fit.estimate == pytest.approx([0.1, 0.3], rel=1e-9)
    error = np.sqrt(0.1 * 0.9 / 20 + 0.4 * 0.6 / 10)
    assert fit.std_error[1] == pytest.approx(error, rel=1e-9)


def edge_frame():
    # Risk rises so fast with x that the log-binomial maximum predicts 1 at x = 3.
    counts = [(9, 1), (6, 4), (2, 8), (0, 10)]
    return cells(counts)


def test_log_binomial__maximum_on_the_edge_is_found_and_said():
    frame = edge_frame()
    fit = risk_ratio("y ~ x", frame, method="log_binomial", count="n")
    assert any("edge" in note for note in fit.notes)
    assert np.isinf(fit.std_error).all()
    assert fit.fit_statistics["largest_risk"] == pytest.approx(1, abs=1e-8)

    # On the edge a + 3 b = 0: one parameter is left.
    def loss(b):
        eta = b * (frame["x"] - 3) - 1e-300
        risk = np.exp(eta)
        with np.errstate(all="ignore"):
            each = np.where(frame["y"] == 1, eta, np.log1p(-risk))
        return -(frame["n"] * np.where(frame["n"] > 0, each, 0)).sum()

    best = optimize.minimize_scalar(loss, bracket=(0.1, 1), tol=1e-12).x
    assert fit.estimate == pytest.approx([-3 * best, best], abs=1e-6)


def test_modified_poisson__risks_above_one_are_noted():
    fit = risk_ratio("y ~ x", edge_frame(), count="n")
    assert fit.fit_statistics["largest_risk"] > 1
    assert any("outside 0 to 1" in note for note in fit.notes)


def test_category_without_events__is_named():
    for method in ("modified_poisson", "log_binomial"):
        with pytest.raises(NotEstimableError, match=r"\bx\b.*infinite"):
            risk_ratio("y ~ x", cells([(9, 3), (9, 0)]), method=method, count="n")
    fit = risk_difference("y ~ x", cells([(9, 3), (9, 0)]), count="n")
    assert fit.estimate[1] == pytest.approx(-0.25)


def sampled():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"psu": np.repeat(range(30), 8)})
    frame["x"] = rng.integers(0, 2, 240)
    frame["y"] = (rng.random(240) < 0.2 + 0.2 * frame["x"]).astype(float)
    frame["w"] = rng.uniform(1, 4, 240)
    return frame


def test_design__is_the_survey_model_of_the_same_family():
    frame = sampled()
    design = SurveyDesign.from_frame(frame, weights="w", psu="psu")
    for sampling in (design, to_replicates(design, kind="JK1")):
        got = risk_ratio("y ~ x", frame, design=sampling)
        expected = survey_glm("y ~ x", sampling, family="poisson")
        pd.testing.assert_frame_equal(got.terms(), expected.terms())
        got = risk_difference("y ~ x", frame, design=sampling, method="binomial")
        expected = survey_glm("y ~ x", sampling, link="identity")
        pd.testing.assert_frame_equal(got.terms(), expected.terms())


def test_bad_input__is_refused():
    frame = sampled()
    design = SurveyDesign.from_frame(frame, psu="psu")
    with pytest.raises(InputError, match="leave cluster= out"):
        risk_ratio("y ~ x", frame, design=design, cluster="psu")
    with pytest.raises(InputError, match="without count="):
        risk_ratio("y ~ x", frame, cluster="psu", count="x")
    with pytest.raises(InputError, match="'village'"):
        risk_ratio("y ~ x", frame, cluster="village")
    with pytest.raises(InputError, match="method="):
        risk_ratio("y ~ x", frame, method="cox")


def test_events_per_variable__counts_the_rarer_outcome_and_names_rare_terms():
    frame = pd.DataFrame({
        "y": [1] * 90 + [0] * 30,
        "site": ["a"] * 60 + ["b"] * 57 + ["c"] * 3,
        "age": range(120),
    })  # fmt: skip
    found = events_per_variable("y ~ site + age", frame)
    assert (found.n_obs, found.n_events, found.n_slopes) == (120, 90, 3)
    assert found.events_per_variable == 10
    assert found.rare_terms == ("site[T.c]",)
    assert events_per_variable("y ~ 1", frame).events_per_variable == np.inf


def test_plot__draws_differences_as_they_are_and_ratios_on_a_log_axis():
    frame = cells([(18, 2), (6, 4)])
    difference = risk_difference("y ~ x", frame, count="n").plot()
    assert difference.get_xscale() == "linear"
    assert "0.30" in difference.texts[0].get_text()
    ratio = risk_ratio("y ~ x", frame, count="n").plot()
    assert ratio.get_xscale() == "log"
    assert ratio.texts[0].get_text().startswith("4.00")
    with pytest.raises(InputError, match="intercept"):
        risk_difference("y ~ 1", frame, count="n").plot()
