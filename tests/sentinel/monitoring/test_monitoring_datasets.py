"""The transcribed tables: their sums, and the contradictions that were printed."""

from __future__ import annotations

import pandas as pd
import pytest

from sentinel import datasets
from sentinel.monitoring import check_margins, check_sums, read_framework


def _totals(line: str = "Myanmar") -> pd.Series:
    totals = datasets.load("hotline_myanmar_2009_2013")["totals"]
    here = totals[totals["line"] == line].set_index("quantity")
    return here["value"]


def test_available__lists_the_monitoring_tables_as_not_simulated():
    listed = datasets.available().set_index("name")
    names = [
        "commit_activities_2009",
        "hotline_myanmar_2009_2013",
        "uniap_grants",
        "unact_indicators_2014",
    ]
    assert not listed.loc[names, "simulated"].any()


def test_activities_2009__countries_and_kinds_add_up_to_139():
    # COMMIT SPA III proposal, Table 1: both margins and the total are printed.
    table = datasets.load("commit_activities_2009")
    by = table.set_index("label")["activities"]
    assert by[["KH", "CN", "LA", "MM", "TH", "VN"]].tolist() == [22, 15, 22, 44, 24, 12]
    assert by["total"] == 139
    assert not len(check_margins(table, margin="margin", count="activities"))
    wrong = table.assign(activities=table["activities"] + (table["label"] == "MM"))
    found = check_margins(wrong, margin="margin", count="activities")
    assert [item.column for item in found] == ["country"]


def test_hotline__printed_mean_of_68_is_not_the_calls_over_the_months():
    totals = _totals()
    months = pd.period_range(totals["first month"], totals["last month"], freq="M")
    assert len(months) == 45 != int(totals["duration"])
    mean = float(totals["calls"]) / len(months)
    assert round(mean, 1) == 78.4
    assert abs(mean - float(totals["mean calls a month"])) > 10
    # Neither reading of the duration gives 68.
    assert round(float(totals["calls"]) / int(totals["duration"]), 1) == 80.2


def test_hotline__printed_shares_of_63_and_10_do_not_make_68():
    totals = _totals()
    both = float(totals["labour rights: mean of monthly shares"]) + float(
        totals["trafficking: mean of monthly shares (just over)"]
    )
    pooled = float(totals["labour rights or trafficking: share of all calls"])
    assert (both, pooled) == (73.0, 68.0)


def test_grants__mean_and_share_follow_from_the_sum_within_rounding():
    table = datasets.load("uniap_grants").set_index("quantity")["value"]
    total = table["sum of the grants"]
    # "about 40,000": printed to the nearest thousand.
    assert abs(total / table["grants"] - table["mean grant (about)"]) < 500
    # "4.6 %" of "17 million": both rounded, so the shares that fit are a range.
    least, most = (100 * total / phase for phase in (17.5e6, 16.5e6))
    assert least <= table["share of Phase III"] + 0.05
    assert most >= table["share of Phase III"] - 0.05
    # Taken at its printed value, the denominator gives 4.7.
    assert round(100 * total / table["Phase III 2007-2014 (about)"], 1) == 4.7


def test_indicators_2014__the_rule_gives_every_printed_status_that_can_be_judged():
    found = read_framework(datasets.path("unact_indicators_2014") / "data.csv")
    judged = found.frame.dropna(subset=["agrees"]).set_index("indicator")
    # UN-ACT 2014, Annex 1: printed status of the rows with marker and value.
    assert judged["status_printed"].to_dict() == {
        "1.2": "Fully",
        "1.3": "Partly",
        "2.1": "Fully",
        "2.2": "Not",
        "2.3": "Partly",
        "3.1": "Fully",
        "3.2": "Partly",
    }
    assert judged["agrees"].all()
    countries = found.by_country[found.by_country["indicator"] == "1.3"]
    assert countries.set_index("country")["status"].to_dict() == {
        "KH": "", "CN": "Fully", "LA": "Not", "MM": "Not", "TH": "Fully", "VN": "Fully",
    }  # fmt: skip
    assert countries.set_index("country").loc["KH", "state"] == "not applicable"
    # Not retrieved stays not retrieved: no status is made up for it.
    assert found.frame.set_index("indicator").loc["1.1", "status"] == ""


def test_indicators_2014__sheet_with_the_faults_of_the_print():
    found = read_framework(datasets.path("unact_indicators_2014") / "sheet.csv")
    messages = [str(item) for item in found.problems.warnings]
    assert len(messages) == 3
    typed, copy, shifted = (
        next(text for text in messages if word in text)
        for word in ("typed as text", "copy of row", "hifted")
    )
    assert "sheet.csv:8:" in copy
    assert "copy of row 5" in copy
    assert "sheet.csv:7:value" in typed
    assert "sheet.csv:10: 'Follow-ups' came" in shifted
    assert "1 column to the right" in shifted
    by = found.frame.set_index("indicator")
    assert len(by) == 6
    assert by.loc["3.2", "status"] == ""  # its numbers are not trusted
    assert by.loc["2.3", "status"] == "Partly"  # the number typed as text was read


def test_check_sums__finds_the_printed_rounding_of_the_maids_study():
    # UNIAP recruitment-agency study: 6 of 77 printed as 7.7 %.
    results = datasets.load("published_results")
    row = results[results["quantity"].str.contains("6/77")].iloc[0]
    assert float(row["value"]) == 7.8
    assert round(100 * 6 / 77, 1) == 7.8
    assert "prints 7.7" in row["quantity"]


def test_check_sums__names_row_and_difference_and_what_cannot_be_checked():
    table = pd.DataFrame(
        {"men": [3, 4, None], "women": [2, 2, 1], "all": [5, 7, 1], "who": [*"abc"]}
    )
    found = check_sums(table, parts=["men", "women"], total="all", label="who")
    (error,), (warning,) = found.errors, found.warnings
    assert (error.row, error.value) == (2, "7")
    assert "6, the sum of men, women (b)" in error.expected
    assert (warning.row, warning.hint) == (3, "Not checked without men.")
    loose = check_sums(table[:2], parts=["men", "women"], total="all", tolerance=1)
    assert not len(loose)


def test_poipet_returns__rows_add_up_by_the_same_check():
    returns = datasets.load("poipet_returns_2015")
    parts = ["male", "female", "boy", "girl"]
    assert not len(check_sums(returns, parts=parts, total="total"))


@pytest.mark.parametrize("name", ["commit_activities_2009", "uniap_grants"])
def test_cards__say_what_was_not_retrieved(name):
    assert "not " in datasets.card(name)["text"]
    assert "are not here" in " ".join(datasets.card(name)["text"].split())
