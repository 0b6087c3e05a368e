"""Margins against R (delta method, svypredmeans) and influence by brute force."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from estimators import survey
from estimators.designs import SurveyDesign, to_replicates
from estimators.errors import InputError, NotEstimableError
from estimators.regression import (
    logistic,
    marginal_effects,
    predictive_margins,
    risk_difference,
    risk_ratio,
    survey_glm,
)
from estimators.regression.counterfactuals import mean_predictions, mean_slope
from tests.twins import regression as twin


@pytest.fixture(scope="module")
def sets(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    return json.loads(path.read_text(encoding="utf-8"))["sets"]


@pytest.fixture(scope="module")
def data(shared_folder):
    return shared_folder / "reference" / "survey" / "data"


@pytest.mark.shared
def test_delta_method__equals_r_for_independent_persons(sets, data):
    value = sets["firth"]["cases"]["ame_rare"]["value"]
    frame = pd.read_csv(data / "rare.csv")
    fit = logistic("y ~ female + debt + agency + wave", frame, ci="wald")
    for name in ("female", "debt", "agency"):
        expected = value[name]
        error = expected["se"]  # of difference, log ratio, p1, p0
        difference = marginal_effects(fit, name, variance="delta")[0]
        ratio = marginal_effects(fit, name, scale="ratio", variance="delta")[0]
        zero, one = predictive_margins(fit, name, variance="delta")
        got = [difference.estimate, np.log(ratio.estimate), one.estimate, zero.estimate]
        want = [expected[key] for key in ("rd", "logrr", "p1", "p0")]
        np.testing.assert_allclose(got, want, rtol=1e-8)
        errors = [difference.std_error, ratio.std_error / ratio.estimate,
                  one.std_error, zero.std_error]  # fmt: skip
        # R's vcov is an iteration old, its derivative numerical.
        np.testing.assert_allclose(errors, error, rtol=1e-6)
    slope = marginal_effects(fit, "wave", variance="delta")[0]
    assert slope.estimate == pytest.approx(value["wave_ame"]["est"]["wave"], rel=1e-8)
    assert slope.std_error == pytest.approx(value["wave_ame"]["se"], rel=1e-6)


DESIGNS = {
    "strat": ("apistrat", {"weights": "pw", "strata": "stype", "fpc": "fpc"}),
    "clus1": ("apiclus1", {"weights": "pw", "psu": "dnum", "fpc": "fpc"}),
    "clus1_nofpc": ("apiclus1", {"weights": "pw", "psu": "dnum"}),
    "clus2_w_nofpc": ("apiclus2", {"weights": "pw", "psu": ["dnum", "snum"]}),
    "srs": ("apisrs", {"weights": "pw", "fpc": "fpc"}),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", DESIGNS)
def test_svypredmeans__is_delta_plus_the_design_variance_of_the_mean(sets, data, name):
    file, options = DESIGNS[name]
    frame = pd.read_csv(data / f"{file}.csv")
    frame["wide"] = frame["sch.wide"] == "Yes"
    design = SurveyDesign.from_frame(frame, **options)
    fit = survey_glm("wide ~ ell + meals + stype", design)
    delta = predictive_margins(fit, "stype", variance="delta")
    full = predictive_margins(fit, "stype")
    tight = sets["survey_extra"]["cases"].get(f"tight_predmeans_{name}")
    cases = [(sets[v]["cases"][f"predmeans_{name}"], 2e-4)
             for v in ("survey45", "survey411")]  # fmt: skip
    cases += [] if tight is None else [(tight, 1e-8)]
    for case, rtol in cases:
        for place, group in enumerate(delta.groups):
            level = group["stype"]
            estimate = case["value"]["est"][level]
            assert delta[place].estimate == pytest.approx(estimate, rel=rtol)
            predicted = fit.augment(frame.assign(stype=level))[".fitted"]
            own = survey.mean(
                SurveyDesign.from_frame(frame.assign(predicted=predicted), **options),
                "predicted",
            )
            without_covariance = np.hypot(delta[place].std_error, own.std_error)
            se = case["value"]["se"]
            if isinstance(se, dict):
                se = se[level]
            assert without_covariance == pytest.approx(se, rel=5 * rtol)
            # The covariance that R leaves out is up to a quarter of the error here;
            # that ours is right is shown by brute force below.
            assert full[place].std_error == pytest.approx(se, rel=0.26)


def sampled(n_psu=20, size=6, rng=4):
    rng = np.random.default_rng(rng)
    n = n_psu * size
    frame = pd.DataFrame({"psu": np.repeat(range(n_psu), size)})
    frame["x"] = rng.normal(size=n)
    frame["z"] = rng.choice(list("abc"), n)
    eta = -0.3 + 0.8 * frame["x"] + 0.7 * (frame["z"] == "b")
    frame["y"] = (rng.random(n) < special.expit(eta)).astype(float)
    frame["w"] = rng.uniform(1, 4, n)
    return frame


def test_scores__are_derivatives_in_the_weights():
    frame = sampled(10, 5)
    fit = survey_glm(
        "y ~ x * z", SurveyDesign.from_frame(frame, weights="w", psu="psu")
    )
    rows = fit.sample.rows
    settings = [{"z": "a"}, {"z": "c"}]
    found = mean_predictions(fit, settings)
    changed = [
        np.asarray(rows.spec.get_model_matrix(frame.assign(**setting)))
        for setting in settings
    ]

    def margins(weight):
        beta = twin.logistic_coefficients(
            rows.matrix, rows.outcome, weight, fit.estimate
        )
        return np.array(
            [np.average(special.expit(x @ beta), weights=weight) for x in changed]
        )

    weight = frame["w"].to_numpy(float)
    expected = weight[:, None] * twin.numerical_influence(margins, weight)
    np.testing.assert_allclose(found.scores(fit), expected, atol=1e-8)
    np.testing.assert_allclose(found.value, margins(weight), rtol=1e-9)


def test_slope_scores__are_derivatives_in_the_weights():
    frame = sampled(10, 5)
    fit = survey_glm(
        "y ~ x * z", SurveyDesign.from_frame(frame, weights="w", psu="psu")
    )
    rows = fit.sample.rows
    up = np.asarray(rows.spec.get_model_matrix(frame.assign(x=frame["x"] + 1)))
    change = up - rows.matrix  # the model is linear in x

    def slope(weight):
        beta = twin.logistic_coefficients(
            rows.matrix, rows.outcome, weight, fit.estimate
        )
        p = special.expit(rows.matrix @ beta)
        return np.average(p * (1 - p) * (change @ beta), weights=weight)

    weight = frame["w"].to_numpy(float)
    found = mean_slope(fit, "x", {})
    expected = weight * twin.numerical_influence(slope, weight)
    np.testing.assert_allclose(found.scores(fit)[:, 0], expected, atol=1e-8)
    assert found.value[0] == pytest.approx(slope(weight), rel=1e-8)


@pytest.mark.parametrize(
    "options",
    [{"variable": "z"}, {"variable": "z", "scale": "ratio"}, {"variable": "x"}],
)
def test_replicates__refit_and_average_again(options):
    frame = sampled()
    design = SurveyDesign.from_frame(frame, weights="w", psu="psu")
    linear = marginal_effects(survey_glm("y ~ x + z", design), **options)
    jackknife = to_replicates(design, kind="JK1")
    fit = survey_glm("y ~ x + z", jackknife)
    got = marginal_effects(fit, **options)
    # Two estimators of one variance: near, not equal.
    for one, other in zip(got, linear, strict=True):
        assert one.estimate == pytest.approx(other.estimate)
        assert one.std_error == pytest.approx(other.std_error, rel=0.12)
    rows = fit.sample.rows
    if options == {"variable": "z"}:
        changed = [np.asarray(rows.spec.get_model_matrix(frame.assign(z=level)))
                   for level in "ab"]  # fmt: skip
        each = []
        for weight in jackknife.replicate_weights.T:
            beta = twin.logistic_coefficients(
                rows.matrix, rows.outcome, weight, fit.estimate
            )
            low, high = (np.average(special.expit(x @ beta), weights=weight)
                         for x in changed)  # fmt: skip
            each.append(high - low)
        assert got[0].std_error == pytest.approx(np.std(each) * np.sqrt(19), rel=1e-7)


def test_saturated_model__gives_the_plain_survey_contrast():
    frame = sampled()
    frame["one"] = (frame["x"] > 0).astype(int)
    design = SurveyDesign.from_frame(frame, weights="w", psu="psu")
    fit = survey_glm("y ~ one", design)
    margins = predictive_margins(fit, "one")
    for group, row in zip(margins.groups, margins, strict=True):
        plain = survey.mean(design, "y", where=f"one == {group['one']}")
        assert row.estimate == pytest.approx(plain.estimate, rel=1e-9)
        assert row.std_error == pytest.approx(plain.std_error, rel=1e-9)
    difference = marginal_effects(fit, "one")[0]
    identity = risk_difference("y ~ one", frame, design=design)
    assert difference.estimate == pytest.approx(identity.estimate[1])
    assert difference.std_error == pytest.approx(identity.std_error[1])
    assert difference.ci.low == pytest.approx(identity.ci_low[1])
    ratio = marginal_effects(fit, "one", scale="ratio")[0]
    poisson = risk_ratio("y ~ one", frame, design=design)
    assert np.log(ratio.estimate) == pytest.approx(poisson.estimate[1])
    assert np.log(ratio.ci.high) == pytest.approx(poisson.ci_high[1])
    assert ratio.diagnostics["p_value"] == pytest.approx(poisson.p_value[1])


def test_counts__equal_rows_written_out():
    cells = pd.DataFrame({"x": [0, 0, 1, 1], "y": [0, 1, 0, 1], "n": [18, 2, 6, 4]})
    rows = cells.loc[cells.index.repeat(cells["n"])].reset_index(drop=True)
    for options in ({}, {"variance": "delta"}, {"scale": "ratio"}):
        one = marginal_effects(logistic("y ~ x", cells, count="n"), "x", **options)
        other = marginal_effects(logistic("y ~ x", rows), "x", **options)
        pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())
    error = np.sqrt(0.4 * 0.6 / 10 + 0.1 * 0.9 / 20)
    assert one.rows[0].n_obs == 30
    plain = marginal_effects(logistic("y ~ x", cells, count="n"), "x")[0]
    assert plain.std_error == pytest.approx(error)
    reach = stats.norm.ppf(0.975) * error
    assert plain.ci.high == pytest.approx(plain.estimate + reach)


def test_at_and_values__set_variables_for_everybody():
    frame = sampled()
    fit = logistic("y ~ x + z", frame)
    rows = predictive_margins(fit, "z", at={"x": 0.5})
    place = {name: i for i, name in enumerate(fit.term)}
    for group, row in zip(rows.groups, rows, strict=True):
        eta = fit.estimate[0] + 0.5 * fit.estimate[place["x"]]
        eta += 0 if group["z"] == "a" else fit.estimate[place[f"z[T.{group['z']}]"]]
        assert row.estimate == pytest.approx(special.expit(eta))
    reordered = marginal_effects(fit, "z", values=["b", "a"])[0]
    plain = marginal_effects(fit, "z").get(contrast="b - a")
    assert reordered.estimate == pytest.approx(-plain.estimate)
    steps = marginal_effects(fit, "x", values=(0.0, 1.0), scale="ratio")
    assert steps.groups[0]["contrast"] == "1.0 / 0.0"


@pytest.mark.parametrize("terms", ["x + I(x**2)", "bs(x, df=4)", "scale(x)"])
def test_slope__of_a_curve_is_that_of_its_predictions(terms):
    frame = sampled()
    fit = logistic(f"y ~ {terms}", frame)
    inner = frame["x"].sort_values().index[5:-5]
    step = 1e-6

    def shifted(by):
        moved = frame.loc[inner].assign(x=frame.loc[inner, "x"] + by)
        return fit.augment(moved)[".fitted"]

    each = (shifted(step) - shifted(-step)) / (2 * step)
    found = mean_slope(fit, "x", {})
    own = found.away[inner, 0] + found.value[0]
    np.testing.assert_allclose(own, each, atol=1e-5)


def test_missing_rows__are_averaged_over_nowhere():
    frame = sampled()
    frame.loc[[1, 7], "x"] = np.nan
    design = SurveyDesign.from_frame(frame, weights="w", psu="psu")
    rows = predictive_margins(survey_glm("y ~ x + z", design), "z")
    assert rows[0].n_obs == len(frame) - 2
    assert any("left out" in note for note in rows.notes)


def test_limits_of_probabilities__stay_inside():
    outcome = np.r_[[1], np.zeros(59), np.ones(58), [0, 0]]
    frame = pd.DataFrame({"x": [0] * 60 + [1] * 60, "y": outcome})
    rows = predictive_margins(logistic("y ~ x", frame), "x")
    assert all(0 < row.ci.low < row.estimate < row.ci.high < 1 for row in rows)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variable": "age"}, "no variable 'age'; it has"),
        ({"variable": "x", "scale": "ratio"}, "state them"),
        ({"variable": "z", "values": ["a", "q"]}, "no value 'q'"),
        ({"variable": "z", "values": ["a"]}, "two or more"),
        ({"variable": "z", "at": {"age": 3}}, "no variable age"),
        ({"variable": "z", "at": {"z": "a"}}, "at once"),
        ({"variable": "z", "variance": "jackknife"}, "variance="),
    ],
)
def test_bad_input__is_refused(options, words):
    fit = logistic("y ~ x + z", sampled())
    with pytest.raises(InputError, match=words):
        marginal_effects(fit, **options)


def test_bad_fits__are_refused():
    frame = sampled()
    with pytest.raises(InputError, match="was expected"):
        marginal_effects("fit", "x")
    with pytest.raises(InputError, match="state the values"):
        predictive_margins(logistic("y ~ x", frame), "x")
    gaussian = survey_glm("x ~ z", SurveyDesign.from_frame(frame), family="gaussian")
    with pytest.raises(NotEstimableError, match="positive means"):
        marginal_effects(gaussian, "z", scale="ratio")
