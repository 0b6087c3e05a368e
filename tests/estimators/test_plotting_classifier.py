"""Figures of classifiers, and the numbers of calibration beneath them."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from estimators import regression
from estimators.designs import SurveyDesign
from estimators.diagnostics import area_under_roc, roc_curve
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.plotting import calibration_plot, roc_plot
from estimators.proportions import proportion_ci

SCORES = [1.0, 3, 2, 5, 4, 6, 2, 7, 5, 8, 3, 6]
TRUTH = [0.0, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1]


def people(n=400):
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"x": rng.normal(size=n), "truck": np.arange(n) // 8})
    chance = 1 / (1 + np.exp(2 - frame["x"]))
    return frame.assign(y=(rng.random(n) < chance).astype(float))


def test_roc_curve__band_is_that_of_the_sensitivity_at_each_threshold():
    curve = roc_curve(SCORES, TRUTH, level=0.9)
    for row in curve.itertuples():
        found = proportion_ci(row.true_positives, 6, method="wilson", level=0.9)
        assert row.sensitivity_low == pytest.approx(found.ci.low)
        assert row.sensitivity_high == pytest.approx(found.ci.high)
    with pytest.raises(InputError, match="level=90"):
        roc_curve(SCORES, TRUTH, level=90)


def test_roc_plot__draws_the_curve_the_band_and_the_marks():
    found = area_under_roc(SCORES, TRUTH)
    ax = found.plot_roc(thresholds=[5.0])
    drawn = ax.lines[1]
    np.testing.assert_array_equal(drawn.get_xdata(), found.curve["false_positive_rate"])
    np.testing.assert_array_equal(drawn.get_ydata(), found.curve["sensitivity"])
    assert len(ax.collections) == 1
    assert [text.get_text() for text in ax.texts] == ["≥ 5"]
    bare = found.curve.drop(columns=["sensitivity_low", "sensitivity_high"])
    assert not roc_plot(bare).collections


def test_roc_plot__a_threshold_off_the_curve_or_a_missing_column_is_named():
    curve = roc_curve(SCORES, TRUTH)
    with pytest.raises(InputError, match=r"curve: 4\.5"):
        roc_plot(curve, thresholds=[4.5])
    with pytest.raises(InputError, match="sensitivity"):
        roc_plot(curve.drop(columns="sensitivity"))


def test_calibration__maximum_likelihood_has_slope_1_and_its_own_error():
    """Closed form: the slope is 1 and its sandwich error that of x over its slope."""
    frame = people()
    design = SurveyDesign.from_frame(frame, psu="truck")
    fit = regression.survey_glm("y ~ x", design)
    found = regression.calibration(fit)
    assert found.slope.estimate == pytest.approx(1, abs=1e-9)
    assert found.intercept.estimate == pytest.approx(0, abs=1e-9)
    assert found.observed_to_expected == pytest.approx(1, abs=1e-9)
    assert found.slope.std_error == pytest.approx(
        fit.std_error[1] / fit.estimate[1], rel=1e-6
    )
    assert "optimistic" in found.summary()


def test_calibration__groups_hold_everybody_once_and_independent_ones_are_binomial():
    frame = people()
    found = regression.calibration(regression.logistic("y ~ x", frame), groups=4)
    table = found.table
    assert table["n_obs"].tolist() == [100] * 4
    assert table["n_events"].sum() == frame["y"].sum()
    assert table["predicted"].is_monotonic_increasing
    quarter = pd.qcut(frame["x"], 4, labels=False)
    np.testing.assert_allclose(table["estimate"], frame.groupby(quarter)["y"].mean())
    row = table.iloc[3]
    exact = proportion_ci(int(row["n_events"]), 100, method="clopper_pearson").ci
    assert row["ci_low"] == pytest.approx(exact.low, rel=1e-6)
    assert row["ci_high"] == pytest.approx(exact.high, rel=1e-6)


def test_calibration__clusters_widen_the_intervals_of_groups():
    frame = people().sort_values("x", ignore_index=True)
    frame["truck"] = np.arange(400) // 8
    frame["y"] = frame["truck"].mod(3).eq(0).astype(float)
    alone = regression.calibration(regression.logistic("y ~ x", frame), groups=2)
    design = SurveyDesign.from_frame(frame, psu="truck")
    together = regression.calibration(regression.survey_glm("y ~ x", design), groups=2)
    width = [c.table["ci_high"] - c.table["ci_low"] for c in (alone, together)]
    assert (width[1] > 1.8 * width[0]).all()


@pytest.mark.parametrize("option", [{}, {"flic": True}, {"flac": True}, {"tau": 0.1}])
def test_calibration__of_a_penalised_fit_is_the_plain_regression_on_its_log_odds(
    option,
):
    frame = people()[::5]
    fit = regression.firth_logistic("y ~ x + I(x**2)", frame, **option)
    found = regression.calibration(fit, groups=4)
    odds = fit.linear_predictor(frame)
    plain = sm.GLM(
        frame["y"], sm.add_constant(odds), family=sm.families.Binomial()
    ).fit(cov_type="HC0", tol=1e-12)
    known = [found.intercept.estimate, found.slope.estimate]
    np.testing.assert_allclose(known, plain.params, atol=1e-8)
    errors = [found.intercept.std_error, found.slope.std_error]
    np.testing.assert_allclose(errors, plain.bse, rtol=1e-6)
    assert found.table["n_obs"].sum() == len(frame)
    ratio = frame["y"].sum() / (1 / (1 + np.exp(-odds))).sum()
    assert found.observed_to_expected == pytest.approx(ratio, rel=1e-9)
    if "flic" in option or "flac" in option:
        # Both are made for that.
        assert ratio == pytest.approx(1, abs=1e-6)


def test_calibration__of_a_penalised_fit_under_a_design():
    frame = people()[::4].reset_index(drop=True)
    frame["w"] = 1.0 + np.arange(len(frame)) % 3
    design = SurveyDesign.from_frame(frame, weights="w", psu="truck")
    fit = regression.firth_logistic("y ~ x", frame, design=design)
    found = regression.calibration(fit)
    odds = frame.assign(odds=fit.linear_predictor(frame))
    plain = regression.survey_glm(
        "y ~ odds", SurveyDesign.from_frame(odds, weights="w", psu="truck")
    )
    known = [found.intercept.estimate, found.slope.estimate]
    np.testing.assert_allclose(known, plain.estimate, atol=1e-8)
    errors = [found.intercept.std_error, found.slope.std_error]
    np.testing.assert_allclose(errors, plain.std_error, rtol=1e-6)
    title = fit.plot_calibration().get_title(loc="left")
    assert title.startswith(f"slope {found.slope.estimate:.2f} [")


def test_calibration__of_a_penalised_fit_to_counts_has_everybody_in_a_group():
    cells = pd.DataFrame(
        {"debt": [0, 0, 1, 1], "forced": [0, 1, 1, 0], "persons": [18, 2, 5, 3]}
    )
    fit = regression.firth_logistic("forced ~ debt", cells, count="persons")
    table = regression.calibration(fit, groups=2).table
    assert table["n_obs"].tolist() == [20, 8]
    assert table["n_events"].tolist() == [2, 5]
    assert table["estimate"].tolist() == [0.1, 0.625]
    separated = cells.iloc[:3]
    fit = regression.firth_logistic("forced ~ debt", separated, count="persons")
    with pytest.raises(ConvergenceError, match="separate events"):
        regression.calibration(fit, groups=2)


def test_plot_calibration__is_reached_from_the_fit_and_shows_the_table():
    fit = regression.logistic("y ~ x", people())
    ax = fit.plot_calibration()
    table = regression.calibration(fit).table
    np.testing.assert_allclose(ax.lines[1].get_xdata(), table["predicted"])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), table["estimate"])
    assert ax.get_title(loc="left").startswith("slope 1.00 [")
    with pytest.raises(InputError, match="predicted"):
        calibration_plot(table.drop(columns="predicted"))


def test_calibration__what_has_none_is_refused_by_name():
    frame = people()
    poisson = regression.survey_glm(
        "y ~ x", SurveyDesign.from_frame(frame), family="poisson"
    )
    with pytest.raises(InputError, match="poisson with a log link"):
        regression.calibration(poisson)
    with pytest.raises(NotEstimableError, match="predictions are equal"):
        regression.calibration(regression.logistic("y ~ 1", frame))
    with pytest.raises(InputError, match="knows its sample"):
        regression.calibration(
            regression.misclassified_logistic(
                "y ~ x", frame, sensitivity=0.99, specificity=0.99
            )
        )
    with pytest.raises(InputError, match="groups=1"):
        regression.calibration(regression.logistic("y ~ x", frame), groups=1)
