"""Screening performance and ROC curves: epiR, scikit-learn, definitions."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from estimators.diagnostics import (
    area_under_roc,
    choose_threshold,
    roc_curve,
    screening_performance,
)
from estimators.errors import InputError, NotEstimableError
from estimators.results import Estimate, Interval

TABLE = (670, 202, 74, 640)
EPI_NAMES = {
    "ap": "share_flagged",
    "tp": "share_cases",
    "se": "sensitivity",
    "sp": "specificity",
    "diag.ac": "accuracy",
    "diag.or": "diagnostic_odds_ratio",
    "pv.pos": "positive_predictive_value",
    "pv.neg": "negative_predictive_value",
    "lr.pos": "likelihood_ratio_positive",
    "lr.neg": "likelihood_ratio_negative",
}
SCORES = np.array([1.0, 3, 2, 5, 4, 6, 2, 7, 5, 8, 3, 6])
TRUTH = np.array([0.0, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1])


@pytest.fixture(scope="module")
def epi_tests(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    sets = json.loads(path.read_text(encoding="utf-8"))["sets"]
    value = sets["prevalence"]["cases"]["epi.tests"]["value"]
    return dict(zip(value["rows"], value["values"], strict=True))


@pytest.mark.shared
@pytest.mark.parametrize("theirs", EPI_NAMES)
def test_equals_epi_tests(epi_tests, theirs):
    row = screening_performance(*TABLE, ci="clopper_pearson").get(
        measure=EPI_NAMES[theirs]
    )
    np.testing.assert_allclose(
        [row.estimate, row.ci.low, row.ci.high], epi_tests[theirs], rtol=1e-9
    )


@pytest.mark.shared
def test_youden__is_shorter_than_the_sum_of_limits_that_epi_tests_prints(epi_tests):
    rows = screening_performance(*TABLE, ci="clopper_pearson")
    row = rows.get(measure="youden")
    estimate, low, high = epi_tests["youden"]
    assert row.estimate == pytest.approx(estimate, rel=1e-12)
    se, sp = (rows.get(measure=m).ci for m in ("sensitivity", "specificity"))
    assert se.low + sp.low - 1 == pytest.approx(low, rel=1e-9)
    assert se.high + sp.high - 1 == pytest.approx(high, rel=1e-9)
    assert low < row.ci.low < estimate < row.ci.high < high


def test_predictive_values__at_a_prevalence_follow_bayes():
    """DOMAIN: RAFT (0.89, 0.74): PPV 50.6 %, NPV 95.8 % at 23 %; 12.5, 99.4 at 4 %."""
    for prevalence, ppv, npv in [(0.23, 0.506, 0.958), (0.04, 0.125, 0.994)]:
        rows = screening_performance(89, 26, 11, 74, prevalence=prevalence)
        found = rows.get(measure="positive_predictive_value")
        assert found.estimate == pytest.approx(ppv, abs=5e-4)
        other = rows.get(measure="negative_predictive_value")
        # The printed values come from accuracies that are not rounded.
        assert other.estimate == pytest.approx(npv, abs=1e-3)
        # The interval is the likelihood ratio's, in odds.
        ratio = rows.get(measure="likelihood_ratio_positive").ci
        odds = prevalence / (1 - prevalence)
        for limit, lr in ((found.ci.low, ratio.low), (found.ci.high, ratio.high)):
            assert limit / (1 - limit) == pytest.approx(odds * lr, rel=1e-10)


def test_predictive_values__an_uncertain_prevalence_widens_them():
    sure = screening_performance(89, 26, 11, 74, prevalence=0.04)
    estimate = Estimate(
        estimand="prevalence",
        unit="proportion",
        estimate=0.04,
        std_error=0.01,
        ci=Interval(low=0.02, high=0.06, level=0.95, method="x"),
        method="survey",
        n_obs=400,
    )
    unsure = screening_performance(89, 26, 11, 74, prevalence=estimate)
    for measure in ("positive_predictive_value", "negative_predictive_value"):
        one, two = sure.get(measure=measure), unsure.get(measure=measure)
        assert one.estimate == two.estimate
        assert two.ci.width > one.ci.width


def test_coverage__of_predictive_values_at_a_prevalence():
    rng = np.random.default_rng(4)
    se, sp, p = 0.89, 0.74, 0.1
    truth = p * se / (p * se + (1 - p) * (1 - sp))
    hits = 0
    for a, d in zip(rng.binomial(60, se, 400), rng.binomial(90, sp, 400), strict=True):
        rows = screening_performance(
            int(a), 90 - int(d), 60 - int(a), int(d), prevalence=p
        )
        hits += truth in rows.get(measure="positive_predictive_value").ci
    assert stats.binom.ppf(0.0005, 400, 0.95) <= hits


def test_empty_cell__ratios_say_what_was_added():
    rows = screening_performance(20, 0, 5, 30)
    ratio = rows.get(measure="likelihood_ratio_positive")
    assert ratio.estimate == pytest.approx((20.5 / 26) / (0.5 / 31), rel=1e-12)
    assert "1/2 was added" in ratio.notes[0]
    assert rows.get(measure="specificity").estimate == 1
    nobody = screening_performance(0, 0, 5, 30)
    assert "positive_predictive_value" not in {g["measure"] for g in nobody.groups}


def test_screening__bad_input():
    with pytest.raises(NotEstimableError, match="no true case"):
        screening_performance(0, 5, 0, 9)
    with pytest.raises(NotEstimableError, match="no true case and no non-case"):
        screening_performance(0, 0, 0, 0)
    with pytest.raises(InputError, match="false_negatives=-1"):
        screening_performance(1, 5, -1, 9)
    with pytest.raises(InputError, match="prevalence=1"):
        screening_performance(1, 5, 1, 9, prevalence=1)


def _delong(scores, truth):
    """DeLong's definition, pair by pair."""
    x, y = scores[truth == 1], scores[truth == 0]
    kernel = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    v10, v01 = kernel.mean(axis=1), kernel.mean(axis=0)
    return kernel.mean(), v10.var(ddof=1) / x.size + v01.var(ddof=1) / y.size


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.booleans()), min_size=6, max_size=40
    ).filter(lambda rows: 2 <= sum(t for _, t in rows) <= len(rows) - 2)
)
def test_area__equals_delong_by_definition_and_sklearn(rows):
    from sklearn.metrics import roc_auc_score

    scores = np.array([s for s, _ in rows], dtype=float)
    truth = np.array([t for _, t in rows], dtype=float)
    result = area_under_roc(scores, truth)
    area, variance = _delong(scores, truth)
    assert result.estimate == pytest.approx(area, abs=1e-14)
    assert result.estimate == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    assert result.std_error == pytest.approx(math.sqrt(variance), abs=1e-8)
    reverse = area_under_roc(-scores, truth)
    assert reverse.estimate == pytest.approx(1 - result.estimate, abs=1e-14)


