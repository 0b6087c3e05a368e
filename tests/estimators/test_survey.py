"""Properties and edges of survey estimates; test_survey_reference has the numbers."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm

from estimators import survey
from estimators.errors import InputError, NotEstimableError
from estimators.survey import SurveyDesign
from estimators.survey.proportion_intervals import PROPORTION_INTERVALS

FUNCTIONS = [survey.mean, survey.total, survey.proportion]


def draw(entropy, n=60):
    """A stratified cluster sample: 3 strata of at least two PSUs."""
    rng = np.random.default_rng(entropy)
    frame = pd.DataFrame(
        {"stratum": rng.integers(0, 3, n), "psu": rng.integers(0, 5, n)}
    )
    frame.loc[:5, "stratum"] = [0, 0, 1, 1, 2, 2]
    frame.loc[:5, "psu"] = [0, 1, 0, 1, 0, 1]
    frame["psu"] += 10 * frame["stratum"]
    return frame.assign(
        w=rng.uniform(0.5, 5, n),
        y=(rng.random(n) < 0.3).astype(float),
        x=rng.normal(10, 2, n),
        g=rng.integers(0, 2, n),
    )


def design_of(frame, **changes):
    return SurveyDesign.from_frame(
        frame, **{"weights": "w", "strata": "stratum", "psu": "psu", **changes}
    )


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_scaling_the_weights(entropy, factor):
    frame = draw(entropy)
    plain, scaled = design_of(frame), design_of(frame.assign(w=frame["w"] * factor))
    for function, power in (
        (survey.mean, 0),
        (survey.proportion, 0),
        (survey.total, 1),
    ):
        one, other = function(plain, "y"), function(scaled, "y")
        assert other.estimate == pytest.approx(one.estimate * factor**power, rel=1e-9)
        assert other.std_error == pytest.approx(one.std_error * factor**power, rel=1e-9)
        assert other.ci.high == pytest.approx(one.ci.high * factor**power, rel=1e-8)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_relabelling_and_shuffling_change_nothing(entropy):
    frame = draw(entropy)
    other = frame.assign(
        stratum=frame["stratum"].map({0: "west", 1: "east", 2: "north"}),
        psu="site " + (97 - frame["psu"]).astype(str),
    ).sample(frac=1, random_state=1)
    for function in FUNCTIONS:
        one = function(design_of(frame), "y", by="g")
        two = function(design_of(other), "y", by="g")
        for a, b in zip(one, two, strict=True):
            np.testing.assert_allclose(
                [a.estimate, a.std_error, a.ci.low, a.ci.high],
                [b.estimate, b.std_error, b.ci.low, b.ci.high],
                rtol=1e-9, atol=1e-12,
            )  # fmt: skip
        np.testing.assert_allclose(one.covariance, two.covariance, atol=1e-9)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_writing_every_row_twice_inside_its_psu_changes_no_mean(entropy):
    frame = draw(entropy)
    twice = pd.concat([frame, frame], ignore_index=True).assign(w=lambda d: d["w"] / 2)
    one, two = survey.mean(design_of(frame), "x"), survey.mean(design_of(twice), "x")
    assert two.estimate == pytest.approx(one.estimate)
    assert two.std_error == pytest.approx(one.std_error)
    assert two.n_obs == 2 * one.n_obs


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_domains_add_up_to_the_whole(entropy):
    design = design_of(draw(entropy))
    parts, whole = survey.total(design, "x", by="g"), survey.total(design, "x")
    assert sum(row.estimate for row in parts) == pytest.approx(whole.estimate)
    assert math.sqrt(parts.covariance.sum()) == pytest.approx(whole.std_error)
    both = survey.contrast(parts, np.ones(len(parts)), label="all")
    assert both.std_error == pytest.approx(whole.std_error)
    assert (both.ci.low, both.ci.high) == pytest.approx((whole.ci.low, whole.ci.high))


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(PROPORTION_INTERVALS))
def test_a_proportion_mirrors_its_complement(entropy, ci):
    frame = draw(entropy).assign(no=lambda d: 1 - d["y"])
    yes = survey.proportion(design_of(frame), "y", by="g", ci=ci)
    no = survey.proportion(design_of(frame), "no", by="g", ci=ci)
    for a, b in zip(yes, no, strict=True):
        assert a.estimate == pytest.approx(1 - b.estimate)
        mirrored = 1 - b.ci.high, 1 - b.ci.low
        assert (a.ci.low, a.ci.high) == pytest.approx(mirrored, abs=1e-9)
        assert a.ci.low <= a.estimate <= a.ci.high
        assert a.ci.width > 0


def test_unknown_is_not_no():
    frame = draw(5).assign(g=lambda d: d["g"].map({0: "a", 1: "b"}))
    frame.loc[[3, 10, 20], "y"] = np.nan
    design = design_of(frame)
    got = survey.proportion(design, "y")
    known = survey.proportion(design, "y", where=frame["y"].notna())
    assert (got.estimate, got.std_error) == (known.estimate, known.std_error)
    assert got.n_obs == 57
    assert got.diagnostics["n_unknown"] == 3
    assert "3 of 60 rows are unknown" in " ".join(got.notes)
    rows = survey.proportion(design, "y", by="g")
    assert sum(row.diagnostics["n_unknown"] for row in rows) == 3
    assert sum(row.n_obs for row in rows) == 57


def test_a_group_of_unknowns_is_named_not_dropped_in_silence():
    frame = draw(6)
    frame.loc[frame["g"] == 1, "y"] = np.nan
    rows = survey.proportion(design_of(frame), "y", by="g")
    assert [group["g"] for group in rows.groups] == [0]
    assert "{'g': 1}" in rows.notes[0]
    with pytest.raises(NotEstimableError, match="unknown in all"):
        survey.mean(design_of(frame), "y", where="g == 1")


@pytest.mark.parametrize("dtype", ["bool", "boolean", "Int64", "object"])
def test_a_proportion_takes_every_spelling_of_yes(dtype):
    values = pd.Series([True, False, True, True, False] * 12)
    frame = draw(1).assign(
        plain=values.astype(float),
        y=values.astype(dtype),
    )
    if dtype != "bool":
        frame.loc[0, ["y", "plain"]] = [None, np.nan]
    got = survey.proportion(design_of(frame), "y")
    expected = survey.proportion(design_of(frame), "plain")
    assert (got.estimate, got.ci) == (expected.estimate, expected.ci)


@pytest.mark.parametrize(
    ("values", "function", "words"),
    [
        ([0.0, 2.0, 1.0, 3.0], survey.proportion, r"is 2 in row 1 and 1 other"),
        (["yes", "no", "yes", "no"], survey.mean, "must be numbers"),
        ([1.0, np.inf, 0.0, 1.0], survey.total, "infinite in 1 rows"),
    ],
)
def test_values_that_cannot_be(values, function, words):
    design = SurveyDesign.from_frame(pd.DataFrame({"y": values}))
    with pytest.raises(InputError, match=words):
        function(design, "y")


@pytest.mark.parametrize(
    "options",
    [
        {"level": 95},
        {"df": 0},
        {"df": -3.0},
        {"df": math.nan},
        {"by": "nowhere"},
        {"ci": "exact"},
        {"assumed_design_effect": 0},
        {"assumed_design_effect": math.inf},
    ],
)
def test_options_that_cannot_be(options):
    with pytest.raises(InputError):
        survey.proportion(design_of(draw(2)), "y", **options)


def test_a_frame_is_no_design():
    with pytest.raises(InputError, match="from_frame"):
        survey.mean(draw(1), "y")
    with pytest.raises(InputError, match="'nobody'"):
        survey.mean(design_of(draw(1)), "nobody")


def test_simple_random_sample__exact_interval_for_no_event():
    frame = pd.DataFrame({"y": np.zeros(30)})
    got = survey.proportion(SurveyDesign.from_frame(frame), "y")
    assert got.ci.low == 0
    assert got.ci.high == pytest.approx(1 - 0.025 ** (1 / 30))  # exact, p^n = alpha / 2
    assert got.std_error == 0
    assert got.diagnostics["assumed_design_effect"] == pytest.approx(1)


def test_no_event__assumed_design_effects():
    frame = draw(8).assign(never=0.0)
    design = design_of(frame)
    w = frame["w"]
    kish = len(w) * (w**2).sum() / w.sum() ** 2
    got = survey.proportion(design, "never")
    assert got.diagnostics["assumed_design_effect"] == pytest.approx(2 * kish)
    given = survey.proportion(design, "never", assumed_design_effect=4)
    assert given.ci.high == pytest.approx(1 - 0.025 ** (4 / 60))
    # With events elsewhere the design effect of the variable itself is known.
    frame["y"] = frame["y"] * (frame["g"] == 0)
    rows = survey.proportion(design_of(frame), "y", by="g")
    whole = survey.mean(design_of(frame), "y")
    part = w[frame["g"] == 1]
    assert rows.get(g=1).diagnostics["assumed_design_effect"] == pytest.approx(
        max(
            whole.diagnostics["design_effect"],
            len(part) * (part**2).sum() / part.sum() ** 2,
        )
    )
    assert "no events" in rows.get(g=1).ci.method
    assert rows.get(g=0).ci.method == "korn_graubard"


def test_domain_with_one_psu():
    frame = draw(9)
    design = design_of(frame)
    inside = frame["psu"] == frame["psu"].iloc[0]
    frame.loc[inside, "y"] = [1.0, 0.0, *[0.0] * (inside.sum() - 2)]
    got = survey.proportion(design, "y", where=inside)
    assert got.diagnostics["df"] == 0
    assert math.isinf(got.std_error)
    n_effective = got.n_obs / got.diagnostics["assumed_design_effect"]
    events = n_effective * got.estimate
    assert got.ci.high == pytest.approx(
        beta.ppf(0.975, events + 1, n_effective - events)
    )
    assert got.ci.low == pytest.approx(
        beta.ppf(0.025, events, n_effective - events + 1)
    )
    assert any("degrees of freedom" in note for note in got.notes)
    for function in (survey.mean, survey.total):
        got = function(design, "x", where=inside)
        assert (got.ci.low, got.ci.high) == (-math.inf, math.inf)
        assert math.isinf(got.std_error)
        assert any("degrees of freedom" in note for note in got.notes)


def test_design_of_one_psu():
    frame = pd.DataFrame({"psu": ["only"] * 4, "y": [0, 1, 0, 0]})
    with pytest.raises(NotEstimableError, match="the whole sample"):
        survey.proportion(SurveyDesign.from_frame(frame, psu="psu"), "y")
    certain = SurveyDesign.from_frame(frame, psu="psu", lonely_psu="certainty")
    got = survey.proportion(certain, "y")
    assert 0 < got.ci.low < 0.25 < got.ci.high < 1


def test_no_variance_between_psus_is_not_certainty():
    frame = pd.DataFrame({"psu": [1, 1, 2, 2], "y": [0, 1, 1, 0]})
    for ci in PROPORTION_INTERVALS:
        got = survey.proportion(SurveyDesign.from_frame(frame, psu="psu"), "y", ci=ci)
        assert got.ci.width > 0.5
        assert "no variance" in got.ci.method


def test_constant_variable():
    got = survey.mean(design_of(draw(3).assign(x=3.3)), "x")
    assert got.estimate == pytest.approx(3.3)
    assert got.std_error == 0
    assert "design_effect" not in got.diagnostics
    assert any("variance is 0" in note for note in got.notes)


def test_one_row_domain():
    frame = draw(4)
    got = survey.mean(design_of(frame), "x", where=np.arange(60) == 7)
    assert got.n_obs == 1
    assert "design_effect" not in got.diagnostics
    assert math.isinf(got.std_error)


def test_ratio__zero_denominator_names_the_group():
    frame = draw(4).assign(x=lambda d: d["x"] * d["g"])
    with pytest.raises(NotEstimableError, match=r"\{'g': 0\}"):
        survey.ratio(design_of(frame), "y", "x", by="g")


def test_results_have_the_columns_of_all_estimators():
    rows = survey.proportion(design_of(draw(1)), "y", by=["g", "stratum"])
    assert list(rows.to_frame().columns) == [
        "method", "estimand", "unit", "g", "stratum", "estimate", "std_error",
        "ci_low", "ci_high", "ci_level", "n_obs",
    ]  # fmt: skip
    assert set(rows.to_frame()["method"]) == {"survey_proportion"}
    assert rows[0].diagnostics["n_events"] <= rows[0].n_obs
    text = survey.proportion(design_of(draw(1)), "y").summary()
    assert "korn_graubard" in text


def test_inputs_stay_as_they_were():
    frame = draw(2)
    frame.loc[3, "y"] = np.nan
    before = frame.copy()
    survey.proportion(design_of(frame), "y", by="g", where="x > 8")
    pd.testing.assert_frame_equal(frame, before)


def test_korn_graubard__adjusts_for_few_psus():
    frame = draw(12)
    design = design_of(frame)
    few, many = survey.proportion(design, "y"), survey.proportion(design, "y", df=59)
    assert few.ci.width > many.ci.width


def test_wald__says_when_it_leaves_the_unit_interval():
    frame = draw(12).assign(y=lambda d: (np.arange(60) == 9).astype(float))
    got = survey.proportion(design_of(frame), "y", ci="wald")
    assert got.ci.low < 0
    assert any("leave [0, 1]" in note for note in got.notes)


def test_normal_limits():
    got = survey.mean(design_of(draw(1)), "x", df=math.inf, level=0.9)
    half = norm.ppf(0.95) * got.std_error
    assert got.ci.high - got.estimate == pytest.approx(half)
    assert got.ci.level == 0.9
