"""Viet Nam's 63 provinces and the 34 units of July 2025, in both shipped crosswalks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentinel import datasets
from sentinel.ingest import ingest_study
from sentinel.ingest.crosswalk import read_crosswalk
from sentinel.study import load_study

# Resolution 202/2025/QH15 as the press printed it on the day of the vote
# (phapluatchinhsach.vn): 11 units stay as they are; 19 provinces and 4 cities are made.
UNCHANGED = [
    "VN-04", "VN-71", "VN-23", "VN-01", "VN-09", "VN-22", "VN-13", "VN-21", "VN-05",
    "VN-HN", "VN-26",
]  # fmt: skip
# The first units of article 1 as printed on the same day (nghean24h.vn, vnexpress.net).
FIRST_OF_ARTICLE_1 = {
    "VN-07": {"Hà Giang", "Tuyên Quang"},
    "VN-02": {"Yên Bái", "Lào Cai"},
    "VN-69": {"Bắc Kạn", "Thái Nguyên"},
    "VN-68": {"Vĩnh Phúc", "Hòa Bình", "Phú Thọ"},
    "VN-56": {"Bắc Giang", "Bắc Ninh"},
    "VN-66": {"Thái Bình", "Hưng Yên"},
    "VN-HP": {"Hải Dương", "Hải Phòng"},
    "VN-18": {"Hà Nam", "Ninh Bình", "Nam Định"},
    "VN-25": {"Quảng Bình", "Quảng Trị"},
}


@pytest.fixture(scope="module")
def units() -> pd.DataFrame:
    return datasets.load("vietnam_provinces_2025")


def old_codes() -> pd.Series:
    places = datasets.load("places")
    here = (places["country"] == "VN") & (places["level"] == "admin1")
    return places.loc[here, "code"].reset_index(drop=True)


def days(text: str, n: int) -> pd.Series:
    return pd.Series(pd.to_datetime([text] * n))


@pytest.mark.parametrize(
    "day", ["2013-05-01", "2025-06-30", "2025-07-01", "2026-11-26"]
)
def test_crosswalk__each_of_63_becomes_one_of_34_on_any_day(units, day):
    table, problems = read_crosswalk("provinces_2025", Path())
    assert not problems
    codes = old_codes()
    new, changed, kept = table.apply(codes, days(day, len(codes)))
    assert (len(codes), new.nunique(), len(changed), kept) == (63, 34, 29, {})
    expected = units.set_index("code")["new_code"]
    assert new.tolist() == expected.loc[codes].tolist()
    # The new codes are among the old ones, and a second pass changes nothing.
    assert set(new) <= set(codes)
    assert table.apply(new, days(day, len(codes)))[1] == {}


def test_dataset__agrees_with_what_the_press_printed(units):
    unchanged = units.loc[units["change"] == "unchanged", "code"]
    assert sorted(unchanged) == sorted(UNCHANGED)
    merged = units[units["change"] == "merged"]
    assert merged["new_code"].nunique() == 19 + 4
    parts = units.groupby("new_code")["name"].agg(set)
    for code, names in FIRST_OF_ARTICLE_1.items():
        assert parts[code] == names
    assert set(units["valid_from"]) == {"2025-07-01"}


def test_dataset__codes_of_the_statistics_office_lead_to_one_new_unit(units):
    """A code of either time: the new unit took the code of one of its own parts."""
    assert units["gso_code"].is_unique
    assert units.groupby("new_code")["new_gso_code"].nunique().max() == 1
    assert units["new_gso_code"].nunique() == 34
    before = units.set_index("gso_code")["new_code"]
    after = units.set_index("new_gso_code")["new_code"]
    assert (before.loc[after.index] == after).all()
    # Some changed hands: 15 was Yen Bai and is Lao Cai.
    assert before[15] == units.set_index("name").loc["Lào Cai", "code"]


def test_crosswalk__totals_are_conserved(units):
    table, _ = read_crosswalk("provinces_2025", Path())
    rng = np.random.default_rng(1)
    codes = pd.Series(rng.choice(old_codes(), 5_000), dtype="str")
    new, changed, _ = table.apply(codes, days("2013-05-01", len(codes)))
    assert len(new) == len(codes)
    assert new.notna().all()
    parts = units.set_index("code")["new_code"]
    summed = codes.value_counts().groupby(parts).sum()
    pd.testing.assert_series_equal(
        new.value_counts().sort_index(),
        summed.sort_index(),
        check_names=False,
        check_index_type=False,
    )
    assert sum(changed.values()) == int((new != codes).sum())


def test_old_crosswalk__a_merged_code_is_told_after_the_day_and_not_before(units):
    table, problems = read_crosswalk("provinces", Path())
    assert not problems
    codes = old_codes()
    before = table.apply(codes, days("2025-06-30", 63))
    assert (before[0].tolist(), before[1], before[2]) == (codes.tolist(), {}, {})
    after = table.apply(codes, days("2025-07-01", 63))
    assert after[0].tolist() == codes.tolist()
    assert set(after[2]) == set(units.loc[units["change"] == "merged", "code"])
    # Who can say what a record without a day means?
    unknown = table.apply(codes, pd.Series(pd.to_datetime([None] * 63)))
    assert set(unknown[2]) == set(after[2])


TWO_ROUNDS = """[study]
title = "Two rounds"
population = "persons sent back"
reference_period = "last completed trip"
codebook = "deportee"

[[rounds]]
label = "2013"
files = ["one.csv"]
fieldwork_start = 2013-05-01
fieldwork_end = 2013-05-31
mapping = "mapping.toml"

[[rounds]]
label = "2026"
files = ["two.csv"]
fieldwork_start = 2026-05-01
fieldwork_end = 2026-05-31
mapping = "mapping.toml"

[design]
strata = ["round_id", "site_code"]
cluster = ["int_date", "truck_seq"]

[privacy.consent]
variable = ""
private_variable = ""
statement = "secondary data"
"""


def test_study__a_round_of_2013_and_one_of_2026_meet_in_the_34_units(tmp_path):
    """Ha Giang and Tuyen Quang of 2013 are the Tuyen Quang of 2026."""

    def ingest(table: str):
        (tmp_path / "mapping.toml").write_text(
            f'[crosswalk.origin_adm1]\ntable = "{table}"\n', encoding="utf-8"
        )
        return ingest_study(load_study(tmp_path / "study.toml"))

    (tmp_path / "study.toml").write_text(TWO_ROUNDS, encoding="utf-8")
    head = "rec_id,site_code,int_date,truck_seq,truck_n,sex,age,origin_adm1\n"
    rows = [("a", "VN-03"), ("b", "VN-07"), ("c", "VN-04")]
    for name, year in (("one", 2013), ("two", 2026)):
        lines = "".join(
            f"{key}{year},XB-POIPET,{year}-05-0{place},1,9,2,30,{code}\n"
            for place, (key, code) in enumerate(rows, start=1)
        )
        (tmp_path / f"{name}.csv").write_text(head + lines, encoding="utf-8")
    interviews = ingest("provinces_2025")
    by_round = interviews.frame.groupby("round_id")["origin_adm1"].agg(list)
    assert by_round["2013"] == by_round["2026"] == ["VN-07", "VN-07", "VN-04"]
    assert not [item for item in interviews.problems if "VN-" in item.value]
    again = ingest("provinces")
    assert again.frame["origin_adm1"].tolist() == [code for _, code in rows] * 2
    told = [item for item in again.problems if item.value.startswith("VN-")]
    assert {(item.file, item.value) for item in told} == {
        ("two.csv", "VN-03"),
        ("two.csv", "VN-07"),
    }
