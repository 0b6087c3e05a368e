"""Plans against epiR 2.0.57 (references), R's power.prop.test and simulation."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from estimators import survey
from estimators.errors import InputError, NotEstimableError


def step(plan, name):
    return plan.to_frame().set_index("step").loc[name, "value"]


@pytest.fixture(scope="module")
def planned(survey_folder):
    text = (survey_folder / "reference.json").read_text(encoding="utf-8")
    found = json.loads(text)["sets"]["prevalence"]["cases"]
    return {key: case["value"] for key, case in found.items() if key.startswith("ss_")}


@pytest.mark.shared
def test_epir(planned):
    plan = survey.required_sample_size(0.12, half_width=0.012)
    expected = planned["ss_simple_prev0.12_rel"]
    assert step(plan, "simple random sample") == pytest.approx(expected, rel=1e-9)
    plan = survey.required_sample_size(
        0.03, half_width=0.01, population=5000, sensitivity=0.9, specificity=0.98
    )
    expected = planned["ss_simple_prev0.03_abs_se"]
    assert step(plan, "with non-response") == pytest.approx(expected, rel=1e-9)
    clustered = {"cluster_size": 15, "intra_class_correlation": 0.05}
    for key, half_width, cv in (
        ("ss_clus1_newarg", 0.03, 0.0),
        ("ss_clus1_detail", 0.03, 1 / 3),
    ):
        plan = survey.required_sample_size(
            0.1, half_width=half_width, cv_cluster_size=cv, **clustered
        )
        expected = planned[key]
        assert plan.design_effect == pytest.approx(expected["DEF"], rel=1e-12)
        found = step(plan, "with the design")
        assert found == pytest.approx(expected["n.ssu"], rel=1e-9)
        assert plan.n_clusters == math.ceil(expected["n.psu"])


@pytest.mark.shared
def test_epir__two_groups(planned):
    plan = survey.sample_size_for_change(0.04, 0.08, design_effect=1.5)
    expected = planned["ss_cohortc_or_ssxsectn"]["n.exp1"]
    assert step(plan, "with the design") == pytest.approx(expected, rel=1e-9)


def test_anchor__imperfect_classifier_doubles_the_sample():
    # 942.07 and 456.17 persons before rounding up.
    perfect = survey.required_sample_size(0.05, half_width=0.02)
    assert step(perfect, "simple random sample") == pytest.approx(456.17, abs=0.005)
    plan = survey.required_sample_size(
        0.05, half_width=0.02, sensitivity=0.85, specificity=0.97
    )
    assert step(plan, "simple random sample") == pytest.approx(942.07, abs=0.005)
    assert plan.apparent_prevalence == pytest.approx(0.071)
    assert (perfect.n, plan.n) == (457, 943)


@pytest.mark.parametrize(
    ("first", "last", "power", "expected"),
    [(0.50, 0.75, 0.9, 76.7), (0.05, 0.10, 0.8, 434.432)],
)
def test_power_prop_test(first, last, power, expected):
    # The first is the example on the help page of R's power.prop.test.
    plan = survey.sample_size_for_change(first, last, power=power)
    # R leaves the other tail in: equal to the digits it prints.
    assert step(plan, "simple random sample") == pytest.approx(expected, abs=0.05)


def test_power__by_simulation_of_four_rounds():
    plan = survey.sample_size_for_change(0.10, 0.16, n_rounds=4)
    rng = np.random.default_rng(8)
    n, t = plan.n_respondents, np.arange(4) - 1.5
    p = rng.binomial(n, np.linspace(0.10, 0.16, 4), (20_000, 4)) / n
    pooled = p.mean(axis=1)
    z = (p @ t) / np.sqrt(pooled * (1 - pooled) / n * (t @ t))
    found = (np.abs(z) > stats.norm.ppf(0.975)).mean()
    assert found == pytest.approx(0.8, abs=0.015)


def test_shared_sites__need_fewer():
    apart, together = (
        survey.sample_size_for_change(0.1, 0.15, round_correlation=r).n
        for r in (0.0, 0.4)
    )
    assert together == pytest.approx(0.6 * apart, rel=0.01)


PLANS = st.fixed_dictionaries(
    {
        "cluster_size": st.integers(1, 30),
        "intra_class_correlation": st.floats(0, 0.2),
        "cv_cluster_size": st.floats(0, 1),
        "population": st.sampled_from([800, 20_000, math.inf]),
        "response_rate": st.floats(0.4, 1),
        "sensitivity": st.floats(0.7, 1),
        "specificity": st.floats(0.8, 1),
        "n_sensitivity": st.just(math.inf) | st.integers(500, 5000),
    }
)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(prevalence=st.floats(0.01, 0.9), half=st.floats(0.02, 0.1), conditions=PLANS)
def test_half_width__is_the_reverse(prevalence, half, conditions):
    try:
        plan = survey.required_sample_size(prevalence, half_width=half, **conditions)
    except NotEstimableError:
        return
    back = survey.achievable_half_width(plan.n, prevalence, **conditions)
    assert back.half_width <= half * (1 + 1e-9)
    if plan.n_respondents > 5:
        fewer = survey.achievable_half_width(plan.n - 1, prevalence, **conditions)
        assert fewer.half_width >= back.half_width
        if plan.n * conditions["response_rate"] > 1:
            assert fewer.half_width >= half * (1 - 1e-9)


def test_uncertain_validation__costs_and_may_be_too_much():
    known = survey.required_sample_size(
        0.05, half_width=0.02, sensitivity=0.85, specificity=0.97
    )
    uncertain = survey.required_sample_size(
        0.05, half_width=0.02, sensitivity=0.85, specificity=0.97, n_specificity=800
    )
    assert uncertain.n > known.n
    with pytest.raises(NotEstimableError, match="validate"):
        survey.required_sample_size(
            0.05, half_width=0.02, sensitivity=0.85, specificity=0.97, n_specificity=100
        )


def test_few_events_and_clusters__are_said():
    plan = survey.required_sample_size(
        0.02, half_width=0.02, cluster_size=40, intra_class_correlation=0.01
    )
    assert any("events" in note for note in plan.notes)
    assert any("clusters" in note for note in plan.notes)
    assert "select" in plan.summary()


def test_wrong_assumptions__are_all_listed():
    with pytest.raises(InputError, match=r"response_rate=0.*sensitivity=1\.2"):
        survey.required_sample_size(
            0.05, half_width=0.02, response_rate=0, sensitivity=1.2
        )
    with pytest.raises(InputError, match="worse than chance"):
        survey.required_sample_size(
            0.05, half_width=0.02, sensitivity=0.4, specificity=0.5
        )
    with pytest.raises(InputError, match="give one or the others"):
        survey.required_sample_size(
            0.05, half_width=0.02, design_effect=2, intra_class_correlation=0.1
        )
    with pytest.raises(InputError, match="deff"):
        survey.required_sample_size(0.05, half_width=0.02, deff=2)
    with pytest.raises(InputError, match="half_width=0"):
        survey.required_sample_size(0.05, half_width=0)
    with pytest.raises(InputError, match="prevalence=nan"):
        survey.achievable_half_width(100, math.nan)
    with pytest.raises(InputError, match="respondents of 50"):
        survey.achievable_half_width(100, 0.1, population=50)
    with pytest.raises(InputError, match="two different shares"):
        survey.sample_size_for_change(0.1, 0.1)
