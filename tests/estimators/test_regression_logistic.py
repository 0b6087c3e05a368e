"""Logistic regression against R's glm, survey and logistf, and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from estimators.designs import SurveyDesign
from estimators.errors import InputError, NotEstimableError
from estimators.regression.firth import firth_logistic
from estimators.regression.maximum_likelihood import logistic
from estimators.regression.survey_models import survey_glm


@pytest.fixture(scope="module")
def firth_cases(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    return json.loads(path.read_text(encoding="utf-8"))["sets"]["firth"]["cases"]


@pytest.fixture(scope="module")
def data(shared_folder):
    return shared_folder / "reference" / "survey" / "data"


@pytest.mark.shared
def test_rare_events__equal_r_glm(firth_cases, data):
    value = firth_cases["rare_ml"]["value"]
    frame = pd.read_csv(data / "rare.csv")
    fit = logistic("y ~ female + age + debt + agency + wave", frame, ci="wald")
    np.testing.assert_allclose(fit.estimate, list(value["coef"].values()), rtol=1e-8)
    # R takes the information one iteration early: 1e-8 at its tolerance of 1e-14.
    np.testing.assert_allclose(fit.covariance, value["vcov"]["values"], rtol=1e-6)
    events = frame["y"].sum()
    assert fit.fit_statistics["events_per_variable"] == events / 5
    assert any("events" in note for note in fit.notes)


@pytest.mark.shared
def test_profile_limits__equal_logistf_without_penalty(firth_cases, data):
    value = firth_cases["firth_sex2_tau0"]["value"]
    frame = pd.read_csv(data / "sex2.csv")
    plain = firth_logistic("case ~ age + oc + vic", frame, tau=0)
    fit = logistic("case ~ age + oc + vic", frame)
    for name in ("estimate", "ci_low", "ci_high", "statistic", "p_value"):
        np.testing.assert_allclose(getattr(fit, name), getattr(plain, name), rtol=1e-9)
    assert fit.ci_method == "profile likelihood"
    # logistf ignored tau=0 in this run (it equals its tau=0.25 case): no reference.
    assert value["coef"] == firth_cases["firth_sex2_tau025"]["value"]["coef"]


def cells():
    rows = [(0, 0, 1, 2), (0, 0, 0, 40), (1, 0, 1, 9), (1, 0, 0, 30)]
    return pd.DataFrame(rows, columns=["debt", "minor", "exploited", "persons"])


def test_one_predictor__is_the_two_by_two_table():
    fit = logistic("exploited ~ debt", cells(), count="persons", ci="wald")
    odds_ratio = 9 * 40 / (2 * 30)
    assert fit.estimate[1] == pytest.approx(np.log(odds_ratio), rel=1e-10)
    assert fit.std_error[1] == pytest.approx(
        np.sqrt(1 / 2 + 1 / 40 + 1 / 9 + 1 / 30), rel=1e-9
    )
    assert fit.n_obs == 81
    table = np.array([[2, 40], [9, 30]])
    expected = 2 * (table * np.log(table / (
        table.sum(1, keepdims=True) * table.sum(0) / table.sum()))).sum()  # fmt: skip
    assert fit.fit_statistics["likelihood_ratio"] == pytest.approx(expected, rel=1e-9)


def test_profile_limits__solve_their_equation():
    fit = logistic("exploited ~ debt", cells(), count="persons", level=0.9)
    for limit in (fit.ci_low[1], fit.ci_high[1]):
        held = cells().assign(shift=lambda f, b=limit: b * f["debt"])
        base = held.loc[held.index.repeat(held["persons"])]
        design = SurveyDesign.from_frame(base)
        null = survey_glm("exploited ~ 1", design, offset="shift")
        loss = null.fit_statistics["deviance"] - fit.fit_statistics["deviance"]
        assert loss == pytest.approx(stats.chi2.ppf(0.9, 1), rel=1e-7)


def test_separation__is_named_with_the_way_out():
    frame = cells().query("not (debt == 1 and exploited == 0)")
    with pytest.raises(NotEstimableError, match=r"debt are infinite.*firth_logistic"):
        logistic("exploited ~ debt", frame, count="persons")


def test_design__wald_equals_survey_glm_and_profile_scales_with_it():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"psu": np.repeat(range(20), 10), "x": rng.normal(size=200)})
    frame["y"] = rng.random(200) < 0.3
    frame["w"] = rng.uniform(1, 4, 200)
    design = SurveyDesign.from_frame(frame, weights="w", psu="psu")
    wald = logistic("y ~ x", frame, design=design, ci="wald")
    glm = survey_glm("y ~ x", design)
    np.testing.assert_allclose(wald.terms().iloc[:, 1:], glm.terms().iloc[:, 1:])
    profile = logistic("y ~ x", frame, design=design)
    np.testing.assert_allclose(profile.ci_low, wald.ci_low, atol=0.1)
    assert "18 df" in profile.ci_method
    doubled = logistic("y ~ x", frame.assign(w=frame["w"] * 2), design=design)
    np.testing.assert_allclose(doubled.ci_high, profile.ci_high, rtol=1e-12)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("case", "file", "options"),
    [
        ("strat", "apistrat", {"strata": "stype", "fpc": "fpc"}),
        ("clus1_nofpc", "apiclus1", {"psu": "dnum"}),
        ("srs", "apisrs", {"fpc": "fpc"}),
    ],
)
def test_design_profile__is_that_of_r_survey(shared_folder, data, case, file, options):
    path = shared_folder / "reference" / "survey" / "reference.json"
    sets = json.loads(path.read_text(encoding="utf-8"))["sets"]
    value = sets["survey45"]["cases"][f"glm_ci_likelihood_{case}"]["value"]
    frame = pd.read_csv(data / f"{file}.csv")
    frame["wide"] = frame["sch.wide"] == "Yes"
    design = SurveyDesign.from_frame(frame, weights="pw", **options)
    formula = "wide ~ ell + meals + mobility + stype"
    fit = logistic(formula, frame, design=design)
    dispersion = survey_glm(formula, design).fit_statistics["dispersion"]
    reach = np.array(value["values"]).T - fit.estimate
    # R divides the deviance by the dispersion, though its ratio of design to model
    # variance already has no dispersion in it; and it interpolates with a spline.
    ratio = (
        reach
        / np.sqrt(dispersion)
        / (np.array([fit.ci_low, fit.ci_high]) - fit.estimate)
    )
    np.testing.assert_allclose(ratio, 1, atol=5e-3)


def test_bad_input__is_refused():
    frame = cells()
    design = SurveyDesign.from_frame(frame)
    with pytest.raises(InputError, match="one row per person"):
        logistic("exploited ~ debt", frame, design=design, count="persons")
    with pytest.raises(InputError, match="the design has 4 rows and the frame 3"):
        logistic("exploited ~ debt", frame[1:], design=design)
    with pytest.raises(InputError, match="SurveyDesign was expected"):
        logistic("exploited ~ debt", frame, design="site")
    with pytest.raises(InputError, match=r"0 in every|collinear"):
        logistic("exploited ~ minor", frame, count="persons")
    with pytest.raises(NotEstimableError, match="All"):
        logistic("minor ~ debt", frame, count="persons")
