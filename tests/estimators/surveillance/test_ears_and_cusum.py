"""EARS and CUSUM against R surveillance 1.20.3, by hand and by their properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from estimators import surveillance
from estimators.errors import InputError, NotEstimableError
from estimators.surveillance.exact_limits import exact_tail, exact_upper_bound

COUNTS = st.lists(st.integers(0, 20), min_size=13, max_size=40)


@pytest.mark.shared
@pytest.mark.parametrize(("method", "alarms"), [("C1", 16), ("C2", 20), ("C3", 36)])
def test_ears__salmonella_agona(method, alarms, agona, reference, against):
    block = reference[f"earsC_{method}_bl7"]
    result = surveillance.ears(agona, method=method)
    table, upper, found = against(result, block)
    assert found == block["alarm_t"]
    assert len(found) == alarms
    np.testing.assert_allclose(table["upper_bound"], upper, rtol=1e-12, atol=1e-12)


@pytest.mark.shared
def test_ears__min_sigma_as_the_reference(agona, reference, against):
    block = reference["earsC_C1_bl7_minSigma0.5"]
    result = surveillance.ears(agona, method="C1", min_sigma=0.5)
    table, upper, found = against(result, block)
    assert found == block["alarm_t"]
    np.testing.assert_allclose(table["upper_bound"], upper, rtol=1e-12)


def test_ears__by_hand():
    row = surveillance.ears([1, 2, 3, 4, 5, 6, 7, 9]).get(period=8)
    # mean 4, sd sqrt(28 / 6); 99.9 % of the normal is 3.0902 sds
    assert row.estimate == 4
    assert row.ci.high == pytest.approx(4 + 3.090232306 * (28 / 6) ** 0.5, rel=1e-9)
    assert row.diagnostics["score"] == pytest.approx(5 / (28 / 6) ** 0.5)


def test_ears__a_constant_baseline_is_judged_exactly():
    quiet = [0] * 7
    for count, alarm in ((1, False), (3, False), (4, True)):
        result = surveillance.ears([*quiet, count])
        # P(Y >= y | no case in 7) = (1/8)^y: below 0.001 from 4 on
        assert result.groups[0]["alarm"] is alarm
        assert "exact Poisson" in result.groups[0]["reason"]
    assert surveillance.ears([*quiet, 1], min_sigma=0).alarms == (8,)
    assert surveillance.ears([*quiet, 1], min_sigma=0.5).alarms == ()


def test_ears__c3_with_the_current_period():
    rng = np.random.default_rng(5)
    counts = rng.poisson(8, 60)
    plain = surveillance.ears(counts, method="C2", level=0.975)
    score = np.array([row.diagnostics["score"] for row in plain])
    excess = np.maximum(score - 1, 0)
    total = excess[2:] + excess[1:-1] + excess[:-2]
    expected = total > stats.norm.ppf(0.975)
    found = surveillance.ears(counts, method="C3_current")
    assert [group["alarm"] for group in found.groups] == list(expected)
    former = surveillance.ears(counts, method="C3")
    carried = excess[1:-1] + excess[:-2] > stats.norm.ppf(0.975)
    alarms = [group["alarm"] for group in former.groups]
    assert alarms == list(carried & (counts[11:] > 0))


@given(COUNTS)
@settings(deadline=None, derandomize=True, max_examples=40)
def test_ears__alarm_means_above_the_bound(counts):
    for method in ("C1", "C2", "C3", "C3_current"):
        result = surveillance.ears(counts, method=method)
        for row, group in zip(result, result.groups, strict=True):
            assert group["alarm"] == (group["observed"] > row.ci.high)
        assert len(result) + len(result.untested) == len(counts)


@given(st.integers(0, 30), st.integers(1, 20), st.floats(0.001, 0.4))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_exact_bound__is_the_binomial_one(total, periods, tail):
    bound = int(exact_upper_bound(total, periods, tail))
    for count in (bound, bound + 1):
        direct = stats.binom.sf(count - 1, total + count, 1 / (periods + 1))
        assert exact_tail(count, total, periods) == pytest.approx(direct, rel=1e-9)
    assert exact_tail(bound, total, periods) > tail
    assert exact_tail(bound + 1, total, periods) <= tail


def test_ears__short_series_and_bad_counts():
    with pytest.raises(NotEstimableError, match="tests the 8th period"):
        surveillance.ears([1, 2, 3])
    with pytest.raises(InputError, match=r"below 0 \(rows 1\); not whole \(rows 0\)"):
        surveillance.ears([0.5, -1] + [1] * 10)
    with pytest.raises(InputError, match="at least 3"):
        surveillance.ears([1] * 10, baseline=2)


@pytest.mark.shared
@pytest.mark.parametrize("transform", ["rossi", "standard"])
def test_cusum__salmonella_agona(transform, agona, reference, against):
    block = reference[f"cusum_{transform}"]
    result = surveillance.cusum(agona, baseline=216, transform=transform)
    table, upper, found = against(result, block)
    assert found == block["alarm_t"]
    np.testing.assert_allclose(table["upper_bound"], upper, rtol=1e-10)
    np.testing.assert_allclose(table["expected"], block["m"], rtol=1e-12)


@pytest.mark.shared
def test_cusum__seasonal_mean(agona, reference, against):
    block = reference["cusum_glm_rossi"]
    result = surveillance.cusum(agona, baseline=216, season=52)
    table, upper, found = against(result, block)
    assert found == block["alarm_t"]
    np.testing.assert_allclose(table["expected"], block["m"], rtol=1e-9)
    # Where the sum stands above h so far that even 0 keeps it there, the square of a
    # negative root is no count: the reference prints it, ours is 0.
    possible = table["upper_bound"].to_numpy() > 0
    assert possible.sum() > 80
    np.testing.assert_allclose(
        table["upper_bound"][possible], upper[possible], atol=1e-8
    )


def test_cusum__by_hand():
    result = surveillance.cusum(
        [6, 6, 8, 2], mean=4, baseline=0, transform="standard",
        reference_value=0.5, decision_interval=1.5,
    )  # fmt: skip
    # scores 1, 1, 2, -1; sums 0.5, 1, 2.5, 1
    sums = [row.diagnostics["cusum"] for row in result]
    assert sums == [0.5, 1.0, 2.5, 1.0]
    assert result.alarms == (3,)
    assert result.get(period=3).ci.high == 6  # 2 (1.5 + 0.5 - 1) + 4


@given(COUNTS, st.sampled_from(["rossi", "standard", "anscombe"]))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_cusum__alarm_at_the_bound(counts, transform):
    result = surveillance.cusum(counts, baseline=0, mean=5.0, transform=transform)
    for row, group in zip(result, result.groups, strict=True):
        if abs(group["observed"] - row.ci.high) > 1e-9 and row.ci.high > 0:
            assert group["alarm"] == (group["observed"] > row.ci.high)


def test_cusum__refusals():
    with pytest.raises(NotEstimableError, match="no case"):
        surveillance.cusum([0, 0, 0, 1], baseline=3)
    with pytest.raises(NotEstimableError, match="no period to test"):
        surveillance.cusum([1, 2], baseline=5)
    with pytest.raises(InputError, match="mean and season exclude each other"):
        surveillance.cusum([1, 2, 3], mean=2.0, season=52)


def test_plot__shows_the_alarm_above_every_bound():
    result = surveillance.ears([2, 3, 2, 4, 3, 2, 3, 2, 90, 3])
    axes = result.plot()
    assert axes.get_ylim()[1] > 90
    crosses = [line for line in axes.get_lines() if line.get_label() == "alarm"]
    assert list(crosses[0].get_xdata()) == [9]
    assert list(crosses[0].get_ydata()) == [90]


def test_table__lists_untested_periods_too():
    table = surveillance.ears([2, 3, 2, 4, 3, 2, 3, 2, 90, 3]).table()
    assert list(table["period"]) == list(range(1, 11))
    assert table["expected"].isna().sum() == 7
    assert table.loc[0, "reason"].startswith("its baseline of 7")


def test_notes__say_how_often_quiet_series_alarm():
    counts = [3.0, 1, 4, 1, 5, 2, 6, 5, 3, 5, 8, 9, 7, 10, 3]
    for method, share in (("C1", "2 to 6"), ("C3", "5 to 11")):
        assert share in " ".join(surveillance.ears(counts, method=method).notes)
    long = surveillance.ears(np.arange(40) % 5, baseline=28)
    assert "simulations" not in " ".join(long.notes)
    quiet = np.random.default_rng(1).poisson(10, size=60)
    assert "scatter" not in " ".join(surveillance.cusum(quiet).notes)
    growing = np.concatenate([np.arange(26) * 4, quiet])
    assert "most of them" in " ".join(surveillance.cusum(growing).notes)
    known = surveillance.cusum(growing, baseline=0, mean=10)
    assert "scatter" not in " ".join(known.notes)
