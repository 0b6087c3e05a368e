"""Hotline logs: calls are not cases, and a mean of ratios is not a ratio of sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimators.errors import InputError
from sentinel import datasets
from sentinel.monitoring import (
    HotlineColumns,
    call_series,
    count_places,
    join_covariates,
    read_hotline_log,
    referral_outcomes,
    shares_two_ways,
)
from sentinel.schema.problems import IngestError

COLUMNS = HotlineColumns(
    date="day", case="ref", kind="about", place="from", referred="sent", action="acted"
)
LOG = """day,ref,about,from,sent,acted,phone
2009-09-02,A,labour,Chiang Mai,yes,unknown,081 234 5678
2009-09-30,A,labour,chiang-mai,yes,no,081 234 5678
2009-11-05,A,trafficking,Chiangmai,yes,yes,081 234 5678
2009-11-06,B,labour,Tak,yes,,081 999 9999
2009-11-07,C,trafficking,Tak,no,,081 777 7777
2009-11-08,,information,,,,081 555 5555
2009-11-09,D,trafficking,Phuket,yes,0,
"""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(LOG, encoding="utf-8")
    return read_hotline_log(path, columns=COLUMNS)


def test_log__seven_calls_are_four_cases(log):
    assert (len(log.calls), len(log.cases)) == (7, 4)
    assert log.cases["n_calls"].tolist() == [3, 1, 1, 1]
    # The last call says what the case is about and what became of it.
    assert log.cases["kind"].tolist() == [
        "trafficking", "labour", "trafficking", "trafficking",
    ]  # fmt: skip
    assert log.cases["action"].tolist() == ["yes", "unknown", "unknown", "no"]
    assert "1 of 7 calls are about no recorded case" in log.notes
    assert any("differ in kind" in note for note in log.notes)
    assert any("differ in action" in note for note in log.notes)


def test_log__case_numbers_and_other_columns_do_not_stay(log):
    kept = {*log.calls, *log.cases}
    assert not kept & {"ref", "phone", "from"}
    text = log.calls.to_csv() + log.cases.to_csv()
    assert "081" not in text
    assert log.cases["case"].tolist() == [0, 1, 2, 3]


def test_places__spellings_are_joined(log):
    assert (log.places.n_entries, log.places.n_places, log.places.n_blank) == (6, 3, 1)
    chiang_mai = log.places.frame.iloc[0]
    assert chiang_mai["entries"] == 3
    assert chiang_mai["spellings"] == 3


def test_places__the_printed_list_names_chiang_mai_twice():
    table = datasets.load("hotline_myanmar_2009_2013", file="caller_places.csv")
    found = count_places(table["place"])
    assert found.repeated == ("Chiang Mai",)
    # One of the 19 printed places was not transcribed; the card says so.
    assert found.n_places == 18


def test_call_series__months_without_calls_are_zeros_and_cases_count_once(log):
    series = call_series(log)
    assert series["calls"].tolist() == [2, 0, 5]
    assert series["cases"].tolist() == [1, 0, 3]
    assert series["calls: trafficking"].tolist() == [0, 0, 3]
    assert series["cases: trafficking"].tolist() == [1, 0, 2]
    wide = call_series(log, unit="quarter", first="2009-Q2", last="2010-Q1")
    assert wide["calls"].tolist() == [0, 2, 5, 0]
    with pytest.raises(InputError, match="2 calls lie outside"):
        call_series(log, first="2009-10")


def test_join_covariates__a_month_without_a_row_is_not_a_month_without_promotion(log):
    series = call_series(log)
    table = pd.DataFrame(
        {"period": ["2009-09", "2009-10", "2009-11"], "promotion": [1, 0, 0]}
    )
    assert join_covariates(series, table)["promotion"].tolist() == [1, 0, 0]
    with pytest.raises(InputError, match="without a row: 2009-10"):
        join_covariates(series, table.drop(index=1))
    with pytest.raises(InputError, match="twice: 2009-09"):
        join_covariates(series, pd.concat([table, table[:1]]))
    with pytest.raises(InputError, match="called like counts: calls"):
        join_covariates(series, table.rename(columns={"promotion": "calls"}))


def test_referrals__unknown_outcomes_bound_the_share(log):
    found = referral_outcomes(log).set_index("unknowns")
    # Of three referred cases one led to action, one did not, of one nothing is known.
    assert found["estimate"].round(6).tolist() == [0.5, 0.333333, 0.666667]
    assert (found["n_unknown"] == 1).all()
    assert found.loc["no action", "estimate"] <= found.loc["left out", "estimate"]
    # Wilson 1927 for 1 of 2, by hand.
    z = 1.959963984540054
    half = z / (1 + z * z / 2) * np.sqrt(0.25 / 2 + z * z / 16)
    assert found.loc["left out", "ci_low"] == pytest.approx(0.5 - half, abs=1e-12)


def test_referrals__none_recorded_is_said(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("date,case\n2010-01-01,A\n", encoding="utf-8")
    log = read_hotline_log(path, columns=HotlineColumns(case="case"))
    with pytest.raises(InputError, match=r"HotlineColumns\.referred"):
        referral_outcomes(log)


def test_shares__the_printed_contradiction_in_small():
    # As in the printed report, quiet months have the higher share of labour calls.
    months = pd.DataFrame({"labour": [20, 26, 60], "calls": [25, 40, 200]})
    found = shares_two_ways(months, "labour", "calls")["share"]
    assert found["mean of ratios"] == pytest.approx((0.8 + 0.65 + 0.3) / 3)
    assert found["ratio of sums"] == pytest.approx(106 / 265)


@given(
    wholes=st.lists(st.integers(1, 500), min_size=1, max_size=24),
    share=st.integers(0, 4),
)
def test_shares__agree_where_the_share_is_constant(wholes, share):
    months = pd.DataFrame(
        {"calls": [4 * n for n in wholes], "part": [share * n for n in wholes]}
    )
    found = shares_two_ways(months, "part", "calls")["share"]
    assert found["mean of ratios"] == pytest.approx(found["ratio of sums"])
    assert found["ratio of sums"] == pytest.approx(share / 4)


def test_shares__empty_months_are_counted_and_parts_above_the_whole_refused():
    months = pd.DataFrame({"part": [1, 0], "calls": [2, 0]}, ["2010-01", "2010-02"])
    found = shares_two_ways(months, "part", "calls")
    assert found["n_left_out"].tolist() == [1, 1]
    with pytest.raises(InputError, match="not in 2010-01"):
        shares_two_ways(months.assign(part=[3, 0]), "part", "calls")
    with pytest.raises(InputError, match="0 in every period"):
        shares_two_ways(months.iloc[1:], "part", "calls")


def test_log__everything_wrong_is_listed_and_no_value_is_shown(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(
        "day,about,sent\n2010-13-01,labour,perhaps\n01/02/2010,labour,yes\n",
        encoding="utf-8",
    )
    columns = HotlineColumns(date="day", kind="about", place="from", referred="sent")
    with pytest.raises(IngestError, match="a column for place"):
        read_hotline_log(path, columns=columns)
    columns = HotlineColumns(date="day", kind="about", referred="sent")
    with pytest.raises(IngestError) as caught:
        read_hotline_log(path, columns=columns)
    text = str(caught.value)
    assert "log.csv:2:day" in text
    assert "log.csv:3:day" in text
    assert "expected yes, no or unknown" in text
    assert "perhaps" not in text


def test_log__a_column_of_telephone_numbers_is_no_place(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("date,place\n2010-01-01,081 234 5678\n", encoding="utf-8")
    with pytest.raises(IngestError, match="not telephone numbers") as caught:
        read_hotline_log(path, columns=HotlineColumns(place="place"))
    assert "234" not in str(caught.value)
