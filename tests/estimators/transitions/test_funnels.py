"""Attrition funnels against closed forms, statsmodels and simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from estimators import transitions
from estimators.errors import InputError, NotEstimableError
from estimators.transitions.cumulative_incidence import cumulative_incidence


def draw(rng, n=80, rival=True):
    event = rng.exponential(10, n)
    other = rng.exponential(25, n) if rival else np.full(n, np.inf)
    watched = rng.uniform(2, 40, n)
    time = np.minimum(np.minimum(event, other), watched)
    outcome = np.where(time == event, 1, np.where(time == other, 2, 0))
    return np.ceil(time), outcome


@pytest.mark.parametrize("start", range(3))
def test_incidence__without_rivals_is_kaplan_meier_with_greenwood(start):
    time, outcome = draw(np.random.default_rng(start), rival=False)
    found = cumulative_incidence(time, outcome, 15.0)
    curve = SurvfuncRight(time, outcome)
    at = np.searchsorted(curve.surv_times, 15.0, side="right") - 1
    assert found.probability == pytest.approx(1 - curve.surv_prob[at], rel=1e-12)
    assert found.variance**0.5 == pytest.approx(curve.surv_prob_se[at], rel=1e-9)


@pytest.mark.parametrize("start", range(3))
def test_incidence__with_rivals_is_statsmodels(start):
    time, outcome = draw(np.random.default_rng(start))
    found = cumulative_incidence(time, outcome, 15.0)
    curve = CumIncidenceRight(time, outcome)
    at = np.searchsorted(curve.times, 15.0, side="right") - 1
    assert found.probability == pytest.approx(curve.cinc[0][at], rel=1e-12)


def test_incidence__complete_cases_are_binomial():
    time = np.array([1.0, 2, 2, 5, 6, 9, 9, 9])
    outcome = np.array([1, 2, 1, 1, 2, 2, 2, 2])
    found = cumulative_incidence(time, outcome, 9.0)
    assert found.probability == pytest.approx(3 / 8)
    assert found.variance == pytest.approx(3 / 8 * 5 / 8 / 8)


def frame(rng, n):
    opened = np.floor(rng.uniform(80, 360, n))
    investigated = opened + rng.exponential(30, n)
    goes = rng.random(n) < 0.6
    filed = np.where(goes, investigated + rng.exponential(60, n), np.inf)
    locked = np.full(n, 365.0)
    table = pd.DataFrame(
        {"opened": opened, "investigated": investigated, "filed": filed}
    )
    return table.where(table <= 365.0).assign(locked=locked)


STAGES = ["opened", "investigated", "filed"]


def test_funnel__recovers_the_truth_that_raw_ratios_miss():
    rng = np.random.default_rng(7)
    truth = 0.6 * (1 - np.exp(-180 / 60))
    hits, gaps, naive = 0, [], []
    for _ in range(100):
        row = transitions.attrition_funnel(
            frame(rng, 150), stages=STAGES, follow_up="locked", horizon=180
        ).get(**{"from": "investigated", "to": "filed"})
        hits += truth in row.ci
        gaps.append(row.estimate - truth)
        naive.append(row.diagnostics["naive_ratio"] - truth)
    assert abs(np.mean(gaps)) < 3.3 * np.std(gaps) / 10
    assert np.mean(naive) < -0.1
    assert stats.binom.ppf(0.0005, 100, 0.95) <= hits <= 100


def test_funnel__dates_are_days_and_rows_are_counted():
    numbers = frame(np.random.default_rng(1), 40).round()
    dates = numbers.apply(
        lambda c: pd.Timestamp("2012-01-01") + pd.to_timedelta(c, "D")
    )
    a, b = (
        transitions.attrition_funnel(data, stages=STAGES, follow_up="locked")
        for data in (numbers, dates)
    )
    pd.testing.assert_frame_equal(a.to_frame(), b.to_frame())
    assert [g["to"] for g in a.groups] == ["investigated", "filed", "filed"]
    for row in a:
        d = row.diagnostics
        assert d["entered"] == d["reached"] + d["closed"] + d["open"]


def test_funnel__every_contradiction_is_listed():
    cases = pd.DataFrame(
        {
            "opened": [0.0, 5, 0, 0],
            "investigated": [np.nan, 3, 4, 1],
            "filed": [2, np.nan, np.nan, 80],
            "locked": [50.0, 50, np.nan, 50],
        }
    )
    with pytest.raises(InputError) as error:
        transitions.attrition_funnel(cases, stages=STAGES, follow_up="locked")
    for words in (
        "earlier one was not (cases 0)",
        "before the one it follows (cases 1)",
        "without a time in 'locked' (cases 2)",
        "after 'locked' (cases 3)",
    ):
        assert words in str(error.value)


def test_funnel__nobody_reached_and_everybody_reached():
    cases = pd.DataFrame({"a": [0.0] * 5, "b": [np.nan] * 5, "end": [9.0] * 5})
    row = transitions.attrition_funnel(cases, stages=["a", "b"], follow_up="end")[0]
    assert row.ci.low == row.estimate == 0
    assert row.ci.high == pytest.approx(stats.beta.ppf(0.975, 1, 5))
    full = cases.assign(b=1.0)
    row = transitions.attrition_funnel(full, stages=["a", "b"], follow_up="end")[0]
    assert row.ci.low == pytest.approx(stats.beta.ppf(0.025, 5, 1))
    with pytest.raises(NotEstimableError, match="No case reached 'b'"):
        transitions.attrition_funnel(
            cases.assign(c=np.nan), stages=["a", "b", "c"], follow_up="end"
        )


def test_compare__complete_cases_are_two_proportions():
    cases = pd.DataFrame(
        {
            "opened": [0.0] * 50,
            "filed": [5.0] * 18 + [np.nan] * 12 + [5.0] * 4 + [np.nan] * 16,
            "locked": [30.0] * 50,
            "aid": [1] * 30 + [0] * 20,
        }
    )
    row = transitions.compare_funnels(
        cases, stages=["opened", "filed"], by="aid", follow_up="locked"
    )[0]
    assert row.estimate == pytest.approx(0.6 - 0.2)
    assert row.std_error == pytest.approx((0.6 * 0.4 / 30 + 0.2 * 0.8 / 20) ** 0.5)


def test_compare__standardising_removes_a_difference_due_to_time():
    rows = []
    for period, n1, n0, p in ((0, 40, 160, 0.2), (1, 160, 40, 0.6)):
        for aid, n in ((1, n1), (0, n0)):
            rows += [(period, aid, 5.0 if k < p * n else np.nan) for k in range(n)]
    cases = pd.DataFrame(rows, columns=["period", "aid", "filed"])
    cases = cases.assign(opened=0.0, locked=30.0)
    options = {"stages": ["opened", "filed"], "by": "aid", "follow_up": "locked"}
    crude = transitions.compare_funnels(cases, **options)
    level = transitions.compare_funnels(cases, strata="period", **options)
    assert crude[0].estimate == pytest.approx(0.52 - 0.28)
    assert level[0].estimate == pytest.approx(0, abs=1e-12)
    assert any("not adjusted" in note for note in crude.notes)
    apart = cases.assign(period=cases["aid"])
    with pytest.raises(NotEstimableError, match="No stratum holds"):
        transitions.compare_funnels(apart, strata="period", **options)


def test_compare__says_how_far_the_groups_share_a_time():
    cases = pd.DataFrame(
        {"opened": [0.0, 1, 2, 10, 11, 12], "filed": [3.0, np.nan, 4, 12, 13, np.nan],
         "locked": [20.0] * 6, "aid": [0, 0, 0, 1, 1, 1]}
    )  # fmt: skip
    result = transitions.compare_funnels(
        cases, stages=["opened", "filed"], by="aid", follow_up="locked"
    )
    assert any("0% of the cases were opened while both" in n for n in result.notes)
    with pytest.raises(InputError, match="two values"):
        transitions.compare_funnels(
            cases.assign(aid=1),
            stages=["opened", "filed"],
            by="aid",
            follow_up="locked",
        )


def test_rates__limits_are_garwoods():
    counts = pd.DataFrame({"months": [12.0, 6], "arrests": [6, 0]}, index=["a", "b"])
    rates = transitions.stage_rates(counts, stages=["arrests"], length="months")
    row = rates.get(period="a", stage="arrests")
    assert row.ci.low * 12 == pytest.approx(stats.chi2.ppf(0.025, 12) / 2)
    assert row.ci.high * 12 == pytest.approx(stats.chi2.ppf(0.975, 14) / 2)
    assert rates.get(period="b", stage="arrests").ci.low == 0
    with pytest.raises(InputError, match=r"'months' in periods \['b'\]"):
        transitions.stage_rates(
            counts.assign(months=[12.0, 0]), stages=["arrests"], length="months"
        )
