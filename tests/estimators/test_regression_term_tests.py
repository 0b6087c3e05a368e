"""Tests of terms and working criteria against R survey and closed forms."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from estimators.designs import SurveyDesign
from estimators.errors import InputError, NotEstimableError
from estimators.regression.firth import firth_logistic
from estimators.regression.maximum_likelihood import logistic
from estimators.regression.risk_regression import risk_ratio
from estimators.regression.survey_models import survey_glm
from estimators.regression.term_tests import term_test, working_bic

DESIGNS = {
    "strat": ("apistrat", {"weights": "pw", "strata": "stype", "fpc": "fpc"}),
    "strat_nofpc": ("apistrat", {"weights": "pw", "strata": "stype"}),
    "clus1": ("apiclus1", {"weights": "pw", "psu": "dnum", "fpc": "fpc"}),
    "clus1_nofpc": ("apiclus1", {"weights": "pw", "psu": "dnum"}),
    "clus2": ("apiclus2", {"psu": ["dnum", "snum"], "fpc": ["fpc1", "fpc2"]}),
    "clus2_w_nofpc": ("apiclus2", {"weights": "pw", "psu": ["dnum", "snum"]}),
    "srs": ("apisrs", {"weights": "pw", "fpc": "fpc"}),
}
METHODS = {"Wald": "wald", "LRT": "working_lr", "WorkingWald": "working_wald"}
TERMS = {"stype": "stype", "ell_meals": "ell + meals"}


@pytest.fixture(scope="module")
def cases(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    sets = json.loads(path.read_text(encoding="utf-8"))["sets"]
    return {
        (version, key): case["value"]
        for version in ("survey411", "survey45")
        for key, case in sets[version]["cases"].items()
        if key.startswith(("regterm", "glm_AIC"))
    }


@pytest.fixture(scope="module")
def fits(shared_folder):
    data = shared_folder / "reference" / "survey" / "data"
    found = {}
    for name, (file, options) in DESIGNS.items():
        frame = pd.read_csv(data / f"{file}.csv")
        frame["wide"] = frame["sch.wide"] == "Yes"
        found[name] = survey_glm(
            "wide ~ ell + meals + mobility + stype",
            SurveyDesign.from_frame(frame, **options),
        )
    return found


def design_name(key):
    return max((name for name in DESIGNS if key.endswith(f"_{name}")), key=len)


@pytest.mark.shared
def test_term_tests__equal_r_survey(cases, fits):
    compared = 0
    for (_, key), value in cases.items():
        if not key.startswith("regterm"):
            continue
        compared += 1
        name = design_name(key)
        kind, terms = (
            key.removeprefix("regterm_").removesuffix(f"_{name}").split("_", 1)
        )
        test = term_test(
            fits[name], TERMS[terms], method=METHODS[kind], tail="saddlepoint"
        )
        # The likelihood ratio needs the maxima only. What needs the variance is as
        # exact as R's, which stops an iteration early.
        statistic = value["chisq_or_F"] or value["chisq"]
        assert test.statistic == pytest.approx(
            statistic, rel=1e-12 if kind == "LRT" else 1e-4
        )
        assert test.p_value == pytest.approx(value["p"], rel=2e-4)
        assert (test.df, test.df_denominator) == (value["df"], value["ddf"])
        if value["lambda"]:
            np.testing.assert_allclose(test.design_effects, value["lambda"], rtol=2e-5)
            exact = term_test(fits[name], TERMS[terms], method=METHODS[kind])
            assert exact.p_value == pytest.approx(value["p"], rel=0.1)
    assert compared >= 40


@pytest.mark.shared
def test_working_aic__equals_r_survey(cases, fits):
    compared = 0
    for (_, key), value in cases.items():
        if key.startswith("glm_AIC"):
            compared += 1
            found = fits[design_name(key)].fit_statistics
            assert found["aic"] == pytest.approx(value["AIC"], rel=1e-6)
            assert found["effective_parameters"] == pytest.approx(
                value["eff.p"], rel=1e-5
            )
            assert found["mean_design_effect"] == pytest.approx(
                value["deltabar"], rel=1e-5
            )
    assert compared >= 8


def independent(n=400, rng=8):
    rng = np.random.default_rng(rng)
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.choice(list("abc"), n)})
    frame["y"] = rng.random(n) < 0.25 + 0.1 * (frame["z"] == "b")
    return frame


def test_independent_persons__are_the_textbook_tests():
    frame = independent()
    fit, null = logistic("y ~ x + z", frame), logistic("y ~ x", frame)
    ratio = fit.fit_statistics["log_likelihood"] - null.fit_statistics["log_likelihood"]
    test = term_test(fit, "z", method="working_lr")
    assert test.statistic == pytest.approx(2 * ratio, rel=1e-9)
    assert test.p_value == pytest.approx(stats.chi2.sf(2 * ratio, 2), rel=1e-8)
    np.testing.assert_allclose(test.design_effects, 1, rtol=1e-9)
    wald = term_test(fit, "z")
    places = [2, 3] if fit.term[1] == "x" else [1, 2]
    beta, covariance = fit.estimate[places], fit.covariance[np.ix_(places, places)]
    assert wald.statistic == pytest.approx(beta @ np.linalg.solve(covariance, beta))
    assert wald.p_value == pytest.approx(stats.chi2.sf(wald.statistic, 2))
    assert math.isinf(wald.df_denominator)
    assert list(wald.to_frame()["terms"]) == [" + ".join(wald.terms)]
    assert "p = " in wald.summary()


def test_one_coefficient__wald_f_is_the_squared_t():
    frame = independent().assign(psu=lambda f: f.index // 10)
    fit = survey_glm("y ~ x + z", SurveyDesign.from_frame(frame, psu="psu"))
    test = term_test(fit, "x")
    place = fit.term.index("x")
    assert test.statistic == pytest.approx(fit.statistic[place] ** 2)
    assert test.p_value == pytest.approx(fit.p_value[place])


def test_gaussian__working_tests_do_not_depend_on_units():
    frame = independent().assign(psu=lambda f: f.index // 10)
    frame["months"] = frame["x"] + np.random.default_rng(1).gamma(2, 3, len(frame))
    design = SurveyDesign.from_frame(frame, psu="psu")
    days = SurveyDesign.from_frame(frame.assign(months=30 * frame["months"]), psu="psu")
    for method in METHODS.values():
        one, other = (
            term_test(
                survey_glm("months ~ x + z", d, family="gaussian"), "z", method=method
            )
            for d in (design, days)
        )
        assert one.p_value == pytest.approx(other.p_value, rel=1e-8)


def test_working_bic__is_the_usual_one_for_independent_persons():
    frame = independent()
    full, part = logistic("y ~ x + z", frame), logistic("y ~ x", frame)
    assert working_bic(full, full) == pytest.approx(full.fit_statistics["bic"])
    # The Wald chi-square stands for the likelihood ratio.
    lost = term_test(full, "z").statistic
    expected = full.fit_statistics["deviance"] + lost + 2 * math.log(len(frame))
    assert working_bic(part, full) == pytest.approx(expected)
    with pytest.raises(InputError, match="lacks z"):
        working_bic(full, part)


def test_bad_input__is_refused():
    frame = independent()
    fit = logistic("y ~ z", frame)
    with pytest.raises(InputError, match="no term age"):
        term_test(fit, "age")
    with pytest.raises(InputError, match="firth_logistic"):
        term_test(firth_logistic("y ~ z", frame), "z")
    with pytest.raises(NotEstimableError, match="No term is left"):
        term_test(fit, list(fit.term), method="working_lr")
    edge = pd.DataFrame({"x": [0, 0, 1, 1], "y": [0, 1, 1, 1], "z": [0, 1, 0, 1]})
    on_edge = risk_ratio("y ~ x", edge, method="log_binomial")
    with pytest.raises(NotEstimableError, match="edge"):
        term_test(on_edge, "x")
