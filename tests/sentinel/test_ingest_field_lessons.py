"""What real files taught: padded dates, codes behind a file's name, empty filters."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sentinel.ingest.cells import CellReader, Recode
from sentinel.ingest.harmonise import ingest_study
from sentinel.schema.problems import IngestError
from sentinel.schema.states import CellState
from sentinel.schema.variables import Variable
from sentinel.study.loading import load_study

CODEBOOK = """\
name,kind,codes,release
rec_id,id,,never
country,category,GT;HN,release
quarter,category,Q1;Q2,release
int_date,date,,coarsen
sex,category,1=men;2=women,release
"""
STUDY = """\
[study]
title = "Two countries"
population = "returned persons"
reference_period = "last journey"
codebook = "codebook.csv"
[[rounds]]
label = "2014"
files = ["guate2014.csv", "hond2014.csv"]
mapping = "mapping.toml"
fieldwork_start = 2014-01-01
fieldwork_end = 2014-12-31
[privacy.consent]
statement = "secondary data"
[classify]
[design]
strata = ["country"]
cluster = ["int_date"]
cluster_size = ""
prior_events = ""
"""
MAPPING = """\
[columns]
day = "int_date"
p1 = "sex"
[join.rec_id]
columns = ["folio"]
per_file = true
[join.country]
columns = ["folio"]
per_file = true
[join.quarter]
columns = ["day"]
[dates]
int_date = "%d%y%m"
[recode.country]
"guate*" = "GT"
"hond*" = "HN"
[recode.quarter]
"*01" = "Q1"
"*06" = "Q2"
[[exclude]]
unless = "filtro=1"
reason = "filter not set"
"""


def study_folder(folder: Path, *, mapping: str = MAPPING) -> Path:
    (folder / "codebook.csv").write_text(CODEBOOK, encoding="utf-8")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    (folder / "mapping.toml").write_text(mapping, encoding="utf-8")
    head = "folio,day,p1,filtro\n"
    guate = head + "1,11406,1,1\n2,011406,2,\n3,311401,2, \n"
    (folder / "guate2014.csv").write_text(guate, encoding="utf-8")
    hond = head + "1,101406,1,1\n2,61401,2,2\n"
    (folder / "hond2014.csv").write_text(hond, encoding="utf-8")
    return folder / "study.toml"


def test_ingest__file_names_filters_and_padded_days(tmp_path: Path) -> None:
    interviews = ingest_study(load_study(study_folder(tmp_path)))
    assert interviews.frame["country"].tolist() == ["GT", "HN"]
    assert interviews.frame["quarter"].tolist() == ["Q2", "Q2"]
    assert [day.date() for day in interviews.frame["int_date"]] == [
        date(2014, 6, 1),
        date(2014, 6, 10),
    ]
    flow = interviews.flow.iloc[0]
    assert (flow["rows_read"], flow["excluded_by_rule"], flow["analysed"]) == (5, 3, 2)


@pytest.mark.parametrize("rule", ['when = "filtro=2"\nunless = "filtro=1"', ""])
def test_exclude__needs_exactly_one_condition(tmp_path: Path, rule: str) -> None:
    mapping = MAPPING.replace('unless = "filtro=1"', rule)
    with pytest.raises(IngestError, match="either when or unless"):
        ingest_study(load_study(study_folder(tmp_path, mapping=mapping)))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("11406", date(2014, 6, 1)),
        ("011406", date(2014, 6, 1)),
        ("111406", date(2014, 6, 11)),
        ("1406", None),
        ("0111406", None),
        ("311402", None),
    ],
)
def test_day__digits_alone_have_their_full_width(text: str, day: date | None) -> None:
    reader = CellReader(
        variable=Variable(name="int_date", kind="date"), date_format="%d%y%m"
    )
    cell = reader.read(text)
    assert cell.value == day
    assert (cell.state is CellState.VALUE) is (day is not None)
    assert bool(cell.fault) is (day is None)


def test_recode__single_before_range_before_pattern_before_rest() -> None:
    table = Recode({"*": "rest", "9*": "nine", "90..95": "range", "97": "single"})
    answers = ["97", "93", "99", "1"]
    assert [table.apply(text) for text in answers] == [
        "single",
        "range",
        "nine",
        "rest",
    ]
    assert [table.names(text) for text in answers] == [True, True, True, False]
