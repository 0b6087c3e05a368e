"""Paired change against printed examples, scipy and closed forms."""

import numpy as np
import pytest
from scipy import stats

from estimators import transitions
from estimators.errors import InputError, NotEstimableError

# Darwin's Zea mays, differences in eighths of an inch (Fisher, Design of Experiments,
# section 17): t = 2.148 with 14 degrees of freedom.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def test_mean__darwins_maize():
    change = transitions.paired_change([0] * 15, MAIZE)
    assert change.estimate / change.std_error == pytest.approx(2.148, abs=5e-4)
    assert change.estimate * 15 == pytest.approx(314)
    expected = stats.ttest_rel(MAIZE, [0] * 15)
    assert change.diagnostics["p_value"] == pytest.approx(expected.pvalue, rel=1e-10)


def test_rank__darwins_maize():
    change = transitions.paired_change([0] * 15, MAIZE, measure="rank")
    expected = stats.wilcoxon(MAIZE).pvalue
    assert change.diagnostics["p_value"] == pytest.approx(expected)
    assert change.diagnostics["p_value"] == pytest.approx(0.0413, abs=5e-5)
    pairs = [(a + b) / 2 for i, a in enumerate(MAIZE) for b in MAIZE[i:]]
    assert change.estimate == np.median(pairs)
    assert change.ci.low < change.estimate < change.ci.high


def test_binary__mcnemar():
    before = [1] * 40 + [1] * 5 + [0] * 15 + [0] * 20
    after = [1] * 40 + [0] * 5 + [1] * 15 + [0] * 20
    change = transitions.paired_change(before, after, measure="binary")
    assert change.estimate == pytest.approx(10 / 80)
    assert change.diagnostics["p_value"] == pytest.approx(
        stats.binomtest(15, 20).pvalue
    )
    p12, p21 = 16 / 82, 6 / 82
    half = 1.959964 * ((p12 + p21 - (p12 - p21) ** 2) / 82) ** 0.5
    assert change.ci.low == pytest.approx(p12 - p21 - half, abs=1e-6)


def test_drop_out__bounds_enclose_every_possible_answer():
    rng = np.random.default_rng(3)
    before, after = rng.integers(0, 11, (2, 30)).astype(float)
    held = after.copy()
    held[:8] = np.nan
    change = transitions.paired_change(before, held, score_range=(0, 10))
    truth = (after - before).mean()
    d = change.diagnostics
    assert d["bound_low"] <= truth <= d["bound_high"]
    assert d["bound_high"] - d["bound_low"] == pytest.approx(10 * 8 / 30)
    assert d["dropped_out"] == 8
    assert change.n_obs == 22
    assert "8 of 30" in change.notes[0]


def test_groups__weighting_removes_drop_out_that_they_explain():
    rng = np.random.default_rng(5)
    estimates, plain, hits = [], [], 0
    for _ in range(200):
        post = np.repeat(["police", "shelter"], [60, 40])
        before = rng.normal(5, 1, 100)
        after = before + np.where(post == "police", 0.5, 2.0) + rng.normal(0, 1, 100)
        stays = rng.random(100) < np.where(post == "police", 0.4, 0.9)
        after[~stays] = np.nan
        found = transitions.paired_change(before, after, groups=post)
        estimates.append(found.estimate)
        hits += 1.1 in found.ci
        plain.append(transitions.paired_change(before, after).estimate)
    # the truth of this mixture is 0.6 * 0.5 + 0.4 * 2
    assert abs(np.mean(estimates) - 1.1) < 3.3 * np.std(estimates) / 200**0.5
    assert np.mean(plain) > 1.25
    assert hits >= stats.binom.ppf(0.0005, 200, 0.95)


def test_groups__one_group_without_drop_out_is_the_plain_mean():
    before, after = np.arange(6.0), np.array([2.0, 1, 5, 4, 4, 9])
    plain = transitions.paired_change(before, after)
    same = transitions.paired_change(before, after, groups=["a"] * 6)
    assert same.estimate == pytest.approx(plain.estimate)
    assert same.std_error == pytest.approx(plain.std_error)


def test_refusals():
    with pytest.raises(InputError, match="before has 1 missing"):
        transitions.paired_change([1, None], [1, 2])
    with pytest.raises(NotEstimableError, match="1 of 3"):
        transitions.paired_change([1, 2, 3], [1, None, None])
    with pytest.raises(InputError, match="Scores must lie"):
        transitions.paired_change([1, 2], [1, 12], score_range=(0, 10))
    with pytest.raises(NotEstimableError, match="in the groups b"):
        transitions.paired_change([1, 2, 3], [1, 2, 3], groups=["a", "a", "b"])
