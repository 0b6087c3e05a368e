"""Farrington's methods against R surveillance 1.20.3 and a slow twin."""

import numpy as np
import pandas as pd
import pytest

from estimators import surveillance
from estimators.errors import InputError, NotEstimableError
from estimators.surveillance.farrington_baseline import BaselineRule, baseline_offsets
from tests.twins import surveillance as twin

OLD = {
    "n_seasons": 1,
    "weeks_excluded": 3,
    "trend_p_value": 0.05,
    "reweight_above": 1,
    "level": 0.9,
    "threshold": "delta",
}
# R's glm stops at a relative change of the deviance of 1e-8. Run by hand with
# epsilon = 1e-15 it agrees with these bounds to 5e-8, the file's printed ones to 3e-4.
STOPPED_EARLY = 3e-4


@pytest.mark.shared
def test_flexible__noufaily(agona, reference, against):
    block = reference["farringtonFlexible_noufaily"]
    table, upper, alarms = against(surveillance.farrington_flexible(agona), block)
    assert alarms == block["alarm_t"] == [257, 262, 263, 264]
    enough = ~table["reason"].str.contains("fewer than 5")
    assert (enough == ~np.isnan(upper)).all()
    np.testing.assert_array_equal(table["upper_bound"][enough], upper[enough])
    expected = np.array(block["mu0"], dtype=float)
    np.testing.assert_allclose(table["expected"], expected, atol=1e-6)
    np.testing.assert_allclose(table["dispersion"], block["phi"], atol=STOPPED_EARLY)
    np.testing.assert_allclose(table["p_value"], block["pvalue"], atol=1e-5)


@pytest.mark.shared
def test_flexible__delta_with_trend_rules(agona, reference, against):
    block = reference["farringtonFlexible_old_delta"]
    result = surveillance.farrington_flexible(agona, **OLD)
    table, upper, alarms = against(result, block)
    assert alarms == block["alarm_t"]
    enough = ~np.isnan(upper)
    np.testing.assert_allclose(
        table["upper_bound"][enough], upper[enough], atol=STOPPED_EARLY
    )
    np.testing.assert_allclose(table["dispersion"], block["phi"], atol=STOPPED_EARLY)


@pytest.mark.shared
def test_flexible__muan(agona):
    found = surveillance.farrington_flexible(agona, threshold="muan")
    assert [week for week in found.alarms if week >= 217] == [262, 263, 264]


@pytest.mark.shared
def test_original__salmonella_agona(agona, reference, against):
    block = reference["farrington"]
    table, upper, alarms = against(surveillance.farrington(agona), block)
    assert alarms == block["alarm_t"]
    assert len(alarms) == 16
    enough = ~table["reason"].str.contains("fewer than 5")
    np.testing.assert_allclose(
        table["upper_bound"][enough], upper[enough], atol=STOPPED_EARLY
    )


def series(rng, n=330):
    time = np.arange(n)
    mean = np.exp(1.2 + 0.002 * time + 0.6 * np.sin(2 * np.pi * time / 52))
    return rng.negative_binomial(3, 3 / (3 + mean))


@pytest.mark.parametrize("start", range(3))
def test_flexible__equals_twin(start):
    rng = np.random.default_rng(start)
    counts = series(rng)
    exposure = rng.uniform(0.5, 2, counts.size)
    rule = {"years_back": 3, "half": 2 + start, "seasons": (1, 5, 10)[start]}
    result = surveillance.farrington_flexible(
        counts,
        population=exposure,
        years_back=3,
        half_window=rule["half"],
        n_seasons=rule["seasons"],
        weeks_excluded=20,
    )
    for week in (170, 240, 329):
        now, phi, bound = twin.farrington_bound(
            counts, week, exposure=exposure, excluded=20, **rule
        )
        row = result.get(period=week + 1)
        assert row.estimate == pytest.approx(now, rel=1e-7)
        assert row.diagnostics["dispersion"] == pytest.approx(phi, rel=1e-6)
        assert row.ci.high == bound


def test_offsets__as_the_twin_and_the_remainder_goes_first():
    rule = BaselineRule(
        frequency=52, years_back=4, half_window=3, n_seasons=10, weeks_excluded=26
    )
    offsets, seasons = baseline_offsets(rule)
    places, expected = twin.farrington_baseline(
        400, years_back=4, half=3, seasons=10, excluded=26
    )
    np.testing.assert_array_equal(offsets, places - 400)
    np.testing.assert_array_equal(seasons, expected)
    first_year = seasons[(offsets > -208 + 3) & (offsets < -156 - 3)]
    assert list(np.bincount(first_year)[1:]) == [5] * 9
    short = BaselineRule(
        frequency=52, years_back=1, half_window=3, n_seasons=5, weeks_excluded=0
    )
    sizes = np.bincount(baseline_offsets(short)[1])[1:]
    assert list(sizes) == [12, 11, 11, 11]


def test_flexible__an_outbreak_is_seen_and_a_quiet_series_is_not():
    rng = np.random.default_rng(2)
    counts = rng.poisson(6, 300)
    counts[280] = 40
    result = surveillance.farrington_flexible(counts)
    assert 281 in result.alarms
    assert len(result.alarms) <= 4  # 88 weeks at 1 %


def test_flexible__short_history_says_which_weeks():
    with pytest.raises(
        NotEstimableError, match=r"will be period 212.*108 to 150.*ears"
    ):
        surveillance.farrington_flexible([3] * 150)
    with pytest.raises(NotEstimableError, match="Until then use ears"):
        surveillance.farrington_flexible([3] * 30)
    result = surveillance.farrington_flexible([3] * 213)
    assert len(result) == 2
    assert result.untested[0][0] == 1
    assert "211 periods" in result.untested[0][1]


def test_flexible__empty_season_is_judged_exactly():
    counts = np.tile([0] * 26 + [6] * 26, 6)
    counts[299] = 1
    result = surveillance.farrington_flexible(counts, least_cases=(0, 4))
    row = [g for g in result.groups if "exact Poisson" in g["reason"]]
    assert row
    for group in row:
        assert group["alarm"] == (group["observed"] > 1)


def test_flexible__population_doubles_and_rates_stay():
    counts = series(np.random.default_rng(4))
    plain = surveillance.farrington_flexible(counts)
    scaled = surveillance.farrington_flexible(counts, population=[7.0] * counts.size)
    pd.testing.assert_frame_equal(plain.to_frame(), scaled.to_frame(), rtol=1e-9)


def test_flexible__refusals():
    with pytest.raises(InputError, match="Take fewer seasons"):
        surveillance.farrington_flexible([1] * 300, n_seasons=60)
    with pytest.raises(InputError, match="years_back=0 < 1"):
        surveillance.farrington_flexible([1] * 300, years_back=0)
    with pytest.raises(InputError, match="population"):
        surveillance.farrington_flexible([1] * 300, population=[0.0] * 300)