def test_roc_curve__equals_sklearn_and_its_area():
    from sklearn.metrics import roc_curve as theirs

    curve = roc_curve(SCORES, TRUTH)
    fpr, tpr, thresholds = theirs(TRUTH, SCORES, drop_intermediate=False)
    np.testing.assert_allclose(curve["false_positive_rate"], fpr)
    np.testing.assert_allclose(curve["sensitivity"], tpr)
    np.testing.assert_allclose(curve["threshold"], thresholds)
    area = np.trapezoid(curve["sensitivity"], curve["false_positive_rate"])
    assert area == pytest.approx(area_under_roc(SCORES, TRUTH).estimate)


@pytest.mark.parametrize("costs", [(1, 1), (5, 1), (1, 10), (0, 1), (1, 0)])
@pytest.mark.parametrize("prevalence", [None, 0.04, 0.6])
def test_choose_threshold__no_other_threshold_is_cheaper(costs, prevalence):
    result = choose_threshold(
        SCORES,
        TRUTH,
        cost_false_negative=costs[0],
        cost_false_positive=costs[1],
        prevalence=prevalence,
    )
    p = TRUTH.mean() if prevalence is None else prevalence

    def cost(threshold):
        flagged = threshold <= SCORES
        missed = (~flagged)[TRUTH == 1].mean()
        return p * missed * costs[0] + (1 - p) * flagged[TRUTH == 0].mean() * costs[1]

    chosen = result.groups[0]["threshold"]
    assert cost(chosen) <= min(cost(t) for t in [*SCORES, math.inf]) + 1e-12
    assert "optimistic" in " ".join(result.notes)
    if costs == (0, 1):
        assert chosen > SCORES[TRUTH == 0].max()


def test_roc__bad_input():
    for scores, truth, words in [
        ([1, 2], [0, 1, 1], "2 values and truth 3"),
        ([1, 2, math.nan], [0, 1, 1], "scores has 1 missing"),
        ([1, 2, 3], [0, 1, 2], "truth must be 0 or 1"),
    ]:
        with pytest.raises(InputError, match=words):
            area_under_roc(scores, truth)
    with pytest.raises(NotEstimableError, match="two of each"):
        area_under_roc([1, 2, 3], [0, 1, 1])
    with pytest.raises(NotEstimableError, match="needs both"):
        roc_curve([1, 2, 3], [1, 1, 1])
    with pytest.raises(InputError, match="not both 0"):
        choose_threshold(SCORES, TRUTH, cost_false_negative=0, cost_false_positive=0)
    with pytest.raises(InputError, match="prevalence=2"):
        choose_threshold(SCORES, TRUTH, prevalence=2)
    perfect = area_under_roc([1, 2, 3, 4], [0, 0, 1, 1])
    assert "perfectly" in perfect.notes[0]
    assert "reverse" in area_under_roc([4, 3, 2, 1], [0, 0, 1, 1]).notes[-1]
