"""Series: read strictly, made coarse before any method sees them, watched."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimators import surveillance
from estimators.errors import InputError, NotEstimableError
from sentinel.disclosure import ReleasePolicy
from sentinel.monitoring import ReleasedSeries, read_series, releasable, watch_series
from sentinel.schema.problems import IngestError

POLICY = ReleasePolicy()


def _write(tmp_path, text):
    path = tmp_path / "series.csv"
    path.write_text(text, encoding="utf-8")
    return path


def _months(values, start="2010-01"):
    index = pd.period_range(start, periods=len(values), freq="M", name="period")
    return pd.DataFrame({"calls": values}, index=index)


def test_read_series__in_order_whatever_the_order_of_the_file(tmp_path):
    path = _write(tmp_path, "period,calls,radio\n2010-02,7,1\n2010-01,5,0.5\n")
    found = read_series(path, counts=["calls"], covariates=["radio"])
    assert found["calls"].tolist() == [5, 7]
    assert found["radio"].tolist() == [0.5, 1.0]
    quarters = _write(tmp_path, "period,calls\n2010-Q1,7\n2010Q2,8\n")
    found = read_series(quarters, counts=["calls"], unit="quarter")
    assert [str(item) for item in found.index] == ["2010Q1", "2010Q2"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("2010-01,5\n2010-03,6\n", "2010-02"),
        ("2010-01,5\n2010-01,6\n", "every period once"),
        ("Jan-24,5\n", "a period such as"),
        ("2010-13,5\n", "a period such as"),
        ("2010-01,5.5\n", "a whole number"),
        ("2010-01,-1\n", "a whole number"),
        ("2010-01,\n", "a whole number"),
    ],
)
def test_read_series__what_is_refused(tmp_path, body, words):
    with pytest.raises(IngestError, match=words):
        read_series(_write(tmp_path, f"period,calls\n{body}"), counts=["calls"])


def test_releasable__small_months_are_added_up_before_anything_is_computed():
    frame = _months([4, 9, 12, 20, 3, 15, 30, 30])
    found = releasable(
        frame, counts=["calls"], policy=POLICY, unit="month", finest="month"
    )
    assert (found.unit, found.frame["calls"].tolist()) == ("quarter", [25, 38])
    assert any("2 months at the ends" in note for note in found.notes)


def test_releasable__zeros_stay_and_a_rest_that_is_small_does_not():
    frame = _months([20, 0, 40]).assign(labour=[20, 0, 33])
    alone = releasable(
        frame[["calls"]], counts=["calls"], policy=POLICY, unit="month", finest="month"
    )
    assert alone.unit == "month"
    both = releasable(
        frame.iloc[[0, 1, 2]],
        counts=["calls", "labour"],
        policy=ReleasePolicy(minimum_cell=7),
        unit="month",
        finest="month",
        wholes={"labour": "calls"},
    )
    assert both.unit == "month"  # the rest of 7 may be shown where 7 is the least
    with pytest.raises(InputError, match="withheld"):
        releasable(
            frame,
            counts=["calls", "labour"],
            policy=POLICY,
            unit="month",
            finest="month",
            wholes={"labour": "calls"},
        )


def test_releasable__no_finer_than_the_study_allows():
    found = releasable(
        _months([100] * 6),
        counts=["calls"],
        policy=POLICY,
        unit="month",
        finest="quarter",
    )
    assert found.unit == "quarter"
    assert "no finer period than the quarter" in found.notes[0]


@given(
    counts=st.lists(st.integers(0, 60), min_size=1, max_size=40),
    start=st.integers(1, 12),
)
def test_releasable__what_is_shown_is_never_small_and_never_finer(counts, start):
    frame = _months(counts, f"2010-{start:02d}")
    try:
        found = releasable(
            frame, counts=["calls"], policy=POLICY, unit="month", finest="month"
        )
    except InputError:
        return
    shown = found.frame["calls"]
    assert not ((shown > 0) & (shown < 11)).any()
    assert shown.sum() <= sum(counts)


def test_watch_series__is_the_estimator_on_the_released_counts():
    values = [30, 33, 29, 31, 30, 34, 32, 31, 30, 95]
    part = watch_series(
        ReleasedSeries(frame=_months(values), unit="month"),
        "calls",
        name="calls",
        title="Calls",
        options={"method": "C2"},
    )
    own = surveillance.ears(values, method="C2")
    assert part.frame["alarm"].sum() == 1
    assert part.frame["upper_bound"].iloc[-1] == own.rows[-1].ci.high
    assert np.isnan(part.frame["expected"].iloc[0])
    assert part.frame["observed"].tolist() == values


def test_watch_series__short_series_and_unknown_options_are_told():
    series = ReleasedSeries(frame=_months([30] * 5), unit="month")
    with pytest.raises(NotEstimableError, match="tests the 8th period"):
        watch_series(series, "calls", name="calls", title="Calls")
    with pytest.raises(InputError, match="options of ears"):
        watch_series(
            series, "calls", name="calls", title="Calls", options={"window": 3}
        )
    plain = watch_series(series, "calls", name="c", title="Calls", method="none")
    assert plain.frame["observed"].tolist() == [30] * 5


@pytest.mark.parametrize(("unit", "periods"), [("month", 60), ("quarter", 24)])
def test_watch_series__farrington_has_settings_for_every_unit(unit, periods):
    index = pd.period_range("2008-01", periods=periods, freq=unit[0].upper())
    values = 100 + 20 * (np.arange(periods) % 2)
    values[-1] = 400
    frame = pd.DataFrame({"calls": values}, index=index)
    part = watch_series(
        ReleasedSeries(frame=frame, unit=unit),
        "calls",
        name="calls",
        title="Calls",
        method="farrington_flexible",
    )
    assert part.frame["alarm"].tolist() == [False] * (periods - 1) + [True]
