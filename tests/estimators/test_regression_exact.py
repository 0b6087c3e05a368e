"""Exact logistic regression: all outcomes enumerated, Fisher's test, R, refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from estimators.errors import InputError, NotEstimableError
from estimators.regression import exact_logistic, firth_logistic
from estimators.regression._conditional_distribution import (
    TooManyStatesError,
    condition_on_others,
)
from tests.twins import regression as twin

counts = st.integers(0, 9)


def _table(a, b, c, d):
    return pd.DataFrame({"x": [1, 1, 0, 0], "y": [1, 0, 1, 0], "n": [a, b, c, d]})


@given(entropy=st.integers(0, 2**32 - 1), columns=st.integers(1, 3))
@settings(deadline=None, derandomize=True, max_examples=15)
def test_distribution__equals_enumeration_of_all_outcomes(entropy, columns):
    rng = np.random.default_rng(entropy)
    matrix = rng.integers(0, 4, (9, columns))
    outcome = rng.integers(0, 2, 9)
    rows, place = np.unique(matrix, axis=0, return_inverse=True)
    for interest in range(columns):
        found = condition_on_others(
            rows,
            np.bincount(place),
            np.bincount(place, outcome).astype(int),
            interest=interest,
            most_states=10_000,
        )
        slow = twin.exact_distribution(matrix, outcome, interest)
        np.testing.assert_array_equal(found.value, list(slow))
        np.testing.assert_allclose(np.exp(found.log_count), list(slow.values()))


@given(cells=st.tuples(counts, counts, counts, counts))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_two_by_two__is_fishers_test_and_scipys_conditional_odds_ratio(cells):
    a, b, c, d = cells
    if 0 in (a + b, c + d, a + c, b + d):
        return
    fit = exact_logistic("y ~ x", _table(*cells), count="n")
    known = stats.contingency.odds_ratio([[a, b], [c, d]], kind="conditional")
    tests = fit.tests().iloc[0]
    fisher = stats.fisher_exact([[a, b], [c, d]])
    assert tests["p_probability"] == pytest.approx(fisher.pvalue, rel=1e-9)
    with np.errstate(divide="ignore"):
        ends = np.log(known.confidence_interval(0.95))
        ratio = np.log(known.statistic)
    # scipy solves to a tolerance of its own, about 1e-9 in the odds ratio.
    np.testing.assert_allclose([fit.ci_low[0], fit.ci_high[0]], ends, atol=1e-7)
    if np.isfinite(ratio):
        assert fit.estimate[0] == pytest.approx(ratio, abs=1e-7)
    else:
        assert np.isinf(tests["likelihood_estimate"])
        assert np.isfinite(fit.estimate[0])
    # The law at a limit is Fisher's noncentral hypergeometric distribution.
    if np.isfinite(fit.ci_low[0]):
        law = stats.nchypergeom_fisher(
            a + b + c + d, a + b, a + c, np.exp(fit.ci_low[0])
        )
        assert law.sf(a - 1) == pytest.approx(0.025, rel=1e-6)
    least, most = max(0, a - d), min(a + b, a + c)
    assert list(fit.distribution("x")["value"]) == list(range(least, most + 1))


def test_strata__are_r_mantelhaen_test_exact():
    # R 4.x: mantelhaen.test(array(c(3,1,5,9, 4,1,3,6, 2,2,4,5), c(2,2,3)), exact=TRUE)
    # p = 0.103854256261, interval 0.769208100554 to 17.976100050484, ratio
    # 3.40025477298. R's roots are found to about 1e-4, its p-value to rounding.
    cells = np.array([3, 1, 5, 9, 4, 1, 3, 6, 2, 2, 4, 5]).reshape(3, 2, 2)
    rows = [
        (s, 1 - c, 1 - r, cells[s, c, r])
        for s in range(3)
        for c in range(2)
        for r in range(2)
    ]
    frame = pd.DataFrame(rows, columns=["s", "x", "y", "n"])
    fit = exact_logistic("y ~ x + C(s)", frame, count="n")
    assert fit.p_value[0] == pytest.approx(0.103854256261, rel=1e-10)
    found = np.exp([fit.estimate[0], fit.ci_low[0], fit.ci_high[0]])
    np.testing.assert_allclose(
        found, [3.40025477298, 0.769208100554, 17.976100050484], rtol=2e-4
    )


def test_trend__is_the_permutation_law_of_the_sum():
    # One covariate: all orders of the outcomes are equally likely under no effect.
    dose = np.array([0, 0, 1, 1, 2, 2, 3])
    outcome = np.array([0, 0, 0, 1, 0, 1, 1])
    fit = exact_logistic("y ~ dose", pd.DataFrame({"y": outcome, "dose": dose}))
    known = stats.permutation_test(
        (outcome,),
        lambda y: y @ dose,
        permutation_type="pairings",
        alternative="greater",
        n_resamples=np.inf,
    )
    tail = fit.tests()["p_twice_smaller_tail"][0] / 2
    assert tail == pytest.approx(known.pvalue, rel=1e-12)


def test_teatasting__is_r_fisher_test():
    # R: fisher.test(matrix(c(3, 1, 1, 3), 2)). Its roots are found to about 1e-4, the
    # upper limit's as a reciprocal: 1 / 621.93 and our 1 / 626.24 differ by 1e-5.
    fit = exact_logistic("y ~ x", _table(3, 1, 1, 3), count="n")
    ratio, low, high = np.exp([fit.estimate[0], fit.ci_low[0], fit.ci_high[0]])
    np.testing.assert_allclose([ratio, low], [6.40830886701, 0.211732915306], rtol=1e-4)
    assert 1 / high == pytest.approx(1 / 621.933750545417, abs=1.3e-4)
    # Closed form: the law at an odds ratio z has weights 1, 16 z, 36 z^2, 16 z^3, z^4.
    weights = np.array([1, 16, 36, 16, 1]) * high ** np.arange(5)
    assert weights[:4].sum() / weights.sum() == pytest.approx(0.025, rel=1e-9)


def test_mid_p__closed_form_of_one_pair_of_rows():
    # 2 of 2 against 0 of 2: the law is 1 : 4 z : z^2 with z the odds ratio.
    fit = exact_logistic("y ~ x", _table(2, 0, 0, 2), count="n", ci="mid_p", level=0.9)
    z = np.exp(fit.ci_low[0])
    assert z**2 / (1 + 4 * z + z**2) / 2 == pytest.approx(0.05)
    assert np.isinf(fit.ci_high[0])
    z = np.exp(fit.estimate[0])  # median unbiased
    assert z**2 / (1 + 4 * z + z**2) == pytest.approx(0.5)
    assert "separation" in fit.summary()
    tests = fit.tests().iloc[0]
    assert tests["p_score"] == pytest.approx(2 / 6)
    assert tests["mid_p_score"] == pytest.approx(1 / 6)
    assert tests["mid_p_twice_smaller_tail"] == pytest.approx(1 / 6)
    assert tests["score"] == pytest.approx(1 / (2 / 6))


def test_units__and_origin_of_a_covariate_only_rescale():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.integers(0, 5, 14), "z": rng.integers(0, 2, 14)})
    frame["y"] = rng.integers(0, 2, 14)
    frame["age"] = 18.1 + 0.3 * frame["x"]
    plain = exact_logistic("y ~ x + z", frame)
    other = exact_logistic("y ~ age + z", frame)
    np.testing.assert_allclose(plain.estimate, other.estimate * [0.3, 1], rtol=1e-8)
    np.testing.assert_allclose(plain.p_value, other.p_value, rtol=1e-8)
    np.testing.assert_allclose(plain.ci_high, other.ci_high * [0.3, 1], rtol=1e-8)


def test_order__of_estimates_and_intervals():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"x": rng.integers(0, 2, 30), "z": rng.integers(0, 3, 30)})
    frame["y"] = (rng.random(30) < 0.2 + 0.4 * frame["x"]).astype(int)
    fits = {
        ci: exact_logistic("y ~ x + C(z)", frame, ci=ci) for ci in ("exact", "mid_p")
    }
    assert (fits["exact"].ci_low < fits["mid_p"].ci_low).all()
    assert (fits["exact"].ci_high > fits["mid_p"].ci_high).all()
    # A penalised fit of the same data lies inside; the exact one is no other estimand.
    firth = firth_logistic("y ~ x + C(z)", frame)
    assert fits["exact"].ci_low[0] < firth.estimate[1] < fits["exact"].ci_high[0]
    median = exact_logistic("y ~ x + C(z)", frame, estimate="median")
    assert "median unbiased" in median.summary()


def test_limit__inverts_its_tail_over_a_huge_reference_set():
    # C(400, 200) outcomes exceed 1e119: counts are kept as logarithms.
    fit = exact_logistic("y ~ x", _table(120, 80, 80, 120), count="n")
    known = stats.fisher_exact([[120, 80], [80, 120]])
    assert fit.tests()["p_probability"][0] == pytest.approx(known.pvalue, rel=1e-8)


def test_too_large__is_refused_with_a_way_out():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.integers(0, 9, (80, 4)), columns=list("abcd"))
    frame["y"] = rng.integers(0, 2, 80)
    with pytest.raises(NotEstimableError, match="firth_logistic"):
        exact_logistic("y ~ a + b + c + d", frame, most_states=20_000)
    with pytest.raises(TooManyStatesError, match="partial sums"):
        condition_on_others(
            frame[list("abcd")].to_numpy(), np.ones(80, int), frame["y"].to_numpy(),
            interest=0, most_states=100,
        )  # fmt: skip


def test_wrong_input__is_named():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"x": rng.normal(size=12), "z": rng.integers(0, 2, 12)})
    frame["y"] = [0, 1] * 6
    with pytest.raises(InputError, match="x lie on no grid"):
        exact_logistic("y ~ x + z", frame)
    with pytest.raises(InputError, match="intercept"):
        exact_logistic("y ~ z - 1", frame)
    with pytest.raises(InputError, match=r"one|collinear"):
        exact_logistic("y ~ one", frame.assign(one=3.0))
    own = frame.assign(x=2 ** np.arange(12))
    with pytest.raises(NotEstimableError, match="leave z no other value"):
        exact_logistic("y ~ x + z", own)
    with pytest.raises(InputError, match="no term 'q'"):
        exact_logistic("y ~ z", frame).distribution("q")
