"""Properties and edges of weighted quantiles; the reference file has the numbers."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators import survey
from estimators.errors import InputError, NotEstimableError
from estimators.survey import SurveyDesign, to_replicates
from estimators.survey.quantile_rules import QUANTILE_RULES, SortedValues

NUMPY = {
    "math": "inverted_cdf",
    "school": "averaged_inverted_cdf",
    "hf1": "inverted_cdf",
    "hf2": "averaged_inverted_cdf",
    "hf4": "interpolated_inverted_cdf",
    "hf5": "hazen",
    "hf6": "weibull",
    "hf7": "linear",
    "hf8": "median_unbiased",
    "hf9": "normal_unbiased",
}
SHARES = st.floats(0.01, 0.99)
VALUES = st.lists(st.integers(0, 50), min_size=2, max_size=30)


def cluster_sample(entropy=3, n=80):
    rng = np.random.default_rng(entropy)
    frame = pd.DataFrame({"psu": np.arange(n) // 4, "w": rng.uniform(1, 5, n)})
    return frame.assign(x=rng.gamma(2, 100, n).round(), g=np.arange(n) % 2)


def design_of(frame, **more):
    return SurveyDesign.from_frame(frame, weights="w", psu="psu", **more)


@pytest.mark.parametrize("rule", NUMPY)
@settings(deadline=None, derandomize=True, max_examples=60)
@given(values=VALUES, share=SHARES)
def test_equal_weights__give_numpy_s_quantile(rule, values, share):
    x = np.array(values, float)
    got = SortedValues.of(x, np.full(x.size, 0.7)).quantile(share, rule)
    expected = np.quantile(x, share, method=NUMPY[rule])
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(values=VALUES, share=SHARES, entropy=st.integers(0, 999))
@pytest.mark.parametrize("rule", ["math", "school"])
def test_whole_weights__are_repeated_values(rule, values, share, entropy):
    x = np.array(values, float)
    times = np.random.default_rng(entropy).integers(1, 5, x.size)
    one = SortedValues.of(x, times.astype(float)).quantile(share, rule)
    many = np.repeat(x, times)
    assert one == SortedValues.of(many, np.ones(many.size)).quantile(share, rule)


@pytest.mark.parametrize("rule", QUANTILE_RULES)
def test_quantiles__rise_with_the_share_and_stay_inside(rule):
    frame = cluster_sample()
    ordered = SortedValues.of(frame["x"].to_numpy(), frame["w"].to_numpy())
    found = [ordered.quantile(p, rule) for p in np.linspace(0.001, 0.999, 200)]
    assert found == sorted(found)
    assert found[0] >= frame["x"].min()
    assert found[-1] <= frame["x"].max()


def test_least_share__is_the_least_value():
    # survey's rule takes the second value below the weight of the first.
    assert SortedValues.of(np.array([1.0, 2, 3]), np.ones(3)).quantile(0.1, "math") == 1


@pytest.mark.parametrize("ci", ["woodruff", "beta", "logit", "wilson", "score"])
def test_intervals__hold_the_estimate_and_do_not_depend_on_scale(ci):
    frame = cluster_sample()
    plain = survey.quantile(design_of(frame), "x", ci=ci, q=[0.2, 0.5, 0.8])
    scaled = survey.quantile(
        design_of(frame.assign(w=frame["w"] * 37)), "x", ci=ci, q=[0.2, 0.5, 0.8]
    )
    for one, other in zip(plain, scaled, strict=True):
        assert one.ci.low <= one.estimate <= one.ci.high
        assert (one.estimate, one.ci.low, one.ci.high) == (
            other.estimate,
            other.ci.low,
            other.ci.high,
        )


@pytest.mark.parametrize("ci", ["woodruff", "score"])
def test_domains__equal_a_selection_by_where(ci):
    design = design_of(cluster_sample())
    rows = survey.quantile(design, "x", by="g", q=[0.25, 0.5], ci=ci)
    assert [tuple(group.values()) for group in rows.groups] == [
        (0, 0.25), (0, 0.5), (1, 0.25), (1, 0.5),
    ]  # fmt: skip
    alone = survey.quantile(design, "x", where="g == 1", ci=ci)
    row = rows.get(g=1, quantile=0.5)
    assert (row.estimate, row.ci, row.std_error) == (
        alone.estimate,
        alone.ci,
        alone.std_error,
    )


def test_rao_wu_replicates__agree_with_woodruff():
    design = design_of(cluster_sample(n=400))
    made = to_replicates(design, kind="rao_wu", n_replicates=400, rng=2)
    one = survey.quantile(design, "x")
    other = survey.quantile(made, "x", ci="replicates")
    assert other.estimate == one.estimate
    assert other.std_error == pytest.approx(one.std_error, rel=0.25)
    turned = survey.quantile(made, "x")
    assert turned.ci.low == pytest.approx(one.ci.low, rel=0.05)


def test_replicates__empty_domains_are_left_out_and_counted():
    frame = cluster_sample(n=40)
    frame["rare"] = frame["psu"] < 2
    made = to_replicates(design_of(frame), kind="rao_wu", n_replicates=200, rng=1)
    got = survey.quantile(made, "x", where="rare", ci="replicates")
    assert any("hold no row" in note for note in got.notes)
    assert math.isfinite(got.std_error)


def test_limits_beyond_the_sample__are_infinite_and_said():
    frame = cluster_sample(n=12)
    got = survey.quantile(design_of(frame), "x", q=0.95)
    assert got.ci.high == math.inf
    assert math.isfinite(got.std_error)
    assert any("beyond all sampled values" in note for note in got.notes)


def test_one_psu__gets_a_named_fall_back():
    frame = cluster_sample(n=40)
    design = design_of(frame, lonely_psu="certainty")
    got = survey.quantile(design, "x", where="psu == 3")
    assert "clopper_pearson" in got.ci.method
    assert math.isinf(got.std_error)
    assert any("degrees of freedom" in note for note in got.notes)


def test_repeated_values__leave_no_length_and_say_so():
    frame = cluster_sample().assign(x=lambda f: (f.index % 4 == 0) * 1.0)
    got = survey.quantile(design_of(frame), "x", q=0.3, ci="score")
    assert (got.ci.low, got.ci.high, got.std_error) == (0, 0, 0)
    assert any("no length" in note for note in got.notes)


def test_unknown_values__are_counted():
    frame = cluster_sample()
    frame.loc[:4, "x"] = np.nan
    got = survey.quantile(design_of(frame), "x")
    assert got.n_obs == 75
    assert any("5 of 80" in note for note in got.notes)


@pytest.mark.parametrize("q", [0, 1, 1.5, -0.1, math.nan, [], [0.5, 0.5], "half"])
def test_wrong_share__is_refused(q):
    with pytest.raises(InputError, match="q="):
        survey.quantile(design_of(cluster_sample()), "x", q=q)


def test_a_numpy_share__is_a_single_one():
    design = design_of(cluster_sample())
    got = survey.quantile(design, "x", q=np.float32(0.5))
    assert got.estimate == survey.quantile(design, "x").estimate


def test_wrong_option__is_refused():
    design = design_of(cluster_sample())
    with pytest.raises(InputError, match="hf10"):
        survey.quantile(design, "x", rule="hf10")
    with pytest.raises(InputError, match="ReplicateDesign"):
        survey.quantile(design, "x", ci="replicates")
    with pytest.raises(NotEstimableError, match="No row"):
        survey.quantile(design, "x", where="x > 1e9")
