"""Real hotline, removals and migration series, run through what watches series.

The files lie beside the project; nothing of them is shipped. What can be known of
them here: sums of their own columns, and what happened to everybody in 2020.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimators import surveillance
from estimators.errors import NotEstimableError
from sentinel.disclosure import ReleasePolicy
from sentinel.ingest import read_table
from sentinel.monitoring import (
    ReleasedSeries,
    read_series,
    releasable,
    shares_two_ways,
    watch_series,
)

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def hotline(shared_folder):
    path = shared_folder / "data" / "ice_hotline" / "hotline_states_2015_2024.csv"
    table = read_table(path).frame
    for name in ("Signals received", "Cases identified"):
        table[name] = pd.to_numeric(table[name].str.replace(",", ""), errors="coerce")
    return table


def _months(table, period, count):
    sums = table.groupby(period)[count].sum()
    index = pd.PeriodIndex(sums.index, freq="M")
    return pd.Series(sums.to_numpy(), index=index).sort_index()


def test_hotline__signals_are_no_cases_and_both_shares_are_what_they_say(hotline):
    known = hotline.dropna(subset=["Signals received", "Cases identified"])
    known = known[known["Signals received"] >= known["Cases identified"]]
    found = shares_two_ways(known, "Cases identified", "Signals received")["share"]
    pooled = known["Cases identified"].sum() / known["Signals received"].sum()
    assert found["ratio of sums"] == pytest.approx(pooled)
    each = known["Cases identified"] / known["Signals received"].replace(0, np.nan)
    assert found["mean of ratios"] == pytest.approx(each.mean())
    # Of states and years the two happen to agree, unlike months of one line.
    assert found["mean of ratios"] == pytest.approx(pooled, abs=0.001)


def test_hotline__ten_years_are_too_short_for_seasons_and_said_to_be(hotline):
    years = hotline.groupby("Year")["Signals received"].sum()
    with pytest.raises(NotEstimableError):
        surveillance.farrington_flexible(years.to_numpy())


def test_removals__latin_1_bytes_are_read_and_the_months_are_whole(shared_folder):
    path = shared_folder / "data" / "ice_hotline" / "ice_removals_monthly.csv"
    raw = read_table(path)
    table = raw.frame
    assert "\ufffd" not in "".join(table["Country of Citizenship"].unique())
    table["month"] = pd.to_datetime(table["Month-Year"], format="%b-%y")
    table["Removals"] = pd.to_numeric(table["Removals"])
    months = _months(table, "month", "Removals")
    assert len(months) == len(pd.period_range(months.index[0], months.index[-1]))
    series = ReleasedSeries(frame=months.to_frame("removals"), unit="month")
    part = watch_series(series, "removals", name="r", title="Removals")
    tested = part.frame.dropna(subset=["expected"])
    own = surveillance.ears(months.to_numpy())
    np.testing.assert_allclose(tested["expected"], [row.estimate for row in own])
    # Title 42 ended in May 2023: removals of the months after are far above before.
    before, after = months["2021-10":"2022-09"].mean(), months["2023-10":"2024-09"]
    assert after.mean() > 2 * before
    assert part.frame["alarm"].any()


def test_migration__the_collapse_of_april_2020_is_an_interruption(
    shared_folder, tmp_path
):
    path = shared_folder / "data" / "iom_gdidata" / "irreg_honduras_nat.csv"
    table = read_table(path).frame
    table["n"] = pd.to_numeric(table["n"])
    months = _months(table, "t", "n")
    # The file leaves months out in which nobody was met; that must be said aloud.
    full = pd.period_range(months.index[0], months.index[-1], freq="M")
    plain = months.rename_axis("period").to_frame("events").astype("int64")
    out = tmp_path / "months.csv"
    plain.reindex(full, fill_value=0).rename_axis("period").to_csv(out)
    frame = read_series(out, counts=["events"])
    assert len(frame) == len(full)
    until = frame.loc[:"2020-12", "events"]
    fit = surveillance.interrupted_time_series(
        pd.Series(until.to_numpy(), index=[str(p) for p in until.index]),
        intervention="2020-04",
        slope=False,
    )
    level = fit.terms().set_index("term").loc["level"]
    assert np.exp(level["ci_high"]) < 0.5
    quarters = releasable(
        frame, counts=["events"], policy=ReleasePolicy(), unit="month", finest="quarter"
    )
    assert quarters.unit == "quarter"


def test_migration__small_counts_of_mexico_are_added_up_or_withheld(shared_folder):
    path = shared_folder / "data" / "iom_gdidata" / "irreg_mexico_nat.csv"
    table = read_table(path).frame
    table["n"] = pd.to_numeric(table["n"])
    for nation in ("GTM", "HND"):
        months = _months(table[table["nat"] == nation], "t", "n").astype("int64")
        found = releasable(
            months.to_frame("n"),
            counts=["n"],
            policy=ReleasePolicy(),
            unit="month",
            finest="month",
        )
        shown = found.frame["n"]
        assert not ((shown > 0) & (shown < 11)).any()
