"""Codes that change with time: provinces that split or merged, rates of a currency."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from sentinel.ingest import ingest_study
from sentinel.ingest.crosswalk import read_crosswalk
from sentinel.study import load_study

HEAD = "code,new,valid_from,valid_to,source\n"
RATES = "code,factor,valid_from,valid_to,source\n"


def crosswalk(folder: Path, text: str, *, numbers: bool = False):
    (folder / "c.csv").write_text(text, encoding="utf-8")
    return read_crosswalk("c.csv", folder, numbers=numbers)


def days(*texts: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts)))


def test_provinces__new_units_go_back_to_what_all_rounds_know():
    """Dates and units: splits and merges listed with the project's places."""
    table, problems = read_crosswalk("provinces", Path())
    assert not problems
    codes = pd.Series(["KH-25", "KH-3", "TH-38", "VN-15", "LA-XS", None], dtype="str")
    new, changed, kept = table.apply(codes, days(*["2015-06-01"] * 6))
    assert new.fillna("").tolist() == ["KH-3", "KH-3", "TH-43", "VN-HN", "LA-XS", ""]
    assert changed == {"KH-25 -> KH-3": 1, "TH-38 -> TH-43": 1, "VN-15 -> VN-HN": 1}
    assert kept == {"LA-XS": 1}


def test_provinces__a_code_before_its_time_is_kept_and_counted():
    table, _ = read_crosswalk("provinces", Path())
    codes = pd.Series(["KH-25"] * 3, dtype="str")
    new, changed, kept = table.apply(codes, days("2013-12-30", "2013-12-31", None))
    assert new.tolist() == ["KH-25", "KH-3", "KH-25"]
    assert changed == {"KH-25 -> KH-3": 1}
    assert kept == {"KH-25": 2}


def test_crosswalk__periods_begin_inside_and_end_outside(tmp_path):
    text = HEAD + "a,b,2010-01-01,2011-01-01,x\na,c,2011-01-01,,x\n"
    table, problems = crosswalk(tmp_path, text)
    assert not problems
    codes = pd.Series(["a"] * 4, dtype="str")
    given = days("2009-12-31", "2010-01-01", "2010-12-31", "2011-01-01")
    assert table.apply(codes, given)[0].tolist() == ["a", "b", "b", "c"]


def test_crosswalk__a_swap_of_codes_is_made_at_once(tmp_path):
    table, _ = crosswalk(tmp_path, HEAD + "1,2,,,x\n2,1,,,x\n")
    codes = pd.Series(["1", "2"], dtype="str")
    assert table.apply(codes, days(None, None))[0].tolist() == ["2", "1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("code,new\na,b\n", "the columns code"),
        (HEAD + "a,b,01.01.2010,,x\n", "a day as YYYY-MM-DD"),
        (HEAD + ",b,,,x\n", "a code"),
        (HEAD + "a,b,,,\n", "where this is from"),
        (HEAD + "a,b,,2011-01-01,x\na,c,2010-01-01,,x\n", "do not overlap"),
        (HEAD + "a,b\n", "as many cells"),
    ],
)
def test_crosswalk__what_is_wrong_is_listed_by_row(tmp_path, text, expected):
    _, problems = crosswalk(tmp_path, text)
    assert expected in str(problems.errors[0])


@pytest.mark.parametrize("factor", ["0", "-1", "nan", "inf", "x", ""])
def test_rates__are_numbers_above_zero(tmp_path, factor):
    _, problems = crosswalk(tmp_path, f"{RATES}THB,{factor},,,x\n", numbers=True)
    assert "a number above 0" in str(problems.errors[0])


def test_study__crosswalk_and_rates_reach_the_harmonisation_table(
    study, table, tmp_path
):
    (tmp_path / "sites.csv").write_text(
        HEAD + "XB-POIPET,XB-WEST,2020-03-03,,renamed\n", encoding="utf-8"
    )
    (tmp_path / "rates.csv").write_text(
        RATES + "THB,0.03,,2020-03-03,bank\nTHB,0.04,2020-03-03,,bank\n",
        encoding="utf-8",
    )
    table["pay"] = ["100", "200", "", "100", "", ""]
    table["per"] = "THB"
    mapping = (
        '[units.pay]\nby = "per"\ntable = "rates.csv"\nsource = "central bank"\n'
        '[crosswalk.site_code]\ntable = "sites.csv"\n'
        '[recode.sex]\n9 = "8"\n'
    )
    interviews = ingest_study(load_study(study.write(table, mapping=mapping)))
    frame = interviews.frame
    assert frame["pay"].fillna(-1).tolist() == [3.0, 6.0, 4.0, -1.0]
    assert frame["site_code"].tolist() == ["XB-POIPET"] * 2 + ["XB-WEST"] * 2
    held = interviews.harmonisation.set_index("variable")
    assert held.loc["site_code", "how"] == (
        "crosswalk sites.csv: XB-POIPET -> XB-WEST (3)"
    )
    # Three of the six selected were on the later day; three keep a code without line.
    assert (held.loc["site_code", "recoded"], held.loc["site_code", "lost"]) == (3, 3)
    assert (held.loc["sex", "recoded"], held.loc["sex", "source"]) == (1, "sex")
    assert held.loc["pay", "how"] == "by [units.pay]"
    (problem,) = [item for item in interviews.problems if item.value == "XB-POIPET"]
    assert "not comparable between rounds" in problem.hint


def test_study__without_a_day_the_first_of_fieldwork_counts(study, table, tmp_path):
    (tmp_path / "sites.csv").write_text(
        HEAD + f"XB-POIPET,XB-WEST,{date(2020, 3, 1)},,renamed\n", encoding="utf-8"
    )
    mapping = '[crosswalk.site_code]\ntable = "sites.csv"\nat = "nowhere"\n'
    interviews = ingest_study(load_study(study.write(table, mapping=mapping)))
    assert set(interviews.frame["site_code"]) == {"XB-WEST"}


def test_study__a_crosswalk_that_is_not_there_is_an_error(study, table, found):
    mapping = '[crosswalk.site_code]\ntable = "gone.csv"\n'
    (line,) = found(study.write(table, mapping=mapping))
    assert "gone.csv: expected a crosswalk" in line
    assert "Give a CSV file or one of provinces, provinces_2025" in line
