"""A small study with a small codebook that tests fill and spoil."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

CODEBOOK = """\
name,kind,label,codes,missing,low,high,pattern,asked_if,release
rec_id,id,random record id,,,,,,,never
site_code,category,interview point,,,,,XB-[A-Z]+,,release
int_date,date,interview date,,,,,,,coarsen
truck_seq,integer,batch of the day,,,1,,,,enclave
truck_n,integer,persons on the batch,,,1,200,,,coarsen
samp_r,integer,position in the batch,,,1,,,,enclave
sel_outcome,category,outcome,1=complete;2=partial;3=refused;4=unavailable;5=ineligible;6=language;7=stopped_for_distress,,,,,,release
private,category,private,0=no;1=yes,8=refused;9=dont_know,,,,,release
consent_given,category,consent,0=no;1=yes,,,,,,release
sex,category,sex,1=male;2=female,8=refused;9=dont_know,,,,,release
age,integer,age,,98=dont_know,5,99,,,coarsen
age_grp,category,age band,0-8;9-17;18-20;21-23;24-26;27-29;30-38;39-47;48+,,,,,,release
debt,category,in debt,0=no;1=yes,8=refused;9=dont_know,,,,,release
debt_usd,number,amount,,-8=refused;-9=dont_know,0,,,debt=1,coarsen
travel,multi,travelled with,none;spouse;friend;other,-9=dont_know,,,,,release
pay,number,monthly pay,,-9=dont_know,0,,,,coarsen
leave_date,month,left,,,,,,,coarsen
place,string,district code,,,,,,,enclave
weight,number,ready weight,,,0,,,,coarsen
"""
STUDY = """\
[study]
title = "A test"
population = "nobody"
reference_period = "never"
simulated = true
codebook = "codebook.csv"

[[rounds]]
label = "2020"
files = [{files}]
{mapping}
fieldwork_start = 2020-03-01
fieldwork_end = 2020-03-31

[design]
strata = ["round_id", "site_code"]
cluster = ["int_date", "truck_seq"]
prior_events = ""
{more}
"""


def good_table() -> pd.DataFrame:
    """Six selected persons: four respond, one refuses, one was gone."""
    return pd.DataFrame(
        {
            "rec_id": ["a1", "a2", "a3", "a4", "a5", "a6"],
            "site_code": ["XB-POIPET"] * 6,
            "int_date": ["2020-03-02"] * 3 + ["2020-03-03"] * 3,
            "truck_seq": ["1"] * 3 + ["2"] * 3,
            "truck_n": ["40"] * 3 + ["38"] * 3,
            "sel_outcome": ["1", "1", "3", "2", "4", "7"],
            "private": ["1", "1", "1", "1", "", "1"],
            "consent_given": ["1", "1", "0", "1", "", "1"],
            "sex": ["1", "2", "", "8", "", "9"],
            "age": ["24", "17", "", "98", "", "48"],
            "debt": ["1", "0", "", "9", "", ""],
            "debt_usd": ["100.5", "", "", "", "", ""],
            "travel": ["spouse;friend", "none", "", "", "", "other,spouse"],
            "leave_date": ["2019-06", "2019-07-15", "", "", "", "2018-12"],
        },
        dtype="str",
    )


class StudyFolder:
    """Writes the files of a study and names its study file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "codebook.csv").write_text(CODEBOOK, encoding="utf-8")

    def write(
        self,
        *tables: pd.DataFrame | str | bytes,
        mapping: str = "",
        more: str = "",
        names: tuple[str, ...] = ("one.csv", "two.csv"),
        codebook: str = "",
    ) -> Path:
        if codebook:
            (self.folder / "codebook.csv").write_text(codebook, encoding="utf-8")
        used = names[: len(tables)]
        for name, table in zip(used, tables, strict=True):
            path = self.folder / name
            if isinstance(table, bytes):
                path.write_bytes(table)
            elif isinstance(table, str):
                path.write_text(table, encoding="utf-8", newline="")
            else:
                table.to_csv(path, index=False)
        if mapping:
            (self.folder / "mapping.toml").write_text(mapping, encoding="utf-8")
        text = STUDY.format(
            files=", ".join(f'"{name}"' for name in used),
            mapping='mapping = "mapping.toml"' if mapping else "",
            more=more,
        )
        path = self.folder / "study.toml"
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    return StudyFolder(tmp_path)


@pytest.fixture
def table() -> pd.DataFrame:
    return good_table()


@pytest.fixture
def found() -> Callable[[Path], list[str]]:
    """Errors and warnings of a study as lines, as a user sees them."""
    from sentinel.ingest import check_study

    return lambda path: [f"{item.severity} {item}" for item in check_study(path)]
